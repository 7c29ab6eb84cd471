//! What a request says about itself: model, streaming, tier (providers.md §5), read while the body passes.
//!
//! Invariant: the facts are final only when the whole object has closed, since of duplicate keys the last one wins
//! (that is what providers' parsers do). A value of the wrong type counts as absent, `null` as not written.

use super::json::{Event, Node, Scanner};
use super::multipart::MultipartScan;

/// Longest name of a model or tier, in bytes; a longer one is not kept.
const NAME_LIMIT: usize = 256;

/// The facts of a JSON request body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// `model`, at most 256 bytes; never empty.
    pub model: Option<String>,
    /// `stream` is `true`.
    pub stream: bool,
    /// `stream_options.include_usage`.
    pub include_usage: Option<bool>,
    /// `service_tier` asked for.
    pub service_tier: Option<String>,
    /// `model_id`, which is what some makers of speech call it; likewise.
    pub model_id: Option<String>,
    /// Length of the text that is to be spoken, in decoded characters.
    pub characters: Option<u64>,
}

/// Reads [`RequestFacts`] from a body in pieces.
pub struct RequestScan {
    scanner: Scanner<Fact>,
    facts: RequestFacts,
}

/// Reads [`RequestFacts`] from whichever kind of body has some.
pub enum Scan {
    /// A JSON object.
    Json(RequestScan),
    /// A form.
    Form(MultipartScan),
}

impl Scan {
    /// Reads the next piece of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Json(scan) => scan.feed(bytes),
            Self::Form(scan) => scan.feed(bytes),
        }
    }

    /// What the body has said so far.
    pub const fn facts(&self) -> &RequestFacts {
        match self {
            Self::Json(scan) => scan.facts(),
            Self::Form(scan) => scan.facts(),
        }
    }

    /// The whole body was read, so that nothing can change the facts any more.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Json(scan) => scan.is_settled(),
            Self::Form(scan) => scan.is_settled(),
        }
    }
}

#[derive(Clone, Copy)]
enum Fact {
    Model,
    Stream,
    StreamOptions,
    IncludeUsage,
    ServiceTier,
    ModelId,
    Characters,
}

const FACTS: &[Node<Fact>] = &[
    Node::leaf("model", Fact::Model),
    Node::leaf("stream", Fact::Stream),
    Node::branch(
        "stream_options",
        &[Node::leaf("include_usage", Fact::IncludeUsage)],
    )
    .reported(Fact::StreamOptions),
    Node::leaf("service_tier", Fact::ServiceTier),
    // Gemini's spelling, and Bedrock's object.
    Node::branch("serviceTier", &[Node::leaf("type", Fact::ServiceTier)])
        .reported(Fact::ServiceTier),
    Node::leaf("model_id", Fact::ModelId),
    // What makers of speech call the text.
    Node::measured("input", Fact::Characters),
    Node::measured("text", Fact::Characters),
    Node::measured("transcript", Fact::Characters),
];

impl Default for RequestScan {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestScan {
    /// A scan at the start of a body.
    pub fn new() -> Self {
        Self {
            scanner: Scanner::new(FACTS),
            facts: RequestFacts::default(),
        }
    }

    /// Reads the next piece of the body.
    pub fn feed(&mut self, bytes: &[u8]) {
        let facts = &mut self.facts;
        self.scanner
            .feed(bytes, &mut |fact, event| facts.note(fact, event));
    }

    /// What the body has said so far.
    pub const fn facts(&self) -> &RequestFacts {
        &self.facts
    }

    /// The whole body was read as JSON, so that nothing can change the facts any more.
    pub fn is_settled(&self) -> bool {
        self.scanner.is_complete()
    }

