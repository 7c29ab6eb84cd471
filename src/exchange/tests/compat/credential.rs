//! Which fields of the client go on.

use super::*;

/// What was asked for with these fields; the names of those that stay behind.
fn withheld(gateway: &str, model: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let mut call = Proxy::new().stream();
    let path = CHAT.replace("my-gateway", gateway);
    call.ask(&path, fields, &HI.replace("openai/gpt-4o-mini", model));
    let edits = call.upstream.as_ref().unwrap();
    let removed = fields
        .iter()
        .filter(|(name, _)| edits.contains(&Edit::Remove((*name).to_owned().into())));
    removed.map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn keys_of_other_providers_stay_behind() {
    let fields = [
        ("authorization", "Bearer sk-openai"),
        ("x-api-key", "sk-ant-other"),
        ("x-goog-api-key", "other"),
    ];
    for (model, own) in [
        ("openai/gpt-5", ""),
        ("custom-own/m", ""),
        ("anthropic/claude", "x-api-key"),
        ("google-ai-studio/gemini", "x-goog-api-key"),
    ] {
        // Beside `authorization` no other key is the provider's.
        assert_eq!(
            withheld("my-gateway", model, &fields),
            ["x-api-key", "x-goog-api-key"],
            "{model}"
        );
        // One that comes alone is its own provider's.
        for (name, value) in &fields[1..] {
            let gone = withheld("my-gateway", model, &[(name, value)]);
            assert_eq!(gone.is_empty(), *name == own, "{name} for {model}");
        }
    }
}

#[test]
fn what_admits_the_call_is_no_key_for_its_provider() {
    let fields = [
        ("authorization", "Bearer demo-token"),
        ("x-api-key", "sk-ant-own"),
    ];
    assert_eq!(
        withheld("locked", "anthropic/claude", &fields),
        ["authorization"]
    );
    assert_eq!(
        withheld("locked", "openai/gpt-5", &fields),
        ["authorization", "x-api-key"]
    );
}

#[test]
fn what_vouches_for_the_body_that_was_stays_behind() {
    let fields = [
        ("content-digest", "sha-256=:AAAA:"),
        ("content-md5", "AAAA"),
        ("digest", "sha-256=AAAA"),
        ("repr-digest", "sha-256=:AAAA:"),
        ("signature", "sig1=:AAAA:"),
        ("signature-input", "sig1=(\"content-digest\")"),
        ("x-amz-content-sha256", "AAAA"),
    ];
    let gone = withheld("my-gateway", "openai/gpt-5", &fields);
    assert_eq!(gone.len(), fields.len(), "{gone:?}");
}
