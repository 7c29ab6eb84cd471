//! The providers whose host or base path the call itself chooses.
//!
//! Invariant: a part of a path that becomes part of a host or of a base path has passed an alphabet without dot, slash
//! and percent sign and a length limit, so it can name a region, a resource, a model, but no other host.

use std::borrow::Cow;

use super::custom::Https;
use super::place::{Place, VERSION, collapse};
use super::{BadTarget, UpstreamCall, alphabet, path};

/// `{resource}/{deployment}/{path}`; also the provider's own `{resource}/openai/…` and `{resource}/v1/…`.
pub(super) fn azure<'a>(call: &UpstreamCall<'a>) -> Result<Place<'a>, BadTarget> {
    const FORM: BadTarget = BadTarget::Shape("the path must be {resource}/{deployment}/{path}");
    let (resource, rest) = call.path.split_once('/').ok_or(FORM)?;
    if !alphabet::is_label(resource) {
        return Err(BadTarget::Resource);
    }
    let own = rest.strip_prefix("openai/");
    let rest = collapse(own.unwrap_or(rest), &[]);
    let (lead, deployment) = match rest.strip_prefix("deployments/") {
        Some(deployment) => ("", Some(deployment)),
        None if own.is_some() || rest.starts_with(VERSION) => ("", None),
        None => ("deployments/", Some(rest)),
    };
    if let Some(deployment) = deployment {
        let (name, _) = deployment.split_once('/').ok_or(FORM)?;
        if !alphabet::is_name(name) {
            return Err(BadTarget::Deployment);
        }
    }
    Ok(Place::new(
        call,
        format!("{resource}.openai.azure.com"),
        "/openai/",
        lead,
        rest,
    ))
}

/// `v1/{path}` of the model APIs; `model/{id}` and `model/{id}/{path}` of a dedicated model, which has its own host.
pub(super) fn baseten<'a>(call: &UpstreamCall<'a>) -> Result<Place<'a>, BadTarget> {
    let Some(rest) = call.path.strip_prefix("model/") else {
        let rest = collapse(call.path, &[VERSION]);
        return Ok(Place::new(call, "inference.baseten.co", "/", VERSION, rest));
    };
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    if !alphabet::is_model_id(id) {
        return Err(BadTarget::Model);
    }
    let rest = if rest.is_empty() {
        "production/predict"
    } else {
        rest
    };
    let host = format!("model-{id}.api.baseten.co");
    Ok(Place {
        model: Some(id),
        ..Place::new(call, host, "/", "", rest)
    })
}

/// `bedrock-runtime/{region}/{path}` and `bedrock-mantle/{region}/{path}`: a signature may cover the path, so nothing
/// is collapsed.
pub(super) fn bedrock<'a>(call: &UpstreamCall<'a>) -> Result<Place<'a>, BadTarget> {
    const FORM: BadTarget = BadTarget::Shape(
        "the path must be bedrock-runtime/{region}/{path} or bedrock-mantle/{region}/{path}",
    );
    let (service, rest) = call.path.split_once('/').ok_or(FORM)?;
    let (region, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let domain = match service {
        "bedrock-mantle" => "api.aws",
        "bedrock-runtime" => "amazonaws.com",
        _ => return Err(FORM),
    };
    if !alphabet::is_aws_region(region) {
        return Err(BadTarget::Region);
    }
    let host = format!("{service}.{region}.{domain}");
    Ok(Place::new(call, host, "/", "", rest))
}

/// `{app}` at `fal.run`, or whatever URL of fal's own hosts `x-fal-target-url` names.
pub(super) fn fal<'a>(call: &UpstreamCall<'a>) -> Result<Place<'a>, BadTarget> {
    let Some(url) = call.fal_target_url else {
        return Ok(Place {
            model: app(call.path),
            ..Place::new(call, "fal.run", "/", "", call.path)
        });
    };
    let text = std::str::from_utf8(url).ok().ok_or(BadTarget::TargetUrl)?;
    let url = Https::parse(text)
        .ok()
        .filter(|url| url.port.is_none() && is_fal(&url.host))
        .ok_or(BadTarget::TargetUrl)?;
    path::check(url.path)?;
    url.query.map_or(Ok(()), path::check_query)?;
    let model = if url.host.ends_with("fal.run") {
        app(url.path)
    } else {
        None
    };
    Ok(Place {
        model,
        query: url.query.map(Cow::Borrowed),
        ..Place::new(call, url.host, "/", "", url.path)
    })
}

