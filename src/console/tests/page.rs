//! The page's files.

use super::Console;

#[test]
fn the_page_is_served_with_a_policy_that_lets_nothing_else_in() {
    let console = Console::new();
    for target in [
        "/",
        "/console",
        "/console/",
        "/console/index.html",
        "/?gateway=x",
    ] {
        let answer = console.call("GET", target, &[], None);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "text/html; charset=utf-8"),
            "{target}"
        );
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[test]
fn a_file_that_is_known_is_not_sent_again() {
    let console = Console::new();
    let etag = console
        .call("GET", "/", &[], None)
        .header("etag")
        .to_owned();
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}")] {
        let answer = console.call("GET", "/", &[("if-none-match", &known)], None);
        assert_eq!(
            (answer.status, answer.body.len(), answer.header("etag")),
            (304, 0, etag.as_str())
        );
    }
    assert_eq!(
        console
            .call("GET", "/", &[("if-none-match", "\"x\"")], None)
            .status,
        200
    );
}

#[test]
fn a_file_can_only_be_read() {
    let console = Console::new();
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(console.call(method, "/", &[], None).status, 405);
    }
    assert_eq!(console.call("HEAD", "/", &[], None).status, 200);
}
