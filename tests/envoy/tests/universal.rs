//! Issue: the universal endpoint sends each step as its provider's own call, in every spelling, and the answer of the
//! step that wins is streamed through.

use serde_json::{Value, json};
use sluice_e2e::{Answer, Case, Gate, RawReply, sample};

use super::hop::{assert_own, assert_unsteered, gateway, step_of};

fn failing() -> Answer {
    Answer::json(503, &json!({"error": {"message": "not now"}}))
}

/// Calls with these steps, and expects the first one to answer.
async fn first_answers(steps: &[Value]) -> RawReply {
    let gateway = gateway();
    let event = gateway.fake.case(sample::chat());
    let reply = gateway.universal("open", &event, steps).complete().await;
    let text = String::from_utf8_lossy(&reply.body);
    assert_eq!(
        (reply.status, step_of(&reply).as_deref()),
        (200, Some("0")),
        "{text}"
    );
    reply
}

/// Provider, endpoint, and the host and path that the provider gets.
const SPELLINGS: &str = "\
openai           chat/completions                           api.openai.com                          /v1/chat/completions
openai           v1/chat/completions                        api.openai.com                          /v1/chat/completions
openai           /v1/responses                              api.openai.com                          /v1/responses
openai           responses                                  api.openai.com                          /v1/responses
anthropic        v1/messages                                api.anthropic.com                       /v1/messages
anthropic        v1/messages?beta=true                      api.anthropic.com                       /v1/messages?beta=true
google-ai-studio v1/models/m:generateContent                generativelanguage.googleapis.com       /v1/models/m:generateContent
google-ai-studio v1beta/models/m:streamGenerateContent?alt=sse generativelanguage.googleapis.com       /v1beta/models/m:streamGenerateContent?alt=sse
google-vertex-ai v1/projects/p/locations/us-east5/publishers/google/models/m:generateContent us-east5-aiplatform.googleapis.com      /v1/projects/p/locations/us-east5/publishers/google/models/m:generateContent
grok             v1/chat/completions                        api.x.ai                                /v1/chat/completions
grok             chat/completions                           api.x.ai                                /v1/chat/completions
groq             chat/completions                           api.groq.com                            /openai/v1/chat/completions
groq             v1/chat/completions                        api.groq.com                            /openai/v1/chat/completions
mistral          v1/chat/completions                        api.mistral.ai                          /v1/chat/completions
mistral          chat/completions                           api.mistral.ai                          /v1/chat/completions
deepseek         chat/completions                           api.deepseek.com                        /chat/completions
deepseek         v1/chat/completions                        api.deepseek.com                        /v1/chat/completions
perplexity-ai    chat/completions                           api.perplexity.ai                       /chat/completions
openrouter       chat/completions                           openrouter.ai                           /api/v1/chat/completions
openrouter       v1/chat/completions                        openrouter.ai                           /api/v1/chat/completions
cerebras         chat/completions                           api.cerebras.ai                         /v1/chat/completions
cerebras         v1/chat/completions                        api.cerebras.ai                         /v1/chat/completions
replicate        predictions                                api.replicate.com                       /v1/predictions
replicate        v1/predictions                             api.replicate.com                       /v1/predictions
cohere           v2/chat                                    api.cohere.ai                           /v2/chat
fireworks        chat/completions                           api.fireworks.ai                        /inference/v1/chat/completions
workers-ai       @cf/meta/m                                 api.cloudflare.com                      /client/v4/accounts/0123/ai/run/@cf/meta/m
workers-ai       v1/chat/completions                        api.cloudflare.com                      /client/v4/accounts/0123/ai/v1/chat/completions
azure-openai     res/dep/chat/completions?api-version=1     res.openai.azure.com                    /openai/deployments/dep/chat/completions?api-version=1
aws-bedrock      bedrock-runtime/us-east-1/model/m/converse bedrock-runtime.us-east-1.amazonaws.com /model/m/converse
custom-one       chat/completions?a=b&c=%20d                one.test                                /base-one/chat/completions?a=b&c=%20d
custom-two       /v1/anything                               two.test                                /base-two/v1/anything";

#[tokio::test]
async fn every_spelling_of_an_endpoint_is_the_providers_own_call() {
    let gateway = gateway();
    for row in SPELLINGS.lines() {
        let columns: Vec<_> = row.split_whitespace().collect();
        let [provider, endpoint, host, path] = columns[..] else {
            panic!("{row}")
        };
        let case = gateway.fake.case(sample::chat());
        let mut step = sample::step(provider, &case);
        step["endpoint"] = json!(endpoint);
        let reply = first_answers(&[step.clone()]).await;
        assert_eq!(reply.json(), sample::chat_body());
        let seen = case.only();
        let got = (
            seen.method.as_str(),
            seen.header("host"),
            seen.path.as_str(),
        );
        assert_eq!(
            got,
            ("POST", Some(host.to_owned()), path),
            "{provider} {endpoint}"
        );
        assert_own(&seen, &case, &step["query"]);
        assert_eq!(
            seen.header("content-type").as_deref(),
            Some("application/json")
        );
    }
}

