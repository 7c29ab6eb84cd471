//! Issue: a call without a credential is sent with the operator's stored key, where its provider looks for one; whoever
//! brings a credential is sent with that; and nobody but that provider ever sees the key.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Builder, Call, Case, Gateway, Lease, Seen, Shared, sample};

/// What every stored key begins with.
pub(crate) const STORED: &str = "sk-stored-";
/// What a client brings of its own.
pub(crate) const OWN: &str = "sk-own";
/// The gateway's credential at `locked`.
const CREDENTIAL: &str = "first-credential";

static GATEWAY: Shared = Shared::new(start);

fn start() -> Gateway {
    // SHA-256 of `first-credential`.
    let sha256 = "e1df97a3f4843580946a3bcc301f52b216eda97a07dbcdd3b94891f952d0ece1";
    let key = |name: &str| json!({"environment_variable": name});
    let named = |name: &str| json!({"environment_variable": name, "alias": name, "weight": 0});
    let mut far = named("far");
    (far["cluster"], far["host"]) = (json!("groq"), json!("eu.test:8443"));
    let mut of_team = named("team");
    (of_team["gateway_id"], of_team["weight"]) = (json!("team"), json!(1));
    let custom = |slug: &str| json!({"slug": slug, "base_url": format!("https://{slug}.test"), "cluster": "outside", "keys": [key(slug)]});
    let (mut house, mut word) = (custom("house"), custom("word"));
    house["key_header"] = json!("x-house-key");
    word["key_scheme"] = json!("Token");
    let config = json!({
        "attempt_cluster": "sluice-attempts",
        "gateways": [
            {"id": "open"}, {"id": "team"}, {"id": "cached", "cache_ttl": 300},
            {"id": "telling", "collect_log_payload": true},
            {"id": "locked", "authentication": true, "credentials": [{"name": "first", "sha256": sha256}]}
        ],
        "custom_providers": [house, word],
        "providers": [
            {"slug": "openai", "keys": [key("openai"), named("spare"), far, of_team]},
            {"slug": "anthropic", "keys": [key("anthropic")]},
            {"slug": "google-ai-studio", "keys": [key("google")]}
        ]
    });
    let names = "openai spare far team anthropic google house word";
    let set = |builder: Builder, name| builder.environment(name, &format!("{STORED}{name}"));
    let builder = crate::gateway().config(&config);
    names.split(' ').fold(builder, set).start()
}

pub(crate) fn gateway() -> Lease {
    GATEWAY.lease()
}

/// A call without a credential; `path` is what follows the gateway.
pub(crate) fn ask(gateway: &Gateway, id: &str, path: &str, case: &Case) -> Call {
    let mut body = sample::ask("hi");
    let (path, model) = path.split_once(' ').unwrap_or((path, "m"));
    body["model"] = json!(model);
    let call = gateway.post(&format!("/v1/0123/{id}/{path}"));
    call.case(case).json(&body)
}

/// A step without a credential.
pub(crate) fn step(provider: &str, path: &str, case: &Case) -> Value {
    let mut step = sample::step(provider, case);
    let (path, model) = path.split_once(' ').unwrap_or((path, "m"));
    (step["endpoint"], step["query"]["model"]) = (json!(path), json!(model));
    let headers = step["headers"].as_object_mut().unwrap();
    headers.remove("Authorization");
    step
}

/// Everything that the provider saw, a line for each header field.
pub(crate) fn text(seen: &Seen) -> String {
    let line =
        |(name, value): &(String, Vec<u8>)| format!("{name}: {}\n", String::from_utf8_lossy(value));
    let head: String = seen.headers.iter().map(line).collect();
    format!(
        "{}\n{head}{}",
        seen.path,
        String::from_utf8_lossy(&seen.body)
    )
}

/// The only stored key in the request is in that header, which is there once.
pub(crate) fn assert_sent(seen: &Seen, header: &str, value: &str) {
    let (text, name) = (text(seen), format!("{header}: "));
    let lines = text
        .lines()
        .filter(|line| line.contains(STORED) || line.starts_with(&name));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines, [format!("{header}: {value}")], "{text}");
}

/// Provider, the rest of the path, at the unified endpoint the model, the header that the key goes into, and its value.
const PLACES: &str = "\
openai           chat/completions                 -                  authorization  Bearer sk-stored-openai
anthropic        v1/messages                      -                  x-api-key      sk-stored-anthropic
google-ai-studio v1beta/models/m:generateContent  -                  x-goog-api-key sk-stored-google
custom-house     chat                             -                  x-house-key    sk-stored-house
custom-word      chat                             -                  authorization  Token sk-stored-word
compat           chat/completions                 openai/m           authorization  Bearer sk-stored-openai
compat           chat/completions                 anthropic/m        authorization  Bearer sk-stored-anthropic
compat           v1/chat/completions              google-ai-studio/m authorization  Bearer sk-stored-google
compat           chat/completions                 custom-house/m     x-house-key    sk-stored-house
compat           chat/completions                 custom-word/m      authorization  Token sk-stored-word";

