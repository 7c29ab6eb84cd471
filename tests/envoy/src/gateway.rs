//! A running gateway: Envoy with the filter, the fake provider behind it, and the ways to look inside.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use crate::admin::{Admin, count};
use crate::builder::{Builder, replace, string_value};
use crate::client::Call;
use crate::eventually;
use crate::fake::{Case, Fake};
use crate::launch::{Launcher, Native, Running};
use crate::metrics::Metrics;
use crate::output::Output;
use crate::template::{CONSOLE, TWIN, Tokens};

/// A running gateway. Dropping it ends Envoy.
pub struct Gateway {
    /// The provider behind every cluster.
    pub fake: Fake,
    /// What Envoy printed.
    pub output: Output,
    pub(crate) admin: Admin,
    pub(crate) listener: Mutex<SocketAddr>,
    pub(crate) tokens: Mutex<Tokens>,
    pub(crate) directory: TempDir,
    pub(crate) envoy: Mutex<Box<dyn Running>>,
    /// How it was started, where another Envoy can take its place.
    pub(crate) start: Option<(Box<dyn Launcher>, Vec<String>)>,
}

/// A gateway that the tests of a module share; started by the first of them.
pub struct Shared(LazyLock<Gateway>);

/// A test's use of a shared gateway: when the test fails, it prints what Envoy wrote meanwhile.
pub struct Lease {
    gateway: &'static Gateway,
    from: usize,
}

impl Gateway {
    /// A gateway on a native Envoy.
    pub fn builder() -> Builder {
        Builder::new(Native)
    }

    /// Where clients call.
    pub fn address(&self) -> SocketAddr {
        *self.listener.lock().unwrap()
    }

    /// Where the listener of [`Builder::tickless_twin`] stands.
    pub fn twin(&self) -> SocketAddr {
        self.admin.listener(Some(TWIN)).expect("a twin")
    }

    /// A call of the control API, by a client on this machine.
    pub fn console(&self, method: &str, path: &str) -> Call {
        let address = self.admin.listener(Some(CONSOLE)).expect("a console");
        Call::new(address, method, path).host("localhost")
    }

