//! A dynamic route on its way (contract §10.4): each model that it comes to is a step of its own.
//!
//! Invariant: limits on the way count when they are passed, so a model behind one is chosen only when it is tried. What
//! the client holds for a provider goes to the first provider that is chosen, and to no other.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::caller::Caller;
use super::cx::Cx;
use super::plan::{Refused, Step};
use super::unified::Chat;
use crate::config::{DynamicRoute, ElementKind, ModelCall};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::http::room::Share;
use crate::llm::compat::ChatBody;
use crate::llm::provider::{is_credential_header, without_credentials};
use crate::policy::dynamic_route::count::{self, Account};
use crate::policy::dynamic_route::{self, Inputs, Walk};
use crate::policy::retry::{MAX_ATTEMPTS, Wishes};
use crate::record::Record;

/// What a call that names a route comes with.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The route's name.
    pub(super) name: &'a str,
    /// The query of the URL, without its `?`.
    pub(super) query: Option<&'a str>,
    pub(super) head: &'a HeaderList,
    /// The body, decoded.
    pub(super) body: &'a [u8],
    /// What the step's own settings say about retries.
    pub(super) wishes: Wishes,
}

/// A route that is being walked for one call.
pub struct Route {
    caller: Caller,
    route: Rc<DynamicRoute>,
    at: Option<usize>,
    query: Option<String>,
    /// What the step that names the route says about retries.
    wishes: Wishes,
    head: HeaderList,
    body: Rc<str>,
    _share: Share,
    /// What the records of its models begin with.
    record: Record,
    /// Whether there is a record already.
    is_recorded: bool,
    /// The provider that the client's own credential is for.
    trusted: Option<String>,
    accounts: Vec<Account>,
    random: u64,
}

impl Route {
    /// The route at its start, as the caller's gateway has it. Until a model is chosen, the record names the route.
    pub(super) fn find(
        cx: &Cx,
        caller: &Caller,
        asked: Asked<'_>,
        record: &mut Record,
    ) -> Result<Self, Reject> {
        record.describe_route(asked.name);
        let config = &cx.worker.config;
        let route = config.dynamic_route(&caller.gateway.id, asked.name);
        let route = Rc::clone(route.ok_or(Reject::UnknownRoute)?);
        let body: Rc<str> = String::from_utf8_lossy(asked.body).into();
        // It is the body that its call holds already, or a part of it.
        let mut share = cx.worker.room.needed();
        share.set(body.len());
        Ok(Self {
            caller: caller.clone(),
            at: Some(route.start),
            route,
            query: asked.query.map(str::to_owned),
            head: asked.head.clone(),
            body,
            _share: share,
            wishes: asked.wishes,
            record: record.clone(),
            is_recorded: false,
            trusted: None,
            accounts: Vec::new(),
            random: cx.host().random(),
        })
    }

    /// Whether another model may follow.
    pub(super) const fn has_rest(&self) -> bool {
        self.at.is_some()
    }

    /// The next model's step, if there is another model.
    ///
    /// # Errors
    /// A limit ends the route; the model cannot be called, and another may follow; or the route has come to no model.
    pub(super) fn next(&mut self, cx: &Cx) -> Result<Option<Box<Step>>, Box<Refused>> {
        let text = Rc::clone(&self.body);
        let body = match ChatBody::read(text.as_bytes()) {
            Ok(body) => body,
            Err(error) => {
                self.at = None;
                return Err(self.refused(cx, error.into()));
            }
        };
        let route = Rc::clone(&self.route);
        match self.walk(cx, &route, &body) {
            dynamic_route::Step::Call(model) => self.step(cx, model, &body).map(Some),
            dynamic_route::Step::Limited(wait) => Err(self.refused(cx, Reject::RateLimited(wait))),
            dynamic_route::Step::End if self.is_recorded => Ok(None),
            dynamic_route::Step::End => Err(self.refused(cx, Reject::Unreachable)),
        }
    }

    /// Goes on to the next model.
    fn walk<'r>(
        &mut self,
        cx: &Cx,
        route: &'r DynamicRoute,
        body: &ChatBody<'_>,
    ) -> dynamic_route::Step<'r> {
        let metadata = self.record.plain_metadata();
        let inputs = Inputs {
            metadata: metadata
                .map(|metadata| metadata.entries())
                .unwrap_or_default(),
            headers: &self.head,
            body,
            random: self.random,
        };
        let mut walk = Walk::resume(route, self.at);
        let accounts = &mut self.accounts;
        let found = walk.step(&inputs, &mut |counted| {
            count::admit(cx.host(), counted, |text| cx.complain(text))?;
            accounts.extend(count::account(counted));
            Ok(())
        });
        let is_end = |at: &usize| {
            let element = route.element(*at);
            element.is_none_or(|element| element.kind == ElementKind::End)
        };
        self.at = walk.at().filter(|at| !is_end(at));
        found
    }

    fn step(
        &mut self,
        cx: &Cx,
        model: &ModelCall,
        body: &ChatBody<'_>,
    ) -> Result<Box<Step>, Box<Refused>> {
        let mut record = self.next_record(cx);
        record.is_routed = true;
        let timeout = model.timeout.as_ref().map(Duration::as_millis);
        let trusted = self.trusted.get_or_insert_with(|| model.provider.clone());
        let is_trusted = *trusted == model.provider;
        let (head, query) = self.shown(is_trusted);
        let chat = Chat {
            target: model.target(),
            query: query.as_deref(),
            wishes: Wishes {
                attempts: model
                    .retries
                    .map(|retries| retries.saturating_add(1).min(MAX_ATTEMPTS)),
                timeout_ms: timeout.and_then(|timeout| u64::try_from(timeout).ok()),
                ..Wishes::default()
            }
            .or(self.wishes),
        };
        match chat.call(&self.caller, body, &head, &mut record) {
            Ok((call, head, body)) => Ok(Box::new(Step {
                call,
                head,
                body: Some(cx.worker.room.keep(body)),
                record,
                accounts: self.accounts.clone(),
                attempt: 1,
            })),
            Err(reject) => {
                record.model = Some(model.model.clone());
                record.model_asked.clone_from(&record.model);
                Err(Box::new(Refused { reject, record }))
            }
        }
    }

    /// Head and query for a provider, with the client's own credential if it is the one to be trusted with it.
    fn shown(&self, is_trusted: bool) -> (Cow<'_, HeaderList>, Option<String>) {
        if is_trusted {
            return (Cow::Borrowed(&self.head), self.query.clone());
        }
        let others = self.head.iter();
        let others = others.filter(|(name, _)| !is_credential_header(name));
        let others = others.map(|(name, value)| (name.to_owned(), value.to_vec()));
        let query = self.query.as_deref().and_then(without_credentials);
        (Cow::Owned(others.collect()), query)
    }

    /// The record of the route itself, which leads nowhere.
    fn refused(&mut self, cx: &Cx, reject: Reject) -> Box<Refused> {
        let mut record = self.next_record(cx);
        record.describe_route(&self.route.name);
        record.request_size = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
        Box::new(Refused { reject, record })
    }

    fn next_record(&mut self, cx: &Cx) -> Record {
        let mut record = self.record.of_step(cx.host(), self.record.step);
        if std::mem::replace(&mut self.is_recorded, true) {
            record.begin_again(cx.host());
        }
        record
    }
}
