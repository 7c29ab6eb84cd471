//! Providers of pictures, transcripts and documents, as far as their answers tell (providers.md §3).
//!
//! Invariant: counts stand as stated. What is billed beside them at prices of its own makes the whole unpriced.

use super::Tally;
use super::draft::{Draft, Item, Slot};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Count, Each, Failure, Scaled, Text};

/// A transcript of Deepgram: billed by its length, once for each channel that was heard apart; what it is analysed for is
/// billed by tokens.
pub(super) const DEEPGRAM: &[Node<Slot>] = &[
    Node::branch("metadata", METADATA).reported(Slot::Group {
        forget: |d| d.stated.audio_input_ms = None,
        end: |d| {
            if d.counts.input > Some(1) {
                d.unpriced = Some(1);
            }
        },
    }),
    Node::leaf("request_id", Text(|d| &mut d.id)),
    Node::leaf("err_code", Text(|d| &mut d.error_type)),
    Node::leaf("err_msg", Failure),
];

const METADATA: &[Node<Slot>] = &[
    Node::leaf("request_id", Text(|d| &mut d.id)),
    Node::leaf("duration", Scaled(|d| &mut d.stated.audio_input_ms, 3)),
    Node::leaf("channels", Count(|d| &mut d.counts.input)),
    Node::branch("intents_info", &[]).reported(ANALYSED),
    Node::branch("sentiment_info", &[]).reported(ANALYSED),
    Node::branch("summary_info", &[]).reported(ANALYSED),
    Node::branch("topics_info", &[]).reported(ANALYSED),
];
const ANALYSED: Slot = Slot::group(|d| d.unpriced = Some(1));

/// Pictures of Ideogram.
pub(super) const IDEOGRAM: &[Node<Slot>] = &[
    Node::branch(
        "data",
        &[Node::every(&[]).reported(Slot::group(count_picture))],
    )
    .reported(Slot::group(|d| d.stated.images = None)),
    Node::leaf("error", Failure),
];

/// One more picture was made.
pub(super) fn count_picture(draft: &mut Draft) {
    draft.stated.images = add(draft.stated.images, Some(1));
}

/// Pages read by Mistral. Where anything is annotated, all pages have the price of annotated ones.
pub(super) const MISTRAL_OCR: &[Node<Slot>] = &[
    Node::branch(
        "pages",
        &[Node::every(&[Node::branch(
            "images",
            &[Node::every(&[Node::leaf("image_annotation", ANNOTATED)])],
        )])],
    ),
    Node::leaf("model", Text(|d| &mut d.model)),
    Node::leaf("document_annotation", ANNOTATED),
    Node::branch(
        "usage_info",
        &[Node::leaf(
            "pages_processed",
            Count(|d| &mut d.stated.pages),
        )],
    ),
    Node::leaf("error", Failure),
    Node::leaf("detail", Failure),
];
const ANNOTATED: Slot = Each(|d| &mut d.counts.output);

/// Adds the answer of the document reader.
pub(super) fn fold_pages(mut draft: Draft, tally: &mut Tally) {
    if draft.counts.output.is_some() {
        draft.stated.annotated_pages = draft.stated.pages;
    }
    tally.absorb(draft);
}

/// The answer to a search of Parallel, which names what it used.
pub(super) const SEARCH: &[Node<Slot>] = &[
    Node::branch(
        "usage",
        &[
            Node::every(&[Node::leaf("name", Text(|d| &mut d.item.kind))]).reported(Slot::Group {
                forget: |d| d.item = Item::default(),
                end: |d| {
                    if d.item.kind.as_deref() != Some("sku_search") {
                        d.unpriced = Some(1);
                    }
                },
            }),
        ],
    )
    .reported(Slot::group(|d| d.unpriced = None)),
    Node::leaf("error", Failure),
];

/// Adds the answer to a search, which is one whatever it finds.
pub(super) fn fold_search(mut draft: Draft, tally: &mut Tally) {
    draft.stated.search_units = Some(1).filter(|_| !draft.is_failure);
    tally.absorb(draft);
}
