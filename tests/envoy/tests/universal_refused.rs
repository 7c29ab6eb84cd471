//! Issue: a list of steps is judged as a whole, with the exact place of its fault, before any provider hears of it.

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::{Case, Gateway, Lease, sample};

use crate::hop::gateway;

/// A case whose provider must never be asked; another one shall not hear of the call either.
struct Unasked {
    gateway: Lease,
    case: Case,
}

impl Unasked {
    fn new() -> Self {
        let gateway = gateway();
        let case = gateway.fake.case(sample::chat());
        Self { gateway, case }
    }

    /// A good step with this in place of some of it.
    fn step(&self, change: &Value) -> Value {
        let mut step = sample::step("custom-one", &self.case);
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                step.as_object_mut().unwrap().remove(name);
            } else {
                step[name] = value.clone();
            }
        }
        step
    }

    async fn refuses(&self, gateway: &str, text: &str, (status, code): (u16, u32), message: &str) {
        let event = self.gateway.fake.case(sample::chat());
        let call = self
            .gateway
            .post(&format!("/v1/0123/{gateway}"))
            .case(&event);
        let reply = call
            .header("content-type", "application/json")
            .body(text.to_owned());
        let reply = reply.complete().await;
        assert_refused(&reply, status, code);
        let said = reply.json()["message"].clone();
        assert!(
            said.as_str().unwrap().starts_with(message),
            "{text}: {said}"
        );
        let asked = self.case.seen().len() + event.seen().len();
        assert_eq!(asked, 0, "{text}");
        let record = self.gateway.record(&event).await;
        assert_eq!(
            (&record["status_code"], &record["error_code"]),
            (&json!(status), &json!(code))
        );
    }

    async fn refuses_body(&self, text: &str, message: &str) {
        let message = format!("Invalid request body: {message}");
        self.refuses("open", text, (400, 2905), &message).await;
    }
}

/// What a step has in the place of something good, and the fault with its place.
const FAULTS: &str = r#"
{"query": null} query: missing
{"provider": null} provider: missing
{"endpoint": null} endpoint: missing
{"provider": 1} provider: must be a string
{"endpoint": []} endpoint: must be a string
{"headers": []} headers: must be an object
{"headers": {"x": ["a"]}} headers.x: must be a string
{"headers": {"x": "a\r\nb: c"}} headers.x: has a control character
{"headers": {":path": "/"}} headers: has a name that is no header's
{"authorization": {}} authorization: must be a string
{"config": 1} config: must be an object
{"config": {"maxAttempts": 6}} config.maxAttempts: must be a whole number from 1 to 5
{"config": {"maxAttempts": 0}} config.maxAttempts: must be a whole number from 1 to 5
{"config": {"retryDelay": -1}} config.retryDelay: must be a whole number from 0 to 60000
{"config": {"requestTimeout": "1"}} config.requestTimeout: must be a whole number from 0 to 3600000
{"config": {"backoff": "no"}} config.backoff: must be constant, linear or exponential"#;

#[tokio::test]
async fn a_faulty_step_is_named_with_its_place_and_nothing_is_sent() {
    let unasked = Unasked::new();
    let good = unasked.step(&json!({}));
    for row in FAULTS.trim_start().lines() {
        let (change, fault) = row.rsplit_once("} ").unwrap();
        let bad = unasked.step(&serde_json::from_str(&format!("{change}}}")).unwrap());
        for place in 0..3 {
            let mut steps = vec![good.clone(); 3];
            steps[place] = bad.clone();
            let fault = format!("[{place}].{fault}");
            unasked
                .refuses_body(&json!(steps).to_string(), &fault)
                .await;
        }
    }
}

#[tokio::test]
async fn what_is_no_list_of_steps_is_refused() {
    let unasked = Unasked::new();
    let good = unasked.step(&json!({}));
    let crowd = json!(vec![good.clone(); 17]).to_string();
    let cut = format!("[{good}");
    for (text, fault) in [
        ("", "body: is empty"),
        ("[]", "body: has no steps"),
        ("1", "body: must be a list of steps"),
        ("\"x\"", "body: must be a list of steps"),
        ("[1]", "[0]: must be an object"),
        (&format!("[{good}, null]"), "[1]: must be an object"),
        ("{}", "provider: missing"),
        (
            "{\"provider\":\"openai\",\"endpoint\":\"x\"}",
            "query: missing",
        ),
        (&crowd, "body: has more than 16 steps"),
    ] {
        unasked.refuses_body(text, fault).await;
    }
    for text in [&cut, "[{]", "[{\"provider\":\"x\"}}", "{\"provider\":"] {
        unasked
            .refuses_body(text, "body: is not JSON: line 1, column ")
            .await;
    }
}

#[tokio::test]
async fn a_step_that_leads_nowhere_or_elsewhere_is_refused() {
    let unasked = Unasked::new();
    let good = unasked.step(&json!({}));
    for (change, refusal) in [
        (json!({"provider": "nonesuch"}), (400, 2008)),
        (json!({"provider": "custom-nonesuch"}), (400, 2008)),
        (json!({"provider": "../openai"}), (400, 2905)),
        (json!({"endpoint": "../../evil"}), (400, 2905)),
        (json!({"endpoint": "a/%2e%2e/evil"}), (400, 2905)),
        (json!({"endpoint": "a\\evil"}), (400, 2905)),
        (json!({"endpoint": "a#b"}), (400, 2905)),
        (json!({"endpoint": "a\nb"}), (400, 2905)),
        (
            json!({"provider": "azure-openai", "endpoint": "evil.test%2f/d/chat/completions"}),
            (400, 2905),
        ),
        (
            json!({"provider": "aws-bedrock", "endpoint": "evil/us-east-1/model/m/invoke"}),
            (400, 2902),
        ),
        (
            json!({"provider": "compat", "query": {"model": "gpt-4o"}}),
            (400, 2019),
        ),
        (
            json!({"provider": "compat", "query": {"model": "nonesuch/m"}}),
            (400, 2008),
        ),
        (
            json!({"provider": "compat", "endpoint": "models"}),
            (400, 2905),
        ),
    ] {
        let text = json!([good, unasked.step(&change)]).to_string();
        unasked.refuses("open", &text, refusal, "").await;
    }
}

#[tokio::test]
async fn who_is_not_let_in_reaches_nobody() {
    let unasked = Unasked::new();
    let steps = json!([unasked.step(&json!({"headers": {"cf-aig-authorization": "Bearer x"}}))]);
    unasked
        .refuses("locked", &steps.to_string(), (401, 2009), "")
        .await;
    unasked
        .refuses("nonesuch", &steps.to_string(), (400, 2001), "")
        .await;
}

#[tokio::test]
async fn without_a_place_for_attempts_the_endpoint_is_off_and_says_so() {
    let gateway: Gateway = crate::gateway()
        .config(&json!({"gateways": [{"id": "open"}]}))
        .start();
    let case = gateway.fake.case(sample::chat());
    let steps = [sample::step("openai", &case)];
    let reply = gateway.universal("open", &case, &steps).complete().await;
    assert_refused(&reply, 501, 2904);
    assert!(
        reply.json()["message"]
            .as_str()
            .unwrap()
            .contains("attempt_cluster")
    );
    // One provider's calls are served all the same, once.
    let call = gateway
        .post("/v1/0123/open/openai/chat/completions")
        .case(&case);
    let call = call
        .header("cf-aig-max-attempts", "3")
        .json(&sample::ask("hi"));
    assert_eq!(call.complete().await.status, 200);
    assert_eq!(case.seen().len(), 1);
}
