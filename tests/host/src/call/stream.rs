//! Calls about a stream, and about a plugin.

use super::memory::{Guest, index};
use super::{Done, Refusal, Status};
use crate::abi;
use crate::platform::{Callout, VM_ID};
use crate::state::{Context, LocalReply, Root};

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const CALL_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

impl Guest<'_, '_> {
    /// The plugin that the call comes from, also when a stream of its makes it.
    pub(super) fn plugin(&mut self) -> Result<&mut Root, Status> {
        let state = self.state();
        let id = match state.contexts.get(&state.effective) {
            Some(Context::Root(_)) => state.effective,
            Some(Context::Stream(stream)) => stream.root,
            None => return Err(Status::BAD_ARGUMENT),
        };
        state.root(id)
    }

    /// The buffer, if it is there now.
    fn buffer(&mut self, kind: u32) -> Result<&mut Vec<u8>, Status> {
        match kind {
            REQUEST_BODY | RESPONSE_BODY => {
                let stream = self.stream()?;
                let way = if kind == REQUEST_BODY {
                    &mut stream.request
                } else {
                    &mut stream.response
                };
                let is_open = way.is_body_open && !stream.is_logging;
                Some(&mut way.body)
                    .filter(|_| is_open)
                    .ok_or(Status::NOT_FOUND)
            }
            CALL_BODY => {
                let answer = self.root()?.answer.as_mut();
                answer.map(|(_, body)| body).ok_or(Status::NOT_FOUND)
            }
            PLUGIN_CONFIGURATION => Ok(&mut self.root()?.configuration),
            _ => Err(Status::BAD_ARGUMENT),
        }
    }
}

/// As Envoy: a range whose end cannot be counted is refused, one that leaves the buffer is cut.
pub(super) fn buffer(
    guest: &mut Guest<'_, '_>,
    [kind, start, length, bytes, size]: [u32; 5],
) -> Done {
    let end = index(start.checked_add(length).ok_or(Status::BAD_ARGUMENT)?);
    let buffer = guest.buffer(kind)?;
    let end = end.min(buffer.len());
    let part = buffer.get(index(start)..end).unwrap_or_default().to_vec();
    guest.give(&part, (bytes, size))
}

/// As Envoy: what is there is replaced as a whole, or something put before or behind it.
pub(super) fn set_buffer(
    guest: &mut Guest<'_, '_>,
    [kind, start, length, bytes, size]: [u32; 5],
) -> Done {
    let bytes = guest.read(bytes, size)?;
    if kind > RESPONSE_BODY {
        return Err(Status::BAD_ARGUMENT.into());
    }
    let Ok(buffer) = guest.buffer(kind) else {
        return Err(Status::BAD_ARGUMENT.into());
    };
    let (start, length) = (index(start), index(length));
    if start >= buffer.len() && start > 0 {
        buffer.extend(bytes);
    } else if start == 0 && length == 0 {
        buffer.splice(0..0, bytes);
    } else if start == 0 && length >= buffer.len() {
        *buffer = bytes;
    } else {
        return Err(Status::BAD_ARGUMENT.into());
    }
    Ok(())
}

pub(super) fn property(
    guest: &mut Guest<'_, '_>,
    [path, path_size, value, size]: [u32; 4],
) -> Done {
    let path = path_of(guest, path, path_size)?;
    let found = match path.as_slice() {
        b"plugin_root_id" => Some(guest.plugin()?.id.as_bytes().to_vec()),
        b"plugin_vm_id" => Some(VM_ID.as_bytes().to_vec()),
        _ => guest.stream()?.properties.get(&path).cloned(),
    };
    guest.give(&found.ok_or(Status::NOT_FOUND)?, (value, size))
}

pub(super) fn set_property(
    guest: &mut Guest<'_, '_>,
    [path, path_size, value, size]: [u32; 4],
) -> Done {
    let path = path_of(guest, path, path_size)?;
    let value = guest.read(value, size)?;
    guest.stream()?.properties.insert(path, value);
    Ok(())
}

/// The segments of a path end with a zero byte each, but for the last in what other SDKs write.
fn path_of(guest: &Guest<'_, '_>, at: u32, size: u32) -> Result<Vec<u8>, Refusal> {
    let mut path = guest.read(at, size)?;
    if path.last() == Some(&0) {
        path.pop();
    }
    Ok(path)
}

pub(super) fn resume(guest: &mut Guest<'_, '_>, [kind]: [u32; 1]) -> Done {
    let stream = guest.stream()?;
    let way = match kind {
        REQUEST_BODY => &mut stream.request,
        RESPONSE_BODY => &mut stream.response,
        _ => return Err(Status::BAD_ARGUMENT.into()),
    };
    way.is_resumed = true;
    Ok(())
}

/// Strict: nothing can be answered after an answer.
pub(super) fn reply(
    guest: &mut Guest<'_, '_>,
    [status, _, _, body, body_size, head, head_size, _]: [u32; 8],
) -> Done {
    let head = abi::decode(&guest.read(head, head_size)?)?;
    let body = guest.read(body, body_size)?;
    let stream = guest.stream()?;
    if stream.is_answered || stream.is_logging || !(200..600).contains(&status) {
        return Err(Status::BAD_ARGUMENT.into());
    }
    stream.reply = Some(LocalReply { status, head, body });
    Ok(())
}

pub(super) fn call_out(
    guest: &mut Guest<'_, '_>,
    [
        cluster,
        cluster_size,
        head,
        head_size,
        body,
        body_size,
        _,
        _,
        _,
        token,
    ]: [u32; 10],
) -> Done {
    let cluster = guest.read(cluster, cluster_size)?;
    let head = abi::decode(&guest.read(head, head_size)?)?;
    let body = guest.read(body, body_size)?;
    let callout = Callout {
        from: guest.state().place(),
        token: 0,
        cluster: String::from_utf8_lossy(&cluster).into_owned(),
        head,
        body,
    };
    let number = guest.platform().call_out(callout)?;
    guest.write_number(token, number)
}

pub(super) fn set_effective(guest: &mut Guest<'_, '_>, [id]: [u32; 1]) -> Done {
    let state = guest.state();
    if !state.contexts.contains_key(&id) {
        return Err(Status::BAD_ARGUMENT.into());
    }
    state.effective = id;
    Ok(())
}

/// There are none.
pub(super) fn foreign(_: &mut Guest<'_, '_>, _: [u32; 6]) -> Done {
    Err(Status::NOT_FOUND.into())
}
