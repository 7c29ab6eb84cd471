//! Records and queries to test with.

use std::cell::Cell;

use serde_json::{Value, json};

use super::NOW;
use crate::record::id::uuid_v7;
use crate::record::time::rfc3339;

/// An ordinary record, `index` seconds after the clock's beginning, with some changes.
pub(super) fn record(index: usize, change: &Value) -> Value {
    let at = (NOW + 1000 * u64::try_from(index).unwrap()) * 1_000_000;
    let unique = u64::try_from(index).unwrap();
    let salt = NEXT.with(|next| next.replace(next.get() + 1));
    let id = uuid_v7(at, (salt, unique));
    let mut line = json!({
        "id": id, "event_id": id, "created_at": rfc3339(at), "account_id": "acc", "gateway_id": "gw",
        "provider": "openai", "model": "gpt-4o-mini", "model_type": "text", "method": "POST", "path": "v1/chat/completions",
        "request_type": "provider", "stream": false, "duration": 1200, "timings": {"total": 1200, "latency": 300},
        "status_code": 200, "success": true, "cached": false, "outcome": "answered", "complete": true, "tokens_in": 10,
        "tokens_out": 20, "usage_metadata": {"input_tokens": 10, "output_tokens": 20}, "cost": 0.0003, "cost_source": "prices",
        "custom_cost": false, "saved_cost": null, "metadata": {"team": "red"}, "step": 0, "failed_attempts": [],
        "authentication": false, "user_agent": "sdk/1", "request_content_type": "application/json",
        "response_content_type": "application/json", "byok": false, "wholesale": false, "feedback": null, "score": null,
        "dlp_action": null,
    });
    for (name, value) in change.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

thread_local! {
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Percent-encoding of everything but letters and digits.
pub(super) fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}

/// `filters` with one filter, in JSON.
pub(super) fn filter(key: &str, operator: &str, values: &Value) -> String {
    let filters = json!([{"key": key, "operator": operator, "value": values}]);
    format!("filters={}", encode(&filters.to_string()))
}
