//! Labels are few, whatever comes.

use super::*;

#[test]
fn a_model_has_its_own_label_when_it_is_listed_or_its_provider_has_answered() {
    let vm = Vm::new();
    vm.measure(&refused("GPT-4o"));
    vm.measure(&refused("ft:gpt-4o:acme"));
    assert_eq!(
        vm.values("gen_ai.request.model"),
        ["gpt-4o", "other"].map(str::to_owned).into()
    );
    vm.measure(&answered("ft:gpt-4o:acme"));
    vm.measure(&refused("ft:gpt-4o:acme"));
    let requests = vm.shown("sluice_requests_total");
    let of_model = |model: &str| {
        let mark = format!("model={model};");
        let counts = requests.iter().filter(|(labels, _)| labels.contains(&mark));
        counts.map(|(_, count)| count).sum::<u64>()
    };
    assert_eq!(
        ["gpt-4o", "other", "ft:gpt-4o:acme"].map(of_model),
        [1, 1, 2]
    );
}

#[test]
fn a_failed_answer_vouches_for_no_model() {
    let vm = Vm::new();
    let mut cut = answered("made-up");
    (cut.outcome, cut.success) = (crate::record::Outcome::Cut, false);
    vm.measure(&cut);
    let mut moved = answered("made-up");
    moved.status_code = 302;
    vm.measure(&moved);
    let mut cached = answered("made-up");
    cached.outcome = crate::record::Outcome::Cached;
    vm.measure(&cached);
    assert_eq!(
        vm.values("gen_ai.request.model"),
        ["other".to_owned()].into()
    );
}

#[test]
fn a_hostile_model_is_other_even_when_it_is_answered() {
    let vm = Vm::new();
    let long = "m".repeat(4 << 20);
    for model in [
        long.as_str(),
        "a\nb",
        "a\"b",
        "a\\b",
        "a;gateway=x",
        "a b",
        "m\u{e9}",
        "{}",
        "\0",
    ] {
        vm.measure(&answered(model));
    }
    assert_eq!(
        vm.values("gen_ai.request.model"),
        ["other".to_owned()].into()
    );
    assert_eq!(vm.values("gateway"), ["my-gateway".to_owned()].into());
    let longest = vm.host.defined.borrow().iter().map(String::len).max();
    assert!(longest.unwrap() < 300);
}

#[test]
fn there_are_no_more_models_than_may_be() {
    let vm = Vm::new();
    for number in 0..1000 {
        vm.measure(&answered(&format!("model-{number}")));
    }
    assert_eq!(vm.values("gen_ai.request.model").len(), MAX_VOUCHED + 1);
    let counts = vm.shown("sluice_requests_total");
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 1000);
}

#[test]
fn there_are_no_more_label_sets_than_may_be_and_every_call_counts() {
    let gateways: Vec<_> = (0..300)
        .map(|number| serde_json::json!({"id": format!("g{number}")}))
        .collect();
    let text = serde_json::json!({ "gateways": gateways }).to_string();
    let mut vm = Vm::new();
    vm.config = config::parse(text.as_bytes(), &|_| None).unwrap();
    let mut calls = 0;
    for number in 0..300 {
        for model in ["gpt-4o", "gpt-5", "nothing", ""] {
            let mut record = refused(model);
            record.gateway_id = Some(format!("g{number}"));
            vm.measure(&record);
            calls += 1;
        }
    }
    let counts = vm.shown("sluice_requests_total");
    assert!(counts.len() == MAX_SERIES, "{}", counts.len());
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), calls);
    assert!(vm.values("gateway").contains("other"));
}

#[test]
fn unknown_gateways_and_providers_are_other_and_none_is_no_label() {
    let vm = Vm::new();
    let mut record = refused("gpt-4o");
    record.gateway_id = Some("nobody-s".to_owned());
    record.provider = Some("evil;x=y".to_owned());
    vm.measure(&record);
    vm.measure(&Record::default());
    let names: Vec<_> = vm.shown("sluice_requests_total");
    assert_eq!(
        names[0].0,
        ";gateway=other;gen_ai.provider.name=other;gen_ai.request.model=other;outcome=answered;status=4xx;error.type=4xx"
    );
    assert_eq!(names[1].0, ";outcome=cut;status=none;error.type=cut");
}

#[test]
fn gateways_of_one_name_are_told_apart_by_their_account_and_others_have_none() {
    let vm = Vm::new();
    let mut record = answered("gpt-4o");
    vm.measure(&record);
    record.account_id = Some("42".to_owned());
    record.gateway_id = Some("team".to_owned());
    vm.measure(&record);
    assert_eq!(vm.values("account"), ["42".to_owned()].into());
}
