//! Where unified calls go, and which models they can name.

use super::*;

#[test]
fn the_places_of_unified_calls_are_checked() {
    let with_places =
        |fields: Value| faults(with(json!({"providers": [fields]})).to_string().as_bytes());
    let config = good(&with(json!({"providers": [
        {"slug": "google-vertex-ai", "project": "my-project", "region": "europe-west4"},
        {"slug": "azure-openai", "resource": "mine"},
        {"slug": "aws-bedrock", "region": "eu-central-1"},
    ]})));
    assert_eq!(
        config
            .override_of("azure-openai")
            .unwrap()
            .location()
            .resource,
        Some("mine")
    );
    for (fields, wanted) in [
        (
            json!({"slug": "openai", "region": "eu"}),
            "providers[0].region: means nothing here: it is for aws-bedrock and google-vertex-ai",
        ),
        (
            json!({"slug": "aws-bedrock", "region": "eu"}),
            "providers[0].region: is not one that aws-bedrock can have: write it as its console does",
        ),
        (
            json!({"slug": "azure-openai", "resource": "a.b"}),
            "providers[0].resource: is not one that azure-openai can have: write it as its console does",
        ),
        (
            json!({"slug": "google-vertex-ai", "project": "A/B"}),
            "providers[0].project: must be 1 to 64 of a-z, 0-9, -, . and :",
        ),
        (
            json!({"slug": "google-vertex-ai", "project": "p", "region": "x"}),
            "providers[0].region: is not one that google-vertex-ai can have: write it as its console does",
        ),
    ] {
        assert_eq!(with_places(fields), [wanted]);
    }
}

#[test]
fn the_list_names_what_can_be_called_as_it_is_spelled_and_nothing_else() {
    let mut own = model("a", Some("b"));
    own["properties"] = json!({"provider": "custom-neon", "model": "Routed"});
    let mut config = route([own, model("b", None)]);
    config["custom_providers"] = json!([{"slug": "neon", "base_url": "https://ai.example.com"}]);
    config["prices"] = json!({
        "custom-neon": [{"id": "Small", "match": ["smalls-*"], "free": true}],
        "perplexity-ai": [{"id": "sonar-own", "free": true}, {"id": "Sonar", "free": true}],
        "azure-openai": [{"id": "mine", "free": true}],
        "elevenlabs": [{"id": "voice", "free": true}],
    });
    let config = good(&config);
    let all = config.models("my-gateway", None).unwrap();
    let ids: Vec<_> = all.keys().map(String::as_str).collect();
    assert_eq!(
        ids,
        [
            "custom-neon/Routed",
            "custom-neon/Small",
            "dynamic/r",
            "openai/gpt-5",
            "perplexity/Sonar",
            "perplexity/sonar-own"
        ]
    );
    assert_eq!(all["perplexity/sonar-own"], "perplexity-ai");

    let neon = config.models("my-gateway", Some("custom-neon")).unwrap();
    let neon: Vec<_> = neon.keys().map(String::as_str).collect();
    assert_eq!(neon, ["custom-neon/Routed", "custom-neon/Small"]);

    let embedded = config.models("my-gateway", Some("perplexity")).unwrap();
    assert!(
        embedded.len() > 1
            && embedded.contains_key("perplexity/sonar-own")
            && embedded.contains_key("perplexity/Sonar")
            && !embedded.contains_key("perplexity/sonar")
            && embedded.contains_key("perplexity/sonar-pro")
    );
    assert!(
        embedded
            .keys()
            .all(|id| id.starts_with("perplexity/") && !id.contains('*'))
    );
    assert!(
        config
            .models("my-gateway", Some("openai"))
            .unwrap()
            .contains_key("openai/gpt-5")
    );
    assert!(
        config
            .models("my-gateway", Some("azure-openai"))
            .unwrap()
            .is_empty()
    );
    for unknown in ["none", "dynamic", ""] {
        assert!(
            config.models("my-gateway", Some(unknown)).is_err(),
            "{unknown}"
        );
    }
}
