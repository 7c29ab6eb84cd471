//! The contract's promises about answers, as assertions (contract §2.2 and §11).

use serde_json::json;

use crate::wire::RawReply;

/// The gateway's own refusal: status, code, the whole envelope, the headers that name the call, and advice for SDKs.
pub fn assert_refused(reply: &RawReply, status: u16, code: u32) {
    let text = String::from_utf8_lossy(&reply.body);
    assert_eq!(reply.status, status, "{text}");
    assert_eq!(
        reply.header("content-type").as_deref(),
        Some("application/json")
    );
    let body = reply.json();
    let message = body["message"].as_str().unwrap_or_default();
    let envelope = json!({
        "success": false, "result": [], "messages": [], "error": [{"code": code, "message": message}],
        "name": "AiGatewayError", "httpCode": status, "internalCode": code, "message": message, "description": message
    });
    assert_eq!(body, envelope);
    assert!(!message.is_empty());
    assert_named(reply);
    let curable = matches!(code, 2003 | 2005 | 2908);
    assert_eq!(
        reply.header("x-should-retry").as_deref(),
        Some(if curable { "true" } else { "false" })
    );
}

/// Every answer of the gateway names its call.
pub fn assert_named(reply: &RawReply) {
    assert_eq!(
        reply.header("cf-aig-step").as_deref(),
        Some("0"),
        "{:?}",
        reply.headers
    );
    for name in ["cf-aig-event-id", "cf-aig-request-id"] {
        assert!(
            reply.header(name).is_some_and(|id| !id.is_empty()),
            "{name} in {:?}",
            reply.headers
        );
    }
}

/// A UUIDv7 in lower case.
pub fn assert_uuid_v7(id: &str) {
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
    assert!(
        id.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')),
        "{id}"
    );
    assert!(
        id.split('-')
            .nth(2)
            .is_some_and(|part| part.starts_with('7')),
        "{id}"
    );
}
