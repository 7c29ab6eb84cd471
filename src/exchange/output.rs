//! What a stream asks of the proxy.

use std::rc::Rc;

use crate::http::header::Name;
use crate::http::reply::Reply;
use crate::http::room::Held;
use crate::record::Record;

/// A change of one header field before the gate opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Takes all values of the field away.
    Remove(Name),
    /// Replaces all values of the field, or adds it.
    Set(Name, Vec<u8>),
}

/// What the proxy must do after a poll, in order.
#[derive(Debug)]
pub enum Output {
    /// Change the request's header fields (only while the request is held).
    EditRequest(Vec<Edit>),
    /// Change the response's header fields (only inside the response head event).
    EditResponse(Vec<Edit>),
    /// Put these bytes in the place of the request's body as far as it is held (only before it is let go).
    ReplaceRequest {
        /// How many bytes are held.
        size: usize,
        /// What goes to the upstream instead.
        bytes: Rc<Held>,
    },
    /// Take away the trailers of the request, if the current event has brought them.
    DropRequestTrailers,
    /// Put these bytes in the place of the piece of the response's body that the current event has brought.
    ReplaceResponse {
        /// How many bytes it had.
        size: usize,
        /// What goes to the client instead.
        bytes: Vec<u8>,
    },
    /// Empty the response's body as far as it is held.
    DiscardResponse,
    /// Let go what is held of the response, and hold what comes next.
    FlushResponse,
    /// Put this behind what is held of the response of that stream, and let it go.
    AppendResponse {
        /// The stream; it may be another one of the same worker.
        stream: u32,
        /// What is put there.
        text: &'static str,
    },
    /// Answer the client; ends the exchange with the upstream, if there was one.
    Reply(Reply),
    /// Count an exchange that is over, and publish its record if one is wanted.
    Record(Box<Record>),
    /// Set a filter state.
    State {
        /// Of this stream, or of another one that is under way.
        stream: u32,
        /// Its name.
        name: &'static str,
        /// Its text.
        value: String,
    },
    /// Tell the operator.
    Complain(String),
}
