//! Calls about header maps. Which of them are there depends on what is happening to the stream.

use super::memory::Guest;
use super::{Done, Refusal, Status};
use crate::abi::{self, Fields};
use crate::state::Stream;

const REQUEST_HEAD: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEAD: u32 = 2;
const RESPONSE_TRAILERS: u32 = 3;
const CALL_HEAD: u32 = 6;
const CALL_TRAILERS: u32 = 7;

/// The map, if it can be read now.
fn readable(guest: &mut Guest<'_, '_>, kind: u32) -> Result<Option<Fields>, Status> {
    if kind == CALL_HEAD || kind == CALL_TRAILERS {
        let answer = guest.root()?.answer.clone();
        return Ok(answer.map(|(head, _)| {
            if kind == CALL_HEAD {
                head
            } else {
                Fields::new()
            }
        }));
    }
    let stream = guest.stream()?;
    if stream.is_logging {
        let (request, response) = (&stream.request, &stream.response);
        let map = match kind {
            REQUEST_HEAD => &request.head,
            REQUEST_TRAILERS => &request.trailers,
            RESPONSE_HEAD => &response.head,
            RESPONSE_TRAILERS => &response.trailers,
            _ => return Err(Status::BAD_ARGUMENT),
        };
        return Ok(Some(map.clone()));
    }
    Ok(writable(stream, kind)?.map(|map| map.clone()))
}

/// The map, if it can be changed now.
fn writable(stream: &mut Stream, kind: u32) -> Result<Option<&mut Fields>, Status> {
    let way = match kind {
        REQUEST_HEAD | REQUEST_TRAILERS => &mut stream.request,
        RESPONSE_HEAD | RESPONSE_TRAILERS => &mut stream.response,
        _ => return Err(Status::BAD_ARGUMENT),
    };
    let (map, is_open) = if kind == REQUEST_HEAD || kind == RESPONSE_HEAD {
        (&mut way.head, way.is_head_open)
    } else {
        (&mut way.trailers, way.are_trailers_open)
    };
    Ok(Some(map).filter(|_| is_open && !stream.is_logging))
}

fn change(guest: &mut Guest<'_, '_>, kind: u32, act: impl FnOnce(&mut Fields)) -> Done {
    let map = writable(guest.stream()?, kind)?;
    act(map.ok_or(Status::BAD_ARGUMENT)?);
    Ok(())
}

fn name(guest: &Guest<'_, '_>, at: u32, size: u32) -> Result<Vec<u8>, Refusal> {
    Ok(guest.read(at, size)?.to_ascii_lowercase())
}

/// As Envoy: a map that is not there is one without fields.
pub(super) fn pairs(guest: &mut Guest<'_, '_>, [kind, map, size]: [u32; 3]) -> Done {
    let fields = readable(guest, kind)?.unwrap_or_default();
    guest.give(&abi::encode(&fields), (map, size))
}

pub(super) fn set_pairs(guest: &mut Guest<'_, '_>, [kind, map, size]: [u32; 3]) -> Done {
    let fields = abi::decode(&guest.read(map, size)?)?;
    change(guest, kind, |map| *map = fields)
}

pub(super) fn value(
    guest: &mut Guest<'_, '_>,
    [kind, key, key_size, value, size]: [u32; 5],
) -> Done {
    let name = name(guest, key, key_size)?;
    let fields = readable(guest, kind)?.ok_or(Status::BAD_ARGUMENT)?;
    let found = fields.into_iter().find(|(it, _)| *it == name);
    let (_, bytes) = found.ok_or(Status::NOT_FOUND)?;
    guest.give(&bytes, (value, size))
}

pub(super) fn add(guest: &mut Guest<'_, '_>, [kind, key, key_size, value, size]: [u32; 5]) -> Done {
    let field = (name(guest, key, key_size)?, guest.read(value, size)?);
    change(guest, kind, |map| map.push(field))
}

/// The first field of that name takes the value, further ones go.
pub(super) fn replace(
    guest: &mut Guest<'_, '_>,
    [kind, key, key_size, value, size]: [u32; 5],
) -> Done {
    let (name, value) = (name(guest, key, key_size)?, guest.read(value, size)?);
    change(guest, kind, |map| {
        let found = map.iter().position(|(it, _)| *it == name);
        let at = found.unwrap_or(map.len());
        map.retain(|(it, _)| *it != name);
        map.insert(at, (name, value));
    })
}

pub(super) fn remove(guest: &mut Guest<'_, '_>, [kind, key, size]: [u32; 3]) -> Done {
    let name = name(guest, key, size)?;
    change(guest, kind, |map| map.retain(|(it, _)| *it != name))
}
