//! The plugin configuration: what the operator wrote becomes what can run, or a list of every fault in it.
//!
//! Bytes become a tree (`node` from JSON text, `protobuf` from a `google.protobuf.Struct`), the tree is read by
//! `section`, and only checked types leave this module: a [`Config`] in hand needs no further checks. Field names of
//! a gateway are those of contract §1.9, so that settings can be pasted from the service that is replaced.

mod console;
mod credential;
mod dynamic_route;
mod error;
mod export;
mod faults;
mod gateway;
mod key;
mod kind;
mod log_store;
mod model;
mod node;
mod price;
mod privacy;
mod protobuf;
mod provider;
mod retry;
mod section;
mod settings;
mod suggestion;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use self::faults::Faults;
use self::node::Node;
use self::section::Section;
use crate::llm::price::Prices;

pub use console::{Console, ConsoleAccess};
pub use credential::Credential;
pub use dynamic_route::{
    Condition, DynamicRoute, Element, ElementKind, FieldPath, Limit, ModelCall, Order, Quota,
    Share, Source, Split, Test,
};
pub use error::ConfigError;
pub use export::{Batch, Form, Sink, Target};
pub use gateway::{Gateway, RateLimit, SingleFlight, StreamErrors, Technique};
pub use key::{KeyPool, KeyRest, MAX_KEYS, Secret, StoredKey};
pub use log_store::{LogManagement, LogStore, LogStrategy};
pub use privacy::{Hashed, Pattern, Privacy, Token, is_word};
pub use provider::{CustomProvider, ProviderOverride};
pub use retry::{Backoff, RetrySettings, Statuses};
pub use settings::{CacheBudget, Limits, LogSettings, OutsidePaths, OverLimit};

/// A configuration that can run. Immutable: a new one replaces it, running exchanges keep the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Sorted by id, then account, the gateway of any account first.
    gateways: Vec<Rc<Gateway>>,
    /// Sorted by slug; only those that are enabled.
    custom_providers: Vec<CustomProvider>,
    /// Sorted by slug.
    overrides: Vec<ProviderOverride>,
    /// Sorted by name, then gateway, the route of any gateway first.
    dynamic_routes: Vec<Rc<DynamicRoute>>,
    /// The cluster of the internal listener through which a call with several attempts goes; `None`: retries, dynamic
    /// routes and the universal endpoint are off. Default `None`.
    pub attempt_cluster: Option<String>,
    /// Whether attempts without a time limit go straight to their provider's cluster, which then has the role
    /// `attempt-upstream` mounted. Default false.
    pub direct_attempts: bool,
    /// How much the response cache may hold.
    pub cache: CacheBudget,
    /// Bounds of a request.
    pub limits: Limits,
    /// What happens to a request outside `/v1/{account}/{gateway}/…`. Default: rejected.
    pub outside_paths: OutsidePaths,
    /// The request header (lower case) by which the route picks the cluster. Default `x-sluice-cluster`.
    pub cluster_header: String,
    /// What a log record may hold.
    pub log: LogSettings,
    /// The control API; `None`: the role `console` is refused.
    pub console: Option<Console>,
    /// How many log records are kept.
    pub log_store: LogStore,
    /// The prices in force.
    pub prices: Prices,
    /// Where the records of all gateways go.
    pub export: Vec<Rc<Sink>>,
}

impl Config {
    /// The gateway `id` as `account` sees it: its own one before the one of any account. Does not allocate.
    pub fn gateway(&self, account: &str, id: &str) -> Option<&Rc<Gateway>> {
        let find = |account: Option<&str>| {
            let place = self
                .gateways
                .binary_search_by(|gateway| gateway.key().cmp(&(id, account)));
            place.ok().and_then(|index| self.gateways.get(index))
        };
        find(Some(account)).or_else(|| find(None))
    }

    /// Every gateway, sorted by id, then account.
    pub fn gateways(&self) -> impl Iterator<Item = &Rc<Gateway>> {
        self.gateways.iter()
    }

    /// Every place that records go to.
    pub fn sinks(&self) -> impl Iterator<Item = &Rc<Sink>> {
        let of_gateways = self.gateways.iter().flat_map(|gateway| &gateway.otel);
        self.export.iter().chain(of_gateways)
    }

    /// The enabled custom provider with this slug; the slug is without the `custom-` that clients put before it.
    pub fn custom_provider(&self, slug: &str) -> Option<&CustomProvider> {
        let place = self
            .custom_providers
            .binary_search_by(|provider| provider.slug.as_str().cmp(slug));
        place
            .ok()
            .and_then(|index| self.custom_providers.get(index))
    }

    /// Every enabled custom provider, sorted by slug.
    pub fn custom_providers(&self) -> impl Iterator<Item = &CustomProvider> {
        self.custom_providers.iter()
    }

    /// Every pool of stored keys: of the custom providers, then of the built-in ones.
    pub fn key_pools(&self) -> impl Iterator<Item = &Rc<KeyPool>> {
        let custom = self.custom_providers.iter().map(|it| &it.key_pools);
        let built_in = self.overrides.iter().map(|it| &it.key_pools);
        custom.chain(built_in).flatten()
    }

