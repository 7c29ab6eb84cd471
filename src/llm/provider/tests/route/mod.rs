//! Every spelling that clients are known to use.

mod cloud;
mod other;

use super::route;
use crate::llm::provider::{all, find, path};

/// Slug, gateway path, URL that is called, endpoint, model.
type Route = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

fn routes() -> impl Iterator<Item = &'static Route> {
    cloud::ROUTES.iter().chain(other::ROUTES)
}

#[test]
fn every_known_spelling_reaches_the_providers_own_path() {
    for (slug, target, url, endpoint, model) in routes() {
        let upstream = route(slug, target).unwrap();
        assert_eq!(
            format!("{}{}", upstream.host, upstream.path),
            *url,
            "{slug}/{target}"
        );
        assert_eq!(upstream.endpoint, *endpoint, "{slug}/{target}");
        assert_eq!(
            upstream.model.as_deref().unwrap_or_default(),
            *model,
            "{slug}/{target}"
        );
    }
}

#[test]
fn every_provider_has_a_route_in_the_list_above_and_a_row_in_order() {
    assert!(all().is_sorted_by(|a, b| a.slug < b.slug));
    for provider in all() {
        assert!(
            routes().any(|(slug, ..)| *slug == provider.slug),
            "{}",
            provider.slug
        );
        assert!(
            path::is_id(provider.slug)
                && provider.base.starts_with('/')
                && provider.base.ends_with('/')
        );
    }
    assert!(find("compat").is_none() && find("custom-neon").is_none() && find("OpenAI").is_none());
}

#[test]
fn two_spellings_of_one_path_have_one_endpoint() {
    let plain = route("openai", "chat/completions").unwrap();
    let odd = route("openai", "v1/ch%61t/completions/").unwrap();
    assert_eq!(odd.endpoint, plain.endpoint);
    assert_eq!(
        odd.path, "/v1/ch%61t/completions/",
        "what is sent stays as it was written"
    );
    let lower = route(
        "aws-bedrock",
        "bedrock-runtime/us-east-1/model/a%2fb/converse",
    )
    .unwrap();
    let upper = route(
        "aws-bedrock",
        "bedrock-runtime/us-east-1/model/a%2Fb/converse",
    )
    .unwrap();
    assert_eq!(lower.endpoint, upper.endpoint);
}
