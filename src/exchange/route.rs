//! A dynamic route on its way (contract §10.4): each model that it comes to is a step of its own.
//!
//! Invariant: limits on the way count when they are passed, so a model behind one is chosen only when it is tried.

use std::rc::Rc;
use std::time::Duration;

use super::caller::Caller;
use super::cx::Cx;
use super::plan::Step;
use super::unified::Chat;
use crate::config::{DynamicRoute, ElementKind};
use crate::http::header::HeaderList;
use crate::http::reject::Reject;
use crate::llm::compat::ChatBody;
use crate::policy::dynamic_route::count::{self, Account};
use crate::policy::dynamic_route::{self, Inputs, Walk};
use crate::policy::retry::{MAX_ATTEMPTS, Wishes};
use crate::record::Record;

/// A route that was asked for.
pub struct Asked {
    caller: Caller,
    route: Rc<DynamicRoute>,
    random: u64,
}

/// A route that is being walked for one call.
pub struct Route {
    caller: Caller,
    route: Rc<DynamicRoute>,
    at: Option<usize>,
    query: Option<String>,
    head: HeaderList,
    body: String,
    record: Record,
    accounts: Vec<Account>,
    random: u64,
}

impl Route {
    /// The route of that name, as the caller's gateway sees it.
    pub(super) fn find(cx: &Cx, caller: &Caller, name: &str) -> Result<Asked, Reject> {
        let config = &cx.worker.config;
        let route = config.dynamic_route(&caller.gateway.id, name);
        Ok(Asked {
            caller: caller.clone(),
            route: Rc::clone(route.ok_or(Reject::UnknownRoute)?),
            random: cx.host().random(),
        })
    }

    /// Whether another model may follow.
    pub(super) const fn has_rest(&self) -> bool {
        self.at.is_some()
    }

    /// The next model's step, if there is another model.
    pub(super) fn next(&mut self, cx: &Cx) -> Result<Option<Box<Step>>, Reject> {
        let metadata = self.record.metadata.as_ref();
        let inputs = Inputs {
            metadata: metadata
                .map(|metadata| metadata.entries())
                .unwrap_or_default(),
            headers: &self.head,
            body: &self.body,
            random: self.random,
        };
        let route = Rc::clone(&self.route);
        let is_first = self.at == Some(route.start);
        let mut walk = Walk::resume(&route, self.at);
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
        let model = match found {
            dynamic_route::Step::Call(model) => model,
            dynamic_route::Step::Limited(wait) => return Err(Reject::RateLimited(wait)),
            dynamic_route::Step::End => return Ok(None),
        };
        let mut record = self.record.of_step(cx.host(), self.record.step);
        if !is_first {
            record.begin_again(cx.host());
        }
        record.is_routed = true;
        let timeout = model.timeout.as_ref().map(Duration::as_millis);
        let chat = Chat {
            target: model.target(),
            query: self.query.as_deref(),
            wishes: Wishes {
                attempts: model
                    .retries
                    .map(|retries| retries.saturating_add(1).min(MAX_ATTEMPTS)),
                timeout_ms: timeout.and_then(|timeout| u64::try_from(timeout).ok()),
                ..Wishes::default()
            },
        };
        let body = ChatBody::read(self.body.as_bytes())?;
        let (call, head, body) = chat.call(&self.caller, &body, &self.head, &mut record)?;
        Ok(Some(Box::new(Step {
            call,
            head,
            body: Some(body),
            record,
            accounts: self.accounts.clone(),
            attempt: 1,
        })))
    }
}

impl Asked {
    /// The route at its start, for the call of that head and body.
    pub(super) fn with(
        self,
        (query, head): (Option<&str>, &HeaderList),
        body: &[u8],
        record: &Record,
    ) -> Route {
        Route {
            at: Some(self.route.start),
            caller: self.caller,
            route: self.route,
            query: query.map(str::to_owned),
            head: head.clone(),
            body: String::from_utf8_lossy(body).into_owned(),
            record: record.clone(),
            accounts: Vec::new(),
            random: self.random,
        }
    }
}
