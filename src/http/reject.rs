//! The client is told no: every refusal, its status, code and words, in one table (contract §11).
//!
//! A refusal is an ordinary outcome. Messages never hold upstream bodies, credentials, internal names or header values,
//! but for an alias that does not exist.

use std::time::Duration;

use serde_json::json;

use super::header::Name;
use super::reply::Reply;
use crate::llm::compat::Incompatible;
use crate::llm::provider::BadTarget;

/// What is wrong with a request's body, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFault {
    /// The place, as JavaScript would write it: `[2].query`; `body` is the whole.
    pub place: String,
    /// The fault in words for the client, without any value of the body.
    pub what: String,
}

/// Why a call was not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// The path is not one of the gateway's URL forms, or is malformed.
    BadUrl,
    /// The body is not what the endpoint takes; names what and where.
    BadBody(BodyFault),
    /// A region, resource or target in the path is not one the provider can have; names what.
    BadTarget(BadTarget),
    /// The body must be held and is larger than the configured limit, in bytes.
    BodyTooLarge(usize),
    /// A call of the unified endpoint that has no target; says why.
    Incompatible(Incompatible),
    /// A step of a list could not be served.
    InStep {
        /// The place of what is at fault: `[1].provider`.
        place: String,
        /// What would be said of the step alone.
        reason: Box<Self>,
    },
    /// More calls than the gateway's limit; when the next one would be admitted.
    RateLimited(Duration),
    /// The gateway's credential is missing or wrong.
    Unauthorized,
    /// No stored key of the provider has the name that the client gave, or that stands for none.
    UnknownAlias {
        /// The provider's slug.
        provider: String,
        /// The name.
        alias: String,
        /// Those that there are.
        configured: Vec<String>,
    },
    /// No such gateway for this account.
    UnknownGateway,
    /// No such provider.
    UnknownProvider,
    /// No dynamic route of that name at this gateway.
    UnknownRoute,
    /// The body must be held, and others hold too much at this moment.
    Overloaded,
    /// No answer could be had from the provider.
    Unreachable,
    /// The call may need several attempts, and the configuration does not say where they are made.
    NoAttempts,
}

impl From<Incompatible> for Reject {
    fn from(reason: Incompatible) -> Self {
        Self::Incompatible(reason)
    }
}

impl Reject {
    /// The HTTP status (contract §11; 404, 413, 501 and 503 are ours, where the contract has none).
    pub fn status(&self) -> u16 {
        match self {
            Self::BadUrl => 404,
            Self::BadBody(_)
            | Self::BadTarget(_)
            | Self::Incompatible(_)
            | Self::UnknownAlias { .. }
            | Self::UnknownGateway
            | Self::UnknownProvider
            | Self::UnknownRoute
            | Self::Unreachable => 400,
            Self::InStep { reason, .. } => reason.status(),
            Self::BodyTooLarge(_) => 413,
            Self::RateLimited(_) => 429,
            Self::Unauthorized => 401,
            Self::NoAttempts => 501,
            Self::Overloaded => 503,
        }
    }

    /// The stable code of the envelope. Codes from 2900 are ours, where the contract has none.
    pub fn code(&self) -> u32 {
        match self {
            Self::UnknownGateway => 2001,
            Self::RateLimited(_) => 2003,
            Self::Unreachable => 2005,
            Self::UnknownProvider | Self::Incompatible(Incompatible::Provider) => 2008,
            Self::Unauthorized => 2009,
            Self::Incompatible(Incompatible::Format) => 2019,
            Self::UnknownAlias { .. } => 2040,
            Self::BadUrl => 2901,
            Self::BadTarget(_) => 2902,
            Self::BodyTooLarge(_) => 2903,
            Self::NoAttempts => 2904,
            Self::BadBody(_) => 2905,
            Self::Incompatible(
                Incompatible::NoChat | Incompatible::OwnFormat | Incompatible::Unset(_),
            ) => 2906,
            Self::UnknownRoute => 2907,
            Self::Overloaded => 2908,
            Self::InStep { reason, .. } => reason.code(),
        }
    }

