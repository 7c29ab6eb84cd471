//! Promises about where calls go, and where they never go.

mod attack;
mod custom;
mod fal_target;
mod property;
mod route;

use super::*;

fn call<'a>(path: &'a str, query: Option<&'a str>) -> UpstreamCall<'a> {
    UpstreamCall {
        account: "0123",
        path,
        query,
        fal_target_url: None,
    }
}

fn route(slug: &str, target: &str) -> Result<Upstream, BadTarget> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    find(slug).unwrap().upstream(&call(path, query))
}

fn fal(url: &str) -> Result<Upstream, BadTarget> {
    let call = UpstreamCall {
        fal_target_url: Some(url.as_bytes()),
        ..call("fal-ai/ignored", Some("ignored=1"))
    };
    find("fal").unwrap().upstream(&call)
}

fn custom(base: &str) -> BaseUrl {
    BaseUrl::parse(base).unwrap()
}

#[test]
fn credential_names_are_in_lower_case_and_in_order() {
    for names in [CREDENTIAL_HEADERS, CREDENTIAL_PARAMETERS] {
        assert!(names.is_sorted_by(|a, b| a < b));
        assert!(names.iter().all(|name| name.to_ascii_lowercase() == *name));
    }
}
