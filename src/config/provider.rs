//! Providers of the operator's own, and changes to the built-in ones.
//!
//! Invariant: a slug here names one provider only, and a [`ProviderOverride`] names a built-in one that exists.

use std::rc::Rc;

use super::faults::shown;
use super::key::{self, KeyPool, Surroundings};
use super::kind;
use super::section::{Field, distinct};
use super::suggestion::nearest;
use crate::llm::compat::{self, ChatModel, Location};
use crate::llm::provider::{self, BadTarget, BaseUrl, Placement, UpstreamCall};

/// A provider of the operator's own, called as `custom-{slug}` (contract §1.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomProvider {
    /// 1 to 57 lower-case letters, digits and `-`, without the `custom-` that clients put before it.
    pub slug: String,
    /// Where its API lives and how a call's path becomes its path.
    pub upstream: BaseUrl,
    /// The cluster that leads there. Default `custom-{slug}`.
    pub cluster: String,
    /// Where it takes its key. Default `authorization`, as a bearer credential.
    pub placement: Placement,
    /// The keys with which it is called: at most one pool for any gateway, and one for each that is named.
    pub key_pools: Vec<Rc<KeyPool>>,
}

/// A change to a built-in provider. At least one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderOverride {
    /// The built-in provider's slug.
    pub slug: String,
    /// The cluster that leads to it instead of the one named like its slug.
    pub cluster: Option<String>,
    /// The `host` sent instead of its own, with a port if it has one.
    pub host: Option<String>,
    /// The project of unified calls (google-vertex-ai).
    pub project: Option<String>,
    /// The region of unified calls (aws-bedrock: default `us-east-1`; google-vertex-ai: default `global`).
    pub region: Option<String>,
    /// The resource of unified calls (azure-openai).
    pub resource: Option<String>,
    /// The keys with which it is called: at most one pool for any gateway, and one for each that is named.
    pub key_pools: Vec<Rc<KeyPool>>,
}

impl ProviderOverride {
    /// Where its compatible endpoint is.
    pub fn location(&self) -> Location<'_> {
        Location {
            project: self.project.as_deref(),
            region: self.region.as_deref(),
            resource: self.resource.as_deref(),
        }
    }
}

/// Reads the list of custom providers, each with whether it is enabled.
pub(super) fn read_custom(
    list: &Field<'_>,
    around: &Surroundings<'_>,
) -> Option<Vec<(CustomProvider, bool)>> {
    let entries = list.items()?;
    let providers = entries.iter().map(|entry| custom(entry, around));
    let providers: Vec<_> = providers.collect();
    let found = entries.iter().zip(&providers);
    let slugs = found.filter_map(|(entry, found)| Some((entry, &found.as_ref()?.0.slug)));
    distinct(slugs, |first| {
        format!("has the slug of {first}: give it its own slug")
    });
    providers.into_iter().collect()
}

/// Fields of contract §1.7 that are for people or read-only.
const IGNORED: [&str; 11] = [
    "beta",
    "created_at",
    "curl_example",
    "description",
    "id",
    "js_example",
    "link",
    "logo",
    "modified_at",
    "name",
    "position",
];

/// A custom provider, and whether it is enabled.
fn custom(entry: &Field<'_>, around: &Surroundings<'_>) -> Option<(CustomProvider, bool)> {
    let mut section = entry.section()?;
    let slug = section
        .field("slug")
        .required("a name, such as neon")
        .text(&kind::SLUG);
    let base_url = section
        .field("base_url")
        .required("the https:// address of its API");
    let base_url = read_base_url(&base_url);
    let cluster = section.field("cluster").text(&kind::CLUSTER);
    let is_enabled = section.field("enable").flag(true);
    let (keys, placement) = (
        key::Fields::of(&mut section),
        key::read_placement(&mut section),
    );
    section.ignore(&IGNORED);
    section.refuse_unless_off(&["headers"]);
    section.finish();
    let name = format!("custom-{}", slug.as_deref().unwrap_or_default());
    let key_pools = keys.read(&name, Some(&placement), around);
    Some((
        CustomProvider {
            slug: slug?,
            upstream: base_url?,
            cluster: cluster.unwrap_or(name),
            placement,
            key_pools: key_pools?,
        },
        is_enabled,
    ))
}