/// Gemini Live: `google?api_key=…` is the one socket of the service, which calls the parameter `key`.
pub(super) fn google_live<'a>(call: &UpstreamCall<'a>) -> Place<'a> {
    const SOCKET: &str =
        "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
    let rest = collapse(call.path, &["ws/"]);
    let rest = if rest.is_empty() { SOCKET } else { rest };
    let query =
        call.query.map(
            |query| match query.split('&').any(|pair| pair.starts_with("api_key=")) {
                false => Cow::Borrowed(query),
                true => {
                    let pairs = query
                        .split('&')
                        .map(|pair| match pair.strip_prefix("api_key=") {
                            Some(key) => format!("key={key}"),
                            None => pair.to_owned(),
                        });
                    Cow::Owned(pairs.collect::<Vec<_>>().join("&"))
                }
            },
        );
    Place {
        query,
        ..Place::new(call, "generativelanguage.googleapis.com", "/ws/", "", rest)
    }
}

/// `{org}/{model}` of the inference API, and the router's own paths (`v1/…`, `{partner}/v1/…`, `hf-inference/…`). The
/// host that the contract names for the first answers 410 since 2026; the router serves it below `hf-inference/`.
pub(super) fn hugging_face<'a>(call: &UpstreamCall<'a>) -> Place<'a> {
    let rest = collapse(call.path, &[]);
    let mut segments = rest.split('/');
    let (first, second) = (
        segments.next().unwrap_or_default(),
        segments.next().unwrap_or_default(),
    );
    let lead = match (first, second) {
        ("v1" | "hf-inference", _) | (_, "v1") => "",
        ("chat", "completions") | ("embeddings" | "responses", "") => VERSION,
        ("models", _) => "hf-inference/",
        _ => "hf-inference/models/",
    };
    Place::new(call, "router.huggingface.co", "/", lead, rest)
}

/// `v1/projects/{p}/locations/{region}/…`: the region names the host. Paths without one go to the global host.
pub(super) fn vertex<'a>(call: &UpstreamCall<'a>) -> Result<Place<'a>, BadTarget> {
    let rest = collapse(call.path, &[]);
    let lead = if rest.starts_with("projects/") || rest.starts_with("publishers/") {
        VERSION
    } else {
        ""
    };
    let below = if lead.is_empty() {
        rest.split_once('/').map_or("", |(_, below)| below)
    } else {
        rest
    };
    let mut region = "global";
    if let Some(below) = below.strip_prefix("projects/") {
        let mut segments = below.split('/');
        let project = segments.next().unwrap_or_default();
        if !alphabet::is_project(project) {
            return Err(BadTarget::Project);
        }
        if segments.next() == Some("locations") {
            region = segments.next().unwrap_or_default();
        }
    }
    let host = match region {
        "global" => Cow::Borrowed("aiplatform.googleapis.com"),
        "us" => Cow::Borrowed("aiplatform.us.rep.googleapis.com"),
        "eu" => Cow::Borrowed("aiplatform.eu.rep.googleapis.com"),
        region if alphabet::is_google_region(region) => {
            Cow::Owned(format!("{region}-aiplatform.googleapis.com"))
        }
        _ => return Err(BadTarget::Region),
    };
    Ok(Place::new(call, host, "/", lead, rest))
}

/// `{model}` or `run/{model}`, and `v1/{path}`; a realtime socket names its model in the query (contract §1.6).
pub(super) fn workers_ai<'a>(call: &UpstreamCall<'a>) -> Result<Place<'a>, BadTarget> {
    if !path::is_id(call.account) {
        return Err(BadTarget::Account);
    }
    let path = collapse(
        call.path.strip_prefix("ai/").unwrap_or(call.path),
        &["run/"],
    );
    let model = if path.is_empty() {
        call.query.and_then(|query| path::parameter(query, "model"))
    } else {
        None
    };
    let rest = match model {
        // It was decoded: what is no plain model name must not become a path.
        Some(model)
            if model.bytes().all(alphabet::is_model_byte) && path::check(&model).is_ok() =>
        {
            Cow::Owned(model)
        }
        Some(_) => return Err(BadTarget::Model),
        None => Cow::Borrowed(path),
    };
    let lead = match &*rest {
        "" | "run" => "",
        rest if rest.starts_with(VERSION) => "",
        _ => "run/",
    };
    let rest = if rest.is_empty() {
        Cow::Borrowed("run")
    } else {
        rest
    };
    let mount = format!("/client/v4/accounts/{}/ai/", call.account);
    Ok(Place::new(call, "api.cloudflare.com", mount, lead, rest))
}

/// The model of a fal path: the app, without the request that a queue path goes on to name.
fn app(path: &str) -> Option<&str> {
    path.split("/requests/")
        .next()
        .filter(|app| !app.is_empty())
}

fn is_fal(host: &str) -> bool {
    host == "fal.run" || host.ends_with(".fal.run") || host.ends_with(".fal.ai")
}
