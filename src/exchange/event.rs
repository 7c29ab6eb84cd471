//! What can happen to a stream.

use crate::http::header::HeaderList;
use crate::store::waiter::Wake;

/// One thing that happened to a stream.
#[derive(Debug)]
pub enum Event {
    /// The request's header fields; `end` without a body.
    RequestHead {
        /// All fields.
        headers: HeaderList,
        /// Whether nothing follows.
        end: bool,
    },
    /// Bytes of the request's body that were not seen before.
    RequestBody {
        /// The new bytes; empty when nobody [wants](super::cx::Cx::want) them.
        bytes: Vec<u8>,
        /// How many bytes there were.
        size: usize,
        /// Whether the body is complete.
        end: bool,
    },
    /// The request ended with trailers; no later body event says `end`.
    RequestTrailers,
    /// The response's header fields, from the upstream or from the proxy itself.
    ResponseHead {
        /// All fields.
        headers: HeaderList,
        /// Whether nothing follows.
        end: bool,
        /// Whether the proxy made this answer (no upstream could be had).
        local: bool,
    },
    /// Bytes of the response's body.
    ResponseBody {
        /// The new bytes; empty when nobody [wants](super::cx::Cx::want) them.
        bytes: Vec<u8>,
        /// How many bytes there were.
        size: usize,
        /// Whether the body is complete.
        end: bool,
    },
    /// The response ended with trailers.
    ResponseTrailers,
    /// Another stream finished what this one waits for, and says what to do.
    Woken(Wake),
    /// The [deadline](super::cx::Cx::set_deadline) has passed.
    Deadline,
    /// The stream is over, whatever the reason. Always the last event.
    Done(Ending),
}

/// How a stream ended, as the proxy saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Envoy's response flags; 0 when nothing went wrong.
    pub flags: u64,
    /// Whether the client went away before the end.
    pub client_gone: bool,
}
