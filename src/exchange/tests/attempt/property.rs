//! What holds for any script of faults: the answer is that of the step the rules name, and nobody is asked for more.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What a provider does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Status(u16),
    /// With a `retry-after` of so many seconds.
    Later(u16, u64),
    NoAnswer,
    /// A status, and then the connection is gone.
    BreakOff(u16),
    /// A status whose body never comes.
    Stuck(u16),
}

fn act() -> impl Strategy<Value = Act> {
    let status = || {
        proptest::sample::select(vec![
            200, 204, 302, 400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 503, 529,
        ])
    };
    let bad = || proptest::sample::select(vec![400, 401, 408, 429, 500, 503]);
    prop_oneof![
        4 => status().prop_map(Act::Status),
        1 => (bad(), 0_u64..90).prop_map(|(status, after)| Act::Later(status, after)),
        2 => Just(Act::NoAnswer),
        1 => bad().prop_map(Act::BreakOff),
        1 => bad().prop_map(Act::Stuck),
    ]
}

#[derive(Clone, Debug)]
struct Plan {
    attempts: usize,
    delay: u64,
    backoff: &'static str,
    timeout: Option<u64>,
    acts: Vec<Act>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let backoff = proptest::sample::select(vec!["constant", "linear", "exponential"]);
    let timeout = proptest::option::of(1_u64..5000);
    (1_usize..=5, 0_u64..2000, backoff, timeout, vec(act(), 5)).prop_map(
        |(attempts, delay, backoff, timeout, acts)| Plan {
            attempts,
            delay,
            backoff,
            timeout,
            acts,
        },
    )
}

/// The rules once more, in words of their own: which (step, attempt) pairs are made, and whether the last one's answer
/// is the provider's.
fn expected(plans: &[Plan]) -> Vec<(usize, usize)> {
    let mut made = Vec::new();
    for (step, plan) in plans.iter().enumerate() {
        for attempt in 0..plan.attempts {
            made.push((step, attempt));
            let (status, after) = match plan.acts[attempt] {
                Act::NoAnswer => (None, 0),
                Act::Status(status) | Act::BreakOff(status) | Act::Stuck(status) => {
                    (Some(status), 0)
                }
                Act::Later(status, after) => (Some(status), after),
            };
            let retries = status.is_none_or(|status| matches!(status, 408 | 409 | 429 | 500..));
            let falls = retries || matches!(status, Some(401..=404));
            let is_last = attempt + 1 == plan.attempts;
            if !falls {
                return made;
            }
            if !retries || is_last || after > 60 {
                break;
            }
        }
    }
    made
}

fn delay(plan: &Plan, failures: u32) -> u64 {
    match plan.backoff {
        "constant" => plan.delay,
        "linear" => plan.delay * u64::from(failures),
        _ => plan.delay << (failures - 1),
    }
}

/// Plays an act; how long the call paused for it.
fn play(call: &mut Call<'_>, act: Act, body: &str) -> u64 {
    let attempts = call.attempts.len();
    let mut paused = 0;
    match act {
        Act::Status(status) => call.answer(&status.to_string(), &[], body.as_bytes()),
        Act::Later(status, after) => {
            call.answer(
                &status.to_string(),
                &[("retry-after", &after.to_string())],
                body.as_bytes(),
            );
        }
        Act::NoAnswer => call.no_answer(),
        Act::BreakOff(status) | Act::Stuck(status) => {
            call.answer_head(&status.to_string(), &[]);
            if call.told(":status").is_some() {
                call.answer_body(body.as_bytes(), true);
            } else if matches!(act, Act::BreakOff(_)) {
                call.break_off();
            } else {
                assert_eq!(call.wait(), millis(500));
            }
        }
    }
    while call.told(":status").is_none() && !call.attempts.last().unwrap().is_sent()
        || call.told(":status").is_none() && call.attempts.len() == attempts
    {
        paused += u64::try_from(call.wait().as_millis()).unwrap();
    }
    paused
}

