//! One HTTP stream through one plugin, as Envoy leads it with `allow_on_headers_stop_iteration`.
//!
//! What is held adds up and goes on as a whole; what flows passes piece by piece. A piece and the end of a body are two
//! callbacks, as in HTTP/1.1.

mod passage;

use crate::abi::{Fields, fields};
use crate::message::{Answer, End, Reply, Request, Sent};
use crate::state::{Context, Stream};
use crate::world::World;

/// Nanoseconds after which a stream is idle for good, as in `envoy.yaml`.
const IDLE: u64 = 600_000_000_000;

/// Envoy's flag for an upstream that broke off (`UPE`).
const BROKEN_OFF: u64 = 0x0080_0000;

/// How a stream stands.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The module holds the request.
    Held,
    /// The request has gone on, and an answer is due.
    Sent(Sent),
    /// The client has its answer.
    Over(Reply),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// A stream.
pub struct Exchange {
    thread: usize,
    start: u32,
    id: u32,
    /// How it stands.
    pub turn: Turn,
    /// What has passed of each direction.
    sent: Sent,
    reply: Reply,
    is_held: bool,
    details: &'static str,
    flags: u64,
}

impl World {
    /// A client asks the plugin on that thread.
    pub fn open(&mut self, thread: usize, role: &str, request: Request) -> Exchange {
        let mut exchange = Exchange {
            thread,
            start: 0,
            id: 0,
            turn: Turn::Held,
            sent: Sent::default(),
            reply: Reply::of(End::Whole),
            is_held: false,
            details: "",
            flags: 0,
        };
        if exchange.begin(self, role, &request) {
            exchange.take_request(self, request);
        }
        exchange
    }
}

impl Exchange {
    pub(crate) const fn thread(&self) -> usize {
        self.thread
    }

    /// The answer that the client has by now, if the stream is over.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.turn {
            Turn::Over(reply) => Some(reply),
            Turn::Held | Turn::Sent(_) => None,
        }
    }

    fn begin(&mut self, world: &mut World, role: &str, request: &Request) -> bool {
        if !world.revive(self.thread) {
            return self.lose();
        }
        self.start = world.starts(self.thread);
        let Some(vm) = world.vm(self.thread) else {
            return self.lose();
        };
        let mut contexts = vm.state().contexts.iter();
        let root = contexts.find_map(|(id, context)| match context {
            Context::Root(root) if root.id == role => Some(*id),
            Context::Root(_) | Context::Stream(_) => None,
        });
        let root = root.expect("the role is mounted");
        let mut stream = Stream {
            root,
            ..Stream::default()
        };
        stream.request.head.clone_from(&request.head);
        stream.request.trailers.clone_from(&request.trailers);
        let peer = b"127.0.0.1:50000".to_vec();
        stream.properties.insert(b"source\0address".to_vec(), peer);
        self.id = vm.state().add(Context::Stream(Box::new(stream)));
        let created = world.call_back(self.thread, "proxy_on_context_create", &[self.id, root]);
        created.is_some() || self.lose()
    }

    fn take_request(&mut self, world: &mut World, request: Request) {
        let fields = request.head.len();
        let (pieces, trailers) = (request.pieces, request.trailers);
        self.pass(world, Side::Request, (fields, pieces, trailers), false);
        self.go_on(world);
    }

    /// Lets time pass until the module lets the request go or answers it.
    pub fn wait(&mut self, world: &mut World) {
        let end = world.platform().now + IDLE;
        while matches!(self.turn, Turn::Held) {
            if !world.tick(end) {
                self.finish(world, End::Stuck);
            }
            self.go_on(world);
        }
    }

    /// What the module has done to a held request since.
    pub fn go_on(&mut self, world: &mut World) {
        if !matches!(self.turn, Turn::Held) {
            return;
        }
        if self.is_gone(world) {
            self.lose();
            return;
        }
        if self.answers_itself(world) {
            return;
        }
        if self.is_held && !self.release(world, Side::Request) {
            return;
        }
        self.turn = Turn::Sent(self.sent.clone());
    }

    /// The answer comes from behind the plugin.
    pub fn answer(&mut self, world: &mut World, answer: Answer) {
        self.details = answer.details;
        self.turn = Turn::Held;
        if self.is_gone(world) {
            self.lose();
            return;
        }
        let details = answer.details.as_bytes().to_vec();
        let fields = answer.head.len();
        self.with(world, |stream| {
            stream.response.head = answer.head;
            let name = b"response\0code_details".to_vec();
            stream.properties.insert(name, details);
        });
        let message = (fields, answer.pieces, Fields::new());
        self.pass(world, Side::Response, message, answer.is_cut);
        self.await_response(world);
        if matches!(self.turn, Turn::Held) {
            if answer.is_cut {
                self.flags = BROKEN_OFF;
                self.details = "upstream_reset_after_response_started{protocol_error}";
            }
            let end = if answer.is_cut { End::Cut } else { End::Whole };
            self.finish(world, end);
        }
    }

    fn await_response(&mut self, world: &mut World) {
        let end = world.platform().now + IDLE;
        while matches!(self.turn, Turn::Held) && !self.answers_itself(world) {
            if self.is_gone(world) {
                self.lose();
            } else if !self.is_held || self.release(world, Side::Response) {
                return;
            } else if !world.tick(end) {
                self.finish(world, End::Stuck);
            }
        }
    }

    /// The virtual machine is lost: what has not begun to be answered gets an error of the proxy.
    fn lose(&mut self) -> bool {
        if self.reply.head.is_empty() {
            self.reply.head = fields([(":status", "503")]);
            self.reply.end = End::Lost;
        } else {
            self.reply.end = End::Cut;
        }
        self.turn = Turn::Over(self.reply.clone());
        false
    }

    fn is_gone(&self, world: &mut World) -> bool {
        world.vm(self.thread).is_none() || world.starts(self.thread) != self.start
    }

    fn with(&self, world: &mut World, act: impl FnOnce(&mut Stream)) {
        if self.is_gone(world) {
            return;
        }
        let vm = world.vm(self.thread);
        if let Some(Ok(stream)) = vm.map(|vm| vm.state().stream(self.id)) {
            act(stream);
        }
    }
}
