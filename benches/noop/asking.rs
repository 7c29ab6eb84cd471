//! What the host takes for the calls that Sluice makes of it for a JSON call with everything on, without a thought between
//! them: no filter that reads, changes, counts and records so much can cost less.

use proxy_wasm::hostcalls::{
    define_metric, get_buffer, get_current_time, get_map_bytes, get_property, get_shared_data,
    increment_metric, log, record_metric, set_map_value, set_shared_data,
};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, MetricType, Status};

const REQUEST: [(&str, &str); 4] = [
    (":authority", "api.openai.com"),
    (":path", "/v1/chat/completions"),
    ("accept-encoding", "identity"),
    ("x-sluice-cluster", "openai"),
];
const RESPONSE: [&str; 4] = [
    "cf-aig-step",
    "cf-aig-event-id",
    "cf-aig-request-id",
    "cf-aig-log-id",
];
const ID: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
/// A record, and the calls of a sliding window.
const VALUE: [u8; 1500] = [7; 1500];

/// The metrics of a root.
#[derive(Clone, Default)]
pub(super) struct Metrics {
    counters: Vec<u32>,
    histograms: Vec<u32>,
}

impl Metrics {
    pub(super) fn define() -> Self {
        let define = |kind, names: &[&str]| {
            let ids = names.iter().map(|name| define_metric(kind, name));
            ids.collect::<Result<_, Status>>().unwrap_or_default()
        };
        Self {
            counters: define(
                MetricType::Counter,
                &["asking.a", "asking.b", "asking.c", "asking.d"],
            ),
            histograms: define(MetricType::Histogram, &["asking.x", "asking.y", "asking.z"]),
        }
    }
}

pub(super) struct Asking(pub(super) Metrics);

impl Asking {
    fn clock(times: usize) {
        for _ in 0..times {
            get_current_time().ok();
        }
    }

    /// A host that refuses would make the figure too good: it is said in its log.
    fn ask(&self) -> Result<(), Status> {
        for id in &self.0.counters {
            increment_metric(*id, 1)?;
        }
        for id in &self.0.histograms {
            record_metric(*id, 77)?;
        }
        for key in ["asking/window", "asking/ring"] {
            get_shared_data(key)?;
            set_shared_data(key, Some(&VALUE), None)?;
        }
        get_property(vec!["response", "flags"]).map(drop)
    }
}

impl Context for Asking {}

impl HttpContext for Asking {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        get_map_bytes(MapType::HttpRequestHeaders).ok();
        Self::clock(2);
        Action::Pause
    }

    fn on_http_request_body(&mut self, size: usize, is_last: bool) -> Action {
        if !is_last {
            return Action::Pause;
        }
        get_buffer(BufferType::HttpRequestBody, 0, size).ok();
        for (name, value) in REQUEST {
            set_map_value(MapType::HttpRequestHeaders, name, Some(value)).ok();
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        get_map_bytes(MapType::HttpResponseHeaders).ok();
        Self::clock(2);
        for name in RESPONSE {
            set_map_value(MapType::HttpResponseHeaders, name, Some(ID)).ok();
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        get_buffer(BufferType::HttpResponseBody, 0, size).ok();
        Action::Continue
    }

    fn on_log(&mut self) {
        Self::clock(2);
        if let Err(status) = self.ask() {
            log(LogLevel::Error, &format!("the host refused: {status:?}")).ok();
        }
    }
}
