//! Issue: whatever a provider does, the outcome, its bytes and headers, the attempts that each provider saw and the
//! records are as the table says: for one provider with retries and for universal calls of two and three steps, streamed
//! or not.

use serde_json::{Value, json};
use sluice_e2e::{Call, Case, Gateway, sample};
use tokio::task::JoinSet;

use super::faults::{DEAD, FAULTS, Fault, OWN, TIMEOUT, good};
use super::hop::{assert_own, assert_unsteered, gateway, single, step_of};

/// The shapes of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// The second attempt is good.
    Single,
    /// All three attempts fail.
    SingleInVain,
    /// The second step is good; the first has two attempts.
    Two,
    /// The third step is good.
    Three,
    /// No step is good.
    ThreeInVain,
}

/// One square of the wall.
#[derive(Clone, Copy)]
struct Square {
    fault: Fault,
    shape: Shape,
    stream: bool,
}

/// Everything there is to say about a call that is over.
#[derive(Debug, PartialEq)]
struct Outcome {
    status: u16,
    step: Option<String>,
    /// Its content type, and the provider's own field.
    fields: [Option<String>; 2],
    /// Of a refusal the code.
    body: String,
    whole: bool,
    /// The requests that the provider of each step saw; one that refuses connections sees none.
    attempts: Vec<usize>,
    /// Step, status and success of the records.
    records: Vec<(u64, u64, bool)>,
}

impl Square {
    fn is_single(self) -> bool {
        matches!(self.shape, Shape::Single | Shape::SingleInVain)
    }

    fn is_in_vain(self) -> bool {
        let never = self.is_single() && self.fault.provider == DEAD;
        never || matches!(self.shape, Shape::SingleInVain | Shape::ThreeInVain)
    }

    /// Each step's provider by its script.
    fn cases(self, gateway: &Gateway) -> Vec<Case> {
        let (bad, good) = (self.fault.answer(), good(self.stream));
        let again = self.fault.played(good.clone());
        let scripts = match self.shape {
            Shape::Single => vec![vec![bad, again]],
            Shape::SingleInVain => vec![vec![bad]],
            Shape::Two => vec![vec![bad], vec![good]],
            Shape::Three => vec![vec![bad.clone()], vec![bad], vec![good]],
            Shape::ThreeInVain => vec![vec![bad]; 3],
        };
        let cases = scripts.into_iter().map(|script| gateway.fake.cases(script));
        cases.collect()
    }

    fn query(self, case: &Case) -> Value {
        if self.stream {
            sample::ask_stream(case.id())
        } else {
            sample::ask(case.id())
        }
    }

    /// The call, and the case that is its event.
    fn call(self, gateway: &Gateway, cases: &[Case]) -> (Call, Case) {
        if self.is_single() {
            let case = cases[0].clone();
            let attempts = if self.shape == Shape::Single {
                "2"
            } else {
                "3"
            };
            let mut call = single(gateway, "open", self.fault.provider, &case)
                .header("cf-aig-max-attempts", attempts)
                .header("cf-aig-retry-delay", "5");
            if self.fault.is_timed() {
                call = call.header("cf-aig-request-timeout", TIMEOUT.to_string());
            }
            return (call.json(&self.query(&case)), case);
        }
        let event = gateway.fake.case(sample::chat());
        let steps = cases
            .iter()
            .enumerate()
            .map(|(at, case)| self.step(at, case));
        let steps: Vec<_> = steps.collect();
        (gateway.universal("open", &event, &steps), event)
    }

    fn step(self, at: usize, case: &Case) -> Value {
        let is_good = (self.shape, at) == (Shape::Two, 1) || (self.shape, at) == (Shape::Three, 2);
        let mut step = sample::step(
            if is_good {
                "custom-two"
            } else {
                self.fault.provider
            },
            case,
        );
        step["query"] = self.query(case);
        if (self.shape, at) == (Shape::Two, 0) {
            step["config"] = json!({"maxAttempts": 2, "retryDelay": 5});
        }
        if self.fault.is_timed() {
            step["config"]["requestTimeout"] = json!(TIMEOUT);
        }
        step
    }

