//! A planned call with the two routers around it: the outer one, which asks again where an answer bears the mark or the
//! hop broke off, and that of the hop, which asks the provider.

use super::view::applied;
use super::*;
use crate::exchange::attempt::Place;
use crate::exchange::planned::{CALL, RETRY};
use crate::policy::retry::MAX_TOTAL_ATTEMPTS;

/// Envoy's flags for a client, and for an upstream, that ended first.
pub(super) const CLIENT: Ending = Ending {
    flags: 0x4000,
    client_gone: true,
};
pub(super) const UPSTREAM: Ending = Ending {
    flags: 0x40,
    client_gone: false,
};

/// A call of a client, and its attempts.
pub(super) struct Call<'p> {
    pub(super) proxy: &'p Proxy,
    /// The gateway's own stream.
    pub(super) outer: Stream,
    /// In their order; the last one may be under way.
    pub(super) attempts: Vec<Attempt>,
    /// Whether the end of an attempt is told only after the next one has begun.
    pub(super) lags: bool,
    pub(super) head: HeaderList,
    pub(super) body: Vec<u8>,
    pub(super) ended: bool,
    pub(super) answered: Option<HeaderList>,
}

/// A stream on the hop.
pub(super) struct Attempt {
    pub(super) stream: Stream,
    pub(super) arrived: HeaderList,
    pub(super) body: Vec<u8>,
    pub(super) answer: HeaderList,
    pub(super) ended: bool,
    /// How much of the answer was passed on to the outer stream; `None`: not even its head.
    pub(super) passed: Option<usize>,
    pub(super) is_over: bool,
}

impl<'p> Call<'p> {
    /// A whole JSON request.
    pub(super) fn ask(proxy: &'p Proxy, path: &str, fields: &[(&str, &str)], body: &str) -> Self {
        let length = body.len().to_string();
        let mut call = Self::begin(
            proxy,
            path,
            &[fields, &[("content-length", &length)]].concat(),
        );
        call.send(body.as_bytes(), true);
        call
    }

    /// The head of a request.
    pub(super) fn begin(proxy: &'p Proxy, path: &str, fields: &[(&str, &str)]) -> Self {
        let fixed = [
            (":method", "POST"),
            (":path", path),
            (":authority", "gateway"),
            ("content-type", JSON),
        ];
        let head = list(fixed.iter().chain(fields));
        let mut call = Self {
            proxy,
            outer: proxy.stream(),
            attempts: Vec::new(),
            lags: false,
            head: head.clone(),
            body: Vec::new(),
            ended: false,
            answered: None,
        };
        call.outer.on(Event::RequestHead {
            headers: head,
            end: false,
        });
        call.go();
        call
    }

    /// A piece of the request's body.
    pub(super) fn send(&mut self, bytes: &[u8], end: bool) {
        self.outer.on(body_event(bytes, end));
        self.body.extend(bytes);
        self.ended = end;
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| !attempt.is_over) {
            attempt.body.extend(bytes);
            attempt.stream.on(body_event(bytes, end));
        }
        self.go();
    }

    /// The outer router has got the request.
    fn go(&mut self) {
        if self.attempts.is_empty() && self.outer.upstream.is_some() {
            self.attempt();
        }
        self.route();
    }

    pub(super) fn attempt(&mut self) {
        let arrived = applied(&self.head, self.outer.upstream.as_ref().unwrap());
        assert_eq!(arrived.text("x-sluice-cluster"), Some("sluice-attempts"));
        let plan = self.proxy.worker.calls.find(arrived.value(CALL).unwrap());
        let worker = Rc::clone(&self.proxy.worker);
        let stream = self.proxy.stream();
        let task = Task::attempt(worker, stream.task.cx.id, (plan.unwrap(), Place::Hop));
        let mut stream = Stream { task, ..stream };
        stream.on(Event::RequestHead {
            headers: arrived.clone(),
            end: false,
        });
        let body = self
            .outer
            .asked
            .clone()
            .unwrap_or_else(|| self.body.clone());
        if self.ended || !body.is_empty() {
            stream.on(body_event(&body, self.ended));
        }
        self.attempts.push(Attempt {
            stream,
            arrived,
            body,
            answer: HeaderList::default(),
            ended: false,
            passed: None,
            is_over: false,
        });
    }

    /// The attempt under way.
    pub(super) fn now(&mut self) -> &mut Attempt {
        let attempt = self.attempts.last_mut().expect("no attempt was made");
        assert!(!attempt.is_over, "no attempt is under way");
        attempt
    }

    /// What the two routers do after an event.
    pub(super) fn route(&mut self) {
        while let Some(attempt) = self.attempts.last_mut().filter(|it| !it.is_over) {
            let Some(head) = attempt.let_go() else { return };
            let again = u32::try_from(self.attempts.len()).unwrap() < MAX_TOTAL_ATTEMPTS;
            if !(head.contains(RETRY) && again) {
                return self.pass(head);
            }
            self.ask_again();
        }
    }

    /// The outer router hands on what there is of the answer.
    fn pass(&mut self, head: HeaderList) {
        let Self {
            outer, attempts, ..
        } = self;
        let attempt = attempts.last_mut().unwrap();
        if attempt.passed.is_none() {
            outer.on(Event::ResponseHead {
                headers: head.clone(),
                end: false,
                local: false,
            });
            self.answered = Some(head);
        }
        let new = &attempt.stream.shown[attempt.passed.unwrap_or(0)..];
        if attempt.ended || !new.is_empty() {
            outer.on(answer_event(new, attempt.ended));
        }
        attempt.passed = Some(attempt.stream.shown.len());
    }

    /// The outer router resets the attempt, whose answer bears the mark, and makes another one.
    fn ask_again(&mut self) {
        let index = self.attempts.len() - 1;
        self.attempts[index].is_over = true;
        if !self.lags {
            self.attempts[index].stream.on(Event::Done(CLIENT));
        }
        self.attempt();
        if self.lags {
            self.attempts[index].stream.on(Event::Done(CLIENT));
        }
    }
}

impl Attempt {
    /// The head of the answer, as far as the attempt has let it go.
    fn let_go(&mut self) -> Option<HeaderList> {
        let Some(reply) = &self.stream.reply else {
            return Some(applied(&self.answer, self.stream.downstream.as_ref()?));
        };
        self.stream.shown.clone_from(&reply.body);
        self.ended = true;
        let status = (":status", reply.status.to_string());
        let fields = reply.headers.iter();
        let fields = fields.map(|(name, value)| (&**name, value.clone()));
        let head = std::iter::once(status).chain(fields);
        Some(
            head.map(|(name, value)| (name.to_owned(), value.into_bytes()))
                .collect(),
        )
    }
}
