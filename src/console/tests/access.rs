//! Who may come in.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{API, Console};
use crate::config;

fn locked() -> Console {
    let hash = |text: &str| {
        Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    Console::with(&json!({"credentials": [
        {"name": "ann", "sha256": hash("admin-1")},
        {"name": "bob", "sha256": hash("admin-2")},
    ]}))
}

fn status(console: &Console, headers: &[(&str, &str)]) -> u16 {
    console
        .call("GET", &format!("{API}/gateways"), headers, None)
        .status
}

#[test]
fn only_an_admin_credential_opens_the_api() {
    let console = locked();
    for (shown, expected) in [
        ("Bearer admin-1", 200),
        ("bearer admin-2", 200),
        ("Bearer  admin-1 ", 200),
        ("Bearer admin-3", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("admin-1", 401),
        ("Basic admin-1", 401),
        ("", 401),
    ] {
        assert_eq!(
            status(&console, &[("authorization", shown)]),
            expected,
            "{shown}"
        );
    }
    let answer = console.get("/gateways");
    assert_eq!(
        answer.refusal(),
        (401, 10000, "Authentication error".to_owned())
    );
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    // A gateway's credential is none, and neither is any other header.
    assert_eq!(
        status(
            &console,
            &[
                ("x-api-key", "admin-1"),
                ("cf-aig-authorization", "Bearer admin-1")
            ]
        ),
        401
    );
}

#[test]
fn nothing_is_told_to_who_is_not_let_in() {
    let console = locked();
    for path in [
        "/gateways",
        "/gateways/nowhere",
        "/nothing",
        "/gateways/gw/logs?per_page=999",
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let (status, code, _) = console.send(method, path, &json!({})).refusal();
            assert_eq!((status, code), (401, 10000), "{method} {path}");
        }
    }
    assert_eq!(
        console.call("GET", "/client/v4/user", &[], None).status,
        401
    );
}

#[test]
fn a_credential_works_from_anywhere() {
    let console = locked();
    let headers = [
        ("authorization", "Bearer admin-1"),
        (":peer", "10.1.2.3:5"),
        (":authority", "console.example.com"),
    ];
    assert_eq!(status(&console, &headers), 200);
}

#[test]
fn an_open_console_is_open_to_this_machine_only() {
    let console = Console::new();
    for (peer, expected) in [
        ("127.0.0.1:1", 200),
        ("127.8.8.8:1", 200),
        ("[::1]:1", 200),
        ("[::ffff:127.0.0.1]:1", 200),
        ("/var/run/console.sock", 200),
        ("@abstract", 200),
        ("10.0.0.1:1", 403),
        ("[::2]:1", 403),
        ("[::ffff:10.0.0.1]:1", 403),
        ("0.0.0.0:1", 403),
        ("localhost:1", 403),
        ("", 403),
    ] {
        assert_eq!(status(&console, &[(":peer", peer)]), expected, "{peer}");
    }
    // Where Envoy takes the peer's address from a header, the client writes it.
    assert_eq!(status(&console, &[("x-forwarded-for", "127.0.0.1")]), 403);
}

#[test]
fn a_name_that_leads_here_does_not_open_it() {
    let console = Console::new();
    for (host, expected) in [
        ("localhost", 200),
        ("LocalHost:10001", 200),
        ("127.0.0.1:10001", 200),
        ("[::1]:10001", 200),
        ("[::1]", 200),
        ("evil.example.com", 403),
        ("localhost.evil.example.com", 403),
        ("127.0.0.1.evil.example.com", 403),
        ("[::1].evil", 403),
        ("", 403),
    ] {
        assert_eq!(
            status(&console, &[(":authority", host)]),
            expected,
            "{host}"
        );
    }
}

#[test]
fn pages_of_other_origins_get_nothing() {
    for console in [Console::new(), locked()] {
        let with = |name: &str, value: &str| {
            status(
                &console,
                &[("authorization", "Bearer admin-1"), (name, value)],
            )
        };
        assert_eq!(with("origin", "http://localhost:10001"), 200);
        for origin in [
            "http://evil.example.com",
            "null",
            "http://localhost:9",
            "localhost:10001",
            "",
        ] {
            assert_eq!(with("origin", origin), 403, "{origin}");
        }
        assert_eq!(with("sec-fetch-site", "cross-site"), 403);
        assert_eq!(with("sec-fetch-site", "same-origin"), 200);
    }
}

#[test]
fn open_to_anybody_must_be_said() {
    let console = Console::with(&json!({"open": "any"}));
    assert_eq!(
        status(
            &console,
            &[
                (":peer", "10.0.0.1:1"),
                (":authority", "console.example.com")
            ]
        ),
        200
    );
}

#[test]
fn the_page_is_public_and_no_data_is_in_it() {
    let console = locked();
    let answer = console.call("GET", "/", &[], None);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
}

#[test]
fn a_console_that_lets_nobody_or_too_many_in_is_no_configuration() {
    let fault = |console: Value| {
        let config = json!({"gateways": [{"id": "gw"}], "console": console});
        let faults = config::parse(config.to_string().as_bytes(), &|_| None).unwrap_err();
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    let credential = json!({"name": "a", "sha256": "ab".repeat(32)});
    for (console, expected) in [
        (json!({"open": false}), "console: lets nobody in"),
        (
            json!({"open": true, "credentials": [credential]}),
            "console.open: contradicts credentials",
        ),
        (json!({"open": "yes"}), "console.open: must be true"),
        (json!({"open": 1}), "console.open: must be true"),
        (
            json!({"open": true, "gateway_url": "ftp://x"}),
            "console.gateway_url: must be an address",
        ),
        (
            json!({"open": true, "gateway_url": "http://x/?a=b"}),
            "console.gateway_url: must be an address",
        ),
        (
            json!({"open": true, "credential": []}),
            "console.credential: is unknown: did you mean credentials?",
        ),
        (
            json!({"credentials": [{"name": "a"}]}),
            "console.credentials[0]: has no source",
        ),
        (json!("open"), "console: must be an object"),
    ] {
        let found = fault(console.clone());
        assert!(found.contains(expected), "{console}: {found}");
    }
}