    /// What the table says about it.
    fn expected(self, steps: usize) -> Outcome {
        let Fault { retries, falls, .. } = self.fault;
        let moves = if self.is_single() { retries } else { falls };
        let tried = if falls { steps - 1 } else { 0 };
        let is_good = |at: usize| moves && !self.is_in_vain() && at == steps - 1;
        let attempts = |at: usize| match self.shape {
            _ if at > tried => 0,
            _ if self.fault.provider == DEAD && (self.is_single() || !is_good(at)) => 0,
            Shape::Single | Shape::Two if at == 0 && retries => 2,
            Shape::SingleInVain if retries => 3,
            Shape::Single | Shape::SingleInVain | Shape::Two => 1,
            Shape::Three | Shape::ThreeInVain => 1,
        };
        let bad = if self.fault.status == 0 {
            400
        } else {
            self.fault.status
        };
        let record = |at: usize| match (u64::try_from(at).unwrap(), is_good(at)) {
            (step, true) => (step, 200, true),
            (step, false) => (step, bad.into(), bad == 200 && self.fault.whole),
        };
        let names = ["content-type", OWN];
        let good = good(self.stream);
        let (status, body, fields) = match is_good(tried) {
            true => (200, good.body(), names.map(|name| good.states(name))),
            false => (
                bad,
                self.fault.body(),
                names.map(|name| self.fault.field(name)),
            ),
        };
        Outcome {
            status,
            step: Some(tried.to_string()),
            fields,
            body: String::from_utf8(body).unwrap(),
            whole: is_good(tried) || self.fault.whole,
            attempts: (0..steps).map(attempts).collect(),
            records: (0..=tried).map(record).collect(),
        }
    }

    async fn got(self, gateway: &Gateway, cases: &[Case], records: usize) -> Outcome {
        let (call, event) = self.call(gateway, cases);
        let mut reply = call.send().await;
        let (body, whole) = reply.rest().await;
        let reply = reply.with(body);
        let mut headers = reply.headers.clone();
        // What a provider says of its own Envoy is the client's.
        headers.retain(|(name, _)| self.fault.field(name).is_none());
        assert_unsteered(&headers);
        assert_eq!(reply.header("cf-aig-event-id").as_deref(), Some(event.id()));
        for case in cases {
            for seen in case.seen() {
                assert_own(&seen, case, &self.query(case));
            }
        }
        let records = gateway.steps(&event, records).await;
        let facts = |record: &Value| {
            let number = |name: &str| record[name].as_u64().unwrap();
            (
                number("step"),
                number("status_code"),
                record["success"] == true,
            )
        };
        let code = reply.json()["error"][0]["code"].as_u64();
        let text = || String::from_utf8_lossy(&reply.body).into_owned();
        Outcome {
            status: reply.status,
            step: step_of(&reply),
            fields: ["content-type", OWN].map(|name| reply.header(name)),
            body: code.map_or_else(text, |code| code.to_string()),
            whole,
            attempts: cases.iter().map(|case| case.seen().len()).collect(),
            records: records.iter().map(facts).collect(),
        }
    }

    /// What is not as it should be.
    async fn check(self) -> Option<String> {
        let gateway = gateway();
        let cases = self.cases(&gateway);
        let expected = self.expected(cases.len());
        let got = self.got(&gateway, &cases, expected.records.len()).await;
        let Self { fault, stream, .. } = self;
        let what = || {
            format!(
                "{}, stream {stream}:\n  {got:?}\n  expected\n  {expected:?}",
                fault.name
            )
        };
        (got != expected).then(what)
    }
}

/// Every fault in that shape, all at once.
async fn hold(shape: Shape) {
    let mut squares = JoinSet::new();
    for fault in FAULTS {
        let square = |stream| Square {
            fault,
            shape,
            stream,
        };
        // The last attempt has no timeout, and would wait for ever.
        if fault.status != 0 || !square(false).is_in_vain() {
            squares.spawn(square(false).check());
            squares.spawn(square(true).check());
        }
    }
    let wrong: Vec<_> = squares.join_all().await.into_iter().flatten().collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn another_attempt_is_made_where_it_may_help_and_nowhere_else() {
    hold(Shape::Single).await;
}

#[tokio::test]
async fn the_last_attempts_answer_is_the_answer_when_all_have_failed() {
    hold(Shape::SingleInVain).await;
}

#[tokio::test]
async fn a_steps_attempts_are_spent_before_the_second_step_is_tried() {
    hold(Shape::Two).await;
}

#[tokio::test]
async fn the_third_step_answers_where_the_others_may_not() {
    hold(Shape::Three).await;
}

#[tokio::test]
async fn the_last_steps_answer_is_the_answer_when_all_have_failed() {
    hold(Shape::ThreeInVain).await;
}
