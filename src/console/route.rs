//! Which resource a path names (contract §1.9), and what of them is not here.

use super::envelope::Refusal;
use super::log::Scope;
use super::request::Request;
use super::{Stop, analytics, custom_provider, evaluation, gateway, limits, log};
use crate::exchange::cx::Cx;
use crate::http::reply::Reply;

/// Stands for every account, or every gateway: ours.
const ALL: &str = "_";

/// Answers what follows `/client/v4/`.
pub(super) async fn answer(cx: &Cx, request: &Request, path: &[&str]) -> Result<Reply, Stop> {
    let ["accounts", account, "ai-gateway", rest @ ..] = path else {
        return Err(Refusal::not_found("Path").into());
    };
    if account.is_empty() {
        return Err(Refusal::not_found("Account").into());
    }
    let account = (*account != ALL).then_some(*account);
    match rest {
        ["gateways"] => Ok(gateway::list(cx, request, account)?),
        ["gateways", id] => Ok(gateway::single(cx, request, account, id)?),
        ["gateways", id, rest @ ..] => of_gateway(cx, request, (account, id), rest).await,
        ["custom-providers", rest @ ..] => Ok(custom_provider::answer(cx, request, rest)?),
        ["evaluation-types"] => Ok(evaluation::types(request)?),
        ["policies", ..] => Err(elsewhere(
            "Policies",
            "use Envoy's RBAC and ext_authz filters",
        )),
        ["billing", ..] => Err(elsewhere(
            "Billing",
            "nothing is sold here; costs are in the logs",
        )),
        _ => Err(Refusal::not_found("Path").into()),
    }
}

async fn of_gateway(
    cx: &Cx,
    request: &Request,
    (account, id): (Option<&str>, &str),
    rest: &[&str],
) -> Result<Reply, Stop> {
    let is_all = id == ALL;
    if !is_all {
        gateway::find(cx, account, id)?;
    }
    let scope = Scope {
        account: account.map(str::to_owned),
        gateway: (!is_all).then(|| id.to_owned()),
    };
    match rest {
        ["logs", rest @ ..] => log::answer(cx, request, &scope, rest).await,
        ["analytics"] => analytics::answer(cx, request, &scope).await,
        _ if is_all => Err(Refusal::not_found("Path").into()),
        ["limits"] => limits::answer(cx, request, &scope, gateway::find(cx, account, id)?).await,
        ["url", provider] => Ok(gateway::url(cx, request, (account, id), provider)?),
        ["datasets", rest @ ..] => evaluation::datasets(cx, request, &scope, rest).await,
        ["evaluations", rest @ ..] => evaluation::evaluations(cx, request, &scope, rest).await,
        ["provider_configs"] => Ok(gateway::provider_configs(cx, request, (account, id))?),
        ["routes"] => Ok(gateway::routes(cx, request, id)?),
        ["routes", ..] => Err(elsewhere(
            "Routes by version",
            "they are configured: see dynamic_routes",
        )),
        ["custom-domains", ..] => Err(elsewhere(
            "Custom domains",
            "name them in Envoy's virtual_hosts",
        )),
        ["policies", ..] => Err(elsewhere(
            "Policies",
            "use Envoy's RBAC and ext_authz filters",
        )),
        _ => Err(Refusal::not_found("Path").into()),
    }
}

/// What the replaced service has and this one has not.
fn elsewhere(what: &str, instead: &str) -> Stop {
    Refusal::not_here(format!("{what}: not a part of this product; {instead}")).into()
}
