//! The body of a request, held whole and bounded.

use serde_json::{Map, Value};

use super::Stop;
use super::envelope::Refusal;
use crate::exchange::cx::{Cx, Event};

/// The JSON object that the body holds, of at most `limit` bytes.
pub(super) async fn read_object(cx: &Cx, limit: usize) -> Result<Map<String, Value>, Stop> {
    let body = read(cx, limit).await?;
    match serde_json::from_slice(&body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Refusal::bad_body("The body must be a JSON object").into()),
    }
}

async fn read(cx: &Cx, limit: usize) -> Result<Vec<u8>, Stop> {
    let mut body = Vec::new();
    if cx.wanted() == (false, false) {
        // The head was all of the request.
        return Ok(body);
    }
    loop {
        match cx.next().await {
            Event::RequestBody { bytes, end, .. } => {
                body.extend_from_slice(&bytes);
                if body.len() > limit {
                    return Err(Refusal::body_too_large(limit).into());
                }
                if end {
                    return Ok(body);
                }
            }
            Event::RequestTrailers => return Ok(body),
            // The proxy has answered by itself: its own limit.
            Event::ResponseHead { .. } => return Err(Stop::Over),
            Event::Done(_) => return Err(Stop::Gone),
            Event::RequestHead { .. }
            | Event::ResponseBody { .. }
            | Event::ResponseTrailers
            | Event::Woken(_)
            | Event::Deadline => {}
        }
    }
}
