//! How a record is filled, in the order in which a call learns things about itself.

use super::{Collect, Outcome, Record, Secrets, model_type, time};
use crate::config::{Gateway, StoredKey};
use crate::exchange::cx::Ending;
use crate::exchange::intake::Intake;
use crate::exchange::options::Options;
use crate::http::capture::Capture;
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::format::Format;
use crate::llm::provider::Upstream;
use crate::policy::privacy;

/// Longest text that is taken over from a header, in characters.
const MAX_TEXT: usize = 512;
/// The status of a call whose client left before it was told anything (as nginx has it).
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// What a call says about itself.
impl Record {
    /// From the request head, before anything is understood.
    pub fn describe_head(&mut self, head: &HeaderList) {
        self.method = text(head, ":method").unwrap_or_default();
        self.user_agent = text(head, "user-agent");
        self.request_content_type = text(head, "content-type");
        self.retry_count = head
            .text("x-stainless-retry-count")
            .and_then(|count| count.parse().ok());
    }

    /// From the URL and the `cf-aig-*` headers.
    pub fn describe_options(&mut self, account: &str, gateway: &str, options: &Options) {
        self.account_id = Some(account.to_owned());
        self.gateway_id = Some(gateway.to_owned());
        self.metadata.clone_from(&options.metadata);
        self.plain_metadata = None;
        self.protect();
        if let Some(event_id) = &options.event_id {
            self.event_id.clone_from(event_id);
        }
        if let Some(trace) = &options.trace {
            self.trace_id = Some(trace.trace_id.clone());
            self.parent_span_id.clone_from(&trace.parent_span_id);
        }
        match &options.custom_cost {
            Some(Ok(prices)) => self.prices = Some(prices.clone()),
            Some(Err(error)) => self.custom_cost_error = Some(*error),
            None => {}
        }
    }

    /// Keeps of the metadata only what may be logged.
    fn protect(&mut self) {
        let metadata = self.privacy.as_ref().zip(self.metadata.as_ref());
        if let Some((privacy, metadata)) = metadata {
            let shown = privacy::metadata(metadata, privacy);
            self.plain_metadata = self.metadata.replace(shown);
        }
    }

    /// From the gateway's settings: they hold for who is refused, too.
    pub fn describe_gateway(&mut self, gateway: &Gateway) {
        self.authentication = gateway.authentication;
        self.collect.nothing = !gateway.collect_logs;
        self.privacy.clone_from(&gateway.privacy);
        self.protect();
        self.management = gateway.log_management;
    }

    /// From the headers of a client that was let in: they beat the gateway's settings (contract §7.1).
    pub fn describe_wishes(
        &mut self,
        gateway: &Gateway,
        options: &Options,
        head: &HeaderList,
        max_payload: usize,
    ) {
        let collects = options.collect_log.unwrap_or(gateway.collect_logs);
        let payload = options
            .collect_log_payload
            .unwrap_or(gateway.collect_log_payload);
        self.collect = Collect {
            nothing: !collects,
            payload: (collects && payload).then_some(max_payload),
        };
        if self.collect.payload.is_some() {
            self.secrets = Secrets::of(head);
        }
    }

    /// From where the call goes, and the shape of the answer that comes from there.
    pub fn describe_upstream(&mut self, upstream: &Upstream, format: Option<Format>) {
        self.path = Some(upstream.endpoint.to_string());
        self.model_asked.clone_from(&upstream.model);
        self.format = format;
        self.model_type = format.and_then(|format| model_type::of(format, &upstream.endpoint));
    }

    /// From a dynamic route, as long as it has chosen no model (contract §7.2).
    pub fn describe_route(&mut self, name: &str) {
        self.provider = Some("unknown".to_owned());
        self.model = Some(format!("dynamic/{name}"));
        self.model_asked.clone_from(&self.model);
    }

    /// From the stored key that the request is sent with.
    pub fn take_key(&mut self, key: &StoredKey) {
        self.byok = true;
        self.byok_alias = Some(key.alias.clone());
        if self.collect.payload.is_some() {
            self.secrets.add(key.secret.reveal());
        }
    }

