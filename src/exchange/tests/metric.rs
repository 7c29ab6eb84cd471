//! Calls are measured when they are over, whatever their end and whether they are logged or not.

use super::*;

const OF_OPENAI: &str =
    ";gateway=my-gateway;gen_ai.provider.name=openai;gen_ai.request.model=gpt-4o";
const GPT: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
const GPT_ANSWER: &[u8] = br#"{"id":"c","object":"chat.completion","model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}"#;

fn requests(proxy: &Proxy, labels: &str) -> u64 {
    proxy.host.metric(&format!("sluice_requests_total{labels}"))
}

#[test]
fn a_call_that_is_not_logged_is_measured_as_well() {
    let proxy = Proxy::new();
    for wish in ["true", "false"] {
        let mut call = proxy.stream();
        let fields = [("cf-aig-collect-log", wish), ("cf-aig-skip-cache", "true")];
        call.ask(OPENAI, &fields, GPT);
        call.answer("200", JSON, &[GPT_ANSWER]);
        call.on(Event::Done(Ending::default()));
        assert_eq!(call.records.len(), usize::from(wish == "true"));
    }
    let labels = format!("{OF_OPENAI};outcome=answered;status=2xx");
    assert_eq!(requests(&proxy, &labels), 2);
    let tokens = format!("sluice_tokens_total{OF_OPENAI};gen_ai.token.type=output");
    assert_eq!(proxy.host.metric(&tokens), 14);
}

#[test]
fn a_miss_and_the_hit_after_it_are_counted_and_what_was_saved() {
    let proxy = Proxy::new();
    let mut miss = proxy.stream();
    miss.ask(OPENAI, &[], GPT);
    miss.answer("200", JSON, &[GPT_ANSWER]);
    miss.done(0, false);
    let mut hit = proxy.stream();
    hit.ask(OPENAI, &[], GPT);
    hit.done(0, false);
    let metric =
        |name: &str, labels: &str| proxy.host.metric(&format!("{name}{OF_OPENAI}{labels}"));
    for result in ["hit", "miss"] {
        let labels = format!(";result={result}");
        assert_eq!(metric("sluice_cache_lookups_total", &labels), 1, "{result}");
    }
    let cost = metric("sluice_cost_nanodollars_total", "");
    assert!(cost > 0);
    assert_eq!(metric("sluice_saved_cost_nanodollars_total", ""), cost);
    assert_eq!(
        metric("sluice_requests_total", ";outcome=cached;status=2xx"),
        1
    );
}

#[test]
fn refusals_are_counted_at_the_gateway_that_refuses() {
    let proxy = Proxy::new();
    for _ in 0..3 {
        let mut call = proxy.stream();
        let path = OPENAI.replace("my-gateway", "limited");
        call.ask(&path, &[("cf-aig-skip-cache", "true")], GPT);
        if call.reply.is_none() {
            call.answer("200", JSON, &[GPT_ANSWER]);
        }
        call.done(0, false);
    }
    let mut call = proxy.stream();
    call.ask(&OPENAI.replace("my-gateway", "locked"), &[], GPT);
    call.done(0, false);
    let refused = |gateway: &str, model: &str, status: &str, why: &str| {
        let labels = format!(
            ";gateway={gateway};gen_ai.provider.name=openai{model};outcome=refused;status={status};error.type={why}"
        );
        requests(&proxy, &labels)
    };
    assert_eq!(refused("limited", "", "429", "rate_limited"), 1);
    assert_eq!(refused("locked", "", "4xx", "unauthorized"), 1);
}

#[test]
fn what_is_no_call_is_not_measured() {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    let path = "/v1/acc/my-gateway/compat/models";
    call.on(Event::RequestHead {
        headers: list(&[(":method", "GET"), (":path", path)]),
        end: true,
    });
    assert_eq!(call.reply.as_ref().unwrap().status, 200);
    call.on(Event::Done(Ending::default()));
    assert!(proxy.host.measured.borrow().is_empty());
}
