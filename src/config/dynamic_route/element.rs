//! The elements of a route, in the service's own spelling and in that of its older documentation.
//!
//! Invariant: every output is the number of an element of the same route; shares add up to the whole.

use std::time::Duration;

use super::condition::{self, Condition};
use super::quota::{self, Quota};
use super::split::{self, Split};
use super::{Config, Links};
use crate::config::faults::shown;
use crate::config::section::{Field, Kind, Range, Section};
use crate::llm::compat::{ChatModel, Incompatible, Target};

/// One element of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name within the route.
    pub id: String,
    /// What it does.
    pub kind: ElementKind,
}

impl Element {
    /// The model that it calls.
    pub const fn model(&self) -> Option<&ModelCall> {
        if let ElementKind::Model(call, ..) = &self.kind {
            Some(call)
        } else {
            None
        }
    }
}

/// What an element does. Numbers are those of the elements that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// The walk begins: next.
    Start(usize),
    /// A condition: where it holds, where it does not.
    Conditional(Condition, usize, usize),
    /// A share of the calls to each output.
    Percentage(Split),
    /// Up to a limit of calls or cost: within it, over it. `None`: the route ends there.
    Rate(Quota, usize, Option<usize>),
    /// A model answers: the end that follows when it does, and what follows when it does not. `None`: the route ends
    /// there.
    Model(ModelCall, usize, Option<usize>),
    /// The end of the route.
    End,
}

/// A model to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall {
    /// A provider's slug, or `custom-{slug}`.
    pub provider: String,
    /// The name the provider knows it by.
    pub model: String,
    /// How long the first part of the answer may take; `None`: the gateway's setting.
    pub timeout: Option<Duration>,
    /// How often it is tried again, 0 to 5. `None`: the gateway's setting.
    pub retries: Option<u32>,
}

impl ModelCall {
    /// The model, for the unified endpoint.
    pub fn target(&self) -> ChatModel<'_> {
        ChatModel {
            provider: &self.provider,
            model: &self.model,
        }
    }
}

#[derive(Clone, Copy)]
enum Type {
    Start,
    Conditional,
    Percentage,
    Rate,
    Model,
    End,
}

const TYPES: [(&str, Type); 7] = [
    ("start", Type::Start),
    ("conditional", Type::Conditional),
    ("percentage", Type::Percentage),
    ("rate", Type::Rate),
    ("rate_limit", Type::Rate),
    ("model", Type::Model),
    ("end", Type::End),
];

const ID: Kind<String> = Kind {
    wanted: "1 to 128 visible ASCII characters",
    parse: |text| {
        let is_good = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_good.then(|| text.to_owned())
    },
};
const NEXT: &str = "{elementId: …}";

/// Reads an element.
pub(super) fn read(
    entry: &Field<'_>,
    links: &Links<'_>,
    known: Option<&Config>,
) -> Option<Element> {
    let mut section = entry.section()?;
    let id = section.field("id").required("a name of its own").text(&ID);
    let kind = section
        .field("type")
        .required("start, conditional, percentage, rate, model or end")
        .choice(&TYPES);
    let (properties, outputs) = (section.field("properties"), section.field("outputs"));
    section.finish();
    let (properties, outputs) = (properties.section(), outputs.section());
    let (mut properties, mut outputs) = (properties?, outputs?);
    if let Some(Type::Percentage) = kind {
        let split = split::read(properties, outputs, entry, links);
        let kind = ElementKind::Percentage(split?);
        return Some(Element { id: id?, kind });
    }
    let mut next = |name, is_required| {
        let output = outputs.field(name);
        links.follow(&if is_required {
            output.required(NEXT)
        } else {
            output
        })
    };
    let kind = match kind? {
        Type::Start => next("next", true).map(ElementKind::Start),
        Type::Conditional => {
            let (yes, no) = (next("true", true), next("false", true));
            let condition = either(&mut properties, ["conditions", "condition"])
                .required("a condition, such as {metadata.plan: {$eq: free}}");
            let condition = if condition.is_given() {
                condition::read(&condition)
            } else {
                None
            };
            condition.and_then(|condition| Some(ElementKind::Conditional(condition, yes?, no?)))
        }
        Type::Rate => {
            let (within, over) = (next("success", true), next("fallback", false));
            let quota = quota::read(&mut properties);
            quota.and_then(|quota| Some(ElementKind::Rate(quota, within?, over)))
        }
        Type::Model => {
            let (success, fallback) = (next("success", true), next("fallback", false));
            let model = model(&mut properties, known);
            model.and_then(|model| Some(ElementKind::Model(model, success?, fallback)))
        }
        Type::Percentage | Type::End => Some(ElementKind::End),
    };
    properties.finish();
    outputs.finish();
    Some(Element {
        id: id?,
        kind: kind?,
    })
}

/// A field with two spellings.
pub(super) fn either<'a>(section: &mut Section<'a>, [name, older]: [&'static str; 2]) -> Field<'a> {
    let (field, older) = (section.field(name), section.field(older));
    if field.is_given() && older.is_given() {
        older.fault(format!("is the older spelling of {name}: keep one"));
    }
    if older.is_given() { older } else { field }
}

const TIMEOUT: Range = Range {
    min: 1,
    max: 3_600_000,
    unit: "millisecond",
};
const RETRIES: Range = Range {
    min: 0,
    max: 5,
    unit: "attempt",
};
const MODEL: Kind<String> = Kind {
    wanted: "1 to 256 characters",
    parse: |text| (1..=256).contains(&text.len()).then(|| text.to_owned()),
};

fn model(properties: &mut Section<'_>, known: Option<&Config>) -> Option<ModelCall> {
    let provider = properties.field("provider").required("a provider's slug");
    let model = properties.field("model").required("the model's name");
    let timeout = properties.field("timeout").whole(&TIMEOUT);
    let retries = properties.field("retries").whole(&RETRIES);
    let (slug, name) = (provider.text(&ID), model.text(&MODEL));
    let (slug, name) = (slug?, name?);
    let target = match Target::parse(&format!("{slug}/{name}")) {
        Ok(Target::Model(target)) if !slug.contains('/') => {
            let found = known.map_or(Ok(()), |known| known.chat_endpoint(&target).map(drop));
            found.map(|()| target.provider.to_owned())
        }
        Ok(_) => Err(Incompatible::Provider),
        Err(error) => Err(error),
    };
    let unknown = "is not a provider: write the slug of a built-in provider, or custom- and one of custom_providers";
    let slug = target
        .map_err(|error| match error {
            Incompatible::Provider | Incompatible::Format => {
                provider.fault(format!("{} {unknown}", shown(&slug)));
            }
            Incompatible::NoChat | Incompatible::OwnFormat | Incompatible::Unset(_) => {
                provider.fault(format!("cannot be called here: {error}"));
            }
        })
        .ok()?;
    Some(ModelCall {
        provider: slug,
        model: name,
        timeout: timeout.map(Duration::from_millis),
        retries: retries.and_then(|retries| u32::try_from(retries).ok()),
    })
}
