//! The few WASI calls that Rust's standard library makes. The environment is fixed, and chance comes from a fixed row.

use wasmi::{Caller, Error, Linker};

use super::Done;
use super::memory::Guest;
use crate::state::State;

/// The environment of every virtual machine: what the shipped configurations ask for.
const ENVIRONMENT: &[u8] = b"CLICKHOUSE_PASSWORD=password\0";

const WASI: &str = "wasi_snapshot_preview1";
/// The only error number that is used.
const FAULT: u32 = 21;

fn done(outcome: Done) -> u32 {
    if outcome.is_ok() { 0 } else { FAULT }
}

pub(super) fn link(linker: &mut Linker<State>) -> Result<(), Error> {
    linker
        .func_wrap(
            WASI,
            "random_get",
            |mut caller: Caller<'_, State>, at: u32, size: u32| {
                let state = caller.data_mut();
                let bytes: Vec<u8> = (0..size).map(|_| state.draw().to_le_bytes()[0]).collect();
                done(Guest(&mut caller).write(at, &bytes))
            },
        )?
        .func_wrap(
            WASI,
            "environ_sizes_get",
            |mut caller: Caller<'_, State>, count: u32, size: u32| {
                let mut guest = Guest(&mut caller);
                let length = u32::try_from(ENVIRONMENT.len()).unwrap();
                done(
                    guest
                        .write_number(count, 1)
                        .and_then(|()| guest.write_number(size, length)),
                )
            },
        )?
        .func_wrap(
            WASI,
            "environ_get",
            |mut caller: Caller<'_, State>, pointers: u32, text: u32| {
                let mut guest = Guest(&mut caller);
                done(
                    guest
                        .write_number(pointers, text)
                        .and_then(|()| guest.write(text, ENVIRONMENT)),
                )
            },
        )?
        .func_wrap(WASI, "fd_write", fd_write)?
        .func_wrap(WASI, "proc_exit", |_: Caller<'_, State>, status: u32| {
            Err::<(), _>(Error::new(format!("the module left with {status}")))
        })?;
    Ok(())
}

/// What is written to standard output or error is a line of the log.
fn fd_write(mut caller: Caller<'_, State>, _: u32, pieces: u32, count: u32, written: u32) -> u32 {
    let mut guest = Guest(&mut caller);
    let mut text = Vec::new();
    for piece in 0..count {
        let Ok(piece) = guest.read(pieces + 8 * piece, 8) else {
            return FAULT;
        };
        let word = |at: usize| {
            u32::from_le_bytes([piece[at], piece[at + 1], piece[at + 2], piece[at + 3]])
        };
        let Ok(bytes) = guest.read(word(0), word(4)) else {
            return FAULT;
        };
        text.extend(bytes);
    }
    let line = String::from_utf8_lossy(&text).into_owned();
    guest.platform().log.push((4, line));
    done(guest.write_number(written, u32::try_from(text.len()).unwrap()))
}
