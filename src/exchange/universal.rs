//! The universal endpoint (contract §1.2): the body lists the providers to be tried, one after the other.
//!
//! Invariant: every step is known to lead somewhere before the first one is sent, and none holds anything of another's.

use super::caller::{Caller, Target};
use super::cx::Cx;
use super::options::Options;
use super::plan::{Plan, Stage, Step};
use super::route::{Asked, Route};
use super::unified::Chat;
use super::{Stop, steps, unified};
use crate::http::header::HeaderList;
use crate::http::reject::{BodyFault, Reject};
use crate::llm::compat::{self, ChatBody, CompatCall};
use crate::record::Record;

/// Waits for the body and plans its steps. With the plan, how many bytes are held.
pub(super) async fn read(
    cx: &Cx,
    caller: Caller,
    (head, end): (&HeaderList, bool),
    record: &mut Record,
) -> Result<(Plan, u64), Stop> {
    let body = unified::hold(cx, head, end, &mut record.request_size).await?;
    let steps = steps::read(body.bytes()).map_err(Reject::BadBody)?;
    let mut stages = Vec::with_capacity(steps.len());
    for (index, step) in (0..).zip(&steps) {
        let listed = Listed { step };
        let mut own = record.of_step(cx.host(), index);
        let stage = listed.stage(cx, &caller, head, &mut own);
        stages.push(stage.inspect_err(|reject| {
            if reject.code() == Reject::UnknownRoute.code() {
                (record.provider, record.model) = (own.provider.take(), own.model.take());
            }
        })?);
    }
    let plan = Plan::new(cx, &record.id, caller, stages);
    let plan = plan.map_err(|refused| refused.tell(record))?;
    Ok((plan, record.request_size))
}

/// A step and its place.
struct Listed<'a> {
    step: &'a steps::Step<'a>,
}

impl Listed<'_> {
    fn stage(
        &self,
        cx: &Cx,
        caller: &Caller,
        request: &HeaderList,
        record: &mut Record,
    ) -> Result<Stage, Reject> {
        let step = self.step;
        let head = step.head(request);
        let caller = &Caller {
            is_alias_shared: !step.headers.contains("cf-aig-byok-alias"),
            ..caller.for_step(&head)
        };
        let options = Options::read(&head);
        record.describe_head(&head);
        record.describe_options(&caller.account, &caller.gateway.id, &options);
        let limit = caller.config.log.max_payload_bytes;
        record.describe_wishes(&caller.gateway, &options, &head, limit);
        record.provider = Some(step.provider.clone());
        if step.provider == "compat" {
            return self.chat(cx, caller, head, record);
        }
        let target = Target {
            provider: &step.provider,
            path: &step.path,
            query: step.query.as_deref(),
            wishes: step.config,
        };
        let call = caller.call(&target, &head, options, record);
        let call = call.map_err(|reason| self.refused(reason, "endpoint"))?;
        Ok(Stage::step(Step {
            call,
            head,
            body: Some(cx.worker.room.keep(step.body.to_vec())),
            record: std::mem::take(record),
            accounts: Vec::new(),
            attempt: 1,
        }))
    }

    fn chat(
        &self,
        cx: &Cx,
        caller: &Caller,
        head: HeaderList,
        record: &mut Record,
    ) -> Result<Stage, Reject> {
        let step = self.step;
        if CompatCall::of(&step.path) != Some(CompatCall::Chat) {
            return Err(Reject::BadBody(BodyFault {
                place: steps::join(&step.place, "endpoint"),
                what: "must be chat/completions".into(),
            }));
        }
        let query = step.query.as_deref();
        let body = ChatBody::read(step.body);
        let body = body.map_err(|reason| self.refused(reason.into(), "query"))?;
        let of_model = |reason| self.refused(reason, "query.model");
        let target = compat::Target::parse(body.model());
        let target = match target.map_err(|reason| of_model(reason.into()))? {
            compat::Target::Model(target) => target,
            compat::Target::Route(name) => {
                let asked = Asked {
                    name,
                    query,
                    head: &head,
                    body: step.body,
                    wishes: step.config,
                };
                let route = Route::find(cx, caller, asked, record).map_err(of_model)?;
                return Ok(Stage::Route(Box::new(route)));
            }
        };
        let chat = Chat {
            target,
            query,
            wishes: step.config,
        };
        let called = chat.call(caller, &body, &head, record);
        let (call, head, body) = called.map_err(of_model)?;
        Ok(Stage::step(Step {
            call,
            head,
            body: Some(cx.worker.room.keep(body)),
            record: std::mem::take(record),
            accounts: Vec::new(),
            attempt: 1,
        }))
    }

    /// A refusal of this step, which has to do with that member of it.
    fn refused(&self, reason: Reject, member: &str) -> Reject {
        let member = if reason == Reject::UnknownProvider && member == "endpoint" {
            "provider"
        } else if matches!(reason, Reject::UnknownAlias { .. }) {
            "headers.cf-aig-byok-alias"
        } else {
            member
        };
        Reject::InStep {
            place: steps::join(&self.step.place, member),
            reason: Box::new(reason),
        }
    }
}
