//! The prices of the configuration: what they do, and what is refused in which words.

use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::structure::{Numbers, encode};
use super::{environment, faults, good, load, parse, with};
use crate::llm::price::{Models, Prices, row, source};
use crate::llm::usage::{Terms, Usage};

/// 2026-11-22 11:00 UTC.
const NOW: u64 = 1_795_345_200;
/// 2027-01-01 00:00 UTC.
const NEW_YEAR: u64 = 1_798_761_600;

fn priced(provider: &str, rows: Value) -> Value {
    with(json!({
        "custom_providers": [{"slug": "neon", "base_url": "https://neon.example.com", "enable": false}],
        "prices": {provider: rows},
    }))
}

fn row(fields: Value) -> Value {
    let mut row = json!({"id": "m"});
    super::merge(&mut row, fields);
    priced("openai", json!([row]))
}

fn bill(prices: &Prices, provider: &str, model: &str, terms: (&Terms, u64)) -> Option<String> {
    let models = Models {
        answered: Some(model),
        asked: None,
    };
    let usage = Usage {
        input_tokens: Some(1_000_000),
        output_tokens: Some(0),
        ..Usage::default()
    };
    let bill = prices.bill(provider, models, &usage, terms)?;
    Some(bill.cost.to_string())
}

/// What a million input tokens cost.
fn cost(config: &Value, provider: &str, model: &str) -> Option<String> {
    let prices = good(config).prices;
    bill(&prices, provider, model, (&Terms::default(), NOW))
}

#[test]
fn a_configured_price_beats_the_built_in_one() {
    let config = priced("openai", json!([{"id": "gpt-4o", "input": 7, "output": 9}]));
    assert_eq!(cost(&config, "openai", "gpt-4o").unwrap(), "7");
    assert_eq!(cost(&config, "openai", "OpenAI/GPT-4o").unwrap(), "7");
    // A date is no other model, and a provider that falls back to another one's list falls back to all of it.
    assert_eq!(cost(&config, "openai", "gpt-4o-2024-08-06").unwrap(), "7");
    assert_eq!(cost(&config, "azure-openai", "gpt-4o").unwrap(), "2.5");
    assert_eq!(cost(&config, "openai", "gpt-4o-mini").unwrap(), "0.15");
    let claude = json!([{"id": "claude-haiku-4-5", "input": 7, "output": 9}]);
    let config = priced("anthropic", claude);
    assert_eq!(
        cost(&config, "azure-openai", "claude-haiku-4-5").unwrap(),
        "7"
    );
}

#[test]
fn a_provider_without_a_list_gets_one() {
    let config = priced(
        "custom-neon",
        json!([
            {"id": "Neon-Large", "match": ["neon-*"], "not": ["*-tts"], "input": 1, "output": 2},
            {"id": "neon-mini", "free": true},
        ]),
    );
    assert_eq!(cost(&config, "custom-neon", "neon-large").unwrap(), "1");
    assert_eq!(cost(&config, "custom-neon", "neon-9").unwrap(), "1");
    assert_eq!(cost(&config, "custom-neon", "neon-mini").unwrap(), "0");
    assert_eq!(cost(&config, "custom-neon", "neon-tts"), None);
    assert_eq!(cost(&config, "custom-other", "neon-large"), None);
}

#[test]
fn rules_change_configured_prices() {
    let config = row(json!({
        "input": 1,
        "tiers": [{"over": 2_000_000, "input": 9}, {"over": 999_999, "input": 2}],
        "later": [{"from": "2027-01-01", "input": 3, "variants": {"service_tier=flex": {"input": 4}}}],
        "hours": [{"utc": ["16:30", "24:00"], "input": 5}],
        "variants": {"service_tier=flex": {"input": 6}, "speed=fast": {"input": 7}, "processing=batch": {"input": 8},
            "inference_geo=us": {"token_factor": 1.1}},
    }));
    let prices = good(&config).prices;
    let terms = |tier: &str, speed: &str| Terms {
        service_tier: (!tier.is_empty()).then(|| tier.to_owned()),
        speed: (!speed.is_empty()).then(|| speed.to_owned()),
        ..Terms::default()
    };
    for (tier, speed, at, wanted) in [
        ("", "", NOW, "2"),
        ("", "", NEW_YEAR, "3"),
        ("", "", NOW + 6 * 3_600, "5"),
        ("flex", "", NOW, "6"),
        ("flex", "", NEW_YEAR, "4"),
        ("", "fast", NOW, "7"),
        ("batch", "", NOW, "8"),
    ] {
        let found = bill(&prices, "openai", "m", (&terms(tier, speed), at));
        assert_eq!(found.unwrap(), wanted, "{tier} {speed} {at}");
    }
    let place = Terms {
        inference_geo: Some("us".to_owned()),
        ..terms("flex", "")
    };
    let found = bill(&prices, "openai", "m", (&place, NOW));
    assert_eq!(found.unwrap(), "6.6");
}

