//! What is counted.

use super::*;
use crate::llm::price::Picodollars;
use crate::record::{Cost, FailedAttempt, Outcome};

const LABELS: &str = ";gateway=my-gateway;gen_ai.provider.name=openai;gen_ai.request.model=gpt-4o";

fn full() -> Record {
    let mut record = answered("gpt-4o");
    (record.tokens_in, record.tokens_out) = (Some(500), Some(11));
    record.cost = Some(Cost::Picodollars(Picodollars(2_500_000_400)));
    record.stream = true;
    record.duration = 1200;
    record.timings.latency = Some(200);
    record.is_missed = true;
    record
}

#[test]
fn an_answered_call_is_counted_with_its_tokens_cost_and_times() {
    let vm = Vm::new();
    vm.measure(&full());
    for (name, labels, value) in [
        ("sluice_requests_total", ";outcome=answered;status=2xx", 1),
        ("sluice_cache_lookups_total", ";result=miss", 1),
        ("sluice_tokens_total", ";gen_ai.token.type=input", 500),
        ("sluice_tokens_total", ";gen_ai.token.type=output", 11),
        ("sluice_cost_nanodollars_total", "", 2_500_000),
        (
            "gen_ai_client_token_usage",
            ";gen_ai.token.type=input;gen_ai.operation.name=chat",
            500,
        ),
        (
            "gen_ai_client_token_usage",
            ";gen_ai.token.type=output;gen_ai.operation.name=chat",
            11,
        ),
        (
            "gen_ai_client_operation_duration_milliseconds",
            ";gen_ai.operation.name=chat",
            1200,
        ),
        (
            "gen_ai_server_time_to_first_token_milliseconds",
            ";gen_ai.operation.name=chat",
            200,
        ),
        (
            "gen_ai_server_time_per_output_token_microseconds",
            ";gen_ai.operation.name=chat",
            100_000,
        ),
    ] {
        assert_eq!(
            vm.host.metric(&format!("{name}{LABELS}{labels}")),
            value,
            "{name}"
        );
    }
    assert_eq!(vm.host.measured.borrow().len(), 10, "and nothing else");
}

#[test]
fn a_label_set_that_is_known_costs_ten_additions_at_most() {
    let vm = Vm::new();
    vm.measure(&full());
    let defined = vm.host.defined.borrow().len();
    vm.measure(&full());
    assert_eq!(vm.host.defined.borrow().len(), defined);
    let calls = |values: &Vec<u64>| values.len() - 1;
    let calls: usize = vm.host.measured.borrow().values().map(calls).sum();
    assert_eq!(calls, 10);
}

#[test]
fn an_answer_from_the_cache_counts_as_saved_and_not_as_used() {
    let vm = Vm::new();
    let mut record = full();
    (record.outcome, record.cached) = (Outcome::Cached, true);
    (record.tokens_in, record.tokens_out, record.cost) = (Some(0), Some(0), Some(Cost::ZERO));
    (record.saved_tokens_in, record.saved_tokens_out) = (Some(500), Some(11));
    record.saved_cost = Some(Cost::Picodollars(Picodollars(3000)));
    vm.measure(&record);
    assert_eq!(vm.shown("sluice_saved_cost_nanodollars_total")[0].1, 3);
    let tokens = vm.shown("sluice_saved_tokens_total");
    assert_eq!(tokens.iter().map(|(_, count)| count).sum::<u64>(), 511);
    assert_eq!(
        vm.shown("sluice_cache_lookups_total"),
        [(format!("{LABELS};result=hit"), 1)]
    );
    for name in [
        "sluice_tokens_total",
        "sluice_cost_nanodollars_total",
        "gen_ai_client_token_usage",
        "gen_ai_client_operation_duration_milliseconds",
    ] {
        assert_eq!(vm.shown(name), [], "{name}");
    }
}

