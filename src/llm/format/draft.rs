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
    /// A number that may have a fraction, in units of 10⁻ⁿ of what is written, rounded half up.
    Scaled(fn(&mut Draft) -> &mut Option<u64>, u32),
    /// One more for each string that is not empty, however long.
    Each(fn(&mut Draft) -> &mut Option<u64>),
    /// A string that is not empty.
    Text(fn(&mut Draft) -> &mut Option<String>),
    /// A string or number, such as an error code.
    Code(fn(&mut Draft) -> &mut Option<String>),
    /// `true` or `false`.
    Flag(fn(&mut Draft) -> &mut Option<bool>),
    /// An object or array of facts: what to forget when it is written, and what to do when it has ended.
    Group {
        forget: fn(&mut Draft),
        end: fn(&mut Draft),
    },
    /// An error, as an object or as its message.
    Failure,
    /// One of several documents in an array.
    Document,
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
    pub(super) inference_geo: Option<String>,
    /// The model that parts of the answer say they are by.
    pub(super) part_model: Option<String>,
    pub(super) is_failure: bool,
    /// The answer's own word for being the last one.
    pub(super) is_done: Option<bool>,
    /// The answer's own word for having gone well.
    pub(super) is_success: Option<bool>,
    pub(super) error_type: Option<String>,
    pub(super) error_code: Option<String>,
    pub(super) counts: Counts,
    /// Bedrock's counts for an answer in a model's own format, under the rules of [`Counts`].
    pub(super) metrics: Counts,
    /// Consumption that needs no rules: what is stated here counts as it stands.
    pub(super) stated: Usage,
    /// Picodollars that the provider says the answer cost.
    pub(super) stated_cost: Option<u64>,
    /// Picodollars that someone behind the provider bills beside it.
    pub(super) upstream_cost: Option<u64>,
    /// The call was made with the client's own credential for what is behind the provider.
    pub(super) is_own_credential: Option<bool>,
    /// Consumption that is billed at prices which the answer's model does not have.
    pub(super) unpriced: Option<u64>,
    /// Items of the answer that are billed so.
    pub(super) unpriced_items: Option<u64>,
    pub(super) is_background: Option<bool>,
    /// The provider's name for the answer.
    pub(super) id: Option<String>,
    /// The element of an array being read.
    pub(super) item: Item,
    /// Consumption of elements that the provider leaves out of its totals.
    pub(super) extra: Usage,
    /// Web searches counted in the answer's items.
    pub(super) searches: Option<u64>,
    /// File searches counted in the answer's items.
    pub(super) file_searches: Option<u64>,
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
    /// Reasoning as stated beside the totals, not as a detail of one.
    pub(super) reasoning_beside: Option<u64>,
    pub(super) citation: Option<u64>,
    pub(super) audio_input: Option<u64>,
    pub(super) audio_input_ms: Option<u64>,
    pub(super) audio_output: Option<u64>,
    pub(super) image_input: Option<u64>,
    pub(super) image_output: Option<u64>,
    pub(super) video_input: Option<u64>,
    pub(super) web_searches: Option<u64>,
}

/// An element of an array, as far as it says what it is.
#[derive(Default)]
pub(super) struct Item {
    pub(super) kind: Option<String>,
    pub(super) model: Option<String>,
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
            Slot::Scaled(place, digits) => *place(self) = event.scaled(digits),
            Slot::Each(place) => {
                if matches!(event, Event::Unreadable)
                    || event.text().is_some_and(|text| !text.is_empty())
                {
                    let count = place(self);
                    *count = Some(count.unwrap_or_default().saturating_add(1));
                }
            }
            Slot::Text(place) => *place(self) = short(event.text()),
            Slot::Code(place) => *place(self) = short(event.text().or(event.number())),
            Slot::Flag(place) => *place(self) = event.bool(),
            Slot::Failure => {
                self.is_failure = !matches!(event, Event::Text("") | Event::Bool(false));
            }
            Slot::Document => {}
        }
    }
}

fn short(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty() && text.len() <= TEXT_LIMIT)
        .map(str::to_owned)
}
