//! Which calls of one attempt take the hop so that their client can be told of a cut: those that may ask for a stream.

use super::*;

const GATEWAY: &str = "/v1/acc/plain";
const CHAT: &str = "openai/chat/completions";

/// A worker with a hop and a gateway that says nothing about cut streams.
fn proxy() -> Proxy {
    let mut proxy = Proxy::new();
    let text = json!({"attempt_cluster": "sluice-attempts", "gateways": [
        {"id": "plain"},
        {"id": "cached", "cache_ttl": 300},
        {"id": "off", "stream_errors": "off"},
        {"id": "planned", "stream_errors": "planned"},
    ]});
    let config = config::parse(text.to_string().as_bytes(), &|_| None).unwrap();
    Rc::get_mut(&mut proxy.worker).unwrap().config = Rc::new(config);
    proxy
}

/// Where the call of that body is sent; `None`: it is still held.
fn way(proxy: &Proxy, path: &str, fields: &[(&str, &str)], body: &str) -> Option<String> {
    let mut stream = proxy.stream();
    stream.ask(path, fields, body);
    cluster(&stream)
}

fn cluster(stream: &Stream) -> Option<String> {
    let edits = stream.upstream.as_ref()?;
    let set = edits.iter().find_map(|edit| match edit {
        Edit::Set(name, value) if name == "x-sluice-cluster" => Some(value),
        Edit::Set(..) | Edit::Remove(_) => None,
    });
    set.map(|value| String::from_utf8_lossy(value).into_owned())
}

fn asked(stream: bool) -> String {
    json!({"messages": [], "model": "m", "stream": stream}).to_string()
}

#[test]
fn a_stream_takes_the_hop_and_what_is_none_goes_straight() {
    let proxy = proxy();
    let chat = format!("{GATEWAY}/{CHAT}");
    let gemini = format!("{GATEWAY}/google-ai-studio/v1beta/models/g:");
    for (path, body, expected) in [
        (chat.clone(), asked(true), "sluice-attempts"),
        (chat.clone(), asked(false), "openai"),
        (chat.clone(), r#"{"model":"m"}"#.to_owned(), "openai"),
        // What cannot be read may ask for anything.
        (chat, "{".to_owned(), "sluice-attempts"),
        (
            format!("{gemini}streamGenerateContent?alt=sse"),
            "{}".to_owned(),
            "sluice-attempts",
        ),
        (
            format!("{gemini}generateContent"),
            "{}".to_owned(),
            "google-ai-studio",
        ),
        // No event of its own.
        (format!("{GATEWAY}/cohere/v2/chat"), asked(true), "cohere"),
    ] {
        let way = way(&proxy, &path, &[], &body);
        assert_eq!(way.as_deref(), Some(expected), "{path} {body}");
    }
}

#[test]
fn the_body_is_waited_for_unless_it_is_long() {
    let proxy = proxy();
    let path = format!("{GATEWAY}/{CHAT}");
    let mut stream = proxy.stream();
    stream.head(&path, &[("content-length", "1048576")]);
    assert_eq!(cluster(&stream), None, "held");
    let mut stream = proxy.stream();
    stream.head(&path, &[("content-length", "1048577")]);
    assert_eq!(cluster(&stream).as_deref(), Some("sluice-attempts"));
}

#[test]
fn a_stream_that_is_not_to_be_told_goes_straight() {
    let proxy = proxy();
    for id in ["off", "planned"] {
        let path = format!("/v1/acc/{id}/{CHAT}");
        let way = way(&proxy, &path, &[], &asked(true));
        assert_eq!(way.as_deref(), Some("openai"), "{id}");
    }
}

#[test]
fn a_unified_call_takes_the_hop_only_for_a_stream() {
    let proxy = proxy();
    for (stream, expected) in [(true, "sluice-attempts"), (false, "openai")] {
        let body = json!({"model": "openai/m", "messages": [], "stream": stream}).to_string();
        let way = way(
            &proxy,
            &format!("{GATEWAY}/compat/chat/completions"),
            &[],
            &body,
        );
        assert_eq!(way.as_deref(), Some(expected));
    }
}

#[test]
fn a_call_that_was_held_to_see_is_cached_and_recorded_like_any_other() {
    let proxy = proxy();
    let mut stream = proxy.stream();
    stream.ask(&format!("/v1/acc/cached/{CHAT}"), &[], &asked(false));
    stream.answer("200", "application/json", &[DONE]);
    let record = stream.done(0, false).clone();
    assert_eq!(record["request_size"], asked(false).len());
    assert_eq!(
        (&record["step"], &record["tokens_in"]),
        (&json!(0), &json!(11))
    );
    let mut again = proxy.stream();
    again.ask(&format!("/v1/acc/cached/{CHAT}"), &[], &asked(false));
    assert!(again.reply.is_some(), "from the cache");
}
