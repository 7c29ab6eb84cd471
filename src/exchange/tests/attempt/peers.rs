//! What the provider, the client and the clock do to a call.

use super::driver::{CLIENT, Call, UPSTREAM};
use super::*;

impl Call<'_> {
    /// The provider's answer, whole.
    pub(super) fn answer(&mut self, status: &str, fields: &[(&str, &str)], body: &[u8]) {
        self.answer_head(status, fields);
        self.answer_body(body, true);
    }

    /// The head of the provider's answer.
    pub(super) fn answer_head(&mut self, status: &str, fields: &[(&str, &str)]) {
        let fixed = [
            (":status", status),
            ("content-type", JSON),
            ("transfer-encoding", "chunked"),
        ];
        let attempt = self.now();
        assert!(
            attempt.stream.upstream.is_some(),
            "nothing reached the provider"
        );
        attempt.answer = list(
            fixed
                .iter()
                .filter(|field| !fields.iter().any(|own| own.0 == field.0))
                .chain(fields),
        );
        let headers = attempt.answer.clone();
        attempt.stream.on(Event::ResponseHead {
            headers,
            end: false,
            local: false,
        });
        self.route();
    }

    /// A piece of the answer to the latest attempt; of one that the outer router has given up, nothing comes any more.
    pub(super) fn answer_body(&mut self, bytes: &[u8], end: bool) {
        let attempt = self
            .attempts
            .iter_mut()
            .rev()
            .find(|attempt| attempt.answer.contains(":status"));
        let attempt = attempt.unwrap();
        if !attempt.is_over {
            attempt.ended |= end;
            attempt.stream.on(answer_event(bytes, end));
            self.route();
        }
    }

    /// The hop's router has no answer: no connection, a reset, or the timeout.
    pub(super) fn no_answer(&mut self) {
        let attempt = self.now();
        assert!(
            attempt.stream.upstream.is_some(),
            "nothing reached the provider"
        );
        attempt.answer = list(&[(":status", "503")]);
        let headers = attempt.answer.clone();
        attempt.stream.on(Event::ResponseHead {
            headers,
            end: false,
            local: true,
        });
        self.answer_body(b"upstream connect error", true);
    }

    /// The provider is silent until the hop's router gives up.
    pub(super) fn hang(&mut self) {
        let timeout = self
            .seen()
            .text("x-envoy-upstream-rq-per-try-timeout-ms")
            .parse();
        self.proxy
            .host
            .advance(millis(timeout.expect("nothing ends the wait")));
        self.no_answer();
    }

    /// The provider breaks off in the middle of its answer.
    pub(super) fn break_off(&mut self) {
        let attempt = self.now();
        attempt.is_over = true;
        attempt.stream.on(Event::Done(UPSTREAM));
        if attempt.passed.is_some() {
            self.outer.on(Event::Done(UPSTREAM));
        } else {
            self.attempt();
            self.route();
        }
    }

    /// How long the attempt under way pauses.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let now = self.proxy.host.clock.get();
        let due = self.now().stream.task.cx.deadline()?;
        Some(Duration::from_nanos(due.saturating_sub(now)))
    }

    /// Waits until the attempt under way is called again.
    pub(super) fn wait(&mut self) -> Duration {
        let pause = self.pause().expect("no pause");
        self.proxy.host.advance(pause);
        self.now().stream.on(Event::Deadline);
        self.route();
        pause
    }

    /// The client leaves; which stream hears of it first is not known.
    pub(super) fn leave(&mut self, outer_first: bool) {
        if outer_first {
            self.outer.on(Event::Done(CLIENT));
        }
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| !attempt.is_over) {
            attempt.is_over = true;
            attempt.stream.on(Event::Done(CLIENT));
        }
        if !outer_first {
            self.outer.on(Event::Done(CLIENT));
        }
    }

    /// Everything has come to its proper end: the records.
    pub(super) fn finish(&mut self) -> Vec<Value> {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| !attempt.is_over) {
            assert!(attempt.passed.is_some(), "the client was told nothing");
            attempt.is_over = true;
            attempt.stream.on(Event::Done(Ending::default()));
        }
        self.outer.on(Event::Done(Ending::default()));
        self.records()
    }
}
