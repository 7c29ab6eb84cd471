//! OpenAI transcriptions, translations and speech in events, and their copies (providers.md §3).
//!
//! Invariant: consumption is tokens or seconds, as `usage` says; the length of the audio counts only where `usage` has
//! none. A stream ends with its `….done` event, never with `[DONE]`.

use super::draft::{Draft, Slot};
use super::openai_chat::ERROR;
use super::{Tally, Usage};
use crate::llm::json::Node;
use Slot::{Code, Count, Failure, Scaled, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.kind)),
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::leaf("id", Text(|d| &mut d.id)),
    // Groq's place for it.
    Node::branch("x_groq", &[Node::leaf("id", Text(|d| &mut d.id))]),
    Node::leaf("duration", Scaled(|d| &mut d.counts.audio_input, MILLIS)),
    // ElevenLabs; channels heard apart and names found in the text are billed beside the length.
    Node::leaf("transcription_id", Text(|d| &mut d.id)),
    Node::leaf(
        "audio_duration_secs",
        Scaled(|d| &mut d.counts.audio_input, MILLIS),
    ),
    Node::branch("transcripts", &[]).reported(UNPRICED),
    Node::branch("entities", &[]).reported(UNPRICED),
    Node::branch("usage", USAGE).reported(Slot::group(|d| d.stated = Usage::default())),
    Node::branch("error", ERROR).reported(Failure),
    Node::leaf("code", Code(|d| &mut d.error_code)),
];

const UNPRICED: Slot = Slot::group(|d| d.unpriced = Some(1));

/// Digits from seconds to milliseconds.
const MILLIS: u32 = 3;

const USAGE: &[Node<Slot>] = &[
    Node::leaf("input_tokens", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf("output_tokens", Count(|d| &mut d.stated.output_tokens)),
    Node::branch(
        "input_token_details",
        &[Node::leaf(
            "audio_tokens",
            Count(|d| &mut d.stated.audio_input),
        )],
    ),
    Node::leaf("seconds", SECONDS),
    // Mistral's names.
    Node::leaf("prompt_tokens", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf("completion_tokens", Count(|d| &mut d.stated.output_tokens)),
    Node::leaf("prompt_audio_seconds", SECONDS),
];
const SECONDS: Slot = Scaled(|d| &mut d.stated.audio_input_ms, MILLIS);

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let length = draft.counts.audio_input.take();
    let stated = &mut draft.stated;
    if stated.input_tokens.is_none() && stated.audio_input_ms.is_none() {
        stated.audio_input_ms = length;
    }
    if draft.kind.as_deref() == Some("speech.audio.done") {
        stated.audio_output = stated.output_tokens;
    }
    tally.is_ended |= matches!(
        draft.kind.as_deref(),
        // The last one is Cartesia's.
        Some("transcript.text.done" | "transcription.done" | "speech.audio.done" | "done")
    );
    tally.absorb(draft);
}
