//! Dynamic routes (contract §10.4): named graphs that choose who answers `model: "dynamic/{name}"`.
//!
//! Invariant: a [`DynamicRoute`] in hand has no loop, no element that nothing leads to, and no output that leads
//! nowhere, so every walk through it ends.

mod condition;
mod element;
mod field_path;
mod graph;
mod quota;
mod split;

use super::node::Node;
use super::section::{Field, distinct};
use super::suggestion::nearest;
use super::{Config, kind};

pub use condition::{Condition, Order, Test};
pub use element::{Element, ElementKind, ModelCall};
pub use field_path::{FieldPath, Source};
pub use quota::{Limit, Quota};
pub use split::{Share, Split};

/// A route that can be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicRoute {
    /// What clients write behind `dynamic/`: 1 to 64 letters, digits, `_`, `-`.
    pub name: String,
    /// The only gateway that has it; `None`: every gateway. Default `None`.
    pub gateway_id: Option<String>,
    /// Where a walk begins.
    pub start: usize,
    elements: Vec<Element>,
}

impl DynamicRoute {
    /// The element with this number; outputs of the route's own elements always name one.
    pub fn element(&self, number: usize) -> Option<&Element> {
        self.elements.get(number)
    }

    /// All elements, in the order of the configuration.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// What tells routes apart, and their order in the configuration.
    pub(super) fn key(&self) -> (&str, Option<&str>) {
        (&self.name, self.gateway_id.as_deref())
    }
}

/// Reads the list of routes. `known`: the rest of the configuration, if it can run.
pub(super) fn read_all(list: &Field<'_>, known: Option<&Config>) -> Option<Vec<DynamicRoute>> {
    let entries = list.items()?;
    let routes: Vec<_> = entries.iter().map(|entry| read(entry, known)).collect();
    let found = entries.iter().zip(&routes);
    let keys = found.filter_map(|(entry, route)| Some((entry, route.as_ref()?.key())));
    distinct(keys, |first| {
        format!("has the name of {first}: give it its own name or gateway_id")
    });
    routes.into_iter().collect()
}

/// Read-only fields of a route of the service that is replaced.
const IGNORED: [&str; 9] = [
    "account_tag",
    "created_at",
    "deployment",
    "deployments",
    "id",
    "modified_at",
    "success",
    "version",
    "versions",
];

/// Most elements of a route; each is compared with each.
const MAX_ELEMENTS: usize = 200;

fn read(entry: &Field<'_>, known: Option<&Config>) -> Option<DynamicRoute> {
    let mut section = entry.section()?;
    let name = section
        .field("name")
        .required("what clients write behind dynamic/, such as support")
        .text(&kind::NAME);
    let gateway = section.field("gateway_id");
    let gateway_id = gateway.text(&kind::NAME);
    let list = section
        .field("elements")
        .required("the route's elements (of a pasted route: those in version.data)");
    section.ignore(&IGNORED);
    section.finish();
    let gateways = known.zip(gateway_id.as_ref());
    if gateways.is_some_and(|(known, id)| known.gateways().all(|gateway| gateway.id != *id)) {
        gateway.fault("is not the id of a gateway: write one of gateways");
    }
    let entries = list.items().filter(|_| list.is_given())?;
    if entries.len() > MAX_ELEMENTS {
        list.fault(format!("has more than {MAX_ELEMENTS} elements: use fewer"));
        return None;
    }
    let links = Links::of(&entries);
    let elements = entries
        .iter()
        .map(|entry| element::read(entry, &links, known));
    let elements: Vec<_> = elements.collect();
    let elements: Vec<_> = elements.into_iter().collect::<Option<_>>()?;
    let start = graph::check(&list, &entries, &elements)?;
    Some(DynamicRoute {
        name: name?,
        gateway_id,
        start,
        elements,
    })
}

/// The elements by their ids, for the outputs that name them.
struct Links<'a>(Vec<Option<&'a str>>);

impl<'a> Links<'a> {
    fn of(entries: &[Field<'a>]) -> Self {
        let id = |entry: &Field<'a>| {
            let Some(Node::Map(fields)) = entry.node else {
                return None;
            };
            let (_, id) = fields.iter().find(|(name, _)| name == "id")?;
            if let Node::Text(id) = id {
                Some(id.as_str())
            } else {
                None
            }
        };
        Self(entries.iter().map(id).collect())
    }

    /// The id of the element with this number.
    fn id(&self, number: usize) -> Option<&'a str> {
        self.0.get(number).copied().flatten()
    }

    /// The element that an output names; `None`, without a fault, where there is no output.
    fn follow(&self, output: &Field<'_>) -> Option<usize> {
        if !output.is_given() {
            return None;
        }
        let mut section = output.section()?;
        let target = section
            .field("elementId")
            .required("the id of the element that follows");
        let id = target.text(&kind::any("the id of an element"));
        section.finish();
        let id = id?;
        let place = self.0.iter().position(|known| *known == Some(&id));
        if place.is_none() {
            let known = self.0.iter().flatten().copied();
            let remedy = match nearest(&id, known) {
                Some(near) => format!("did you mean {near}?"),
                None => "write the id of one of the route's elements".to_owned(),
            };
            target.fault(format!("is not an element of the route: {remedy}"));
        }
        place
    }
}
