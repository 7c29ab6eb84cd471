//! Records on their way to sinks outside: NDJSON, Loki's push API, and OTLP traces.
//!
//! ```text
//!  take ─▶ queue of each sink (bounded) ─▶ batch ─▶ call ─▶ answer: sent, once more later, or (400, 422) refused
//! ```
//! Each sink has one call under way at most, so that its records come in order. Delivery is at least once: a batch whose
//! answer was lost is sent again, the same if nothing was dropped of it. Invariant: every record that was taken is sent,
//! waiting, or counted as dropped; the sink itself is told how many were with the next batch that it takes. A sink holds
//! the bodies of records only if it sends them: what it holds is what its queue counts.

mod answer;
mod body;
mod channel;
mod line;
mod notice;
mod numbers;
mod otlp;
mod pace;
mod queue;
#[cfg(test)]
mod tests;

use std::cell::LazyCell;
use std::rc::Rc;

use self::channel::Channel;
use self::queue::Item;
use super::message::Record;
use crate::config::Config;
use crate::host::{Answered, CallId, Host};

pub use self::numbers::Numbers;

/// The sinks of a configuration, and what is on its way to them. Lives on one thread.
pub struct Exports {
    /// By which a record's gateway is found.
    config: Config,
    channels: Vec<Channel>,
}

impl Exports {
    /// Nothing is on its way yet.
    pub fn new(config: &Config) -> Self {
        let channels = config.sinks().map(|sink| Channel::new(Rc::clone(sink)));
        Self {
            config: config.clone(),
            channels: channels.collect(),
        }
    }

    /// Takes a finished record for every sink that wants it. Nothing is sent before the next [`Exports::tick`].
    pub fn take(&mut self, host: &dyn Host, record: &Record<'_>) {
        let bare = LazyCell::new(|| Rc::new(Item::bare(record)));
        let whole = LazyCell::new(|| Rc::new(Item::whole(record)));
        let has_bodies = record.request.is_some() || record.response.is_some();
        let config = &self.config;
        let wants = |channel: &&mut Channel| channel.wants(config, record);
        for channel in self.channels.iter_mut().filter(wants) {
            let is_whole = has_bodies && channel.has_payloads();
            channel.take(host, if is_whole { &whole } else { &bare });
        }
    }

    /// Sends what is due, and publishes the [`Numbers`]. To be called several times a second.
    pub fn tick(&mut self, host: &dyn Host) {
        for channel in &mut self.channels {
            channel.tick(host);
        }
    }

    /// The answer to a call has come; `None`: there will be none. An answer to somebody else's call changes nothing.
    pub fn answer(&mut self, host: &dyn Host, call: CallId, answer: Option<&Answered>) {
        let waiting = self.channels.iter_mut().find(|it| it.awaits(call));
        if let Some(channel) = waiting {
            channel.answer(host, answer);
        }
    }

    /// What became of the records, by sink.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, Numbers)> {
        self.channels.iter().map(Channel::numbers)
    }
}
