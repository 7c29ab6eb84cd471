//! What the host knows of one virtual machine: its contexts, and what of each the module may see at the moment.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use wasmi::{Memory, TypedFunc};

use crate::abi::{Fields, Status};
use crate::platform::{Place, Platform};

/// One direction of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    pub(crate) head: Fields,
    /// Whether the head can be read and changed: until it has gone on.
    pub(crate) is_head_open: bool,
    pub(crate) trailers: Fields,
    pub(crate) are_trailers_open: bool,
    /// What is held of the body, or the piece that is passing.
    pub(crate) body: Vec<u8>,
    pub(crate) is_body_open: bool,
    /// Whether the module has asked for it to go on.
    pub(crate) is_resumed: bool,
}

/// The module's own answer.
#[derive(Clone, Debug)]
pub(crate) struct LocalReply {
    pub(crate) status: u32,
    pub(crate) head: Fields,
    pub(crate) body: Vec<u8>,
}

/// The context of an HTTP stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    /// The context of its plugin.
    pub(crate) root: u32,
    pub(crate) request: Way,
    pub(crate) response: Way,
    /// Whether nothing can be changed any more, and both heads be read.
    pub(crate) is_logging: bool,
    /// Whether the head of an answer has gone to the client.
    pub(crate) is_answered: bool,
    pub(crate) reply: Option<LocalReply>,
    /// What is known of it, by the segments of its path joined by zero bytes; also what the module sets.
    pub(crate) properties: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The context of a plugin.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) id: &'static str,
    pub(crate) configuration: Vec<u8>,
    /// The period and the next time, nanoseconds.
    pub(crate) tick: Option<(u64, u64)>,
    /// The answer that is being delivered.
    pub(crate) answer: Option<(Fields, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Context {
    Root(Root),
    Stream(Box<Stream>),
}

/// The data of a store.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) platform: Rc<RefCell<Platform>>,
    thread: usize,
    start: u32,
    pub(crate) contexts: BTreeMap<u32, Context>,
    /// On whose behalf host calls are made.
    pub(crate) effective: u32,
    pub(crate) last_context: u32,
    pub(crate) random: u64,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
}

impl State {
    pub(crate) fn new(
        platform: Rc<RefCell<Platform>>,
        (thread, start): (usize, u32),
        random: u64,
    ) -> Self {
        Self {
            platform,
            thread,
            start,
            contexts: BTreeMap::new(),
            effective: 0,
            last_context: 0,
            random,
            memory: None,
            allocate: None,
        }
    }

    /// On whose behalf host calls are made.
    pub(crate) fn place(&self) -> Place {
        Place {
            thread: self.thread,
            start: self.start,
            context: self.effective,
        }
    }

    pub(crate) fn add(&mut self, context: Context) -> u32 {
        self.last_context += 1;
        self.contexts.insert(self.last_context, context);
        self.last_context
    }

    pub(crate) fn stream(&mut self, id: u32) -> Result<&mut Stream, Status> {
        match self.contexts.get_mut(&id) {
            Some(Context::Stream(stream)) => Ok(stream),
            Some(Context::Root(_)) | None => Err(Status::BAD_ARGUMENT),
        }
    }

    pub(crate) fn root(&mut self, id: u32) -> Result<&mut Root, Status> {
        match self.contexts.get_mut(&id) {
            Some(Context::Root(root)) => Ok(root),
            Some(Context::Stream(_)) | None => Err(Status::BAD_ARGUMENT),
        }
    }

    /// When the next tick is due, and whose it is.
    pub(crate) fn next_tick(&self) -> Option<(u64, u32)> {
        let contexts = self.contexts.iter();
        let ticks = contexts.filter_map(|(id, context)| match context {
            Context::Root(root) => root.tick.map(|(_, at)| (at, *id)),
            Context::Stream(_) => None,
        });
        ticks.min()
    }

    /// The next of a fixed row of numbers (splitmix64).
    pub(crate) fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.random;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }
}
