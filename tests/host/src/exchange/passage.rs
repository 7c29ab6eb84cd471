//! The callbacks of a stream, in order, and what the module lets pass between them.

use super::{Exchange, Side, Turn};
use crate::abi::{Fields, fields};
use crate::message::End;
use crate::state::{Stream, Way};
use crate::world::World;

impl Exchange {
    /// Leads a message through the callbacks of its direction, until the module answers itself or is lost.
    pub(super) fn pass(
        &mut self,
        world: &mut World,
        side: Side,
        (fields, pieces, trailers): (usize, Vec<Vec<u8>>, Fields),
        is_cut: bool,
    ) {
        let names = match side {
            Side::Request => [
                "proxy_on_request_headers",
                "proxy_on_request_body",
                "proxy_on_request_trailers",
            ],
            Side::Response => [
                "proxy_on_response_headers",
                "proxy_on_response_body",
                "proxy_on_response_trailers",
            ],
        };
        let is_bare = pieces.is_empty() && trailers.is_empty() && !is_cut;
        self.with(world, |stream| stream.way(side).is_head_open = true);
        if !self.call(world, (side, names[0]), (fields, Some(is_bare))) || is_bare {
            return;
        }
        let ends = trailers.is_empty() && !is_cut;
        let end = ends.then(|| (Vec::new(), true));
        let pieces = pieces.into_iter().map(|piece| (piece, false));
        for (piece, is_last) in pieces.chain(end) {
            let mut size = 0;
            self.with(world, |stream| {
                let way = stream.way(side);
                way.body.extend(piece);
                way.is_body_open = true;
                size = way.body.len();
            });
            if !self.call(world, (side, names[1]), (size, Some(is_last))) {
                return;
            }
        }
        if !trailers.is_empty() {
            self.with(world, |stream| stream.way(side).are_trailers_open = true);
            self.call(world, (side, names[2]), (trailers.len(), None));
        }
    }

    /// One callback of a direction, and what follows from it; whether there may be another.
    fn call(
        &mut self,
        world: &mut World,
        (side, name): (Side, &'static str),
        (size, end): (usize, Option<bool>),
    ) -> bool {
        let mut arguments = vec![self.id, u32::try_from(size).unwrap()];
        arguments.extend(end.map(u32::from));
        let Some(action) = world.call_back(self.thread, name, &arguments) else {
            return self.lose();
        };
        self.is_held = action != 0;
        if !self.is_held {
            self.with(world, |stream| stream.way(side).is_resumed = true);
        }
        if self.answers_itself(world) {
            return false;
        }
        self.release(world, side);
        world.deliver();
        if self.is_gone(world) {
            return self.lose();
        }
        if self.answers_itself(world) {
            return false;
        }
        self.release(world, side);
        true
    }

    /// Lets go what is held, if the module has asked for it; whether it has.
    pub(super) fn release(&mut self, world: &mut World, side: Side) -> bool {
        let mut passed = None;
        self.with(world, |stream| {
            let way = stream.way(side);
            way.is_body_open = !way.body.is_empty();
            if !std::mem::take(&mut way.is_resumed) {
                return;
            }
            way.is_body_open = false;
            let head = std::mem::take(&mut way.is_head_open).then(|| way.head.clone());
            passed = Some((head, std::mem::take(&mut way.body)));
            stream.is_answered |= side == Side::Response;
        });
        let Some((head, body)) = passed else {
            return false;
        };
        self.is_held = false;
        let way = match side {
            Side::Request => (&mut self.sent.head, &mut self.sent.body),
            Side::Response => (&mut self.reply.head, &mut self.reply.body),
        };
        if let Some(head) = head {
            *way.0 = head;
        }
        way.1.extend(body);
        true
    }

    /// Gives the client the module's own answer, if there is one; it passes the plugin on its way.
    pub(super) fn answers_itself(&mut self, world: &mut World) -> bool {
        let mut reply = None;
        self.with(world, |stream| reply = stream.reply.take());
        let Some(reply) = reply else {
            return false;
        };
        let status = reply.status.to_string();
        let mut head = fields([(":status", status.as_str())]);
        head.extend(reply.head);
        let length = reply.body.len().to_string();
        head.extend(fields([("content-length", length.as_str())]));
        let count = head.len();
        self.details = "";
        self.with(world, |stream| {
            stream.is_answered = true;
            stream.response = Way {
                head,
                ..Way::default()
            };
            let name = b"response\0code_details".as_slice();
            stream.properties.remove(name);
        });
        let body = Some(reply.body).filter(|body| !body.is_empty());
        let message = (count, body.into_iter().collect(), Fields::new());
        self.pass(world, Side::Response, message, false);
        if matches!(self.turn, Turn::Held) {
            let end = if self.is_held { End::Stuck } else { End::Whole };
            self.finish(world, end);
        }
        true
    }

    /// The last callbacks of the stream.
    pub(super) fn finish(&mut self, world: &mut World, end: End) {
        let (flags, details) = (self.flags.to_le_bytes().to_vec(), self.details);
        self.with(world, |stream| {
            stream.is_logging = true;
            let properties = &mut stream.properties;
            properties.insert(b"response\0flags".to_vec(), flags);
            if !details.is_empty() {
                let name = b"response\0code_details".to_vec();
                properties.insert(name, details.into());
            }
        });
        for name in ["proxy_on_log", "proxy_on_done"] {
            world.call_back(self.thread, name, &[self.id]);
        }
        let mut record = None;
        self.with(world, |stream| {
            record = stream.properties.remove(b"sluice.record".as_slice());
        });
        self.reply.record = record.map(|text| String::from_utf8(text).expect("a text"));
        world.call_back(self.thread, "proxy_on_delete", &[self.id]);
        if let Some(vm) = world.vm(self.thread) {
            vm.state().contexts.remove(&self.id);
        }
        world.deliver();
        self.reply.end = end;
        self.turn = Turn::Over(self.reply.clone());
    }
}

impl Stream {
    const fn way(&mut self, side: Side) -> &mut Way {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }
}
