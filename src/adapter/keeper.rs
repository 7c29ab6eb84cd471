//! The role `keeper`, a singleton service on Envoy's main thread: takes the records of all workers out of its queue.
//!
//! Envoy: while it works, the main thread answers nobody; so a call takes a portion, and a tick goes on. That it runs
//! keeps shared data alive while listeners come and go.

use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType, Status};

use crate::config::Config;
use crate::host::{Answered, CallId, Host};
use crate::http::header::HeaderList;
use crate::keeper::QUEUE;
use crate::keeper::desk::Desk;

/// How long one call may take, nanoseconds.
const PORTION: u64 = 2_000_000;
/// Messages that are taken before they are written: some hundred records each, where there are many.
const TAKEN: usize = 2;
/// How soon the next portion follows.
const SOON: Duration = Duration::from_millis(10);
/// How often sinks are served.
const SERVE: Duration = Duration::from_millis(100);
/// How often age is looked at.
const REST: Duration = Duration::from_secs(1);
/// Bytes of an answer's body that anybody looks at.
const MAX_ANSWER: usize = 4096;

/// The keeper.
pub(super) struct Keeper {
    host: Rc<dyn Host>,
    desk: Desk,
    queue: u32,
    pace: Duration,
    period: Duration,
}

impl Keeper {
    /// `None` when the host has no queues, which is told to the operator.
    pub(super) fn new(host: &Rc<dyn Host>, config: Option<&Config>) -> Option<Self> {
        let has_sinks = config.is_some_and(|config| config.sinks().next().is_some());
        let complain = |status: Status| {
            log::error!(
                "sluice: no log records are kept or exported: there is no queue for them ({status:?})"
            );
        };
        let queue = hostcalls::register_shared_queue(QUEUE);
        let mut keeper = Self {
            host: Rc::clone(host),
            desk: Desk::new(config),
            queue: queue.map_err(complain).ok()?,
            pace: if has_sinks { SERVE } else { REST },
            period: Duration::ZERO,
        };
        keeper.tick_every(SOON);
        Some(keeper)
    }

    /// Takes the next portion. Envoy calls once per message, and an earlier call may have taken it already.
    pub(super) fn drain(&mut self) {
        let host = &*self.host;
        if let Err(error) = self.desk.open(host) {
            log::warn!("sluice: the log store could not be read: {error}");
            return self.tick_every(SOON);
        }
        let end = host.now().saturating_add(PORTION);
        let mut is_empty = false;
        while host.now() < end && !(is_empty && self.desk.is_settled()) {
            if self.desk.is_settled() {
                is_empty = take(&mut self.desk, host, self.queue);
            } else {
                self.desk.settle(host);
            }
        }
        let is_done = is_empty && self.desk.is_settled();
        self.tick_every(if is_done { self.pace } else { SOON });
    }

    /// Goes on, and does what is due.
    pub(super) fn tick(&mut self) {
        self.drain();
        self.desk.tick(&*self.host);
        if !self.desk.is_settled() {
            self.tick_every(SOON);
        }
    }

    /// The answer to a call of a sink. Envoy: without header fields there is none.
    pub(super) fn answer(&mut self, call: u32, fields: usize, size: usize) {
        let answer = (fields > 0).then(|| {
            let head = hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders);
            let size = size.min(MAX_ANSWER);
            let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size);
            Answered {
                head: HeaderList::new(head.unwrap_or_default()),
                body: body.ok().flatten().unwrap_or_default(),
            }
        });
        self.desk.answer(&*self.host, CallId(call), answer.as_ref());
    }

    fn tick_every(&mut self, period: Duration) {
        if self.period != period && hostcalls::set_tick_period(period).is_ok() {
            self.period = period;
        }
    }
}

/// Takes some messages; whether there are no more.
fn take(desk: &mut Desk, host: &dyn Host, queue: u32) -> bool {
    for _ in 0..TAKEN {
        let Ok(Some(batch)) = hostcalls::dequeue_shared_queue(queue) else {
            return true;
        };
        desk.take(host, &batch);
    }
    false
}
