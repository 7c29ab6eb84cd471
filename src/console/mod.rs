//! The control API and the page that uses it (role `console`): one async function on the executor of the calls.
//!
//! ```text
//!  head -> page asset, or API: admission -> path -> one answer
//!          logs (`log`) · gateways · datasets and evaluations (`evaluation`) · analytics · limits
//! ```
//! The paths and shapes are the contract's (§1.9, §7.3, §10.3), so that the official SDKs drive it. Configuration is
//! code here: what is configured can be read, and a write is answered with the field to change. Invariant: no call
//! holds its worker for much longer than a slice (`pace`), and every answer is bounded.

pub mod access;
mod analytics;
mod asset;
mod body;
mod custom_provider;
mod envelope;
mod evaluation;
mod gateway;
mod limits;
mod log;
mod pace;
mod request;
mod route;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use self::envelope::Refusal;
use self::request::Request;
use crate::exchange::cx::{Cx, Event, Gone};
use crate::host::HostError;
use crate::http::header::HeaderList;
use crate::http::reply::Reply;

/// Why a request gets no answer of the usual kind.
#[derive(Debug)]
enum Stop {
    /// The client is told no.
    Refused(Refusal),
    /// The proxy has answered by itself.
    Over,
    /// The stream is over.
    Gone,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<HostError> for Stop {
    fn from(error: HostError) -> Self {
        Refusal::unavailable(format!("The store cannot be used now: {error}")).into()
    }
}

/// Lives one request from its head to its answer.
pub async fn run(cx: Rc<Cx>) {
    // What the proxy answers by itself passes as it is.
    cx.open_response();
    let (head, end) = loop {
        let event = cx.next().await;
        if let Event::RequestHead { headers, end } = event {
            break (headers, end);
        }
        if matches!(event, Event::Done(_)) {
            return;
        }
    };
    cx.want(!end, false);
    match serve(&cx, head).await {
        Ok(reply) => cx.reply(reply),
        Err(Stop::Refused(refusal)) => cx.reply(refusal.reply()),
        Err(Stop::Over) => {}
        Err(Stop::Gone) => return,
    }
    cx.set_deadline(None);
    cx.done().await;
}

async fn serve(cx: &Cx, head: HeaderList) -> Result<Reply, Stop> {
    let request = Request::parse(head)?;
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let ["client", "v4", rest @ ..] = path.as_slice() else {
        return Ok(asset::answer(&request, &path)?);
    };
    let access = cx.worker.config.console.as_ref();
    // A console without this section was refused when it was configured.
    let console = access.ok_or_else(Refusal::unauthenticated)?;
    access::check(&console.access, &request.head)?;
    route::answer(cx, &request, rest).await
}
