//! Datasets, evaluators and evaluations (contract §10.3), over the records that the store still has.

mod compute;
mod dataset;
mod store;

use serde_json::{Map, Value, json};

use self::store::{Evaluation, Outcome};
use super::Stop;
use super::body;
use super::envelope::{self, Refusal, success};
use super::gateway::{self, UNKNOWN_TIME};
use super::log::Scope;
use super::request::{Query, Request};
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;
use crate::record::id::uuid_v7;
use crate::record::time::rfc3339;

pub(super) use dataset::answer as datasets;

/// Evaluations of a gateway and account that are kept; the oldest goes first.
const MAX_EVALUATIONS: usize = 20;
/// Longest body, in bytes.
const MAX_BODY: usize = 64 << 10;
/// Longest name, in characters.
const MAX_NAME: usize = 128;

/// The evaluators: id and type, name, what the result is.
const TYPES: [(&str, &str, &str); 3] = [
    ("cost", "Cost", "Average cost of a call, US dollars"),
    ("speed", "Speed", "Average duration of a call, milliseconds"),
    (
        "human_feedback",
        "Human feedback",
        "Share of the rated calls that were rated up, per cent",
    ),
];

/// `…/evaluation-types`.
pub(super) fn types(request: &Request) -> Result<Reply, Refusal> {
    if request.method != "GET" {
        return Err(Refusal::method("GET"));
    }
    let page = request.query.page(20, 100)?;
    let ascending = request
        .query
        .choice("order_by_direction", &[("asc", true), ("desc", false)])?;
    let mut types: Vec<_> = TYPES
        .iter()
        .map(|(id, name, description)| {
            json!({
                "id": id, "type": id, "name": name, "description": description, "enable": true, "mandatory": true,
                "created_at": UNKNOWN_TIME, "modified_at": UNKNOWN_TIME,
            })
        })
        .collect();
    if ascending == Some(false) {
        types.reverse();
    }
    Ok(envelope::page_of(types, &page))
}

/// Answers `…/evaluations…`: `rest` is what follows.
pub(super) async fn evaluations(
    cx: &Cx,
    request: &Request,
    scope: &Scope,
    rest: &[&str],
) -> Result<Reply, Stop> {
    let id = scope.gateway.as_deref().unwrap_or_default();
    let found = gateway::find(cx, scope.account.as_deref(), id)?;
    match (rest, request.method.as_str()) {
        ([], "GET") => {
            let state = store::read(cx, found)?;
            let seen = state.evaluations.iter();
            let seen = seen.filter(|it| store::is_seen(*it, scope));
            let listed = Listed::read(&request.query)?;
            let none = request.query.flag("processed")? == Some(false);
            let items = seen.filter(|it| !none && listed.takes(&it.id, &it.name));
            let items = items.map(|it| shown(it, scope)).collect();
            Ok(envelope::page_of(items, &request.query.page(20, 100)?))
        }
        ([], "POST") => create(cx, scope).await,
        ([], _) => Err(Refusal::method("GET, POST").into()),
        ([id], "GET") => {
            let state = store::read(cx, found)?;
            let place = store::find(&state.evaluations, id, scope);
            let item = place.and_then(|place| state.evaluations.get(place));
            let item = item.ok_or_else(no_evaluation)?;
            Ok(success(&shown(item, scope)))
        }
        ([id], "DELETE") => {
            let gone = store::update(cx, found, |state| {
                let place = store::find(&state.evaluations, id, scope);
                Ok(state.evaluations.remove(place.ok_or_else(no_evaluation)?))
            })?;
            Ok(success(&shown(&gone, scope)))
        }
        ([_], _) => Err(Refusal::method("GET, DELETE").into()),
        _ => Err(Refusal::not_found("Path").into()),
    }
}

fn no_evaluation() -> Refusal {
    Refusal::not_found("Evaluation")
}