#[test]
fn a_price_may_be_written_in_any_way_that_means_the_same() {
    for written in ["0.125", "\"0.125\"", "1.25e-1", "\"0.1250000\""] {
        let text = format!(
            r#"{{"gateways": [{{"id": "g"}}], "prices": {{"groq": [{{"id": "m", "input": {written}}}]}}}}"#
        );
        let prices = parse(text.as_bytes(), &environment).unwrap().prices;
        let found = bill(&prices, "groq", "m", (&Terms::default(), NOW));
        assert_eq!(found.unwrap(), "0.125", "{written}");
    }
}

#[test]
fn prices_in_a_struct_mean_the_same() {
    let config = row(json!({"input": 0.1, "tiers": [{"over": 272_000, "input": 4_294.967_295}]}));
    let fields = config.as_object().unwrap();
    for numbers in [Numbers::Doubles, Numbers::Text] {
        assert_eq!(parse(&encode(fields, numbers), &environment), load(&config));
    }
}

#[test]
fn facts_that_are_no_prices_can_be_pasted_with_a_row() {
    let row = row(
        json!({"input": 1, "context": 128_000, "src": "litellm", "mode": "chat", "deprecated": true}),
    );
    assert_eq!(cost(&row, "openai", "m").unwrap(), "1");
}

#[test]
fn a_price_list_of_no_provider_is_refused() {
    let one = json!([{"id": "m", "input": 1}]);
    for (slug, wanted) in [
        (
            "opnai",
            "prices.opnai: is not the list of a provider: did you mean openai?",
        ),
        (
            "custom-argon",
            "prices.custom-argon: is not the list of a provider: write the slug of a built-in provider, or custom- \
             and one of custom_providers",
        ),
    ] {
        let text = priced(slug, one.clone()).to_string();
        assert_eq!(faults(text.as_bytes()), [wanted]);
    }
}

#[test]
fn rows_that_cannot_be_prices_are_refused() {
    let price = "must be a price in USD, 0 to 4294.967295 with at most six decimals";
    let cases = [
        (json!({}), vec![": has no price: write input and output, or free: true".to_owned()]),
        (json!({"free": true, "input": 1}), vec![": is free and has prices: keep either".to_owned()]),
        (json!({"input": -1}), vec![format!(".input: {price}, found \"-1\"")]),
        (json!({"input": 0.0000001}), vec![format!(".input: {price}, found \"0.0000001\"")]),
        (json!({"input": 4295}), vec![format!(".input: {price}, found \"4295\"")]),
        (json!({"input": "a", "output": [1]}), vec![
            format!(".input: {price}, found \"a\""),
            format!(".output: {price}, found a list"),
        ]),
        (json!({"ouput": 1, "input": 1}), vec![".ouput: is unknown: did you mean output?".to_owned()]),
        (json!({"input": 1, "match": ["a b"]}), vec![
            ".match[0]: must be 1 to 255 visible ASCII characters; * stands for anything, # for one digit".to_owned(),
        ]),
        (json!({"input": 1, "tiers": [{"input": 1}]}), vec![
            ".tiers[0].over: is missing: write the input tokens above which it holds".to_owned(),
        ]),
        (json!({"input": 1, "tiers": [{"over": 5}]}), vec![
            ".tiers[0]: has no price: write at least one".to_owned(),
        ]),
        (json!({"input": 1, "tiers": [{"over": 5, "input": 1}, {"over": 5, "input": 2}]}), vec![
            ".tiers[1]: holds under the same condition as one before: keep one".to_owned(),
        ]),
        (json!({"input": 1, "later": [{"from": "2027-02-29", "input": 1}]}), vec![
            ".later[0].from: must be a date such as 2027-01-31".to_owned(),
        ]),
        (json!({"input": 1, "hours": [{"utc": ["1:60", "2:00"], "input": 1}, {"utc": ["1:00"], "input": 1}]}), vec![
            ".hours[0].utc[0]: must be a time of day such as 16:30, in quotes".to_owned(),
            ".hours[1].utc: must be two times of day, such as [\"16:30\", \"00:30\"]".to_owned(),
        ]),
        (json!({"input": 1, "variants": {"moon=full": {"input": 1}}}), vec![
            ".variants.\"moon=full\": is not a variant: write service_tier=flex, speed=fast or the like"
                .to_owned(),
        ]),
    ];
    for (fields, wanted) in cases {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|end| format!("prices.openai[0]{end}"))
            .collect();
        let text = row(fields).to_string();
        assert_eq!(faults(text.as_bytes()), wanted);
    }
}

