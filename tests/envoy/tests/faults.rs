//! What providers do, and what it leads to: the table of the fault wall.

use std::time::Duration;

use serde_json::json;
use sluice_e2e::{Answer, Gate, sample};

/// The time to the first byte for faults that have to do with it, in milliseconds.
pub(crate) const TIMEOUT: u64 = 1500;
/// Enough for a reader to have read what was sent before.
const MOMENT: Duration = Duration::from_millis(50);

/// What a provider may do, and what it leads to.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The custom provider that can do it.
    pub(crate) provider: &'static str,
    answer: fn() -> Answer,
    /// What the client is told when it is the end of the call; 0: it has no end.
    pub(crate) status: u16,
    /// The same provider is asked again.
    pub(crate) retries: bool,
    /// The next step is tried.
    pub(crate) falls: bool,
    /// The client's answer has its proper end.
    pub(crate) whole: bool,
}

/// A header field of every provider's own.
pub(crate) const OWN: &str = "x-of-provider";
const ONE: &str = "custom-one";
const RAW: &str = "custom-raw";
pub(crate) const DEAD: &str = "custom-dead";

/// First those that are worth another attempt, then those that only another step may better, then the others.
pub(crate) const FAULTS: [Fault; 21] = [
    fault("refused", DEAD, 400, sample::chat),
    fault("reset at once", RAW, 400, || Answer::wire().cut()),
    fault("closed at once", RAW, 400, Answer::wire),
    fault("no first byte", ONE, 0, || {
        sample::chat().hold(&Gate::new())
    }),
    fault("429", ONE, 429, || error(429)),
    fault("429 with advice", ONE, 429, || {
        error(429).header("retry-after", "1")
    }),
    fault("429 of an Envoy", ONE, 429, of_envoy),
    fault("500", ONE, 500, || error(500)),
    fault("503", ONE, 503, || error(503)),
    fault("529", ONE, 529, || error(529)),
    fault("HTML 502", ONE, 502, html),
    fault("401", ONE, 401, || error(401)).falls_only(),
    fault("402", ONE, 402, || error(402)).falls_only(),
    fault("404", ONE, 404, || error(404)).falls_only(),
    fault("400", ONE, 400, || error(400)).stays(),
    fault("empty 200", ONE, 200, || Answer::new(200).length(0)).stays(),
    fault("slow but alive", ONE, 200, slow).stays(),
    fault("reset after headers", RAW, 200, || {
        half("").pause(MOMENT).cut()
    })
    .cuts(),
    fault("truncated JSON", RAW, 200, || half("{\"id\":")).cuts(),
    fault("cut SSE", ONE, 200, || events(2).cut()).cuts(),
    fault("reset SSE", RAW, 200, || events(2).pause(MOMENT).cut()).cuts(),
];

const fn fault(
    name: &'static str,
    provider: &'static str,
    status: u16,
    answer: fn() -> Answer,
) -> Fault {
    let (retries, falls, whole) = (true, true, true);
    Fault {
        name,
        provider,
        answer,
        status,
        retries,
        falls,
        whole,
    }
}

impl Fault {
    /// Another step may do better, another attempt not.
    const fn falls_only(mut self) -> Self {
        self.retries = false;
        self
    }

    /// The client gets what came.
    const fn stays(mut self) -> Self {
        (self.retries, self.falls) = (false, false);
        self
    }

    /// The client gets what came, and sees that it was cut.
    const fn cuts(mut self) -> Self {
        self.whole = false;
        self.stays()
    }

    /// The script of it.
    pub(crate) fn answer(&self) -> Answer {
        self.played(self.said())
    }

    fn said(&self) -> Answer {
        (self.answer)().header(OWN, self.name)
    }

    /// An answer in the form that the provider's port takes.
    pub(crate) fn played(&self, answer: Answer) -> Answer {
        if self.provider == RAW {
            answer.on_wire()
        } else {
            answer
        }
    }

    /// Whether it has to do with the time to the first byte.
    pub(crate) fn is_timed(&self) -> bool {
        matches!(self.name, "no first byte" | "slow but alive")
    }

    /// Whether the provider gives no answer at all, so that the gateway answers.
    pub(crate) fn is_silent(&self) -> bool {
        self.retries && matches!(self.status, 0 | 400)
    }

    /// The value of a field when it is the end of the call.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        if self.is_silent() {
            (name == "content-type").then(|| "application/json".to_owned())
        } else {
            self.said().states(name)
        }
    }

    /// What the client gets when it is the end of the call: the answer's body, or the gateway's own code.
    pub(crate) fn body(&self) -> Vec<u8> {
        if self.is_silent() {
            b"2005".to_vec()
        } else {
            (self.answer)().body()
        }
    }
}

/// What a provider answers that does as it should.
pub(crate) fn good(stream: bool) -> Answer {
    let answer = if stream { events(5) } else { sample::chat() };
    answer.header(OWN, "good")
}

fn events(count: usize) -> Answer {
    Answer::events(&sample::chat_events()[..count])
}

fn error(status: u16) -> Answer {
    let error = json!({"error": {"message": format!("fault {status}"), "type": "fault"}});
    Answer::json(status, &error)
}

/// The provider's own Envoy speaks to ours, and the provider in the gateway's name.
fn of_envoy() -> Answer {
    [
        ("x-envoy-ratelimited", "true"),
        ("x-envoy-overloaded", "true"),
        ("cf-aig-step", "77"),
    ]
    .into_iter()
    .fold(error(429), |answer, (name, value)| {
        answer.header(name, value)
    })
}

fn html() -> Answer {
    let page = Answer::new(502).header("content-type", "text/html");
    page.chunk("<html><h1>Bad gateway</h1></html>").sized()
}

/// A head that promises more than comes.
fn half(body: &str) -> Answer {
    let head = Answer::new(200).header("content-type", "application/json");
    head.chunk(body).length(900)
}

/// A stream that lasts longer than the timeout.
fn slow() -> Answer {
    let head = Answer::new(200).header("content-type", "text/event-stream");
    sample::chat_events().iter().fold(head, |answer, event| {
        answer
            .chunk(format!("{event}\n\n"))
            .pause(Duration::from_millis(400))
    })
}