async fn create(cx: &Cx, scope: &Scope) -> Result<Reply, Stop> {
    let body = body::read_object(cx, MAX_BODY).await?;
    let name = read_name(&body)?;
    let id = scope.gateway.as_deref().unwrap_or_default();
    let found = gateway::find(cx, scope.account.as_deref(), id)?;
    let known = store::read(cx, found)?.datasets;
    let datasets = read_ids(&body, "dataset_ids", |id| {
        known.get(store::find(&known, id, scope)?).cloned()
    })?;
    let types = read_ids(&body, "evaluation_type_ids", |id| {
        TYPES.iter().find(|(it, ..)| *it == id).map(|(it, ..)| *it)
    })?;
    let sums = compute::sums(cx, scope, &datasets).await?;
    let results = types.into_iter().map(|kind| {
        let (result, total_logs) = sums.result(kind);
        Outcome {
            id: new_id(cx),
            kind: kind.to_owned(),
            result,
            total_logs,
        }
    });
    let made = Evaluation {
        id: new_id(cx),
        account: scope.account.clone(),
        name,
        created_at: rfc3339(cx.now()),
        results: results.collect(),
        datasets,
        total_logs: sums.logs,
    };
    store::update(cx, found, |state| {
        state.evaluations.push(made.clone());
        let own = |it: &Evaluation| it.account == made.account;
        let over = state
            .evaluations
            .iter()
            .filter(|it| own(it))
            .count()
            .saturating_sub(MAX_EVALUATIONS);
        let mut left = over;
        state.evaluations.retain(|it| {
            let goes = left > 0 && own(it);
            left = left.saturating_sub(usize::from(goes));
            !goes
        });
        Ok(())
    })?;
    Ok(success(&shown(&made, scope)))
}

/// The things that a list of ids names; none may be unknown, and there must be one.
fn read_ids<T>(
    body: &Map<String, Value>,
    field: &str,
    find: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Refusal> {
    let invalid = |message: String| Refusal::invalid("body", field, message);
    let ids = body
        .get(field)
        .and_then(Value::as_array)
        .filter(|ids| (1..=20).contains(&ids.len()));
    let ids = ids.ok_or_else(|| invalid(format!("{field} must be a list of 1 to 20 ids")))?;
    let found = ids.iter().map(|id| id.as_str().and_then(&find));
    let found: Option<Vec<_>> = found.collect();
    found.ok_or_else(|| invalid(format!("{field} names something that is not there")))
}

fn read_name(body: &Map<String, Value>) -> Result<String, Refusal> {
    let name = body.get("name").and_then(Value::as_str);
    let name = name.filter(|name| (1..=MAX_NAME).contains(&name.chars().count()));
    let wrong = || {
        Refusal::invalid(
            "body",
            "name",
            format!("name must be a text of 1 to {MAX_NAME} characters"),
        )
    };
    name.map(str::to_owned).ok_or_else(wrong)
}

fn new_id(cx: &Cx) -> String {
    uuid_v7(cx.now(), (cx.host().random(), cx.host().random()))
}

/// What lists of these may be asked for.
struct Listed<'q> {
    name: Option<&'q str>,
    search: String,
}

impl<'q> Listed<'q> {
    fn read(query: &'q Query) -> Result<Self, Refusal> {
        let search = query.text("search").unwrap_or_default().to_lowercase();
        Ok(Self {
            name: query.text("name"),
            search,
        })
    }

    fn takes(&self, id: &str, name: &str) -> bool {
        self.name.is_none_or(|wanted| wanted == name)
            && [id, name]
                .iter()
                .any(|text| text.to_lowercase().contains(&self.search))
    }
}

fn shown(it: &Evaluation, scope: &Scope) -> Value {
    let results = it.results.iter().map(|result| {
        let is_empty = result.result.is_empty();
        json!({
            "id": result.id,
            "evaluation_id": it.id,
            "evaluation_type_id": result.kind,
            "result": result.result,
            "status": u8::from(!is_empty),
            "status_description": if is_empty { "No logs to evaluate" } else { "Completed" },
            "total_logs": result.total_logs,
            "created_at": it.created_at,
            "modified_at": it.created_at,
        })
    });
    let results: Vec<_> = results.collect();
    let datasets: Vec<_> = it
        .datasets
        .iter()
        .map(|dataset| dataset::shown(dataset, scope))
        .collect();
    json!({
        "id": it.id,
        "name": it.name,
        "gateway_id": scope.gateway,
        "created_at": it.created_at,
        "modified_at": it.created_at,
        "processed": true,
        "total_logs": it.total_logs,
        "datasets": datasets,
        "results": results,
    })
}
