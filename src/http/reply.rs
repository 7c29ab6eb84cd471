//! An answer made by the gateway itself.

use super::header::Name;

/// A complete answer to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Header fields; `content-length` is the proxy's business.
    pub headers: Vec<(Name, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}