    /// The body is not JSON.
    #[cfg(test)]
    fn is_broken(&self) -> bool {
        self.scanner.is_broken()
    }
}

impl RequestFacts {
    fn note(&mut self, fact: Fact, event: Event<'_>) {
        if matches!(event, Event::Null | Event::Close) {
            return;
        }
        match fact {
            Fact::Model => self.model = name(event),
            Fact::Stream => self.stream = event == Event::Bool(true),
            Fact::StreamOptions => self.include_usage = None,
            Fact::IncludeUsage => self.include_usage = event.bool(),
            Fact::ServiceTier => self.service_tier = name(event),
            Fact::ModelId => self.model_id = name(event),
            Fact::Characters => self.characters = event.length(),
        }
    }
}

fn name(event: Event<'_>) -> Option<String> {
    event
        .text()
        .filter(|text| !text.is_empty() && text.len() <= NAME_LIMIT)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::llm::pieces::cut;

    fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (RequestFacts, bool, bool) {
        let mut scan = RequestScan::new();
        pieces.into_iter().for_each(|piece| scan.feed(piece));
        (scan.facts().clone(), scan.is_settled(), scan.is_broken())
    }

    fn facts(body: &str) -> RequestFacts {
        let (facts, settled, _) = scan([body.as_bytes()]);
        assert!(settled, "{body}");
        facts
    }

    #[test]
    fn the_facts_are_read_from_the_outermost_object_only() {
        let body = r#"{"messages":[{"model":"inner","stream":false,"stream_options":{"include_usage":false}}],
            "model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"service_tier":"flex"}"#;
        let expected = RequestFacts {
            model: Some("gpt-4o".to_owned()),
            stream: true,
            include_usage: Some(true),
            service_tier: Some("flex".to_owned()),
            model_id: None,
            characters: None,
        };
        assert_eq!(facts(body), expected);
    }

    #[test]
    fn the_last_duplicate_wins_and_null_is_not_written() {
        let body = r#"{"model":"a","stream":true,"stream_options":{"include_usage":true},
            "mod\u0065l":"b","stream":false,"stream_options":{},"service_tier":"flex","service_tier":null}"#;
        let facts = facts(body);
        assert_eq!(facts.model.as_deref(), Some("b"));
        assert!(!facts.stream);
        assert_eq!(facts.include_usage, None);
        assert_eq!(facts.service_tier.as_deref(), Some("flex"));
    }

    #[test]
    fn wrong_types_empty_and_overlong_names_count_as_absent() {
        for body in [
            r#"{"model":5,"stream":"true","stream_options":true,"service_tier":[]}"#.to_owned(),
            r#"{"model":"","stream":1,"stream_options":[{"include_usage":true}],"service_tier":{"model":"x"}}"#.to_owned(),
            format!(r#"{{"model":"{}","stream":{{}}}}"#, "m".repeat(257)),
            r#"[{"model":"m","stream":true}]"#.to_owned(),
            r#"{"model":"m","model":true}"#.to_owned(),
        ] {
            assert_eq!(facts(&body), RequestFacts::default(), "{body}");
        }
    }

    #[test]
    fn the_tier_is_found_in_every_providers_spelling() {
        for (body, expected) in [
            (r#"{"serviceTier":"priority"}"#, Some("priority")),
            (r#"{"serviceTier":{"type":"flex"}}"#, Some("flex")),
            (
                r#"{"service_tier":"a","serviceTier":{"type":"b"}}"#,
                Some("b"),
            ),
            (r#"{"serviceTier":"a","serviceTier":{}}"#, None),
            (r#"{"serviceTier":{"type":["a"]}}"#, None),
            (r#"{"serviceTier":[{"type":"a"}]}"#, None),
        ] {
            assert_eq!(facts(body).service_tier.as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn the_text_to_be_spoken_is_measured_and_not_held() {
        let text = "é".repeat(100_000);
        for body in [
            format!(r#"{{"model_id":"m","text":"{text}"}}"#),
            format!(r#"{{"transcript":"x","model_id":"m","transcript":"{text}"}}"#),
            format!(r#"{{"model":"m","input":"{text}","voice":{{"text":"no"}}}}"#),
        ] {
            let facts = facts(&body);
            assert_eq!(facts.model.or(facts.model_id).as_deref(), Some("m"));
            assert_eq!(facts.characters, Some(100_000));
        }
        assert_eq!(
            facts(r#"{"input":[{"text":"no"}],"text":{"format":"no"}}"#).characters,
            None
        );
    }

    #[test]
    fn nothing_is_settled_before_the_object_has_closed() {
        let body = br#"{"model":"m","stream":true}"#;
        let (facts, settled, _) = scan([&body[..body.len() - 1]]);
        assert_eq!(facts.model.as_deref(), Some("m"));
        assert!(!settled);
    }

    #[test]
    fn a_body_that_is_not_json_is_broken() {
        for body in ["--boundary\r\n", "model=m", "{model:1}", "{\"a\":1}{}"] {
            let (_, settled, broken) = scan([body.as_bytes()]);
            assert!(broken && !settled, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_facts(cuts in proptest::collection::vec(1..20_usize, 1..20)) {
            let body = r#"{"m\u006fdel":"m\ud83d\ude00","x":[{"stream":false}],"stream" : true,
                "stream_options":{"include_usage":true,"include_obfuscation":false},"service_tier":"priority"} "#;
            let whole = scan([body.as_bytes()]);
            let pieces = cut(body.as_bytes(), &cuts);
            prop_assert_eq!(whole.clone(), scan(pieces));
            prop_assert!(whole.1);
        }
    }
}
