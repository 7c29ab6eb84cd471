//! What the unified endpoint can be asked for: models, and the routes that choose one.
//!
//! Invariant: what is listed can be called.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Config, DynamicRoute, Element, ProviderOverride};
use crate::llm::compat::{self, ChatModel, Incompatible, Target};

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
    /// their models, and the models that the configuration has prices for. Of one `provider`, all models that have a
    /// price of their own.
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
        for (provider, model) in self.prices.models(provider.map(|_| target.provider)) {
            add(&ChatModel { provider, model });
        }
        let routes = self.dynamic_routes.iter();
        let is_seen = |route: &&Rc<DynamicRoute>| {
            let at = route.gateway_id.as_deref();
            provider.is_none() && at.is_none_or(|id| id == gateway)
        };
        let routes: Vec<_> = routes.filter(is_seen).collect();
        let elements = routes.iter().flat_map(|route| route.elements());
        elements
            .filter_map(Element::model)
            .for_each(|call| add(&call.target()));
        let names = routes.iter().map(|route| format!("dynamic/{}", route.name));
        models.extend(names.map(|name| (name, "dynamic".to_owned())));
        Ok(models)
    }
}
