//! The way of a request behind the gateway: to a provider, or over the hop where attempts are made.

use crate::exchange::{Exchange, Turn};
use crate::message::{Answer, End, Reply, Request, Sent};
use crate::world::{HOP, World};

/// How long a provider thinks, milliseconds.
const LATENCY: u64 = 20;

/// By which the route picks the cluster.
const CLUSTER: &str = "x-sluice-cluster";

impl World {
    /// A call of a client, from its first byte to its log record.
    pub fn call(&mut self, thread: usize, request: Request) -> Reply {
        let mut exchange = self.open(thread, "gateway", request);
        self.complete(&mut exchange)
    }

    /// Leads a call to its end.
    pub fn complete(&mut self, exchange: &mut Exchange) -> Reply {
        self.lead(exchange, Self::route)
    }

    /// A call of the console, behind which there is nothing.
    pub fn ask_console(&mut self, thread: usize, request: Request) -> Reply {
        let mut exchange = self.open(thread, "console", request);
        self.lead(&mut exchange, |_, _, _| {
            Answer::of_proxy(404, "direct_response")
        })
    }

    fn lead(
        &mut self,
        exchange: &mut Exchange,
        route: fn(&mut Self, usize, Sent) -> Answer,
    ) -> Reply {
        loop {
            match exchange.turn.clone() {
                Turn::Held => exchange.wait(self),
                Turn::Sent(sent) => {
                    let answer = route(self, exchange.thread(), sent);
                    exchange.answer(self, answer);
                }
                Turn::Over(reply) => return reply,
            }
        }
    }

    fn route(&mut self, thread: usize, sent: Sent) -> Answer {
        match sent.header(CLUSTER) {
            Some(HOP) => self.attempt(thread, &sent),
            _ => self.provide(thread, sent),
        }
    }

    fn provide(&mut self, _: usize, sent: Sent) -> Answer {
        let Some(cluster) = sent.header(CLUSTER) else {
            return Answer::of_proxy(404, "route_not_found");
        };
        if !self.platform().clusters.contains(cluster) {
            return Answer::of_proxy(503, "cluster_not_found");
        }
        self.advance(LATENCY);
        let answer = (self.provider)(&sent);
        self.seen.push(sent);
        answer
    }

    /// Envoy asks again as long as answers are marked so and the request allows it.
    fn attempt(&mut self, thread: usize, sent: &Sent) -> Answer {
        let mark = sent.header("x-envoy-retriable-header-names").unwrap_or("");
        let more = sent.header("x-envoy-max-retries");
        let mut more: u32 = more.and_then(|it| it.parse().ok()).unwrap_or_default();
        loop {
            let mut exchange = self.open(thread, "attempt", inner(sent));
            let reply = self.lead(&mut exchange, Self::provide);
            if more == 0 || mark.is_empty() || reply.header(mark).is_none() {
                return passed(reply);
            }
            more -= 1;
        }
    }
}

/// The request without what Envoy and the module put on it for each other.
fn inner(sent: &Sent) -> Request {
    let is_outer = |name: &[u8]| name == CLUSTER.as_bytes() || name.starts_with(b"x-envoy-");
    let head = sent.head.iter().filter(|(name, _)| !is_outer(name));
    let request = Request::get("/").pieces([sent.body.clone()]);
    Request {
        head: head.cloned().collect(),
        trailers: sent.trailers.clone(),
        ..request
    }
}

fn passed(reply: Reply) -> Answer {
    let answer = Answer::new(200, "", [reply.body]);
    let answer = Answer {
        head: reply.head,
        ..answer
    };
    if reply.end == End::Cut {
        answer.cut()
    } else {
        answer
    }
}
