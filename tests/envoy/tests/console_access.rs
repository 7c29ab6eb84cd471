//! Who may use the control API in Envoy, and a console that nobody may.

use serde_json::{Value, json};
use sluice_e2e::Gateway;

/// SHA-256 of `demo-token`.
const HASH: &str = "7c43ef5ae21d43ce2743f770c68e24def1a43ee2f416d2438410c8af7af2ff2c";

fn configuration(console: &Value) -> Value {
    json!({"console": console, "gateways": [{"id": "my-gateway"}]})
}

async fn status(gateway: &Gateway, credential: Option<&str>) -> u16 {
    let call = gateway.console("GET", "/client/v4/accounts/0123/ai-gateway/gateways");
    let call = call.host("console.example.com");
    let call = credential
        .into_iter()
        .fold(call, |call, it| call.header("authorization", it));
    call.send().await.status
}

#[tokio::test]
async fn only_an_admin_credential_opens_the_control_api() {
    let console = json!({"credentials": [{"name": "demo", "sha256": HASH}]});
    let gateway = crate::gateway().config(&configuration(&console)).start();
    assert_eq!(status(&gateway, None).await, 401);
    assert_eq!(status(&gateway, Some("Bearer wrong")).await, 401);
    assert_eq!(status(&gateway, Some("Bearer demo-token")).await, 200);
    assert_eq!(gateway.console("GET", "/").send().await.status, 200);
    // A configuration that lets nobody in is refused, and the one before stays.
    for faulty in [json!({}), json!({"open": false}), Value::Null] {
        assert!(!gateway.update(&configuration(&faulty)).await, "{faulty}");
    }
    assert_eq!(status(&gateway, Some("Bearer demo-token")).await, 200);
}
