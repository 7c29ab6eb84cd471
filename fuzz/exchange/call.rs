//! One call, or one attempt of it: what may happen to it, and what must hold of what it said.

use sluice::exchange::cx::{Ending, Event, Gate};
use sluice::http::header::{HeaderList, Name};
use sluice::llm::provider::{self, Site};

use super::material::{BODIES, STATUSES, TYPES};
use crate::proxy::Stream;
use crate::script::Script;

/// A stream and what it is for.
pub(super) struct Call {
    pub(super) stream: Stream,
    pub(super) machine: usize,
    pub(super) head: HeaderList,
    pub(super) account: &'static str,
    /// What its answers bear, and no answer of another caller.
    pub(super) mark: String,
    /// What no record of it may show: its credentials.
    pub(super) secrets: Vec<&'static str>,
    /// The call that it is an attempt of.
    pub(super) of: Option<usize>,
}

impl Call {
    /// The request, whole or its beginning.
    pub(super) fn ask(&mut self, script: &mut Script<'_>) {
        self.stream.on(Event::RequestHead {
            headers: self.head.clone(),
            end: false,
        });
        let body = script.choose(&BODIES).unwrap_or_default().as_bytes();
        let (one, other) = body.split_at(usize::from(script.byte()).min(body.len()));
        self.stream.on(piece(one, false));
        if script.below(4) > 0 {
            self.stream.on(piece(other, true));
        }
    }

    pub(super) fn event(&mut self, script: &mut Script<'_>, now: u64) {
        let cx = &self.stream.task.cx;
        let is_sent = cx.request_gate() == Gate::Released;
        let is_due = cx.deadline().is_some_and(|at| at <= now);
        let stream = &mut self.stream;
        let (begun, ended) = (stream.response_begun, stream.response_ended);
        match script.below(12) {
            0 if !stream.request_ended => stream.on(piece(script.bytes(9), script.below(2) == 0)),
            1 if !stream.request_ended => stream.on(Event::RequestTrailers),
            2 if is_due => stream.on(Event::Deadline),
            3 | 4 if is_sent && !begun => self.answer(script),
            5..=8 if begun && !ended => {
                let text = self.part(script);
                self.stream.on(answer(&text, script.below(3) == 0));
            }
            9 if begun && !ended => stream.on(Event::ResponseTrailers),
            10 if !begun && script.below(4) == 0 => self.answer_of_the_proxy(script),
            11 if script.below(4) == 0 => stream.end(Ending {
                flags: u64::from(script.byte()) << 8,
                client_gone: script.below(2) == 1,
            }),
            _ => {}
        }
    }

    fn answer(&mut self, script: &mut Script<'_>) {
        let status = script.choose(&STATUSES).unwrap_or_default();
        let kind = script.choose(&TYPES).unwrap_or_default();
        self.stream.on(head(
            &[(":status", status), ("content-type", kind)],
            script.below(8) == 1,
            false,
        ));
    }

    /// A limit, a timeout, no upstream.
    fn answer_of_the_proxy(&mut self, script: &mut Script<'_>) {
        let status = script
            .choose(&["503", "504", "413", "408", "429"])
            .unwrap_or_default();
        if status == "429" {
            self.stream.task.cx.overrule();
        }
        let is_local = matches!(status, "503" | "504");
        self.stream
            .on(head(&[(":status", status)], script.below(2) == 1, is_local));
    }

    /// A piece of the answer; each names the caller.
    fn part(&self, script: &mut Script<'_>) -> Vec<u8> {
        let mark = &self.mark;
        match script.below(6) {
            0 => format!(r#"{{"model":"gpt-4o","mark":"{mark}","usage":{{"prompt_tokens":3,"completion_tokens":5}}}}"#),
            1 => format!("data: {{\"mark\":\"{mark}\",\"choices\":[]}}\n\n"),
            2 => format!("data: {{\"mark\":\"{mark}\",\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":5}}}}\n\n"),
            3 => "data: [DONE]\n\n".to_owned(),
            4 => format!(r#"{{"error":{{"message":"{mark}"}}}}"#),
            _ => return script.bytes(16).to_vec(),
        }
        .into_bytes()
    }

    /// What was said of it, to whom.
    pub(super) fn check(&self) {
        let stream = &self.stream;
        for text in stream.records.iter().chain(&stream.told) {
            let shown = |secret: &&&str| text.contains(**secret);
            assert!(self.secrets.iter().find(shown).is_none(), "{text}");
            // JSON leaves DEL as it is, which ends no line.
            assert!(!text.contains(|it: char| it < ' '), "{text:?}");
        }
        for record in &stream.records {
            let record: serde_json::Value = serde_json::from_str(record).unwrap_or_default();
            // A path that is refused tells no account.
            let account = record.get("account_id").and_then(|it| it.as_str());
            assert!(account.is_none_or(|account| account == self.account));
        }
        self.check_target();
        self.check_reply();
    }

    /// Requests go to providers, and nowhere else.
    fn check_target(&self) {
        if self.stream.sets("x-sluice-cluster") == Some(b"sluice-attempts") {
            return;
        }
        let Some(host) = self.stream.sets(":authority") else {
            return;
        };
        let host = String::from_utf8_lossy(host);
        let mut sites = provider::all().iter().map(|provider| provider.site);
        let is_known = sites.any(|site| match site {
            Site::Fixed(own) => host == own,
            Site::Chosen(domains) => domains.iter().any(|domain| host.ends_with(domain)),
        });
        assert!(is_known || host == "llm.example.com", "{host}");
    }

    /// Nobody gets another caller's answer.
    fn check_reply(&self) {
        let Some(reply) = &self.stream.reply else {
            return;
        };
        let is_text =
            |(_, value): &(Name, String)| !value.contains(|it: char| it.is_ascii_control());
        assert!(reply.headers.iter().all(is_text), "{:?}", reply.headers);
        let mut fields = reply.headers.iter();
        if fields.any(|(name, value)| name == "cf-aig-cache-status" && value == "HIT") {
            let text = String::from_utf8_lossy(&reply.body);
            // Who names the answer shares it with all who call this gateway with that name.
            let mark = if self.head.contains("cf-aig-cache-key") {
                self.mark.trim_end_matches(|it| it != ' ')
            } else {
                &self.mark
            };
            assert!(
                !text.contains("for ") || text.contains(mark),
                "{mark} got {text}"
            );
        }
    }
}

fn head(fields: &[(&str, &str)], end: bool, local: bool) -> Event {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Event::ResponseHead {
        headers: fields.collect(),
        end,
        local,
    }
}

pub(super) fn piece(bytes: &[u8], end: bool) -> Event {
    Event::RequestBody {
        bytes: bytes.to_vec(),
        size: bytes.len(),
        end,
    }
}

fn answer(bytes: &[u8], end: bool) -> Event {
    Event::ResponseBody {
        bytes: bytes.to_vec(),
        size: bytes.len(),
        end,
    }
}
