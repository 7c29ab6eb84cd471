//! OpenAI images and their copies (providers.md §3).
//!
//! Invariant: pictures are counted and never held. A stream ends with `image_generation.completed` or
//! `image_edit.completed`, each of which is one picture, never with `[DONE]`.

use super::draft::{Draft, Slot};
use super::media::count_picture;
use super::openai_chat::{COST, ERROR, OWN_CREDENTIAL, TICKS, UPSTREAM, forget_cost, settle_cost};
use super::{Tally, Usage};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Code, Count, Failure, Text};

/// Where the facts stand in an answer or event.
pub(super) const TABLE: &[Node<Slot>] = &[
    Node::leaf("type", Text(|d| &mut d.kind)),
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::leaf("id", Text(|d| &mut d.id)),
    Node::branch(
        "data",
        &[Node::every(&[]).reported(Slot::group(count_picture))],
    )
    .reported(Slot::group(|d| d.stated.images = None)),
    Node::branch("usage", USAGE).reported(Slot::group(|d| {
        d.stated = Usage {
            images: d.stated.images,
            ..Usage::default()
        };
        forget_cost(d);
    })),
    // Drawings in SVG are written by another model, which is billed beside this one.
    Node::branch(
        "svg_usage",
        &[Node::leaf("total_tokens", Count(|d| &mut d.unpriced))],
    ),
    Node::branch("error", ERROR).reported(Failure),
    Node::leaf("code", Code(|d| &mut d.error_code)),
];

const USAGE: &[Node<Slot>] = &[
    Node::leaf("input_tokens", Count(|d| &mut d.stated.input_tokens)),
    Node::leaf("output_tokens", Count(|d| &mut d.stated.output_tokens)),
    Node::branch("input_tokens_details", INPUT),
    Node::branch("output_tokens_details", OUTPUT),
    COST,
    OWN_CREDENTIAL,
    UPSTREAM,
    TICKS,
];

const INPUT: &[Node<Slot>] = &[
    Node::leaf("image_tokens", Count(|d| &mut d.stated.image_input)),
    Node::leaf("cached_tokens", Count(|d| &mut d.stated.cache_read)),
    Node::branch(
        "cached_tokens_details",
        &[Node::leaf(
            "image_tokens",
            Count(|d| &mut d.stated.image_cache_read),
        )],
    ),
];

const OUTPUT: &[Node<Slot>] = &[
    Node::leaf("image_tokens", Count(|d| &mut d.stated.image_output)),
    Node::leaf("text_tokens", Count(|d| &mut d.counts.output)),
];

/// Adds one answer or event.
pub(super) fn fold(mut draft: Draft, tally: &mut Tally) {
    let is_picture = matches!(
        draft.kind.as_deref(),
        Some("image_generation.completed" | "image_edit.completed")
    );
    let text = draft.counts.output.take();
    let stated = &mut draft.stated;
    // Without details, as in every event, the output is pictures only.
    if stated.image_output.is_none() && text.is_none() {
        stated.image_output = stated.output_tokens;
    }
    // Every event has the picture alone.
    let before = tally.answer.usage.images;
    if is_picture {
        stated.images = add(before, Some(1));
        tally.is_ended = true;
    }
    stated.images = stated.images.or(before);
    settle_cost(&mut draft);
    tally.absorb(draft);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_of_a_stream_is_counted_and_the_last_tokens_hold() {
        let mut tally = Tally::default();
        for (kind, tokens) in [
            ("image_edit.completed", 5),
            ("image_edit.partial_image", 6),
            ("image_edit.completed", 7),
        ] {
            let mut draft = Draft {
                kind: Some(kind.to_owned()),
                ..Draft::default()
            };
            draft.stated.output_tokens = Some(tokens);
            fold(draft, &mut tally);
        }
        let usage = &tally.answer.usage;
        assert_eq!((usage.images, usage.output_tokens), (Some(2), Some(7)));
    }
}
