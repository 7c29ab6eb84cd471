//! What providers do at random under load, and what is to be expected of each: the material of the soak.

use serde_json::json;
use sluice_e2e::{Answer, Case, Gate, Gateway};

/// Numbers that look random and are the same in every run (SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((z ^ (z >> 31)) % limit).unwrap()
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What a step's provider does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Deed {
    Answers,
    Streams,
    /// It answers with this status.
    Fails(u16),
    /// It answers with that, and then as it should.
    Stumbles(u16),
    Resets,
    Refuses,
    Cuts,
    Hangs,
}

/// One step as it is to be, and what its provider saw.
pub(crate) struct Planned {
    pub(crate) deed: Deed,
    pub(crate) attempts: usize,
    pub(crate) provider: &'static str,
    pub(crate) case: Case,
}

/// What a client gets of a step.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// The whole body; of the gateway's own refusals nothing.
    pub(crate) text: String,
    /// It has its proper end.
    pub(crate) whole: bool,
    /// The next step is tried instead, if there is one.
    pub(crate) moves: bool,
}

impl Planned {
    pub(crate) fn new(gateway: &Gateway, numbers: &mut Numbers, is_last: bool) -> Self {
        use Deed::{Answers, Cuts, Fails, Hangs, Refuses, Resets, Streams, Stumbles};
        let deeds = [
            Answers,
            Answers,
            Answers,
            Streams,
            Streams,
            Fails(503),
            Fails(429),
            Fails(401),
            Fails(400),
            Stumbles(503),
            Stumbles(429),
            Resets,
            Refuses,
            Cuts,
        ];
        let mut deed = numbers.one(&deeds);
        if !is_last && numbers.below(400) == 0 {
            deed = Hangs;
        }
        let provider = match deed {
            Resets => "custom-raw",
            Refuses => "custom-dead",
            // Over HTTP/2 a reset may overtake what was sent before it.
            Cuts => numbers.one(&["custom-one", "custom-two"]),
            Answers | Streams | Fails(_) | Stumbles(_) | Hangs => {
                numbers.one(&["custom-one", "custom-two", "custom-three", "custom-h2c"])
            }
        };
        let attempts = if deed == Hangs {
            1
        } else {
            1 + numbers.below(3)
        };
        let case = gateway.fake.cases([]);
        case.answers(deed.script(case.id()));
        Self {
            deed,
            attempts,
            provider,
            case,
        }
    }

    /// What the client gets when the step is the end of the call.
    pub(crate) fn told(&self) -> Told {
        let script = self.deed.script(self.case.id());
        let last = self.seen().clamp(1, script.len()) - 1;
        let text = String::from_utf8(script[last].body()).unwrap();
        let told = |status, text, whole, moves| Told {
            status,
            text,
            whole,
            moves,
        };
        match self.deed {
            Deed::Answers | Deed::Streams => told(200, text, true, false),
            Deed::Stumbles(_) if self.attempts > 1 => told(200, text, true, false),
            Deed::Cuts => told(200, text, false, false),
            Deed::Fails(400) => told(400, text, true, false),
            Deed::Fails(status) | Deed::Stumbles(status) => told(status, text, true, true),
            Deed::Resets | Deed::Refuses | Deed::Hangs => told(400, String::new(), true, true),
        }
    }

    /// The requests that its provider sees.
    pub(crate) fn seen(&self) -> usize {
        match self.deed {
            Deed::Fails(503 | 429) | Deed::Resets => self.attempts,
            Deed::Stumbles(_) => self.attempts.min(2),
            Deed::Refuses => 0,
            Deed::Answers | Deed::Streams | Deed::Fails(_) | Deed::Cuts | Deed::Hangs => 1,
        }
    }
}

impl Deed {
    fn script(self, id: &str) -> Vec<Answer> {
        let fails = |status| Answer::json(status, &json!({"error": {"message": id}}));
        let answers = || {
            Answer::json(
                200,
                &json!({"id": id, "choices": [], "fill": "x".repeat(id.len() * 100)}),
            )
        };
        let events = Answer::events([
            format!("data: {{\"id\":\"{id}\"}}"),
            "data: [DONE]".to_owned(),
        ]);
        match self {
            Self::Answers => vec![answers()],
            Self::Streams => vec![events],
            Self::Fails(status) => vec![fails(status)],
            Self::Stumbles(status) => vec![fails(status), answers()],
            Self::Resets => vec![Answer::wire().cut()],
            Self::Refuses => vec![answers()],
            Self::Cuts => vec![events.cut()],
            Self::Hangs => vec![answers().hold(&Gate::new())],
        }
    }
}
