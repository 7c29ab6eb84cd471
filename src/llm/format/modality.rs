//! Counts by kind of content, as Gemini lists them beside each of its sums.
//!
//! Invariant: a list replaces the one of its name that came before; within a list, parts of one kind are added.

use super::Usage;
use super::draft::{Draft, Item, Slot};
use crate::llm::json::Node;
use crate::llm::usage::add;
use Slot::{Count, Group, Text};

/// At the beginning of a list: none of its parts is known.
pub(super) const FORGET_INPUT: Slot = Slot::group(|d| forget_input(&mut d.stated));
pub(super) const FORGET_TOOLS: Slot = Slot::group(|d| forget_input(&mut d.extra));
pub(super) const FORGET_CACHED: Slot = Slot::group(|d| {
    d.stated.audio_cache_read = None;
    d.stated.image_cache_read = None;
});
pub(super) const FORGET_OUTPUT: Slot = Slot::group(|d| {
    d.stated.audio_output = None;
    d.stated.image_output = None;
    d.stated.video_output = None;
});

const fn forget_input(usage: &mut Usage) {
    usage.audio_input = None;
    usage.image_input = None;
    usage.video_input = None;
}

/// An element of the list for the prompt.
pub(super) const INPUT_PART: Node<Slot> = part(|d| {
    let Draft { item, stated, .. } = d;
    add_part(item, input_place(item, stated));
});
/// An element of the list for the results of tools, which the prompt leaves out.
pub(super) const TOOL_PART: Node<Slot> = part(|d| {
    let Draft { item, extra, .. } = d;
    add_part(item, input_place(item, extra));
});
/// An element of the list for what came from the cache, of which video has no price of its own.
pub(super) const CACHED_PART: Node<Slot> = part(|d| {
    let Draft { item, stated, .. } = d;
    let place = match Modality::of(item) {
        Some(Modality::Audio) => Some(&mut stated.audio_cache_read),
        Some(Modality::Image) => Some(&mut stated.image_cache_read),
        Some(Modality::Video) | None => None,
    };
    add_part(item, place);
});
/// An element of the list for the answer.
pub(super) const OUTPUT_PART: Node<Slot> = part(|d| {
    let Draft { item, stated, .. } = d;
    let place = match Modality::of(item) {
        Some(Modality::Audio) => Some(&mut stated.audio_output),
        Some(Modality::Image) => Some(&mut stated.image_output),
        Some(Modality::Video) => Some(&mut stated.video_output),
        None => None,
    };
    add_part(item, place);
});

/// An element of a list of modalities.
const fn part(end: fn(&mut Draft)) -> Node<Slot> {
    Node::every(PART).reported(Group {
        forget: |d| d.item = Item::default(),
        end,
    })
}

const PART: &[Node<Slot>] = &[
    Node::leaf("modality", Text(|d| &mut d.item.kind)),
    Node::leaf("tokenCount", Count(|d| &mut d.item.counts.total)),
    // In an interaction.
    Node::leaf("tokens", Count(|d| &mut d.item.counts.total)),
];

/// A kind of content that has prices of its own.
#[derive(Clone, Copy)]
enum Modality {
    Audio,
    Image,
    Video,
}

impl Modality {
    fn of(item: &Item) -> Option<Self> {
        let name = item.kind.as_deref()?;
        [
            ("AUDIO", Self::Audio),
            ("IMAGE", Self::Image),
            // Its pages are billed as pictures.
            ("DOCUMENT", Self::Image),
            ("VIDEO", Self::Video),
        ]
        .into_iter()
        .find_map(|(word, modality)| name.eq_ignore_ascii_case(word).then_some(modality))
    }
}

fn input_place<'a>(item: &Item, usage: &'a mut Usage) -> Option<&'a mut Option<u64>> {
    Some(match Modality::of(item)? {
        Modality::Audio => &mut usage.audio_input,
        Modality::Image => &mut usage.image_input,
        Modality::Video => &mut usage.video_input,
    })
}

fn add_part(item: &Item, place: Option<&mut Option<u64>>) {
    if let Some(place) = place {
        *place = add(*place, item.counts.total);
    }
}
