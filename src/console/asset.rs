//! The page: files of `page/`, built in, served as they are.
//!
//! Invariant: nothing here depends on data or credentials, and no file can load anything from anywhere else.

use super::envelope::Refusal;
use super::request::Request;
use crate::http::reply::Reply;

/// A file of the page.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file: its name, its type, its bytes.
macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset {
            name: $name,
            content_type: $content_type,
            bytes: include_bytes!(concat!("page/", $name)),
        }
    };
}

/// All files. `index.html` is the page itself.
const ASSETS: &[Asset] = &[
    asset!("api.js", SCRIPT),
    asset!("app.js", SCRIPT),
    asset!("base.css", STYLE),
    asset!("calls.js", SCRIPT),
    asset!("chart.js", SCRIPT),
    asset!("conversation.js", SCRIPT),
    asset!("detail.css", STYLE),
    asset!("detail.js", SCRIPT),
    asset!("dom.js", SCRIPT),
    asset!("filters.js", SCRIPT),
    asset!("format.js", SCRIPT),
    asset!("gateways.js", SCRIPT),
    asset!("icon.svg", SVG),
    asset!("index.html", HTML),
    asset!("overview.js", SCRIPT),
    asset!("rows.js", SCRIPT),
    asset!("state.js", SCRIPT),
    asset!("stream.js", SCRIPT),
    asset!("theme.js", SCRIPT),
    asset!("timing.js", SCRIPT),
    asset!("transcript.js", SCRIPT),
    asset!("views.css", STYLE),
];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers `/` and `/console/{name}`.
pub(super) fn answer(request: &Request, path: &[&str]) -> Result<Reply, Refusal> {
    let name = match path {
        [""] | ["console", ""] | ["console"] => "index.html",
        ["console", name] => name,
        _ => return Err(Refusal::not_found("Path")),
    };
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Refusal::not_found("Path"))?;
    if request.method != "GET" {
        return Err(Refusal::method("GET"));
    }
    let own = format!("\"{:016x}\"", digest(asset.bytes));
    // Envoy: a compressor takes a strong one away.
    let etag = format!("W/{own}");
    let known = request.head.text("if-none-match").unwrap_or_default();
    let is_known = known
        .split(',')
        .any(|tag| tag.trim().trim_start_matches("W/") == own);
    let headers = [
        ("content-type", asset.content_type),
        ("etag", &etag),
        ("cache-control", "no-cache"),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ];
    let headers = headers.map(|(name, value)| (name.into(), value.to_owned()));
    Ok(Reply {
        status: if is_known { 304 } else { 200 },
        headers: headers.into(),
        body: if is_known {
            Vec::new()
        } else {
            asset.bytes.to_vec()
        },
    })
}

/// FNV-1a, 64 bits: tells versions of a file apart.
fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, step)
}