#[tokio::test]
async fn a_stored_key_goes_where_its_provider_looks_for_it() {
    let gateway = gateway();
    for row in PLACES.lines() {
        let columns: Vec<_> = row.split_whitespace().collect();
        let [provider, path, model, header, ref value @ ..] = columns[..] else {
            panic!("{row}")
        };
        let (path, value) = (format!("{path} {model}"), value.join(" "));
        for attempts in ["1", "2"] {
            let case = gateway.fake.case(sample::chat());
            let call = ask(&gateway, "open", &format!("{provider}/{path}"), &case)
                .header("cf-aig-event-id", case.id())
                .header("cf-aig-max-attempts", attempts);
            assert_eq!(call.complete().await.status, 200, "{row}");
            assert_sent(&case.only(), header, &value);
            let record = match attempts {
                "1" => gateway.record(&case).await,
                _ => gateway.steps(&case, 1).await.remove(0),
            };
            assert_eq!(record["byok"], true, "{record}");
        }
        let [case, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
        let call = gateway.universal("open", &event, &[step(provider, &path, &case)]);
        assert_eq!(call.complete().await.status, 200, "a step: {row}");
        assert_sent(&case.only(), header, &value);
        assert_eq!(gateway.steps(&event, 1).await[0]["byok"], true);
    }
}

#[tokio::test]
async fn a_step_never_sees_the_stored_key_of_another_one() {
    let gateway = gateway();
    let bad = || Answer::json(503, &json!({"error": {}}));
    let cases: Vec<_> = [bad(), bad(), bad(), sample::chat()]
        .map(|answer| gateway.fake.case(answer))
        .to_vec();
    let steps = [
        step("openai", "chat/completions", &cases[0]),
        step("groq", "chat/completions", &cases[1]),
        step("anthropic", "v1/messages", &cases[2]),
        step("custom-house", "chat", &cases[3]),
    ];
    let event = gateway.fake.case(sample::chat());
    let call = gateway.universal("open", &event, &steps);
    assert_eq!(call.complete().await.status, 200);
    assert_sent(&cases[0].only(), "authorization", "Bearer sk-stored-openai");
    assert_sent(&cases[2].only(), "x-api-key", "sk-stored-anthropic");
    assert_sent(&cases[3].only(), "x-house-key", "sk-stored-house");
    let keyless = text(&cases[1].only());
    assert!(
        !keyless.contains("authorization") && !keyless.contains(STORED),
        "{keyless}"
    );
    let records = gateway.steps(&event, 4).await;
    let stored: Vec<_> = records.iter().map(|record| &record["byok"]).collect();
    assert_eq!(stored, [true, false, true, true]);
}

/// Where a client's own credential may stand: the path and, at the unified endpoint, the model; and the header.
const OWNERS: &str = "\
openai/chat/completions                                    authorization
openai/chat/completions                                    api-key
anthropic/v1/messages                                      x-api-key
anthropic/v1/messages                                      authorization
google-ai-studio/v1beta/models/m:embedContent              x-goog-api-key
google-ai-studio/v1beta/models/m:embedContent?key=sk-own   -
custom-house/chat                                          x-house-key
compat/chat/completions openai/m                           authorization";

#[tokio::test]
async fn the_clients_own_credential_comes_before_a_stored_key() {
    let gateway = gateway();
    for row in OWNERS.lines() {
        let (path, header) = row.rsplit_once(' ').unwrap();
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, "open", path.trim_end(), &case);
        let mut call = call.header("cf-aig-byok-alias", "no-matter");
        if header != "-" {
            call = call.header(header, OWN);
        }
        assert_eq!(call.complete().await.status, 200, "{row}");
        let seen = case.only();
        assert!(!text(&seen).contains(STORED), "{}", text(&seen));
        assert!(header == "-" || seen.header(header).as_deref() == Some(OWN));
        assert_eq!(gateway.record(&case).await["byok"], false);
    }
    // What an SDK without a key sends is none.
    let case = gateway.fake.case(sample::chat());
    let call = ask(&gateway, "open", "openai/chat/completions", &case);
    assert_eq!(
        call.header("authorization", "Bearer")
            .complete()
            .await
            .status,
        200
    );
    assert_sent(&case.only(), "authorization", "Bearer sk-stored-openai");
}

#[tokio::test]
async fn the_gateways_credential_is_no_credential_for_the_provider() {
    let gateway = gateway();
    for header in ["cf-aig-authorization", "authorization", "x-api-key"] {
        let case = gateway.fake.case(sample::chat());
        let call = ask(&gateway, "locked", "openai/chat/completions", &case);
        let call = call.header(header, format!("Bearer {CREDENTIAL}"));
        assert_eq!(call.complete().await.status, 200, "{header}");
        assert_sent(&case.only(), "authorization", "Bearer sk-stored-openai");
        assert_eq!(case.only().header("x-api-key"), None);
        let [case, event] = [(); 2].map(|()| gateway.fake.case(sample::chat()));
        let steps = [step("openai", "chat/completions", &case)];
        let call = gateway.universal("locked", &event, &steps);
        let call = call.header(header, format!("Bearer {CREDENTIAL}"));
        assert_eq!(call.complete().await.status, 200, "{header}");
        assert_sent(&case.only(), "authorization", "Bearer sk-stored-openai");
    }
}
