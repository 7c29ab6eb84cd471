//! The first so many records in some order, found in one pass without keeping the others.
//!
//! Invariant: the order is total, for the place of a record breaks every tie; what lacks the field comes first when
//! ascending.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::key::Key;
use super::query::Order;
use super::row::Row;
use super::scan::Place;
use crate::logbook::{Entry, Id};

/// What a record is ordered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Nothing,
    /// A number, as bits in the order of the numbers.
    Number(u64),
    Text(String),
}

/// Where a record stands in the order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    field: Field,
    created_ms: u64,
    /// Where it is stored.
    pub(super) place: Place,
    /// Its id.
    pub(super) id: Id,
}

impl Rank {
    /// `row` may be absent where records are ordered by their time.
    pub(super) fn of(order: Order, place: Place, entry: &Entry<'_>, row: Option<&Row<'_>>) -> Self {
        Self {
            field: row.map_or(Field::Nothing, |row| Field::of(order.by, row)),
            created_ms: entry.created_ms,
            place,
            id: entry.id,
        }
    }
}

impl Field {
    fn of(key: Key, row: &Row<'_>) -> Self {
        let text = |text: &str| Self::Text(text.to_owned());
        let count = |count: Option<u64>| count.map_or(Self::Nothing, Self::Number);
        match key {
            Key::Provider => text(row.provider()),
            Key::Model => text(row.model()),
            Key::ModelType => row.model_type.get().map_or(Self::Nothing, text),
            Key::Success => Self::Number(row.success.into()),
            Key::Cached => Self::Number(row.cached.into()),
            Key::Cost => Self::Number(ordered(row.cost())),
            Key::TokensIn => count(row.tokens_in),
            Key::TokensOut => count(row.tokens_out),
            Key::Duration => count(row.duration),
            Key::Feedback => count(row.feedback.map(ordered)),
            // By their time, which every rank has.
            Key::Id
            | Key::CreatedAt
            | Key::RequestContentType
            | Key::ResponseContentType
            | Key::RequestType
            | Key::Tokens
            | Key::EventId
            | Key::MetadataName
            | Key::MetadataValue
            | Key::Authentication
            | Key::Wholesale
            | Key::CompatibilityMode
            | Key::DlpAction
            | Key::UserAgent
            | Key::GatewayId
            | Key::Outcome
            | Key::StatusCode => Self::Nothing,
        }
    }
}

/// The bits of a number, in the order of the numbers.
const fn ordered(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 0 {
        bits | 1 << 63
    } else {
        !bits
    }
}

/// The best records so far, the worst of them at hand.
pub(super) struct Best {
    ranks: Ranks,
    most: usize,
}

enum Ranks {
    Ascending(BinaryHeap<Rank>),
    Descending(BinaryHeap<Reverse<Rank>>),
}

impl Best {
    /// The first `most` in this order.
    pub(super) fn new(order: Order, most: usize) -> Self {
        let ranks = if order.is_ascending {
            Ranks::Ascending(BinaryHeap::new())
        } else {
            Ranks::Descending(BinaryHeap::new())
        };
        Self { ranks, most }
    }

    pub(super) fn push(&mut self, rank: Rank) {
        match &mut self.ranks {
            Ranks::Ascending(heap) => push(heap, rank, self.most),
            Ranks::Descending(heap) => push(heap, Reverse(rank), self.most),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.ranks {
            Ranks::Ascending(heap) => heap.len(),
            Ranks::Descending(heap) => heap.len(),
        }
    }

    /// All but the first `skipped`, in order.
    pub(super) fn after(mut self, skipped: usize) -> Vec<Rank> {
        let count = self.len().saturating_sub(skipped);
        let mut ranks: Vec<_> = (0..count).filter_map(|_| self.worst()).collect();
        ranks.reverse();
        ranks
    }

    /// Takes the last one of them away.
    pub(super) fn worst(&mut self) -> Option<Rank> {
        match &mut self.ranks {
            Ranks::Ascending(heap) => heap.pop(),
            Ranks::Descending(heap) => heap.pop().map(|Reverse(rank)| rank),
        }
    }
}

fn push<T: Ord>(heap: &mut BinaryHeap<T>, rank: T, most: usize) {
    if heap.len() < most {
        heap.push(rank);
    } else if let Some(mut worst) = heap.peek_mut()
        && rank < *worst
    {
        *worst = rank;
    }
}
