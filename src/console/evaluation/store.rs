//! Datasets and evaluations of a gateway, kept in shared data as one value per configured gateway.
//!
//! Invariant: a value changes by compare-and-swap only and is bounded, so nothing is lost to another worker and nothing
//! grows without end.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Gateway;
use crate::console::Stop;
use crate::console::envelope::Refusal;
use crate::console::log::Scope;
use crate::exchange::cx::Cx;
use crate::host::{Expect, HostError};

/// Longest value, in bytes.
const MAX_BYTES: usize = 256 << 10;
/// How often a compare-and-swap is tried: each lost try means that another worker got its own through.
const TRIES: usize = 64;

/// What is kept of a gateway.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) datasets: Vec<Dataset>,
    pub(super) evaluations: Vec<Evaluation>,
}

/// A set of records, by the filters that they meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Dataset {
    pub(super) id: String,
    /// `None`: made for every account.
    pub(super) account: Option<String>,
    pub(super) name: String,
    pub(super) enable: bool,
    /// As they were written.
    pub(super) filters: Vec<Value>,
    pub(super) created_at: String,
    pub(super) modified_at: String,
}

/// What some datasets were worth when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Evaluation {
    pub(super) id: String,
    /// `None`: made for every account.
    pub(super) account: Option<String>,
    pub(super) name: String,
    pub(super) created_at: String,
    pub(super) datasets: Vec<Dataset>,
    pub(super) results: Vec<Outcome>,
    pub(super) total_logs: u64,
}

/// The result of one evaluator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) id: String,
    pub(super) kind: String,
    /// Empty where there was nothing to evaluate.
    pub(super) result: String,
    pub(super) total_logs: u64,
}

/// What is kept under an id, for an account or for every one.
pub(super) trait Kept {
    /// Its id.
    fn id(&self) -> &str;
    /// `None`: it was made for every account.
    fn account(&self) -> Option<&str>;
}

impl Kept for Dataset {
    fn id(&self) -> &str {
        &self.id
    }

    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }
}

impl Kept for Evaluation {
    fn id(&self) -> &str {
        &self.id
    }

    fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }
}

/// Whether it is one of the scope's.
pub(super) fn is_seen(item: &impl Kept, scope: &Scope) -> bool {
    scope.account.is_none() || item.account() == scope.account.as_deref()
}

/// Where the scope's item with that id stands.
pub(super) fn find(items: &[impl Kept], id: &str, scope: &Scope) -> Option<usize> {
    items
        .iter()
        .position(|it| it.id() == id && is_seen(it, scope))
}

/// What is kept of this gateway.
pub(super) fn read(cx: &Cx, gateway: &Gateway) -> Result<State, Stop> {
    let value = cx.host().shared(&key(gateway))?;
    Ok(value.map(|it| decode(&it.value)).unwrap_or_default())
}

/// Changes what is kept, and hands on what `change` says.
pub(super) fn update<T>(
    cx: &Cx,
    gateway: &Gateway,
    mut change: impl FnMut(&mut State) -> Result<T, Refusal>,
) -> Result<T, Stop> {
    let key = key(gateway);
    for _ in 0..TRIES {
        let (mut state, expect) = match cx.host().shared(&key)? {
            Some(it) => (decode(&it.value), Expect::Version(it.version)),
            None => (State::default(), Expect::Absent),
        };
        let done = change(&mut state)?;
        let value = serde_json::to_vec(&state).unwrap_or_default();
        if value.len() > MAX_BYTES {
            let message = format!(
                "Datasets and evaluations of a gateway may have {MAX_BYTES} bytes: delete some"
            );
            return Err(Refusal::full(message).into());
        }
        match cx.host().set_shared(&key, &value, expect) {
            Err(HostError::Conflict) => {}
            Err(error) => return Err(error.into()),
            Ok(()) => return Ok(done),
        }
    }
    Err(HostError::Conflict.into())
}

/// Names come from the configuration only, so there are never more keys than gateways.
fn key(gateway: &Gateway) -> String {
    let account = gateway.account_id.as_deref().unwrap_or_default();
    format!("sluice/1/console/{account}/{}", gateway.id)
}

/// What another version wrote and nobody can read counts as nothing.
fn decode(value: &[u8]) -> State {
    serde_json::from_slice(value).unwrap_or_default()
}