proptest! {
    // Each case plays a whole call.
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_client_gets_the_answer_of_the_step_that_the_rules_name(
        plans in vec(plan(), 1..=4),
        lags: bool,
        leaves in proptest::option::of((0_usize..12, any::<bool>())),
    ) {
        let names = ["one", "two", "three", "four"];
        let steps: Vec<_> = plans.iter().zip(names).map(|(plan, name)| step(name, json!({
            "maxAttempts": plan.attempts, "retryDelay": plan.delay, "backoff": plan.backoff,
            "requestTimeout": plan.timeout,
        }))).collect();
        let proxy = proxy();
        let began = proxy.host.clock.get();
        let mut call = universal(&proxy, "open", &steps);
        call.lags = lags;
        let script = expected(&plans);
        let is_left = leaves.filter(|(at, _)| *at < script.len());
        let played = is_left.map_or(script.len(), |(at, _)| at);
        for (index, (step, attempt)) in script.iter().take(played).enumerate() {
            prop_assert_eq!(call.asked().len(), index + 1);
            let timeout = call.seen().text("x-envoy-upstream-rq-per-try-timeout-ms").parse::<u64>().ok();
            let is_last = step + 1 == plans.len() && attempt + 1 == plans[*step].attempts;
            let own = plans[*step].timeout.filter(|_| !is_last || index == 0);
            let gone = (proxy.host.clock.get() - began) / 1_000_000;
            let left = (step + 1 < plans.len()).then_some(300_010 - gone);
            prop_assert_eq!(timeout, own.into_iter().chain(left).min());
            let act = plans[*step].acts[*attempt];
            let paused = play(&mut call, act, &format!("{step}/{attempt}"));
            let again = script.get(index + 1).is_some_and(|next| next.0 == *step);
            let own = delay(&plans[*step], u32::try_from(*attempt).unwrap() + 1);
            let wanted = match act {
                Act::Later(_, after) => after * 1000,
                Act::Status(_) | Act::NoAnswer | Act::BreakOff(_) | Act::Stuck(_) => own,
            };
            prop_assert_eq!(paused, if again { wanted } else { 0 });
        }
        let records = if let Some((_, outer_first)) = is_left {
            prop_assert!(call.told(":status").is_none());
            call.leave(outer_first);
            call.records()
        } else {
            call.finish()
        };
        prop_assert_eq!(proxy.worker.room.taken(), 0);
        // Nobody is asked but those of the script, each with its own.
        let tried = &script[..(played + usize::from(is_left.is_some())).min(script.len())];
        let asked: Vec<_> = tried.iter().map(|(step, _)| names[*step]).collect();
        prop_assert_eq!(call.asked(), asked);
        for (attempt, (step, _)) in call.attempts.iter().zip(tried) {
            let seen = attempt.seen();
            prop_assert_eq!(seen.text("authorization"), format!("Bearer {}-key", names[*step]));
            prop_assert_eq!(serde_json::from_str::<Value>(&seen.body).unwrap(), query(names[*step]));
        }
        // One record of each step.
        let mut of: Vec<_> = tried.iter().map(|(step, _)| u64::try_from(*step).unwrap()).collect();
        of.dedup();
        let recorded: Vec<_> = facts(&records).iter().map(|fact| fact.0).collect();
        prop_assert_eq!(recorded, of);
        let (step, attempt) = *tried.last().unwrap();
        prop_assert_eq!(records.last().unwrap()["failed_attempts"].as_array().unwrap().len(), attempt);
        if is_left.is_some() {
            if attempt == 0 {
                prop_assert_eq!(&records.last().unwrap()["outcome"], "client_gone");
            }
            return Ok(());
        }
        prop_assert_eq!(call.told("cf-aig-step"), Some(step.to_string()));
        match plans[step].acts[attempt] {
            Act::NoAnswer => prop_assert_eq!(call.refusal(), (400, Some(2005))),
            Act::Status(status) | Act::Later(status, _) | Act::BreakOff(status) | Act::Stuck(status) => {
                prop_assert_eq!(call.client(), (status, format!("{step}/{attempt}")));
            }
        }
    }
}
