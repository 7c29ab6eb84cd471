//! A payload's bytes: whose it is, then both bodies as far as they were kept.
//!
//! ```text
//!  id [16] | request size u32 | response size u32 | request | response        size u32::MAX: none
//! ```

use super::{Id, take, take_slice};

/// Bytes of a payload besides its bodies.
pub(super) const HEAD: usize = 24;
const NONE: u32 = u32::MAX;

/// What was kept of the bodies of a call: text, decoded, without credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Of the request.
    pub request: Option<Vec<u8>>,
    /// Of the answer.
    pub response: Option<Vec<u8>>,
}

impl Payload {
    /// `None` when it is not that record's. Of each body at most so many bytes.
    pub(super) fn decode(mut bytes: &[u8], id: &Id, most: [usize; 2]) -> Option<Self> {
        let rest = &mut bytes;
        if take(rest)? != *id {
            return None;
        }
        let sizes = [
            u32::from_le_bytes(take(rest)?),
            u32::from_le_bytes(take(rest)?),
        ];
        let [most_request, most_response] = most;
        let [request, response] = sizes.map(|size| {
            let size = usize::try_from(size).ok().filter(|_| size != NONE)?;
            take_slice(rest, size)
        });
        let head = |body: &[u8], most: usize| body.get(..most).unwrap_or(body).to_vec();
        Some(Self {
            request: request.map(|body| head(body, most_request)),
            response: response.map(|body| head(body, most_response)),
        })
    }

    /// The bytes of a payload of these bodies, each of less than 4 GiB.
    pub(super) fn encode(id: &Id, request: Option<&[u8]>, response: Option<&[u8]>) -> Vec<u8> {
        let bodies = [request, response];
        let length = bodies
            .iter()
            .flatten()
            .map(|body| body.len())
            .sum::<usize>();
        let mut bytes = Vec::with_capacity(length.saturating_add(HEAD));
        bytes.extend_from_slice(id);
        for body in bodies {
            let size = body.map_or(NONE, |body| u32::try_from(body.len()).unwrap_or(NONE));
            bytes.extend_from_slice(&size.to_le_bytes());
        }
        for body in bodies.into_iter().flatten() {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}