    /// What the request's body says, as far as it came.
    pub fn take_facts(&mut self, intake: &Intake) {
        if let Some(facts) = intake.facts() {
            self.stream = facts.stream;
            self.asked_tier.clone_from(&facts.service_tier);
            self.asked_characters = facts.characters;
            let named = match self.provider.as_deref() {
                Some("cartesia" | "elevenlabs") => &facts.model_id,
                _ => &facts.model,
            };
            self.model_asked = self.model_asked.take().or_else(|| named.clone());
        }
        if self.model.is_none() {
            self.model.clone_from(&self.model_asked);
        }
    }

    /// From the request's body, as far as it came.
    pub fn take_request(&mut self, intake: &mut Intake) {
        self.request_size = intake.size;
        self.take_facts(intake);
        if let Some((payload, is_whole)) = intake.take_payload() {
            self.request_head = Some(self.payload_text(payload, is_whole));
            self.request_head_complete = Some(is_whole);
        }
    }
}

/// How it ended.
impl Record {
    /// The gateway said no.
    pub fn refuse(&mut self, reject: &Reject) {
        self.outcome = Outcome::Refused;
        self.status_code = reject.status();
        self.error_code = Some(reject.code());
        self.complete = true;
    }

    /// The status that the client is told.
    pub fn take_status(&mut self, head: &HeaderList) {
        self.status_code = head
            .text(":status")
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
    }

    /// The answer began.
    pub fn take_response_head(&mut self, now: u64, head: &HeaderList) {
        self.take_status(head);
        self.take_first_byte(now);
        self.response_content_type = text(head, "content-type");
        self.describe_provider(head);
    }

    /// The client is told something for the first time.
    pub(super) fn take_first_byte(&mut self, now: u64) {
        self.timings.latency = Some(self.millis_until(now));
    }

    /// The beginning of the answer's body.
    pub fn take_response_payload(&mut self, capture: Capture) {
        let is_whole = capture.is_whole() && self.complete;
        self.response_head = Some(self.payload_text(capture, is_whole));
        self.response_head_complete = Some(is_whole);
    }

    /// The stream is over.
    pub fn end(&mut self, ending: &Ending, now: u64) {
        self.created_at = time::rfc3339(self.began);
        self.duration = self.millis_until(now);
        self.timings.total = self.duration;
        self.response_flags = ending.flags;
        if ending.client_gone && !self.complete {
            self.outcome = Outcome::ClientGone;
        }
        if self.status_code == 0 {
            self.status_code = CLIENT_CLOSED_REQUEST;
        }
        self.success = self.status_code < 400 && self.complete;
    }

    pub(super) fn millis_until(&self, now: u64) -> u64 {
        now.saturating_sub(self.began) / 1_000_000
    }

    /// `is_whole`: nothing follows the payload, neither behind the limit nor because its sender fell silent.
    fn payload_text(&self, payload: Capture, is_whole: bool) -> String {
        let text = self.secrets.redact(payload.into_text(), is_whole);
        let patterns = self
            .privacy
            .as_ref()
            .map(|privacy| privacy.redact.as_slice());
        privacy::redact(text, patterns.unwrap_or_default(), is_whole)
    }
}

/// A header field's text, bounded.
pub(super) fn text(head: &HeaderList, name: &str) -> Option<String> {
    let value = head.text(name)?;
    // Nearly all are short, and copied whole.
    if value.len() <= MAX_TEXT {
        return Some(value.to_owned());
    }
    Some(value.chars().take(MAX_TEXT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        for (value, kept) in [
            ("short".to_owned(), 5),
            ("x".repeat(MAX_TEXT), MAX_TEXT),
            ("x".repeat(MAX_TEXT + 1), MAX_TEXT),
            ("\u{e4}".repeat(MAX_TEXT), 2 * MAX_TEXT),
            ("\u{e4}".repeat(MAX_TEXT + 1), 2 * MAX_TEXT),
        ] {
            let mut head = HeaderList::default();
            head.push("user-agent", value.as_bytes());
            let text = text(&head, "user-agent").unwrap();
            assert_eq!(text.len(), kept);
            assert!(value.starts_with(&text));
        }
    }
}