#[test]
fn two_rows_of_one_model_are_refused() {
    let rows =
        json!([{"id": "M", "match": ["m"], "input": 1}, {"id": "b", "match": ["m"], "input": 1}]);
    assert_eq!(
        faults(priced("groq", rows).to_string().as_bytes()),
        ["prices.groq[1]: names a model that prices.groq[0] names: keep one"]
    );
}

#[test]
fn more_prices_than_a_table_holds_are_refused() {
    let rows: Vec<_> = (1..7_000_u32)
        .map(|price| json!({"id": format!("m{price}"), "input": price.to_string().chars().next().unwrap().to_string(), "output": f64::from(price) / 1e4}))
        .collect();
    let faults = faults(priced("groq", json!(rows)).to_string().as_bytes());
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("prices: do not fit into a table, groq: "),
        "{faults:?}"
    );
}

/// Some prices, none of them 0: there only zeros mean "unknown", here they mean free.
fn any_prices() -> impl Strategy<Value = Map<String, Value>> {
    let names: Vec<_> = row::keys().map(|(_, name)| name.to_owned()).collect();
    let price = (1..=u32::MAX).prop_map(|millionths| Value::from(f64::from(millionths) / 1e6));
    let prices = btree_map(prop::sample::select(names), price, 1..6);
    prices.prop_map(|prices| prices.into_iter().collect())
}

/// The same prices under a condition.
fn under(name: &str, condition: Value, mut prices: Map<String, Value>) -> Value {
    prices.insert(name.to_owned(), condition);
    Value::Object(prices)
}

proptest! {
    #[test]
    fn a_row_means_the_same_in_the_configuration_and_in_the_data(
        prices in prop::array::uniform6(any_prices()),
        [low, high] in prop::array::uniform2(1_u32..),
        day in 1..29_u32,
        minutes in prop::array::uniform2(0..60_u32),
    ) {
        let [base, tier, other, later, hours, variant] = prices;
        let mut tiers = vec![under("over", low.into(), tier)];
        if low != high {
            tiers.push(under("over", high.into(), other));
        }
        let mut row = base;
        let date = format!("2027-02-{day:02}");
        let mut later_flex = later.clone();
        later_flex.insert("variants".to_owned(), json!({"service_tier=flex": variant}));
        row.insert("id".to_owned(), "Some-Model".into());
        row.insert("match".to_owned(), json!(["some-*", "m-#"]));
        row.insert("not".to_owned(), json!(["*-tts"]));
        row.insert("tiers".to_owned(), tiers.into());
        row.insert("later".to_owned(), json!([under("from", date.into(), later_flex)]));
        row.insert("hours".to_owned(), json!([under("utc", json!(minutes.map(|minute| format!("07:{minute:02}"))), hours)]));
        row.insert("variants".to_owned(), json!({"speed=fast": later, "processing=batch": {"input": 1}}));

        let file = json!({"providers": {"groq": {"models": [row]}}}).to_string();
        let spelled = ["Some-Model", "some-*", "m-#"].map(|name| ("groq".to_owned(), name.to_owned()));
        let built = Prices::with(&source::read(&file).unwrap(), spelled.into()).unwrap();
        let configured = good(&priced("groq", json!([row]))).prices;
        prop_assert_eq!(&configured, &built);
        prop_assert_ne!(configured, Prices::default());
    }
}
