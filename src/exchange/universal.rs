//! The universal endpoint (contract §1.2): the body lists the providers to be tried, one after the other.
//!
//! Invariant: every step is known to lead somewhere before the first one is sent, and none holds anything of another's.

use super::caller::{Caller, Target};
use super::cx::Cx;
use super::options::Options;
use super::plan::{Plan, Stage, Step};
use super::route::Route;
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
    let admitted = caller.for_step();
    let mut stages = Vec::with_capacity(steps.len());
    for (index, step) in (0..).zip(&steps) {
        let listed = Listed { index, step };
        stages.push(listed.stage(cx, &admitted, head, record)?);
    }
    let plan = Plan::new(cx, &record.id, caller, stages)?;
    Ok((plan, record.request_size))
}

/// A step and its place.
struct Listed<'a> {
    index: u32,
    step: &'a steps::Step<'a>,
}

impl Listed<'_> {
    fn stage(
        &self,
        cx: &Cx,
        caller: &Caller,
        request: &HeaderList,
        record: &Record,
    ) -> Result<Stage, Reject> {
        let Self { index, step } = self;
        let head = step.head(request);
        let options = Options::read(&head);
        let mut record = record.of_step(cx.host(), *index);
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
        let call = caller.call(&target, &head, options, &mut record)?;
        Ok(Stage::step(Step {
            call,
            head,
            body: Some(step.body.to_vec()),
            record,
            accounts: Vec::new(),
            attempt: 1,
        }))
    }

    fn chat(
        &self,
        cx: &Cx,
        caller: &Caller,
        head: HeaderList,
        mut record: Record,
    ) -> Result<Stage, Reject> {
        let Self { index, step } = self;
        if CompatCall::of(&step.path) != Some(CompatCall::Chat) {
            return Err(Reject::BadBody(BodyFault {
                place: format!("[{index}].endpoint"),
                what: "must be chat/completions".into(),
            }));
        }
        let query = step.query.as_deref();
        let body = ChatBody::read(step.body)?;
        let target = match compat::Target::parse(body.model())? {
            compat::Target::Model(target) => target,
            compat::Target::Route(name) => {
                let route = Route::find(cx, caller, name)?;
                let route = route.with((query, &head), step.body, &record);
                return Ok(Stage::Route(Box::new(route)));
            }
        };
        let chat = Chat {
            target,
            query,
            wishes: step.config,
        };
        let (call, head, body) = chat.call(caller, &body, &head, &mut record)?;
        Ok(Stage::step(Step {
            call,
            head,
            body: Some(body),
            record,
            accounts: Vec::new(),
            attempt: 1,
        }))
    }
}
