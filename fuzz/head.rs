//! Heads of requests and the configuration: whatever is not a body.

use sluice::config as configuration;
use sluice::exchange::options::Options;
use sluice::exchange::url::{self, CallUrl};
use sluice::http::header::HeaderList;
use sluice::llm::price::{Models, Prices};
use sluice::llm::provider::path::MAX_TARGET;
use sluice::llm::provider::{self, BaseUrl, Site, Upstream, UpstreamCall};
use sluice::llm::usage::{Terms, Usage};
use sluice::policy::custom_cost::CustomCost;
use sluice::policy::metadata::Metadata;

/// Longest text that an option may be, and most entries of the metadata.
const LIMITS: (usize, usize) = (1024, 5);

/// The first line is the target of the request, what follows it the header by which fal's host is chosen.
pub(crate) fn url(bytes: &[u8]) -> bool {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let target = parts.next().unwrap_or_default();
    let Ok(CallUrl::Provider {
        account,
        provider,
        path,
        query,
        ..
    }) = url::parse(target)
    else {
        return false;
    };
    let call = UpstreamCall {
        account,
        path,
        query,
        fal_target_url: parts.next(),
    };
    if let Some(provider) = provider::find(provider) {
        if let Ok(upstream) = provider.upstream(&call) {
            stays(provider.site, provider.base, &upstream);
        }
    } else if let Ok(base) = BaseUrl::parse("https://h.example:8443/a/v1")
        && let Ok(upstream) = base.upstream(&call)
    {
        assert_eq!(upstream.host, "h.example:8443");
        stays(Site::Fixed("h.example:8443"), "/a/v1/", &upstream);
    }
    true
}

/// The call goes to a host of its provider, and to a path below its base.
fn stays(site: Site, base: &str, upstream: &Upstream) {
    let is_below = |domain: &&str| {
        let rest = upstream.host.strip_suffix(*domain);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_own = match site {
        Site::Fixed(host) => upstream.host == host,
        Site::Chosen(domains) => domains.iter().any(is_below),
    };
    assert!(is_own, "{}", upstream.host);
    let is_host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte);
    assert!(upstream.host.bytes().all(is_host), "{}", upstream.host);
    let path = upstream.path.split('?').next().unwrap_or_default();
    assert!(path.starts_with(base) && upstream.path.len() <= MAX_TARGET);
    assert!(
        path.bytes()
            .all(|byte| (0x21..0x7F).contains(&byte) && !b"\\#".contains(&byte))
    );
    let plain = path
        .to_ascii_lowercase()
        .replace("%2e", ".")
        .replace("%2f", "/");
    assert!(!format!("{plain}/").contains("/../"), "{path}");
    let line = upstream.path.bytes();
    assert!(
        line.into_iter()
            .all(|byte| !byte.is_ascii_control() && byte != b' ')
    );
}

/// Lines of `name: value` as the head of a request.
pub(crate) fn options(bytes: &[u8]) -> bool {
    let fields = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = std::str::from_utf8(parts.next()?).ok()?;
        Some((name.to_owned(), parts.next()?.to_vec()))
    });
    let options = Options::read(&fields.collect::<HeaderList>());
    let (longest, most) = LIMITS;
    let ttl = options.cache_ttl.unwrap_or_default();
    assert!(ttl == 0 || (60..=2_592_000).contains(&ttl));
    let key = options.cache_key.as_ref();
    assert!(key.is_none_or(|key| (1..=longest).contains(&key.len())));
    for text in options.event_id.iter().chain(&options.byok_alias) {
        assert!((1..=longest).contains(&text.len()));
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    for (name, value) in options.metadata.iter().flat_map(Metadata::entries) {
        assert!(!name.starts_with("cf."));
        assert!(value.is_string() || value.is_number() || value.is_boolean());
    }
    let entries = options.metadata.as_ref().map_or(0, |it| it.entries().len());
    assert!(entries <= most);
    if let Some(trace) = &options.trace {
        let parent = trace.parent_span_id.iter().map(|id| (id, 16));
        for (id, digits) in parent.chain([(&trace.trace_id, 32)]) {
            assert_eq!(id.len(), digits);
            assert!(
                id.bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            );
            assert!(id.bytes().any(|byte| byte != b'0'));
        }
    }
    options != Options::default()
}

pub(crate) fn metadata(bytes: &[u8]) -> bool {
    Metadata::parse(bytes).is_some()
}

pub(crate) fn config(bytes: &[u8]) -> bool {
    let read = |bytes: &[u8]| configuration::parse(bytes, &|_| None);
    let first = read(bytes);
    if bytes.first() == Some(&b'{') && std::str::from_utf8(bytes).is_ok() {
        // White space between the parts means nothing, to what is accepted and to what is refused.
        let again = read(&spaced(bytes));
        assert_eq!(first.as_ref().ok(), again.as_ref().ok());
        let places = |read: &Result<_, Vec<configuration::ConfigError>>| {
            let errors = read.as_ref().err().map(Vec::as_slice);
            let paths = errors
                .unwrap_or_default()
                .iter()
                .map(|error| error.path.clone());
            paths.collect::<Vec<_>>()
        };
        assert_eq!(places(&first), places(&again));
    }
    // More than the one fault of not being JSON: something of it was read.
    first.err().is_none_or(|errors| {
        assert!(!errors.is_empty());
        let is_told = |error: &configuration::ConfigError| {
            !error.path.is_empty() && !error.message.is_empty()
        };
        assert!(errors.iter().all(is_told));
        let one_line =
            |error: &configuration::ConfigError| !error.to_string().contains(['\n', '\r', '\0']);
        assert!(errors.iter().all(one_line), "{errors:?}");
        errors
            .iter()
            .any(|error| !error.to_string().contains("JSON"))
    })
}

/// The same JSON with a space behind each bracket, colon and comma.
fn spaced(text: &[u8]) -> Vec<u8> {
    let mut spaced = Vec::with_capacity(text.len());
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in text {
        spaced.push(*byte);
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' | b':' | b',' if !in_text => spaced.extend(b" \n\t"),
            _ => {}
        }
    }
    spaced
}

/// The header with the client's own prices.
pub(crate) fn cost(bytes: &[u8]) -> bool {
    let usage = Usage {
        input_tokens: Some(u64::MAX),
        output_tokens: Some(7),
        cache_read: Some(3),
        ..Usage::default()
    };
    CustomCost::parse(bytes).is_ok_and(|cost| cost.of(&usage, false).is_some())
}

/// A provider and a model, cut at the first slash.
pub(crate) fn price(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let (provider, model) = text.split_once('/').unwrap_or(("openai", &text));
    let models = Models {
        answered: Some(model),
        asked: None,
    };
    let usage = Usage {
        input_tokens: Some(u64::MAX),
        output_tokens: Some(1),
        ..Usage::default()
    };
    let terms = Terms {
        service_tier: Some(model.to_owned()),
        ..Terms::default()
    };
    Prices::default()
        .bill(provider, models, &usage, (&terms, 0))
        .is_some()
}
