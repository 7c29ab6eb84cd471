//! What is measured of every exchange, for Envoy's Prometheus endpoint (README "Metrics").
//!
//! A metric's name carries its labels, `name;label=value;…`, which Envoy takes apart by the `stats_tags` of
//! `envoy/envoy.yaml`: values may then have dots in them. Invariants: the labels are bounded, for Envoy keeps each set as
//! long as it lives; nothing of a client's is one before its provider has accepted it, and credentials and metadata never
//! are. A set that is known costs nothing but additions.

mod catalog;
mod keeper;
mod label;
mod series;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;

pub use self::catalog::{CATALOG, LABELS, Metric, Of};
pub use self::keeper::{Keeper, Sent};
use self::label::Labels;
use self::series::Series;
use crate::config::Config;
use crate::host::Host;
use crate::record::Record;

/// Label sets of one virtual machine: gateway, provider and model.
const MAX_SERIES: usize = 512;
/// Models that the price list does not name.
const MAX_VOUCHED: usize = 128;

/// The metrics of one virtual machine.
#[derive(Default)]
pub struct Meters {
    /// Sorted by their labels.
    series: RefCell<Vec<Series>>,
    /// Models that a provider has answered for.
    vouched: RefCell<BTreeSet<String>>,
}

impl Meters {
    /// Measures an exchange that is over. Whether it is the first one with its labels.
    pub fn measure(&self, host: &dyn Host, config: &Config, record: &Record) -> bool {
        let mut vouched = self.vouched.borrow_mut();
        if label::is_vouched_for(record) && vouched.len() < MAX_VOUCHED {
            let model =
                label::model(record).filter(|model| label::is_unlisted(config, record, model));
            if let Some(model) = model.filter(|model| !vouched.contains(*model)) {
                vouched.insert(model.to_owned());
            }
        }
        let labels = Labels::of(config, record, &vouched);
        let mut all = self.series.borrow_mut();
        let known = all.len();
        let place = [labels, labels.of_any_model(), Labels::OTHER]
            .into_iter()
            .find_map(|labels| place(&mut all, labels));
        if let Some(series) = place.and_then(|place| all.get_mut(place)) {
            series.measure(host, record);
        }
        all.len() > known
    }
}

/// Where the series with these labels stands; a new one is made while there is room, of which the last one's is kept.
fn place(all: &mut Vec<Series>, labels: Labels<'_>) -> Option<usize> {
    let found = all.binary_search_by(|series| series.labels().cmp(&labels));
    let room = MAX_SERIES.saturating_sub(usize::from(labels != Labels::OTHER));
    match found {
        Ok(place) => Some(place),
        Err(place) if all.len() < room => {
            all.insert(place, Series::new(labels));
            Some(place)
        }
        Err(_) => None,
    }
}