#[tokio::test]
async fn a_unified_step_goes_to_the_provider_that_its_model_names() {
    let gateway = gateway();
    let (one, two) = (
        gateway.fake.case(failing()),
        gateway.fake.case(sample::chat()),
    );
    let event = gateway.fake.case(sample::chat());
    let step = |case: &Case, endpoint: &str, model: &str| {
        let mut step = sample::step("compat", case);
        step["endpoint"] = json!(endpoint);
        step["query"]["model"] = json!(model);
        step
    };
    let steps = [
        step(&one, "chat/completions", "openai/gpt-4o-mini"),
        step(&two, "v1/chat/completions", "groq/llama-3.1-8b-instant"),
    ];
    let reply = gateway.universal("open", &event, &steps).complete().await;
    assert_eq!((reply.status, step_of(&reply).as_deref()), (200, Some("1")));
    for (case, host, path, model) in [
        (
            &one,
            "api.openai.com",
            "/v1/chat/completions",
            "gpt-4o-mini",
        ),
        (
            &two,
            "api.groq.com",
            "/openai/v1/chat/completions",
            "llama-3.1-8b-instant",
        ),
    ] {
        let seen = case.only();
        assert_eq!(
            (seen.header("host").as_deref(), seen.path.as_str()),
            (Some(host), path)
        );
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        assert_eq!(body["model"], model);
    }
    let records = gateway.steps(&event, 2).await;
    assert_eq!(
        (&records[0]["provider"], &records[1]["provider"]),
        (&json!("openai"), &json!("groq"))
    );
}

#[tokio::test]
async fn a_slash_at_the_end_a_step_alone_and_http2_change_nothing() {
    let gateway = gateway();
    for (path, alone, http2) in [
        ("/v1/0123/open", false, true),
        ("/v1/0123/open/", false, false),
        ("/v1/0123/open", true, false),
        ("/v1/0123/open/", true, true),
    ] {
        let case = gateway.fake.case(sample::chat());
        let step = sample::step("openai", &case);
        let body = if alone { step.clone() } else { json!([step]) };
        let event = gateway.fake.case(sample::chat());
        let call = gateway
            .post(path)
            .case(&event)
            .json(&body)
            .over_http2(http2);
        let reply = call.complete().await;
        assert_eq!(
            (reply.status, step_of(&reply).as_deref()),
            (200, Some("0")),
            "{path} {alone}"
        );
        assert_eq!(reply.json(), sample::chat_body());
        assert_own(&case.only(), &case, &step["query"]);
    }
}

#[tokio::test]
async fn the_older_spelling_of_a_credential_is_a_header_and_gives_way_to_one() {
    let gateway = gateway();
    for (header, alias, expected) in [
        (None, Some("Bearer alias"), Some("Bearer alias")),
        (
            Some("Bearer header"),
            Some("Bearer alias"),
            Some("Bearer header"),
        ),
        (None, None, None),
    ] {
        let case = gateway.fake.case(sample::chat());
        let mut step = sample::step("openai", &case);
        step["headers"]["Authorization"] = json!(header);
        step["authorization"] = json!(alias);
        first_answers(&[step]).await;
        assert_eq!(case.only().header("authorization").as_deref(), expected);
    }
}

#[tokio::test]
async fn the_body_is_the_text_of_the_query_byte_for_byte() {
    let gateway = gateway();
    let large = format!("{{\"model\":\"m\",\"fill\":\"{}\"}}", "x".repeat(3 << 20));
    for query in [
        "{ \"model\" :\t\"m\", \"n\": 1.0e2,\r\n \"d\": 1, \"d\": 2, \"u\": \"\\u00e9é\" }",
        "[1, 2]",
        "null",
        "\"text\"",
        "{}",
        &large,
    ] {
        let case = gateway.fake.case(sample::chat());
        let event = gateway.fake.case(sample::chat());
        let text = format!(
            " [ {{\"provider\":\"custom-one\", \"endpoint\":\"x\", \"headers\":{{\"x-case\":\"{}\"}}, \"query\": {query} }}]\n",
            case.id()
        );
        for piece in [None, Some(64_000)] {
            let call = gateway.post("/v1/0123/open").case(&event);
            let call = call.framed(text.clone().into_bytes(), piece);
            assert_eq!(call.complete().await.status, 200);
        }
        for seen in case.seen() {
            assert!(seen.body == query.as_bytes(), "{} bytes", seen.body.len());
            assert_eq!(seen.header("content-length"), Some(query.len().to_string()));
        }
        assert_eq!(case.seen().len(), 2);
    }
}

#[tokio::test]
async fn the_answer_of_the_winning_step_passes_piece_by_piece_and_verbatim() {
    let gateway = gateway();
    let gates = [Gate::new(), Gate::new()];
    let events = sample::chat_events();
    let answer = Answer::events(&events[..1])
        .gate(&gates[0])
        .chunk(format!("{}\n\n", events[1]))
        .gate(&gates[1])
        .chunk("data: [DONE]\n\n")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("x-request-id", "of-the-provider");
    let (one, two) = (gateway.fake.case(failing()), gateway.fake.case(answer));
    let event = gateway.fake.case(sample::chat());
    let steps = [
        sample::step("custom-one", &one),
        sample::step("custom-two", &two),
    ];
    let mut reply = gateway.universal("open", &event, &steps).send().await;
    assert_eq!(
        (reply.status, reply.header("cf-aig-step")),
        (200, Some("1"))
    );
    assert_unsteered(&reply.with(Vec::new()).headers);
    assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!(reply.header("x-request-id"), Some("of-the-provider"));
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    reply
        .expect_bytes(format!("{}\n\n", events[0]).as_bytes())
        .await;
    gates[0].open();
    reply
        .expect_bytes(format!("{}\n\n", events[1]).as_bytes())
        .await;
    gates[1].open();
    assert_eq!(reply.text().await, "data: [DONE]\n\n");
}