    /// The text for the client.
    pub fn message(&self) -> String {
        match self {
            Self::BadUrl => {
                "Not found: the path must be /v1/{account_id}/{gateway_id}/{provider}/{path}".into()
            }
            Self::BadBody(BodyFault { place, what }) => {
                format!("Invalid request body: {place}: {what}")
            }
            Self::BadTarget(what) => format!("Invalid provider target: {what}"),
            Self::BodyTooLarge(limit) => {
                format!("Request body too large: this gateway takes at most {limit} bytes")
            }
            Self::Incompatible(reason) => reason.what().into(),
            Self::InStep { place, reason } => format!("{place}: {}", reason.message()),
            Self::RateLimited(_) => "Rate limited".into(),
            Self::Unauthorized => "Unauthorized".into(),
            Self::UnknownAlias {
                provider,
                alias,
                configured,
            } => {
                // The one word of a client in here, so that it may be found: cut to what an alias can be.
                let alias: String = alias.chars().take(64).collect();
                let names: Vec<_> = configured.iter().map(|name| format!("'{name}'")).collect();
                let names = if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                };
                format!(
                    "Provider '{provider}' has no BYOK credential named '{alias}'. Configured aliases: {names}"
                )
            }
            Self::UnknownGateway => {
                // The hosted service's own words: clients compare them (contract §11, SDK tests).
                "Please configure AI Gateway in the Cloudflare dashboard".into()
            }
            Self::UnknownProvider => "Invalid provider".into(),
            Self::UnknownRoute => "This gateway has no such dynamic route".into(),
            Self::Unreachable => "Failed to get response from provider".into(),
            Self::Overloaded => {
                "Overloaded: this gateway holds as many bytes of requests as it may".into()
            }
            Self::NoAttempts => {
                "This endpoint is off: the gateway's configuration names no attempt_cluster".into()
            }
        }
    }

    /// Whether the same call may succeed later; official SDKs obey it as `x-should-retry` (clients.md).
    fn retry_may_help(&self) -> bool {
        match self {
            Self::RateLimited(_) | Self::Overloaded | Self::Unreachable => true,
            Self::InStep { reason, .. } => reason.retry_may_help(),
            Self::BadBody(_)
            | Self::BadTarget(_)
            | Self::BadUrl
            | Self::BodyTooLarge(_)
            | Self::Incompatible(_)
            | Self::Unauthorized
            | Self::UnknownAlias { .. }
            | Self::UnknownGateway
            | Self::UnknownProvider
            | Self::UnknownRoute
            | Self::NoAttempts => false,
        }
    }

    /// How long the client is asked to wait.
    fn wait(&self) -> Option<Duration> {
        if let Self::RateLimited(wait) = self {
            return Some(*wait);
        }
        // Nobody knows when another call ends.
        matches!(self, Self::Overloaded).then_some(Duration::from_secs(1))
    }

    /// The answer in the contract's envelope; `identity` are the response headers that name the call.
    pub fn reply(&self, mut identity: Vec<(Name, String)>) -> Reply {
        let (status, code, message) = (self.status(), self.code(), self.message());
        let body = json!({
            "success": false,
            "result": [],
            "messages": [],
            "error": [{"code": code, "message": message}],
            "name": "AiGatewayError",
            "httpCode": status,
            "internalCode": code,
            "message": message,
            "description": message,
        });
        identity.push(("content-type".into(), "application/json".into()));
        identity.push(("x-should-retry".into(), self.retry_may_help().to_string()));
        if let Some(wait) = self.wait() {
            // Whole seconds, rounded up: an SDK that waits this long is admitted.
            let seconds = wait
                .as_secs()
                .saturating_add(u64::from(wait.subsec_nanos() > 0))
                .max(1);
            identity.push(("retry-after".into(), seconds.to_string()));
        }
        Reply {
            status,
            headers: identity,
            body: body.to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_contracts_envelope_and_retry_advice() {
        let table = [
            (Reject::BadUrl, 404, 2901, false),
            (Reject::BadTarget(BadTarget::TargetUrl), 400, 2902, false),
            (
                Reject::BadBody(BodyFault {
                    place: "[2].query".into(),
                    what: "missing".into(),
                }),
                400,
                2905,
                false,
            ),
            (Reject::BodyTooLarge(9), 413, 2903, false),
            (Reject::Incompatible(Incompatible::Format), 400, 2019, false),
            (
                Reject::Incompatible(Incompatible::Provider),
                400,
                2008,
                false,
            ),
            (Reject::Incompatible(Incompatible::NoChat), 400, 2906, false),
            (Reject::UnknownRoute, 400, 2907, false),
            (
                Reject::InStep {
                    place: "[1].provider".into(),
                    reason: Box::new(Reject::UnknownProvider),
                },
                400,
                2008,
                false,
            ),
            (
                Reject::RateLimited(Duration::from_millis(1500)),
                429,
                2003,
                true,
            ),
            (Reject::Unauthorized, 401, 2009, false),
            (unknown_alias("x", &["default"]), 400, 2040, false),
            (Reject::UnknownGateway, 400, 2001, false),
            (Reject::UnknownProvider, 400, 2008, false),
            (Reject::Overloaded, 503, 2908, true),
            (Reject::Unreachable, 400, 2005, true),
            (Reject::NoAttempts, 501, 2904, false),
        ];
        for (reject, status, code, retry) in table {
            let reply = reject.reply(vec![("cf-aig-step".into(), "0".into())]);
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!((reply.status, reject.code()), (status, code));
            assert_eq!(body["error"][0]["code"], code);
            assert_eq!(body["httpCode"], status);
            assert_eq!(body["internalCode"], code);
            assert_eq!(body["success"], false);
            assert!(
                reply
                    .headers
                    .contains(&("x-should-retry".into(), retry.to_string()))
            );
            assert!(reply.headers.contains(&("cf-aig-step".into(), "0".into())));
        }
    }

    fn unknown_alias(alias: &str, configured: &[&str]) -> Reject {
        Reject::UnknownAlias {
            provider: "openai".into(),
            alias: alias.into(),
            configured: configured.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn an_unknown_alias_is_refused_with_those_that_there_are() {
        let message = |alias, configured| unknown_alias(alias, configured).message();
        let start = "Provider 'openai' has no BYOK credential named";
        assert_eq!(
            message("y", &["a", "b"]),
            format!("{start} 'y'. Configured aliases: 'a', 'b'")
        );
        assert_eq!(
            message(&"y".repeat(100), &[]),
            format!("{start} '{}'. Configured aliases: none", "y".repeat(64))
        );
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let after = |millis| {
            let reply = Reject::RateLimited(Duration::from_millis(millis)).reply(Vec::new());
            reply
                .headers
                .into_iter()
                .find(|(name, _)| name == "retry-after")
                .unwrap()
                .1
        };
        assert_eq!([after(0), after(1000), after(1001)], ["1", "1", "2"]);
    }
}
