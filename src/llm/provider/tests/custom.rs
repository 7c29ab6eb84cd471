//! Custom providers.

use super::super::path::PathError;
use super::super::{BadTarget, BaseUrl, BaseUrlError};
use super::{call, custom};

#[test]
fn a_custom_provider_appends_the_path_to_its_base_url() {
    for (base, path, url) in [
        (
            "https://ai.example.com/v1",
            "chat/completions",
            "ai.example.com/v1/chat/completions",
        ),
        (
            "https://ai.example.com/v1/",
            "v1/chat/completions",
            "ai.example.com/v1/chat/completions",
        ),
        (
            "https://AI.Example.com",
            "v1/chat/completions",
            "ai.example.com/v1/chat/completions",
        ),
        ("https://ai.example.com/", "", "ai.example.com/"),
        (
            "https://ai.example.com:8443/a/b",
            "c?d=e",
            "ai.example.com:8443/a/b/c?d=e",
        ),
        (
            "https://ai.example.com:443/a/v1",
            "",
            "ai.example.com/a/v1/",
        ),
        ("https://10.0.0.1/dev1", "v1/v1/x", "10.0.0.1/dev1/v1/x"),
    ] {
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        let upstream = custom(base).upstream(&call(path, query)).unwrap();
        assert_eq!(
            format!("{}{}", upstream.host, upstream.path),
            url,
            "{base} {path}"
        );
    }
    let base = custom("https://h.example/v1");
    assert_eq!(
        base.upstream(&call("chat/completions", None))
            .unwrap()
            .endpoint,
        "v1/chat/completions"
    );
    assert_eq!(
        base.upstream(&call("../x", None)),
        Err(BadTarget::Path(PathError::DotSegment))
    );
    assert_eq!(base.authority(), "h.example");
}

#[test]
fn a_bad_base_url_is_refused_for_its_reason() {
    for (base, error) in [
        ("", BaseUrlError::Scheme),
        ("http://h", BaseUrlError::Scheme),
        ("ai.example.com", BaseUrlError::Scheme),
        ("https://", BaseUrlError::Host),
        ("https:///x", BaseUrlError::Host),
        ("https://a_b", BaseUrlError::Host),
        ("https://[::1]/x", BaseUrlError::Port),
        ("https://b\u{fc}cher.example", BaseUrlError::Host),
        ("https://h:0", BaseUrlError::Port),
        ("https://h:65536", BaseUrlError::Port),
        ("https://h:x", BaseUrlError::Port),
        ("https://h:", BaseUrlError::Port),
        ("https://u@h", BaseUrlError::UserInfo),
        ("https://u:p@h", BaseUrlError::UserInfo),
        ("https://h/x?y", BaseUrlError::Query),
        ("https://h/x#y", BaseUrlError::Query),
        ("https://h/../x", BaseUrlError::Path(PathError::DotSegment)),
        ("https://h//x", BaseUrlError::Path(PathError::EmptySegment)),
        ("https://h/x y", BaseUrlError::Path(PathError::Control)),
    ] {
        assert_eq!(BaseUrl::parse(base), Err(error), "{base}");
    }
}
