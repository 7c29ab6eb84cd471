//! The operator's own providers (contract §1.7), as far as the configuration keeps of them.

use serde_json::{Value, json};

use super::envelope::{self, Refusal, success};
use super::gateway::UNKNOWN_TIME;
use super::request::Request;
use crate::config::CustomProvider;
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;

/// Answers `…/custom-providers…`: `rest` is what follows.
pub(super) fn answer(cx: &Cx, request: &Request, rest: &[&str]) -> Result<Reply, Refusal> {
    let config = &cx.worker.config;
    if request.method != "GET" {
        let place = "Custom providers are configured, not written here: change `custom_providers` in the filter's configuration";
        return Err(Refusal::read_only("GET", place));
    }
    match rest {
        [] => {
            let (query, page) = (&request.query, request.query.page(20, 100)?);
            let search = query.text("search").unwrap_or_default().to_lowercase();
            // Only those that are enabled are kept, and none is beta.
            let none = query.flag("enable")? == Some(false) || query.flag("beta")? == Some(true);
            let found = config
                .custom_providers()
                .filter(|it| !none && it.slug.contains(&search));
            Ok(envelope::page_of(found.map(shown).collect(), &page))
        }
        [id] => {
            let found = config
                .custom_provider(id)
                .ok_or_else(Refusal::no_custom_provider)?;
            Ok(success(&shown(found)))
        }
        _ => Err(Refusal::not_found("Path")),
    }
}

fn shown(provider: &CustomProvider) -> Value {
    json!({
        "id": provider.slug,
        "name": provider.slug,
        "slug": provider.slug,
        "base_url": provider.upstream.text(),
        "enable": true,
        "beta": false,
        "description": null,
        "link": null,
        "logo": null,
        "headers": null,
        "curl_example": null,
        "js_example": null,
        "position": null,
        "created_at": UNKNOWN_TIME,
        "modified_at": UNKNOWN_TIME,
    })
}
