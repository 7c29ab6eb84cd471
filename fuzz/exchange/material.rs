//! What calls are put together from.

/// The credential of the gateway `locked`.
pub(super) const TOKEN: &str = "demo-token";

pub(super) const GATEWAYS: [&str; 7] = [
    "plain", "locked", "limited", "usage", "shared", "again", "nobody",
];
pub(super) const ACCOUNTS: [&str; 2] = ["one", "two"];
/// Credentials of providers, none of which may ever be seen in a record.
pub(super) const KEYS: [&str; 2] = ["sk-secret-of-one", "sk-secret-of-two"];
pub(super) const PATHS: [&str; 7] = [
    "openai/chat/completions",
    "anthropic/v1/messages",
    "custom-own/chat/completions",
    "compat/chat/completions",
    "azure-openai/res/dep/chat/completions?api-version=2024-10-21&api-key=sk-secret-of-one",
    "openai/../files",
    "",
];
pub(super) const BODIES: [&str; 6] = [
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#,
    r#"{"model":"openai/gpt-4o","stream":true,"messages":[{"role":"user","content":"sk-secret-of-two"}]}"#,
    r#"{"model":"gpt-4o","stream":true,"messages":[]}"#,
    r#"[{"provider":"openai","endpoint":"chat/completions","headers":{"authorization":"Bearer sk-secret-of-one"},
        "query":{"model":"gpt-4o"}},{"provider":"anthropic","endpoint":"v1/messages","query":{"model":"c"}}]"#,
    "{",
    "",
];
pub(super) const FIELDS: [(&str, &str); 7] = [
    ("cf-aig-skip-cache", "true"),
    ("cf-aig-cache-key", "mine"),
    ("cf-aig-cache-ttl", "600"),
    ("cf-aig-collect-log-payload", "true"),
    ("cf-aig-max-attempts", "2"),
    ("cf-aig-request-timeout", "900"),
    ("cf-aig-metadata", r#"{"team":"red"}"#),
];
pub(super) const TYPES: [&str; 3] = [
    "application/json",
    "text/event-stream",
    "application/octet-stream",
];
pub(super) const STATUSES: [&str; 7] = ["200", "400", "401", "404", "429", "500", "503"];
