//! What some datasets are worth: one way through the records that meet any of them.

use std::ops::ControlFlow;

use super::dataset;
use super::store::Dataset;
use crate::console::Stop;
use crate::console::analytics::picodollars;
use crate::console::log::{self, Row, Scope, Way, float};
use crate::exchange::cx::Cx;
use crate::llm::price::Picodollars;

/// Sums over the records of an evaluation.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) logs: u64,
    picodollars: u64,
    timed: u64,
    millis: u64,
    rated: u64,
    liked: u64,
}

/// Sums over the records of the scope that meet one of the datasets that are enabled.
pub(super) async fn sums(cx: &Cx, scope: &Scope, datasets: &[Dataset]) -> Result<Sums, Stop> {
    let enabled = datasets.iter().filter(|it| it.enable);
    let sets = enabled.map(|it| dataset::wanted(&it.filters));
    let sets: Vec<_> = sets.collect::<Result<_, _>>()?;
    let mut way = Way::default();
    for set in &sets {
        way.rereads = way.rereads.saturating_add(set.way(false).rereads);
    }
    let mut sums = Sums::default();
    log::through(cx, way, &mut |_, entry| {
        if scope.holds(entry)
            && let Some(row) = Row::read(entry)
            && sets.iter().any(|set| set.matches(&row))
        {
            sums.add(&row);
        }
        ControlFlow::Continue(())
    })
    .await?;
    Ok(sums)
}

impl Sums {
    fn add(&mut self, row: &Row<'_>) {
        let add = |sum: &mut u64, by: u64| *sum = sum.saturating_add(by);
        add(&mut self.logs, 1);
        add(&mut self.picodollars, picodollars(row.cost));
        if let Some(duration) = row.duration {
            add(&mut self.timed, 1);
            add(&mut self.millis, duration);
        }
        if let Some(feedback) = row.feedback {
            add(&mut self.rated, 1);
            add(&mut self.liked, u64::from(feedback > 0.0));
        }
    }

    /// The result of an evaluator, and over how many records; empty over none.
    pub(super) fn result(&self, kind: &str) -> (String, u64) {
        let share = |sum: u64, of: u64| (of > 0).then(|| format!("{:.2}", float(sum) / float(of)));
        let (result, logs) = match kind {
            "cost" => {
                let average = self.picodollars.checked_div(self.logs);
                (
                    average.map(|average| Picodollars(average).to_string()),
                    self.logs,
                )
            }
            "speed" => (share(self.millis, self.timed), self.timed),
            _ => (
                share(self.liked.saturating_mul(100), self.rated),
                self.rated,
            ),
        };
        (result.unwrap_or_default(), logs)
    }
}
