//! What holds for any input.

use proptest::prelude::*;

use super::super::path::MAX_TARGET;
use super::super::{Site, UpstreamCall, all, find};
use super::{call, custom};

/// Paths that come close to what a rule looks for, and noise.
fn paths() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("v1".to_owned()),
        Just("openai".to_owned()),
        Just("deployments".to_owned()),
        Just("model".to_owned()),
        Just("models".to_owned()),
        Just("projects".to_owned()),
        Just("locations".to_owned()),
        Just("run".to_owned()),
        Just("us-east-1".to_owned()),
        Just("us-central1".to_owned()),
        Just("bedrock-runtime".to_owned()),
        Just("bedrock-mantle".to_owned()),
        "[a-z0-9]{1,6}",
        "[a-zA-Z0-9.%@:;_-]{0,12}",
        "(%(2[eEfF5]|5[cC]|00|0[dD])|[.a/]){1,6}",
        any::<String>(),
    ];
    proptest::collection::vec(part, 0..7).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_call_never_leaves_its_provider(
        at in 0..all().len(),
        account in prop_oneof!["[a-z0-9]{1,8}", any::<String>()],
        path in paths(),
        query in proptest::option::of(prop_oneof!["[a-z=&%2F]{0,20}", "model=[@%a-z/.2]{0,20}", any::<String>()]),
        url in proptest::option::of(prop_oneof![
            "https://([a-z]{0,3}[.@:/]){0,2}fal\\.(run|ai)(:[0-9]{1,5})?[a-z.@]{0,3}(/[a-z.%2]{0,4}){0,3}"
                .prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..40),
        ]),
    ) {
        let provider = &all()[at];
        let call = UpstreamCall {
            account: &account,
            path: &path,
            query: query.as_deref(),
            fal_target_url: url.as_deref(),
        };
        let Ok(upstream) = provider.upstream(&call) else { return Ok(()) };
        let own = match provider.site {
            Site::Fixed(host) => upstream.host == host,
            Site::Chosen(domains) => domains.iter().any(|domain| {
                upstream.host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
        };
        prop_assert!(own, "{} {}", provider.slug, upstream.host);
        prop_assert!(upstream.host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte)));
        prop_assert!(upstream.path.starts_with(provider.base), "{} {}", provider.slug, upstream.path);
        if provider.slug == "workers-ai" {
            let base = format!("/client/v4/accounts/{account}/ai/");
            prop_assert!(upstream.path.starts_with(&base) && !account.contains('/'));
        }
        prop_assert!(upstream.path.len() <= MAX_TARGET);
        let sent = upstream.path.split('?').next().unwrap();
        prop_assert!(sent.bytes().all(|byte| (0x21..0x7F).contains(&byte) && !b"\\#".contains(&byte)), "{}", sent);
        // To the name of an app, and to what follows a region or a model with a host of its own, the gateway adds nothing: it
        // goes as it was written.
        let is_verbatim = ["aws-bedrock", "fal"].contains(&provider.slug) || upstream.host.ends_with(".api.baseten.co");
        prop_assert!(!sent.contains("//") && (is_verbatim || !sent.starts_with("/v1/v1/")), "{}", sent);
        let whole = format!("https://{}{sent}", upstream.host);
        prop_assert!(!whole.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").contains("/../"), "{}", whole);
    }

    #[test]
    fn a_custom_call_never_leaves_its_base(path in paths(), query in proptest::option::of(any::<String>())) {
        let base = custom("https://h.example:8443/a/v1");
        if let Ok(upstream) = base.upstream(&call(&path, query.as_deref())) {
            prop_assert_eq!(&*upstream.host, "h.example:8443");
            prop_assert!(upstream.path.starts_with("/a/v1/") && !upstream.path.starts_with("/a/v1/v1/"));
        }
    }

    #[test]
    fn a_signed_path_reaches_bedrock_byte_for_byte(model in "[a-z]{1,9}([.:-][a-z0-9]{1,5}|%3A[a-z0-9]{1,5}|%2F[a-z0-9]{1,5}){0,6}") {
        let path = format!("bedrock-runtime/us-east-1/model/{model}/converse");
        let upstream = find("aws-bedrock").unwrap().upstream(&call(&path, None)).unwrap();
        prop_assert_eq!(upstream.path, format!("/model/{model}/converse"));
        prop_assert_eq!(upstream.model.unwrap(), model.replace("%3A", ":").replace("%2F", "/"));
    }
}
