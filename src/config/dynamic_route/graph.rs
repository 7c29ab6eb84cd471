//! What must hold for a route as a whole.
//!
//! Invariant: a graph that passes has one start, reaches every element from it, has a model, and no loop.

use super::element::{Element, ElementKind};
use crate::config::section::{Field, distinct};

/// Checks the graph; gives the number of the start.
pub(super) fn check(
    list: &Field<'_>,
    entries: &[Field<'_>],
    elements: &[Element],
) -> Option<usize> {
    let ids = entries
        .iter()
        .zip(elements.iter().map(|element| &element.id));
    distinct(ids, |first| {
        format!("has the id of {first}: give it its own id")
    });
    let reached: Vec<Vec<bool>> = (0..elements.len())
        .map(|from| reach(elements, from))
        .collect();
    let leads = |from: usize, to: usize| {
        let row = reached.get(from).and_then(|row| row.get(to));
        row.copied().unwrap_or(false)
    };
    let mut starts = Vec::new();
    for (number, (entry, element)) in entries.iter().zip(elements).enumerate() {
        if matches!(element.kind, ElementKind::Start(_)) {
            starts.push(number);
            if starts.len() > 1 {
                entry.fault("is a second start: a route has one");
            }
        }
        if let ElementKind::Model(_, success, _) = element.kind
            && !elements
                .get(success)
                .is_some_and(|next| next.kind == ElementKind::End)
        {
            entry
                .fault("must have an end as its outputs.success: the answer is on its way by then");
        }
        // One fault for each loop: at the first of its elements.
        let is_first = |number: &usize| {
            !(0..*number).any(|other| leads(other, *number) && leads(*number, other))
        };
        if leads(number, number) && is_first(&number) {
            entry.fault("leads back to itself: every way must lead to an end");
        }
    }
    let Some(&start) = starts.first() else {
        list.fault("has no start: write an element of type start");
        return None;
    };
    for (number, entry) in entries.iter().enumerate() {
        if number != start && !leads(start, number) {
            entry.fault("is unreachable: no output leads to it from the start");
        }
    }
    if elements.iter().all(|element| element.model().is_none()) {
        list.fault("has no model: write an element of type model");
    }
    Some(start)
}

/// Which elements can follow on `from`, at any distance.
fn reach(elements: &[Element], from: usize) -> Vec<bool> {
    let mut reached = vec![false; elements.len()];
    let mut open = vec![from];
    while let Some(number) = open.pop() {
        let outputs = elements.get(number).map(outputs).unwrap_or_default();
        for next in outputs {
            if let Some(is_reached) = reached.get_mut(next).filter(|is_reached| !**is_reached) {
                *is_reached = true;
                open.push(next);
            }
        }
    }
    reached
}

fn outputs(element: &Element) -> Vec<usize> {
    match &element.kind {
        ElementKind::Start(next) => vec![*next],
        ElementKind::Conditional(_, yes, no) => vec![*yes, *no],
        ElementKind::Percentage(split) => split.shares.iter().map(|share| share.next).collect(),
        ElementKind::Rate(_, within, over) => {
            [Some(*within), *over].into_iter().flatten().collect()
        }
        ElementKind::Model(_, success, fallback) => {
            [Some(*success), *fallback].into_iter().flatten().collect()
        }
        ElementKind::End => Vec::new(),
    }
}