    /// A call with that method and path.
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address(), method, path)
    }

    /// A POST.
    pub fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// A call of the universal endpoint with these steps, whose event and case is that one.
    pub fn universal(&self, gateway: &str, event: &Case, steps: &[Value]) -> Call {
        let call = self.post(&format!("/v1/0123/{gateway}")).case(event);
        call.header("cf-aig-event-id", event.id())
            .json(&Value::from(steps))
    }

    /// The value of a counter or gauge; 0 while it does not exist.
    pub fn stat(&self, name: &str) -> u64 {
        count(&self.admin.stats(name), name)
    }

    /// A scrape of its metrics.
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(&self.admin.prometheus())
    }

    /// The bootstrap, as Envoy understood it.
    pub fn bootstrap(&self) -> Value {
        self.admin.config_dump("bootstrap")["bootstrap"].take()
    }

    /// Waits for the access log entry of the case's only call.
    pub async fn entry(&self, case: &Case) -> Value {
        let mut entries = self.entries(case, 1).await;
        assert_eq!(entries.len(), 1, "access log entries: {entries:#?}");
        entries.remove(0)
    }

    /// Waits until that many calls of the case are over, and returns their access log entries.
    pub async fn entries(&self, case: &Case, count: usize) -> Vec<Value> {
        self.logged("DownstreamEnd", case, count).await
    }

    /// Waits until that many calls of the case have arrived at Envoy.
    pub async fn arrivals(&self, case: &Case, count: usize) {
        self.logged("DownstreamStart", case, count).await;
    }

    async fn logged(&self, kind: &str, case: &Case, count: usize) -> Vec<Value> {
        eventually("access log entries", || {
            let entries = self.output.entries(|entry| {
                entry["type"] == kind && entry["case"] == case.id() && entry["listener"] != "hop"
            });
            Some(entries).filter(|entries| entries.len() >= count)
        })
        .await
    }

    /// Waits until the planned call of that event is over, and returns its records, which must be that many, in the order
    /// of their steps: one for each step tried, and none of the call itself.
    pub async fn steps(&self, event: &Case, count: usize) -> Vec<Value> {
        let is_direct = self.tokens.lock().unwrap().direct;
        if !is_direct {
            let entry = self.entry(event).await;
            assert!(!entry["record"].is_string(), "a record of its own: {entry}");
        }
        let listener = if is_direct { "gateway" } else { "hop" };
        eventually("the records of the steps", || {
            let mut records = self.records_at(listener, event);
            assert!(records.len() <= count, "records: {records:#?}");
            records.sort_by_key(|record| record["step"].as_u64());
            Some(records).filter(|records| records.len() == count)
        })
        .await
    }

    /// The records so far of the event's steps at that listener, in the order in which they were written.
    fn records_at(&self, listener: &str, event: &Case) -> Vec<Value> {
        let mark = format!("\"event_id\":\"{}\"", event.id());
        let is_of_event = |entry: &Value| {
            let record = entry["record"].as_str();
            entry["listener"] == listener && record.is_some_and(|record| record.contains(&mark))
        };
        let entries = self.output.entries(is_of_event);
        entries.iter().flat_map(records_of).collect()
    }

    /// Waits for the log record of the case's only call.
    pub async fn record(&self, case: &Case) -> Value {
        record_of(&self.entry(case).await)
    }

    /// Waits until the case has that many log records at least.
    pub async fn records(&self, case: &Case, count: usize) -> Vec<Value> {
        self.entries(case, count)
            .await
            .iter()
            .map(record_of)
            .collect()
    }

    /// The lines of Envoy's log that name this record, when later calls have been recorded: all there will be.
    pub async fn record_lines(&self, id: &str) -> Vec<String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let marker = || {
            let id = format!("marker-{}.", NEXT.fetch_add(1, Ordering::Relaxed));
            let call = self.post("/v1/-/-/-/marker").header("cf-aig-event-id", &id);
            async move {
                call.complete().await;
                eventually("the marker's record", || self.output.after(&id)).await;
            }
        };
        // At once, and so on different workers.
        tokio::join!(marker(), marker());
        let mut lines = self.output.log(0);
        lines.retain(|line| line.contains(id));
        lines
    }

    /// Takes the listener away, and returns when nothing of it is left. Envoy must have been given little time to drain:
    /// [`Builder::keeper`].
    pub async fn remove_listener(&self) {
        replace(self.directory.path(), "listener.yaml", "resources: []");
        eventually("the listener's end", || {
            let stats = self.admin.stats("listener_manager.total_listeners");
            let left = ["active", "draining"]
                .map(|kind| count(&stats, &format!("total_listeners_{kind}")));
            (left == [0, 0]).then_some(())
        })
        .await;
    }

    /// Puts the listener back; it stands on another port then.
    pub async fn restore_listener(&self) {
        let listener = self.tokens.lock().unwrap().listener();
        replace(self.directory.path(), "listener.yaml", &listener);
        let address = eventually("the listener", || self.admin.listener(Some("gateway"))).await;
        *self.listener.lock().unwrap() = address;
    }

    /// Has Envoy drain its listeners: for as long as [`Builder::keeper`] says it tells clients to go, then it takes no more.
    pub fn drain(&self) {
        self.admin.post("/drain_listeners?graceful");
    }

    /// The bytes of memory that Envoy has of the machine, where that can be seen.
    pub fn resident(&self) -> Option<u64> {
        self.envoy.lock().unwrap().resident()
    }

    /// Whether Envoy still runs.
    pub fn is_alive(&self) -> bool {
        self.envoy.lock().unwrap().is_alive()
    }

    /// Changes the plugin's configuration while the gateway runs: true when Envoy took it, false when it was refused.
    /// Workers follow one after the other: see [`crate::until_status`].
    pub async fn update(&self, configuration: &Value) -> bool {
        let listener = {
            let mut tokens = self.tokens.lock().unwrap();
            let plugin = tokens.plugin.as_mut().expect("a gateway with a filter");
            plugin.configuration = string_value(&configuration.to_string());
            tokens.listener()
        };
        let counts = || {
            let stats = self.admin.stats("listener_manager.lds.update");
            ["update_success", "update_rejected"].map(|name| count(&stats, name))
        };
        let before = counts();
        replace(self.directory.path(), "listener.yaml", &listener);
        eventually("the update", || {
            Some(counts())
                .filter(|now| *now != before)
                .map(|now| now[0] > before[0])
        })
        .await
    }

    /// The connections that each worker has taken.
    pub fn connections_by_worker(&self) -> Vec<u64> {
        let stats = self
            .admin
            .stats("listener.127.*worker_.*downstream_cx_total");
        stats
            .lines()
            .map(|line| count(line, "downstream_cx_total"))
            .collect()
    }
}

impl Shared {
    /// A gateway to be started by `start` when a test first asks for it.
    pub const fn new(start: fn() -> Gateway) -> Self {
        Self(LazyLock::new(start))
    }

    /// The gateway, for one test.
    pub fn lease(&'static self) -> Lease {
        Lease {
            from: self.0.output.len(),
            gateway: &self.0,
        }
    }
}

impl std::ops::Deref for Lease {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        self.gateway
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        show_on_failure(&self.gateway.output, self.from);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        show_on_failure(&self.output, 0);
    }
}

#[expect(
    clippy::print_stderr,
    reason = "shown by the test runner below the failure"
)]
fn show_on_failure(output: &Output, from: usize) {
    if std::thread::panicking() {
        eprintln!("--- Envoy's log ---\n{}", output.log(from).join("\n"));
    }
}

/// The record in an access log entry.
pub fn record_of(entry: &Value) -> Value {
    let mut records = records_of(entry);
    assert_eq!(records.len(), 1, "records in {entry}");
    records.remove(0)
}

/// The records in an access log entry: one, or a list.
pub fn records_of(entry: &Value) -> Vec<Value> {
    let text = entry["record"]
        .as_str()
        .unwrap_or_else(|| panic!("no record in {entry}"));
    match serde_json::from_str(text) {
        Ok(Value::Array(records)) if records.len() > 1 => records,
        Ok(record @ Value::Object(_)) => vec![record],
        other => panic!("{other:?} in the record {text}"),
    }
}