/// Reads the list of changes to built-in providers.
pub(super) fn read_overrides(
    list: &Field<'_>,
    around: &Surroundings<'_>,
) -> Option<Vec<ProviderOverride>> {
    let entries = list.items()?;
    let overrides = entries.iter().map(|entry| override_of(entry, around));
    let overrides: Vec<_> = overrides.collect();
    let found = entries.iter().zip(&overrides);
    let slugs = found.filter_map(|(entry, found)| Some((entry, &found.as_ref()?.slug)));
    distinct(slugs, |first| {
        format!("has the slug of {first}: write both changes there")
    });
    overrides.into_iter().collect()
}

fn override_of(entry: &Field<'_>, around: &Surroundings<'_>) -> Option<ProviderOverride> {
    let mut section = entry.section()?;
    let slug = built_in(
        &section
            .field("slug")
            .required("the slug of a built-in provider"),
    );
    let (cluster, host) = (section.field("cluster"), section.field("host"));
    let places = PLACES.map(|(name, _)| section.field(name));
    let keys = key::Fields::of(&mut section);
    let mut given = [&cluster, &host].into_iter().chain(&places);
    if !given.any(Field::is_given) && !keys.is_given() {
        entry.fault("changes nothing: write keys, cluster, host or where it is");
    }
    let (cluster, host) = (cluster.text(&kind::CLUSTER), host.text(&kind::HOST));
    section.finish();
    let key_pools = keys.read(slug.as_deref().unwrap_or_default(), None, around);
    let slug = slug?;
    let [project, region, resource] = places.each_ref().map(|field| field.text(&kind::PLACE));
    let change = ProviderOverride {
        slug,
        cluster,
        host,
        project,
        region,
        resource,
        key_pools: key_pools?,
    };
    check_places(&change, &places);
    Some(change)
}

/// Where a unified call goes is a matter of configuration for these.
const PLACES: [(&str, &[&str]); 3] = [
    ("project", &["google-vertex-ai"]),
    ("region", &["aws-bedrock", "google-vertex-ai"]),
    ("resource", &["azure-openai"]),
];

/// Records the places that the provider does not have, by the rules of its own paths.
fn check_places(change: &ProviderOverride, fields: &[Field<'_>; 3]) {
    let slug = change.slug.as_str();
    for ((_, owners), field) in PLACES.iter().zip(fields) {
        if field.is_given() && !owners.contains(&slug) {
            field.fault(format!(
                "means nothing here: it is for {}",
                owners.join(" and ")
            ));
        }
    }
    let model = ChatModel {
        provider: slug,
        model: "m",
    };
    let Ok(path) = compat::endpoint(&model, &change.location()) else {
        return;
    };
    let call = UpstreamCall {
        account: "a",
        path: &path,
        query: None,
        fal_target_url: None,
    };
    let [project, region, resource] = fields;
    let wrong = match provider::find(slug).map(|provider| provider.upstream(&call)) {
        Some(Err(BadTarget::Project)) => project,
        Some(Err(BadTarget::Region)) => region,
        Some(Err(BadTarget::Resource)) => resource,
        _ => return,
    };
    wrong.fault(format!(
        "is not one that {slug} can have: write it as its console does"
    ));
}

/// The address is not shown: it may hold a password.
fn read_base_url(field: &Field<'_>) -> Option<BaseUrl> {
    let text = field.text(&kind::any("an https:// address"))?;
    BaseUrl::parse(&text)
        .map_err(|error| field.fault(error.to_string()))
        .ok()
}

fn built_in(field: &Field<'_>) -> Option<String> {
    let slug = field.text(&kind::any("the slug of a built-in provider"))?;
    if provider::find(&slug).is_some() {
        return Some(slug);
    }
    let slugs = provider::all().iter().map(|provider| provider.slug);
    let remedy = if slug.starts_with("custom-") {
        "set its cluster under custom_providers".to_owned()
    } else if let Some(near) = nearest(&slug, slugs) {
        format!("did you mean {near}?")
    } else {
        "a provider of your own belongs under custom_providers".to_owned()
    };
    field.fault(format!(
        "{} is not a built-in provider: {remedy}",
        shown(&slug)
    ));
    None
}
