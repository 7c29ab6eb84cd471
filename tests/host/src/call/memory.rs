//! The module's memory, as a host call sees it.

use std::cell::RefMut;

use wasmi::Caller;

use super::{Done, Refusal};
use crate::abi::Status;
use crate::platform::Platform;
use crate::state::{Root, State, Stream};

/// The module that makes a call.
pub(super) struct Guest<'a, 'b>(pub(super) &'a mut Caller<'b, State>);

impl Guest<'_, '_> {
    pub(super) fn state(&mut self) -> &mut State {
        self.0.data_mut()
    }

    pub(super) fn platform(&self) -> RefMut<'_, Platform> {
        self.0.data().platform.borrow_mut()
    }

    /// The stream on whose behalf the call is made.
    pub(super) fn stream(&mut self) -> Result<&mut Stream, Status> {
        let state = self.state();
        state.stream(state.effective)
    }

    /// The plugin on whose behalf the call is made.
    pub(super) fn root(&mut self) -> Result<&mut Root, Status> {
        let state = self.state();
        state.root(state.effective)
    }

    pub(super) fn read(&self, at: u32, size: u32) -> Result<Vec<u8>, Refusal> {
        let mut bytes = vec![0; index(size)];
        let memory = self.0.data().memory.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        let read = memory.read(&*self.0, index(at), &mut bytes);
        match read {
            Ok(()) => Ok(bytes),
            Err(_) => Err(Status::INVALID_MEMORY_ACCESS.into()),
        }
    }

    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Done {
        let memory = self.0.data().memory.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        let written = memory.write(&mut *self.0, index(at), bytes);
        match written {
            Ok(()) => Ok(()),
            Err(_) => Err(Status::INVALID_MEMORY_ACCESS.into()),
        }
    }

    pub(super) fn write_number(&mut self, at: u32, number: u32) -> Done {
        self.write(at, &number.to_le_bytes())
    }

    /// Gives bytes in memory that the module makes for them; no bytes are no memory.
    pub(super) fn give(&mut self, bytes: &[u8], (at, size): (u32, u32)) -> Done {
        let length = u32::try_from(bytes.len()).unwrap();
        let mut place = 0;
        if length > 0 {
            let allocate = self.0.data().allocate.expect("the module allocates");
            place = allocate.call(&mut *self.0, length)?;
            self.write(place, bytes)?;
        }
        self.write_number(at, place)?;
        self.write_number(size, length)
    }
}

pub(super) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap()
}
