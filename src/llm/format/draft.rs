//! The facts of one document, as its format's table fills them in.
//!
//! Invariant: a draft counts only when its document turned out whole. Within it the last duplicate wins: a value
//! replaces, a wrong type clears, an object clears what an earlier one of its name said; `null` changes nothing.

use crate::llm::json::Event;
use crate::llm::usage::Usage;

/// Longest text fact, in bytes; a longer one counts as absent.
const TEXT_LIMIT: usize = 256;

/// Where in the [`Draft`] a value of the document goes.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// A whole number.
    Count(fn(&mut Draft) -> &mut Option<u64>),
    /// A string that is not empty.
    Text(fn(&mut Draft) -> &mut Option<String>),
    /// A string or number, such as an error code.
    Code(fn(&mut Draft) -> &mut Option<String>),
    /// An object or array of facts: what to forget when it is written, and what to do when it has ended.
    Group {
        forget: fn(&mut Draft),
        end: fn(&mut Draft),
    },
    /// An error, as an object or as its message.
    Failure,
}

/// What one document has said.
#[derive(Default)]
pub(crate) struct Draft {
    /// `type`, or the name of the event.
    pub(crate) kind: Option<String>,
    pub(super) model: Option<String>,
    pub(super) status: Option<String>,
    pub(super) finish_reason: Option<String>,
    pub(super) service_tier: Option<String>,
    pub(super) speed: Option<String>,
    pub(super) is_failure: bool,
    pub(super) error_type: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) counts: Counts,
    /// The element of an array being read.
    pub(super) item: Item,
    /// Consumption of elements that the provider leaves out of its totals.
    pub(super) extra: Usage,
    /// Web searches counted in the answer's items.
    pub(super) searches: Option<u64>,
    /// Web searches as stated for the bill, outside `usage`.
    pub(super) billed_searches: Option<u64>,
}

/// Counts under the provider's own rules, before they are normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) cache_read: Option<u64>,
    /// All cache writes, or those of the shortest time.
    pub(super) cache_write: Option<u64>,
    /// Cache writes for 5 or 30 minutes, where stated apart.
    pub(super) cache_write_short: Option<u64>,
    pub(super) cache_write_1h: Option<u64>,
    pub(super) cache_write_12h: Option<u64>,
    pub(super) reasoning: Option<u64>,
    pub(super) audio_input: Option<u64>,
    pub(super) audio_output: Option<u64>,
    pub(super) image_input: Option<u64>,
    pub(super) web_searches: Option<u64>,
}

/// An element of an array, as far as it says what it is.
#[derive(Default)]
pub(super) struct Item {
    pub(super) kind: Option<String>,
    pub(super) action: Option<String>,
    pub(super) counts: Counts,
}

impl Slot {
    /// A group without an action at its end.
    pub(super) const fn group(forget: fn(&mut Draft)) -> Self {
        Self::Group {
            forget,
            end: |_| {},
        }
    }
}

impl Draft {
    /// Takes one value of the document.
    pub(crate) fn note(&mut self, slot: Slot, event: Event<'_>) {
        if event == Event::Null {
            return;
        }
        match slot {
            Slot::Group { end, .. } if event == Event::Close => end(self),
            Slot::Group { forget, .. } => forget(self),
            _ if event == Event::Close => {}
            Slot::Count(place) => *place(self) = event.count(),
            Slot::Text(place) => *place(self) = short(event.text()),
            Slot::Code(place) => *place(self) = short(event.text().or(event.number())),
            Slot::Failure => {
                self.is_failure = !matches!(event, Event::Text("") | Event::Bool(false));
            }
        }
    }
}

fn short(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty() && text.len() <= TEXT_LIMIT)
        .map(str::to_owned)
}
