//! Calls that are made all the time, each over a connection of its own, while something happens to the gateway.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sluice_e2e::{Call, Case, Gateway, eventually, sample};
use tokio::task::JoinSet;

/// Clients that call at once.
const CLIENTS: usize = 6;

/// The calls so far.
#[derive(Default)]
struct Tally {
    ends: AtomicBool,
    made: AtomicU64,
    /// How they ended, and how often: by their status, or in a word.
    outcomes: Mutex<BTreeMap<String, u64>>,
}

/// Calls under way; dropping it ends them.
pub(crate) struct Load {
    tally: Arc<Tally>,
    clients: JoinSet<()>,
}

impl Load {
    /// Calls of that path with questions that nobody asked before. Where they go is looked up for each.
    pub(crate) fn start(gateway: &Gateway, path: &'static str, case: &Case) -> Self {
        let tally = Arc::new(Tally::default());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(client(
                Arc::clone(&tally),
                gateway.address(),
                path,
                case.clone(),
            ));
        }
        Self { tally, clients }
    }

    /// Waits until that many more calls are over.
    pub(crate) async fn more(&self, count: u64) {
        let made = self.tally.made.load(Ordering::Relaxed);
        eventually("further calls", || {
            (self.tally.made.load(Ordering::Relaxed) >= made + count).then_some(())
        })
        .await;
    }

    /// Ends it; how the calls ended.
    pub(crate) async fn end(mut self) -> BTreeMap<String, u64> {
        self.tally.ends.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        std::mem::take(&mut self.tally.outcomes.lock().unwrap())
    }
}

async fn client(tally: Arc<Tally>, address: SocketAddr, path: &str, case: Case) {
    while !tally.ends.load(Ordering::Relaxed) {
        let number = tally.made.fetch_add(1, Ordering::Relaxed);
        let call = Call::new(address, "POST", path).case(&case);
        let call = call.json(&sample::ask(&format!("{} {number}", case.id())));
        let outcome = match call.reach().await {
            None => "unreached".to_owned(),
            Some(Err(_)) => "unanswered".to_owned(),
            Some(Ok(mut reply)) => match reply.rest().await {
                (_, true) => reply.status.to_string(),
                (_, false) => "cut".to_owned(),
            },
        };
        *tally.outcomes.lock().unwrap().entry(outcome).or_default() += 1;
    }
}
