//! The header fields by which a client can name its call.

use std::borrow::Cow;

use super::Record;

impl Record {
    /// The response headers that name the call (contract §2.2).
    pub fn identity(&self) -> Vec<(String, String)> {
        self.identity_fields()
            .map(|(name, value)| (name.to_owned(), value.into_owned()))
            .collect()
    }

    /// The same, one after the other.
    pub fn identity_fields(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let step = match self.step {
            0 => Cow::Borrowed("0"),
            step => Cow::Owned(step.to_string()),
        };
        let (provider, model) = (self.provider.as_deref(), self.model_asked.as_deref());
        let (provider, model) = match provider.zip(model).filter(|_| self.is_routed) {
            Some((provider, model)) => (Some(provider), Some(model)),
            None => (None, None),
        };
        let log = self.is_collected().then_some(self.id.as_str());
        let fields = [
            ("cf-aig-step", Some(step)),
            ("cf-aig-event-id", Some(Cow::Borrowed(&*self.event_id))),
            ("cf-aig-request-id", Some(Cow::Borrowed(&*self.id))),
            ("cf-aig-provider", provider.map(Cow::Borrowed)),
            ("cf-aig-model", model.map(Cow::Borrowed)),
            ("cf-aig-log-id", log.map(Cow::Borrowed)),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}