#[test]
fn what_is_too_little_for_a_nanodollar_is_not_lost() {
    let vm = Vm::new();
    let mut record = full();
    record.cost = Some(Cost::Picodollars(Picodollars(400)));
    for sum in [0, 0, 1, 1, 2] {
        vm.measure(&record);
        let shown = vm.shown("sluice_cost_nanodollars_total");
        assert_eq!(shown.first().map_or(0, |(_, sum)| *sum), sum);
    }
}

#[test]
fn usage_without_a_cost_is_counted_as_unpriced() {
    let vm = Vm::new();
    let mut record = full();
    record.cost = None;
    vm.measure(&record);
    record.tokens_in = None;
    record.tokens_out = None;
    vm.measure(&record);
    assert_eq!(vm.shown("sluice_unpriced_requests_total")[0].1, 1);
}

#[test]
fn failures_say_why() {
    let vm = Vm::new();
    let mut record = full();
    record.failed_attempts = [Some(429), Some(503), None]
        .map(|status_code| FailedAttempt {
            status_code,
            after: 1,
        })
        .to_vec();
    record.is_fallback = true;
    record.success = false;
    for (outcome, status, code) in [
        (Outcome::Answered, 429, None),
        (Outcome::Answered, 529, None),
        (Outcome::Cut, 200, None),
        (Outcome::ClientGone, 499, None),
        (Outcome::Refused, 429, Some(2003)),
        (Outcome::Refused, 401, Some(2009)),
        (Outcome::Refused, 400, Some(2005)),
        (Outcome::Refused, 400, Some(2905)),
    ] {
        (record.outcome, record.status_code, record.error_code) = (outcome, status, code);
        vm.measure(&record);
    }
    let errors = |name: &str| {
        let shown = vm.shown(name);
        let errors = shown.iter().filter_map(|(labels, count)| {
            let (_, error) = labels.split_once("error.type=")?;
            Some((error.to_owned(), *count > 0))
        });
        errors.map(|(error, _)| error).collect::<BTreeSet<_>>()
    };
    let asked = ["429", "5xx", "client_gone", "cut", "unreachable"];
    let others = ["bad_request", "rate_limited", "unauthorized"];
    assert_eq!(
        errors("gen_ai_client_operation_duration_milliseconds"),
        asked.map(str::to_owned).into()
    );
    let all = asked.into_iter().chain(others).map(str::to_owned);
    assert_eq!(errors("sluice_requests_total"), all.collect());
    assert_eq!(vm.shown("sluice_fallbacks_total")[0].1, 8);
    let retries: Vec<_> = vm.shown("sluice_retries_total");
    assert_eq!(
        retries,
        ["429", "5xx", "none"].map(|status| (format!("{LABELS};status={status}"), 8))
    );
    assert_eq!(
        vm.shown("gen_ai_server_time_to_first_token_milliseconds"),
        []
    );
}

#[test]
fn the_keeper_shows_its_log_store_and_what_a_sink_got_from_nothing_on() {
    let vm = Vm::new();
    let mut keeper = Keeper::default();
    let meta = crate::logbook::Meta {
        records: 7,
        bytes: 700,
        ..crate::logbook::Meta::default()
    };
    keeper.show_log(&vm.host, &meta);
    assert_eq!(vm.shown("sluice_log_records"), [(String::new(), 7)]);
    keeper.show_sink(&vm.host, "house", Sent::default());
    assert_eq!(
        vm.values("sink"),
        ["house".to_owned()].into(),
        "shown before it counts"
    );
    for sent in [5, 9, 9] {
        let now = Sent {
            queued: 2,
            sent,
            dropped: 1,
            failures: 3,
        };
        keeper.show_sink(&vm.host, "house", now);
    }
    for (name, value) in [
        ("sluice_export_sent_total", 9),
        ("sluice_export_dropped_total", 1),
        ("sluice_export_failures_total", 3),
    ] {
        assert_eq!(
            vm.shown(name),
            [(";sink=house".to_owned(), value)],
            "{name}"
        );
    }
}