    /// The dynamic routes that `gateway` has, sorted by name.
    pub fn dynamic_routes(&self, gateway: &str) -> impl Iterator<Item = &Rc<DynamicRoute>> {
        let is_seen = move |route: &&Rc<DynamicRoute>| {
            route.gateway_id.as_deref().is_none_or(|id| id == gateway)
        };
        self.dynamic_routes.iter().filter(is_seen)
    }

    /// What the operator changed about the built-in provider with this slug.
    pub fn override_of(&self, slug: &str) -> Option<&ProviderOverride> {
        let place = self
            .overrides
            .binary_search_by(|provider| provider.slug.as_str().cmp(slug));
        place.ok().and_then(|index| self.overrides.get(index))
    }
}

/// Looks up a variable of the VM's environment.
type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Reads a configuration: JSON text, or the protobuf bytes of a `google.protobuf.Struct`; both mean the same.
///
/// `environment` looks up a variable of the VM's environment, for credentials that are kept there.
///
/// # Errors
/// Every fault there is, each with its path and remedy; the list is never empty and holds no credential.
pub fn parse(bytes: &[u8], environment: Environment<'_>) -> Result<Config, Vec<ConfigError>> {
    let faults = Faults::default();
    let config = tree(bytes, &faults).and_then(|tree| {
        faults.add_repeated(&tree, "");
        read(Section::root(&tree, &faults)?, environment)
    });
    let errors = faults.into_errors();
    config.filter(|_| errors.is_empty()).ok_or(errors)
}

fn tree(bytes: &[u8], faults: &Faults) -> Option<Node> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let tree = if bytes.trim_ascii().is_empty() {
        Err("is empty: write at least gateways, such as [{id: my-gateway}]".to_owned())
    } else if protobuf::is_struct(bytes) {
        let remedy = "write it as a Struct or as JSON text in a StringValue";
        protobuf::decode(bytes).map_err(|reason| format!("is not a Struct, {reason}: {remedy}"))
    } else {
        let remedy = "write JSON text, or native YAML in a google.protobuf.Struct";
        Node::from_json(bytes).map_err(|error| format!("is not JSON, {error}: {remedy}"))
    };
    tree.map_err(|message| faults.add("configuration", message))
        .ok()
}

/// What a setting that some calls need several attempts for is refused with, where they cannot have them.
const NEEDS_ATTEMPTS: &str = "needs attempt_cluster: see envoy/envoy.yaml";

fn read(mut root: Section<'_>, environment: Environment<'_>) -> Option<Config> {
    let (gateways, attempts) = (root.field("gateways"), root.field("attempt_cluster"));
    let gateways = gateway::read_all(&gateways, environment, attempts.is_given());
    let attempt_cluster = attempts.text(&kind::CLUSTER);
    let direct_attempts = read_direct(&mut root, attempts.is_given());
    let cache = settings::read_cache(&root.field("cache"));
    let around = key::Surroundings {
        environment,
        gateways: gateways.as_deref(),
    };
    let custom_providers = provider::read_custom(&root.field("custom_providers"), &around);
    let overrides = provider::read_overrides(&root.field("providers"), &around);
    let limits = settings::read_limits(&root.field("limits"));
    let outside_paths = settings::read_outside_paths(&root.field("outside_paths"));
    let cluster_header = root.field("cluster_header").text(&kind::HEADER);
    let log = settings::read_log(&root.field("log"));
    let console = console::read(&root.field("console"), environment);
    let log_store = log_store::read(&root.field("log_store"));
    let prices = price::read(&root.field("prices"), custom_providers.as_deref());
    let export = root.field("export");
    let export = export::read_all(&export, gateways.as_deref(), environment);
    let routes = root.field("dynamic_routes");
    if routes.is_on() && !attempts.is_given() {
        routes.fault(NEEDS_ATTEMPTS);
    }
    root.finish();

    let config = || {
        let mut gateways: Vec<_> = gateways?.into_iter().map(Rc::new).collect();
        gateways.sort_by(|one, other| one.key().cmp(&other.key()));
        let (custom_providers, mut overrides) = (custom_providers?, overrides?);
        let enabled = custom_providers.into_iter().filter(|(_, is_on)| *is_on);
        let mut custom_providers: Vec<_> = enabled.map(|(provider, _)| provider).collect();
        custom_providers.sort_by(|one, other| one.slug.cmp(&other.slug));
        overrides.sort_by(|one, other| one.slug.cmp(&other.slug));
        Some(Config {
            gateways,
            custom_providers,
            overrides,
            dynamic_routes: Vec::new(),
            attempt_cluster,
            direct_attempts,
            cache: cache?,
            limits: limits?,
            outside_paths,
            cluster_header: cluster_header.unwrap_or_else(|| "x-sluice-cluster".to_owned()),
            log: log?,
            console,
            log_store: log_store?,
            prices: prices?,
            export: export?,
        })
    };
    let config = config();
    let routes = dynamic_route::read_all(&routes, config.as_ref());
    let mut routes: Vec<_> = routes?.into_iter().map(Rc::new).collect();
    routes.sort_by(|one, other| one.key().cmp(&other.key()));
    config.map(|config| Config {
        dynamic_routes: routes,
        ..config
    })
}

fn read_direct(root: &mut Section<'_>, has_attempts: bool) -> bool {
    let direct = root.field("direct_attempts");
    let is_direct = direct.flag(false);
    if is_direct && !has_attempts {
        direct.fault(NEEDS_ATTEMPTS);
    }
    is_direct
}
