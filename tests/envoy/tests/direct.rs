//! Issue: both forms of attempts pass the same cases. Here those that the whole binary holds of the hop, of attempts that go
//! straight to their providers, but for those with a time limit.

#[path = "attempt_account.rs"]
mod attempt_account;
#[path = "attempt_end.rs"]
mod attempt_end;
#[path = "attempt_given_up.rs"]
mod attempt_given_up;
#[path = "attempt_soak.rs"]
mod attempt_soak;
#[path = "deeds.rs"]
mod deeds;
#[path = "dynamic_routes.rs"]
mod dynamic_routes;
#[path = "error_answers.rs"]
mod error_answers;
#[path = "fault_wall.rs"]
mod fault_wall;
#[path = "faults.rs"]
mod faults;
#[path = "held_answers.rs"]
mod held_answers;
#[path = "hop.rs"]
mod hop;
#[path = "isolation.rs"]
mod isolation;
#[path = "key_follows.rs"]
mod key_follows;
#[path = "key_rests.rs"]
mod key_rests;
#[path = "metrics.rs"]
mod metrics;
#[path = "retry_advice.rs"]
mod retry_advice;
#[path = "retry_deadline.rs"]
mod retry_deadline;
#[path = "retry_settings.rs"]
mod retry_settings;
#[path = "route_fallback.rs"]
mod route_fallback;
#[path = "route_limits.rs"]
mod route_limits;
#[path = "route_steps.rs"]
mod route_steps;
#[path = "universal.rs"]
mod universal;
#[path = "ways.rs"]
mod ways;

/// The form of the attempts.
const DIRECT: bool = true;
