//! Long work in slices, so that other calls of the same worker go on in between.
//!
//! Envoy: a message to one's own queue is handled before the event loop looks at sockets again; only a timer lets
//! others come to their turn. Invariant: between two looks at the clock there is bounded work.

use std::cell::Cell;

use crate::exchange::cx::{Cx, Event, Gone};

/// Longest slice, nanoseconds.
const SLICE: u64 = 1_500_000;
/// Bytes that are worked through between two looks at the clock.
const STEP: usize = 16 << 10;
/// What a step costs besides its bytes.
const LEAST: usize = 1 << 10;

thread_local! {
    /// The pieces of work of this worker that are under way.
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
}

/// A piece of work that takes breaks.
pub(super) struct Pace<'c> {
    cx: &'c Cx,
    until: Cell<u64>,
    /// Bytes since the last look.
    bytes: Cell<usize>,
}

impl<'c> Pace<'c> {
    /// Work that begins now. Envoy: a turn of the event loop may bring many requests, and then one tick at a time goes to
    /// one of them: while others are at work, this one begins with a break.
    pub(super) fn new(cx: &'c Cx) -> Self {
        let others = UNDER_WAY.replace(UNDER_WAY.get().saturating_add(1));
        let slice = if others == 0 { SLICE } else { 0 };
        let until = Cell::new(cx.now().saturating_add(slice));
        let bytes = Cell::new(0);
        Self { cx, until, bytes }
    }

    /// So many bytes were worked through: takes a break where the slice is over.
    pub(super) async fn step(&self, bytes: usize) -> Result<(), Gone> {
        let bytes = bytes.saturating_add(LEAST);
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        if self.bytes.get() < STEP {
            return Ok(());
        }
        self.look().await
    }

    /// Some work was done: takes a break where the slice is over.
    pub(super) async fn look(&self) -> Result<(), Gone> {
        self.bytes.set(0);
        if self.cx.now() < self.until.get() {
            return Ok(());
        }
        sleep(self.cx, 0).await?;
        self.until.set(self.cx.now().saturating_add(SLICE));
        Ok(())
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get().saturating_sub(1));
    }
}

/// Waits about so many nanoseconds, and at least for one turn of the event loop.
pub(super) async fn sleep(cx: &Cx, nanos: u64) -> Result<(), Gone> {
    cx.set_deadline(Some(cx.now().saturating_add(nanos)));
    loop {
        let event = cx.next().await;
        if let Event::Done(ending) = event {
            return Err(Gone(ending));
        }
        if matches!(event, Event::Deadline) {
            break;
        }
    }
    cx.set_deadline(None);
    Ok(())
}
