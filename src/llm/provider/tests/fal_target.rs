//! The header that names the target of a call to fal, and what it must not name.

use super::super::path::PathError;
use super::super::{BadTarget, UpstreamCall, find};
use super::{call, fal};

#[test]
fn a_fal_target_url_replaces_the_whole_target() {
    let upstream = fal("https://queue.fal.run/fal-ai/flux/requests/1/status?logs=1").unwrap();
    assert_eq!(
        (&*upstream.host, &*upstream.path),
        ("queue.fal.run", "/fal-ai/flux/requests/1/status?logs=1")
    );
    assert_eq!(upstream.model.as_deref(), Some("fal-ai/flux"));
    let upstream = fal("HTTPS://Rest.Alpha.FAL.ai:443/storage/upload/initiate").unwrap();
    assert_eq!(
        (&*upstream.host, &*upstream.path),
        ("rest.alpha.fal.ai", "/storage/upload/initiate")
    );
    assert_eq!(upstream.model, None);
    assert_eq!(fal("https://fal.run").unwrap().path, "/");
}

/// What looks like a URL of fal to a careless reader.
const NOT_FAL: &[&str] = &[
    "",
    "fal.run/x",
    "//fal.run/x",
    "http://fal.run/x",
    "wss://fal.run/x",
    "https:fal.run/x",
    "https:///fal.run/x",
    "https://evil.example/x",
    "https://evil.example/fal.run",
    "https://evil.example?fal.run",
    "https://fal.run.evil.example/x",
    "https://evilfal.run/x",
    "https://fal.ai/x",
    "https://evilfal.ai/x",
    "https://user@fal.run/x",
    "https://user:pass@fal.run/x",
    "https://fal.run@evil.example/x",
    "https://fal.run:80/x",
    "https://fal.run:8443/x",
    "https://fal.run:/x",
    "https://fal.run:443@evil.example/x",
    "https://fal.run:+443/x",
    "https://evil.example\\.fal.run/x",
    "https://evil.example%2f.fal.run/x",
    "https://evil.example#.fal.run/x",
    "https://evil\u{ff0e}fal.run/x",
    "https://f\u{430}l.run/x",
    "https://fal\u{3002}run/x",
    "https://.fal.run/x",
    "https://a..fal.run/x",
    "https://fal.run./x",
    "https://-.fal.run/x",
    "https://fal.run\r\n/x",
    "https://fal.run /x",
    " https://fal.run/x",
    "https://[::1]/x",
];

#[test]
fn a_fal_target_url_stays_with_fal() {
    for url in NOT_FAL {
        assert_eq!(fal(url), Err(BadTarget::TargetUrl), "{url:?}");
    }
    for url in [
        "https://fal.run/../x",
        "https://fal.run//x",
        "https://fal.run/%2e%2e/x",
        "https://fal.run/a\\b",
        "https://fal.run/a\r\nb",
        "https://fal.run/a?b c",
        "https://fal.run/%00",
    ] {
        assert!(matches!(fal(url), Err(BadTarget::Path(_))), "{url:?}");
    }
    let call = UpstreamCall {
        fal_target_url: Some(b"https://fal.run/\xff"),
        ..call("x", None)
    };
    assert_eq!(
        find("fal").unwrap().upstream(&call),
        Err(BadTarget::TargetUrl)
    );
    assert_eq!(
        fal(&format!("https://fal.run/{}", "x".repeat(9000))),
        Err(BadTarget::Path(PathError::TooLong))
    );
}
