//! What the unified endpoint can be asked for: models, and the routes that choose one.
//!
//! Invariant: what is listed can be called.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Config, DynamicRoute, Element, ProviderOverride};
use crate::llm::compat::{self, ChatModel, Incompatible, Target};
use crate::llm::provider::{CREDENTIAL_HEADERS, Placement};

impl Config {
    /// The path of a model's chat completions, below its provider's base at the gateway.
    ///
    /// # Errors
    /// There is no such provider or endpoint, or the configuration does not say where it is.
    pub fn chat_endpoint(&self, model: &ChatModel<'_>) -> Result<Cow<'static, str>, Incompatible> {
        if let Some(slug) = model.provider.strip_prefix("custom-") {
            let custom = self.custom_provider(slug).ok_or(Incompatible::Provider)?;
            return Ok(custom.upstream.chat_endpoint().into());
        }
        let location = self.override_of(model.provider);
        let location = location.map(ProviderOverride::location);
        compat::endpoint(model, &location.unwrap_or_default())
    }

    /// Whether this header (lower case) is one in which some provider takes its key, but not `provider`.
    pub fn is_key_of_another(&self, header: &str, provider: &str) -> bool {
        let own = provider.strip_prefix("custom-");
        let own = own.and_then(|slug| self.custom_provider(slug));
        let is_own = match own {
            Some(custom) => custom.placement.header() == header,
            None => Placement::is_known(provider, header),
        };
        let mut custom = self.custom_providers.iter();
        let is_key = CREDENTIAL_HEADERS.contains(&header)
            || custom.any(|custom| custom.placement.header() == header);
        is_key && !is_own
    }

    /// The route `name` as `gateway` sees it: its own one before the one of every gateway.
    pub fn dynamic_route(&self, gateway: &str, name: &str) -> Option<&Rc<DynamicRoute>> {
        let find = |gateway: Option<&str>| {
            let key = (name, gateway);
            let place = self
                .dynamic_routes
                .binary_search_by(|route| route.key().cmp(&key));
            place.ok().and_then(|index| self.dynamic_routes.get(index))
        };
        find(Some(gateway)).or_else(|| find(None))
    }

    /// What can stand in `model` at the unified endpoint of `gateway`, each with who serves it: its dynamic routes,
    /// their models, and the models that the configuration has prices for, as it spells them. Nothing else of the
    /// configuration names models: neither providers nor keys do. Of one `provider`: all models that have a price of their
    /// own, in lower case where the configuration does not name them, and those that the routes call.
    ///
    /// # Errors
    /// There is no such provider.
    pub fn models(
        &self,
        gateway: &str,
        provider: Option<&str>,
    ) -> Result<BTreeMap<String, String>, Incompatible> {
        let mut models = BTreeMap::new();
        let mut add = |target: &ChatModel<'_>| {
            if self.chat_endpoint(target).is_ok() {
                let ChatModel { provider, model } = target;
                let id = format!("{}/{model}", compat::prefix(provider));
                models.insert(id, (*provider).to_owned());
            }
        };
        let any = format!("{}/m", provider.unwrap_or("openai"));
        let Target::Model(target) = Target::parse(&any)? else {
            return Err(Incompatible::Provider);
        };
        let wanted = provider.map(|_| target.provider);
        for (provider, model) in self.prices.models(wanted) {
            add(&ChatModel { provider, model });
        }
        let routes = self.dynamic_routes.iter();
        let is_seen = |route: &&Rc<DynamicRoute>| {
            let at = route.gateway_id.as_deref();
            at.is_none_or(|id| id == gateway)
        };
        let routes: Vec<_> = routes.filter(is_seen).collect();
        let elements = routes.iter().flat_map(|route| route.elements());
        elements
            .filter_map(Element::model)
            .filter(|call| wanted.is_none_or(|slug| call.provider == slug))
            .for_each(|call| add(&call.target()));
        if wanted.is_none() {
            let names = routes.iter().map(|route| format!("dynamic/{}", route.name));
            models.extend(names.map(|name| (name, "dynamic".to_owned())));
        }
        Ok(models)
    }
}
