//! Datasets: records by the filters that they meet, all of which must hold (contract §10.3).

use serde_json::{Map, Value, json};

use super::store::{self, Dataset};
use super::{Listed, MAX_BODY, new_id, read_name};
use crate::console::envelope::{self, Refusal, success};
use crate::console::log::{Scope, Wanted, read_json};
use crate::console::request::Request;
use crate::console::{Stop, body, gateway};
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::record::time::rfc3339;

/// Datasets of a gateway and account (contract §12).
const MAX_DATASETS: usize = 10;
/// Most filters of one.
const MAX_FILTERS: usize = 20;
/// The keys that a dataset may filter by: no metadata.
const KEYS: [&str; 13] = [
    "created_at",
    "request_content_type",
    "response_content_type",
    "success",
    "cached",
    "provider",
    "model",
    "cost",
    "tokens",
    "tokens_in",
    "tokens_out",
    "duration",
    "feedback",
];
/// And the operators.
const OPERATORS: [&str; 4] = ["eq", "contains", "lt", "gt"];

/// Answers `…/datasets…`: `rest` is what follows.
pub(in crate::console) async fn answer(
    cx: &Cx,
    request: &Request,
    scope: &Scope,
    rest: &[&str],
) -> Result<Reply, Stop> {
    let id = scope.gateway.as_deref().unwrap_or_default();
    let found = gateway::find(cx, scope.account.as_deref(), id)?;
    match (rest, request.method.as_str()) {
        ([], "GET") => list(cx, request, scope),
        ([], "POST") => {
            let written = Written::read(cx).await?;
            let made = written.made(cx, scope);
            store::update(cx, found, |state| {
                let own = state
                    .datasets
                    .iter()
                    .filter(|it| it.account == made.account);
                if own.count() >= MAX_DATASETS {
                    return Err(Refusal::full(format!(
                        "A gateway has at most {MAX_DATASETS} datasets: delete one"
                    )));
                }
                state.datasets.push(made.clone());
                Ok(())
            })?;
            Ok(success(&shown(&made, scope)))
        }
        ([], _) => Err(Refusal::method("GET, POST").into()),
        ([id], "GET") => {
            let state = store::read(cx, found)?;
            let place = store::find(&state.datasets, id, scope);
            let item = place.and_then(|place| state.datasets.get(place));
            Ok(success(&shown(item.ok_or_else(no_dataset)?, scope)))
        }
        ([id], "PUT") => {
            let written = Written::read(cx).await?;
            let modified_at = rfc3339(cx.now());
            let changed = store::update(cx, found, |state| {
                let place = store::find(&state.datasets, id, scope);
                let item = place.and_then(|place| state.datasets.get_mut(place));
                let item = item.ok_or_else(no_dataset)?;
                written.change(item, &modified_at);
                Ok(item.clone())
            })?;
            Ok(success(&shown(&changed, scope)))
        }
        ([id], "DELETE") => {
            let gone = store::update(cx, found, |state| {
                let place = store::find(&state.datasets, id, scope);
                Ok(state.datasets.remove(place.ok_or_else(no_dataset)?))
            })?;
            Ok(success(&shown(&gone, scope)))
        }
        ([_], _) => Err(Refusal::method("GET, PUT, DELETE").into()),
        _ => Err(Refusal::not_found("Path").into()),
    }
}

fn list(cx: &Cx, request: &Request, scope: &Scope) -> Result<Reply, Stop> {
    let id = scope.gateway.as_deref().unwrap_or_default();
    let state = store::read(cx, gateway::find(cx, scope.account.as_deref(), id)?)?;
    let (listed, enable) = (Listed::read(&request.query)?, request.query.flag("enable")?);
    let is_wanted = |it: &&Dataset| {
        let filters = json!(it.filters).to_string().to_lowercase();
        let is_found = listed.takes(&it.id, &it.name)
            || (listed.name.is_none() && filters.contains(&listed.search));
        store::is_seen(*it, scope) && is_found && enable.is_none_or(|enable| enable == it.enable)
    };
    let items = state.datasets.iter().filter(is_wanted);
    let items = items.map(|it| shown(it, scope)).collect();
    Ok(envelope::page_of(items, &request.query.page(20, 100)?))
}

fn no_dataset() -> Refusal {
    Refusal::not_found("Dataset")
}

/// What a client wrote.
struct Written {
    name: String,
    enable: bool,
    filters: Vec<Value>,
}

impl Written {
    async fn read(cx: &Cx) -> Result<Self, Stop> {
        let body = body::read_object(cx, MAX_BODY).await?;
        let enable = match body.get("enable") {
            None => true,
            Some(Value::Bool(enable)) => *enable,
            Some(_) => {
                return Err(
                    Refusal::invalid("body", "enable", "enable must be true or false").into(),
                );
            }
        };
        Ok(Self {
            name: read_name(&body)?,
            enable,
            filters: read_filters(&body)?,
        })
    }

    fn made(self, cx: &Cx, scope: &Scope) -> Dataset {
        let now = rfc3339(cx.now());
        Dataset {
            id: new_id(cx),
            account: scope.account.clone(),
            name: self.name,
            enable: self.enable,
            filters: self.filters,
            created_at: now.clone(),
            modified_at: now,
        }
    }

    fn change(&self, item: &mut Dataset, modified_at: &str) {
        item.name.clone_from(&self.name);
        item.enable = self.enable;
        item.filters.clone_from(&self.filters);
        modified_at.clone_into(&mut item.modified_at);
    }
}

fn read_filters(body: &Map<String, Value>) -> Result<Vec<Value>, Refusal> {
    let invalid = |message: String| Refusal::invalid("body", "filters", message);
    let filters = match body.get("filters") {
        Some(Value::Array(filters)) if filters.len() <= MAX_FILTERS => filters.clone(),
        _ => {
            return Err(invalid(format!(
                "filters must be a list of at most {MAX_FILTERS} filters"
            )));
        }
    };
    for filter in &filters {
        let is_one_of = |field: &str, words: &[&str]| {
            let word = filter.get(field).and_then(Value::as_str);
            word.is_some_and(|word| words.contains(&word))
        };
        if !is_one_of("key", &KEYS) {
            return Err(invalid(format!(
                "filters: the key of a dataset's filter must be one of {}",
                KEYS.join(", ")
            )));
        }
        if !is_one_of("operator", &OPERATORS) {
            return Err(invalid(format!(
                "filters: the operator must be one of {}",
                OPERATORS.join(", ")
            )));
        }
    }
    wanted(&filters)?;
    Ok(filters)
}

/// The filters of a dataset, ready for use.
pub(super) fn wanted(filters: &[Value]) -> Result<Wanted, Refusal> {
    Wanted::of(read_json(Value::Array(filters.to_vec()), "body")?, "body")
}

pub(super) fn shown(it: &Dataset, scope: &Scope) -> Value {
    let account = it.account.as_deref().unwrap_or("_");
    json!({
        "id": it.id,
        "account_id": account,
        "account_tag": account,
        "gateway_id": scope.gateway,
        "name": it.name,
        "enable": it.enable,
        "filters": it.filters,
        "created_at": it.created_at,
        "modified_at": it.modified_at,
    })
}
