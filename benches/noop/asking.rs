//! The host calls that Sluice makes on a worker for a JSON call with authentication, a rate limit, usage and metrics, and
//! no thought between them: heads, bodies, nine fields, seven metrics, one shared value, the clock. What is done for many
//! calls at once (records) is left out, so that a filter which does as much cannot cost less.
//!
//! The count is that of `cargo run -p sluice-host`, row "with the credential", less what the end of the call and the keeper
//! do for many at once. A host that refuses would make the figure too good: from then on every
//! call is answered with 500, which ends the bench.

use std::cell::Cell;
use std::rc::Rc;

use proxy_wasm::hostcalls::{
    define_metric, get_buffer, get_current_time, get_map_bytes, get_property, get_shared_data,
    increment_metric, record_metric, remove_map_value, set_map_value, set_shared_data,
};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType, MetricType, Status};

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
const COUNTERS: [&str; 4] = ["asking.a", "asking.b", "asking.c", "asking.d"];
const HISTOGRAMS: [&str; 3] = ["asking.x", "asking.y", "asking.z"];
/// As large as the calls of a sliding window.
const WINDOW: [u8; 1900] = [7; 1900];

/// What all streams have in common.
pub(super) struct Metrics {
    counters: Vec<u32>,
    histograms: Vec<u32>,
    refused: Cell<bool>,
}

impl Metrics {
    pub(super) fn define() -> Result<Self, Status> {
        let counters = COUNTERS.map(|name| define_metric(MetricType::Counter, name));
        let histograms = HISTOGRAMS.map(|name| define_metric(MetricType::Histogram, name));
        Ok(Self {
            counters: counters.into_iter().collect::<Result<_, _>>()?,
            histograms: histograms.into_iter().collect::<Result<_, _>>()?,
            refused: Cell::new(false),
        })
    }
}

pub(super) struct Asking(pub(super) Rc<Metrics>);

impl Asking {
    fn heed(&self, asked: Result<(), Status>) {
        if asked.is_err() {
            self.0.refused.set(true);
        }
    }
}

impl Context for Asking {}

impl HttpContext for Asking {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if self.0.refused.get() {
            self.send_http_response(500, Vec::new(), None);
            return Action::Pause;
        }
        self.heed(get_map_bytes(MapType::HttpRequestHeaders).map(drop));
        self.heed(get_current_time().map(drop));
        Action::Pause
    }

    fn on_http_request_body(&mut self, size: usize, is_last: bool) -> Action {
        if !is_last {
            return Action::Pause;
        }
        self.heed(get_buffer(BufferType::HttpRequestBody, 0, size).map(drop));
        self.heed(count());
        self.heed(change_request());
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        self.heed(get_map_bytes(MapType::HttpResponseHeaders).map(drop));
        for _ in 0..2 {
            self.heed(get_current_time().map(drop));
        }
        for name in RESPONSE {
            self.heed(set_map_value(MapType::HttpResponseHeaders, name, Some(ID)));
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        self.heed(get_buffer(BufferType::HttpResponseBody, 0, size).map(drop));
        Action::Continue
    }

    fn on_log(&mut self) {
        self.heed(get_property(vec!["response", "flags"]).map(drop));
        for _ in 0..2 {
            self.heed(get_current_time().map(drop));
        }
        for id in &self.0.counters {
            self.heed(increment_metric(*id, 1));
        }
        for id in &self.0.histograms {
            self.heed(record_metric(*id, 77));
        }
    }
}

/// As the rate limit does.
fn count() -> Result<(), Status> {
    get_shared_data("asking/window")?;
    get_current_time()?;
    set_shared_data("asking/window", Some(&WINDOW), None)
}

fn change_request() -> Result<(), Status> {
    remove_map_value(MapType::HttpRequestHeaders, "cf-aig-authorization")?;
    let mut changes = REQUEST.into_iter();
    changes
        .try_for_each(|(name, value)| set_map_value(MapType::HttpRequestHeaders, name, Some(value)))
}
