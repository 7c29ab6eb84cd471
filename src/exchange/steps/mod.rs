//! The body of the universal endpoint: a list of steps, or one step alone as the Worker binding sends it (contract §1.2).
//!
//! Everything is judged before the first step is sent, with the place of the first fault. Members that nobody knows are
//! ignored, `null` is the same as absent (but for `query`), the last of two members of one name counts, as in
//! JavaScript. Invariant: a [`Step`] in hand can be sent: its path and header fields are well-formed, and its body is the
//! client's own text, byte for byte.

mod head;
mod json;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use serde_json::value::RawValue;

use self::json::{Items, Members};
use crate::http::header::HeaderList;
use crate::http::reject::BodyFault;
use crate::llm::provider::path;
use crate::policy::retry::{self, MAX_ATTEMPTS, MAX_DELAY_MS, MAX_TIMEOUT_MS, Wishes};

/// Most steps of a call; the contract names no number.
pub const MAX_STEPS: usize = 16;

/// One provider to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// Where it stands in the body: `[1]`; empty when it is the body.
    pub place: String,
    /// The provider's slug, known or not; also `compat` and `custom-{slug}`.
    pub provider: String,
    /// The path of `endpoint` without its query and without a slash before it, in whichever spelling.
    pub path: String,
    /// The query of `endpoint`, without its `?`.
    pub query: Option<String>,
    /// The step's own header fields in their order, names in lower case; `cf-aig-*` among them.
    pub headers: HeaderList,
    /// What `config` says about retries.
    pub config: Wishes,
    /// The text of `query`: the provider's request body.
    pub body: &'a [u8],
}

/// Reads the steps. The fault names its place: `[2].query: missing`.
pub fn read(body: &[u8]) -> Result<Vec<Step<'_>>, BodyFault> {
    match body.trim_ascii_start().first() {
        Some(b'[') => {}
        Some(b'{') => {
            let step: &RawValue = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
            return Ok(vec![read_step(step, "")?]);
        }
        Some(_) => return Err(fault("body", "must be a list of steps")),
        None => return Err(fault("body", "is empty")),
    }
    let Items(items) = serde_json::from_slice(body).map_err(|error| syntax(&error))?;
    if items.is_empty() {
        return Err(fault("body", "has no steps"));
    }
    if items.len() > MAX_STEPS {
        return Err(fault("body", format!("has more than {MAX_STEPS} steps")));
    }
    let steps = items.into_iter().enumerate();
    steps
        .map(|(index, step)| read_step(step, &format!("[{index}]")))
        .collect()
}

fn read_step<'a>(step: &'a RawValue, place: &str) -> Result<Step<'a>, BodyFault> {
    let members = Members::read(step, if place.is_empty() { "body" } else { place })?;
    let at = |name: &str| join(place, name);
    let text = |name| required(members.text(name, &at(name))?, &at(name));
    let (provider, endpoint) = (text("provider")?, text("endpoint")?);
    if !path::is_id(&provider) {
        return Err(fault(at("provider"), "is not the name of a provider"));
    }
    let (path, query) = endpoint.split_once('?').map_or_else(
        || (endpoint.as_str(), None),
        |(path, query)| (path, Some(query)),
    );
    let path = path.strip_prefix('/').unwrap_or(path);
    let checked = path::check(path).and_then(|()| query.map_or(Ok(()), path::check_query));
    checked.map_err(|error| fault(at("endpoint"), error.what()))?;
    let mut fields = members.object("headers", &at("headers"))?.map_or_else(
        || Ok(Vec::new()),
        |headers| head::fields(&headers, &at("headers")),
    )?;
    // The older spelling gives way to the header (contract §1.2).
    let alias = members.text("authorization", &at("authorization"))?;
    if let Some(alias) = alias.filter(|_| fields.iter().all(|(name, _)| name != "authorization")) {
        fields.push((
            "authorization".into(),
            head::value(&alias, &at("authorization"))?,
        ));
    }
    let config = members.object("config", &at("config"))?;
    let config = config
        .map(|config| wishes(&config, &at("config")))
        .transpose()?;
    let body = required(members.last("query"), &at("query"))?;
    Ok(Step {
        place: place.to_owned(),
        path: path.to_owned(),
        query: query.map(str::to_owned),
        provider,
        headers: HeaderList::new(fields),
        config: config.unwrap_or_default(),
        body: body.get().as_bytes(),
    })
}

fn wishes(config: &Members<'_>, place: &str) -> Result<Wishes, BodyFault> {
    let at = |name: &str| join(place, name);
    let backoff = config.text("backoff", &at("backoff"))?;
    let backoff = backoff.map(|word| {
        let wanted = "must be constant, linear or exponential";
        retry::backoff(&word).ok_or_else(|| fault(at("backoff"), wanted))
    });
    Ok(Wishes {
        attempts: number(config, "maxAttempts", place, (1, MAX_ATTEMPTS))?,
        delay_ms: number(config, "retryDelay", place, (0, MAX_DELAY_MS))?,
        backoff: backoff.transpose()?,
        timeout_ms: number(config, "requestTimeout", place, (0, MAX_TIMEOUT_MS))?,
    })
}

fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    config: &Members<'_>,
    name: &str,
    place: &str,
    (min, max): (T, T),
) -> Result<Option<T>, BodyFault> {
    let Some(value) = config.given(name) else {
        return Ok(None);
    };
    let number = value.get().parse().ok();
    let number = number.filter(|number| min <= *number && *number <= max);
    let wanted = || format!("must be a whole number from {min} to {max}");
    number
        .map(Some)
        .ok_or_else(|| fault(join(place, name), wanted()))
}

fn required<T>(value: Option<T>, place: &str) -> Result<T, BodyFault> {
    value.ok_or_else(|| fault(place, "missing"))
}

/// Where the syntax breaks, without any of the text.
fn syntax(error: &serde_json::Error) -> BodyFault {
    let (line, column) = (error.line(), error.column());
    fault("body", format!("is not JSON: line {line}, column {column}"))
}

fn fault(place: impl Into<String>, what: impl Into<String>) -> BodyFault {
    BodyFault {
        place: place.into(),
        what: what.into(),
    }
}

/// The place of a member of what stands at that place.
pub fn join(place: &str, name: &str) -> String {
    let dot = if place.is_empty() { "" } else { "." };
    [place, dot, name].concat()
}
