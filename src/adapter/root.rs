//! The plugin on one worker: its configuration, its wake-up queue, its clock.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::live::Live;
use super::port::Proxy;
use super::sleepers::Sleepers;
use super::stream::{Mount, Stream};
use crate::config;
use crate::exchange::attempt::Place;
use crate::exchange::calls::Calls;
use crate::exchange::cx::{Event, Worker};
use crate::exchange::task::Task;
use crate::host::{Host, QueueId};
use crate::store::waiter::Wake;

/// The `root_id` of the singleton service that only keeps shared data alive while listeners come and go.
const KEEPER: &[u8] = b"keeper";

/// The `root_id` of the filter that lives single attempts of planned calls on the hop.
const ATTEMPT: &[u8] = b"attempt";

/// The `root_id` of the same as upstream filter of clusters.
const UPSTREAM: &[u8] = b"attempt-upstream";

thread_local! {
    /// The planned calls of this virtual machine: of all its roots.
    static CALLS: Rc<Calls> = Rc::default();
}

/// A plugin instance.
pub(super) struct Root {
    host: Rc<dyn Host>,
    role: Role,
    sleepers: Rc<Sleepers>,
}

/// What the plugin does with a stream.
enum Role {
    /// Nothing: it refused its configuration, or is the keeper.
    None,
    /// The whole life of a call.
    Gateway(Rc<Worker>),
    /// One attempt.
    Attempt(Rc<Mount>),
}

impl Root {
    pub(super) fn new() -> Self {
        Self {
            host: Rc::new(Proxy::default()),
            role: Role::None,
            sleepers: Rc::default(),
        }
    }

    /// The name is random: of two queues with one name, only the last one is ever told (facts §6).
    fn register_queue(&self) -> Option<QueueId> {
        let name = format!(
            "sluice-{:016x}{:016x}",
            self.host.random(),
            self.host.random()
        );
        hostcalls::register_shared_queue(&name).ok().map(QueueId)
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let role = hostcalls::get_property(vec!["plugin_root_id"])
            .ok()
            .flatten();
        if role.as_deref() == Some(KEEPER) {
            return true;
        }
        let place = match role.as_deref() {
            Some(ATTEMPT) => Some(Place::Hop),
            Some(UPSTREAM) => Some(Place::Cluster),
            _ => None,
        };
        if let Some(place) = place {
            self.role = Role::Attempt(Rc::new(Mount {
                place,
                host: Rc::clone(&self.host),
                calls: CALLS.with(Rc::clone),
                queue: self.register_queue(),
                bodies_come: Rc::default(),
                quiet: Rc::default(),
            }));
            return true;
        }
        let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size)
            .ok()
            .flatten();
        match config::parse(&bytes.unwrap_or_default(), &environment) {
            Ok(config) => {
                self.role = Role::Gateway(Rc::new(Worker {
                    host: Rc::clone(&self.host),
                    config: Rc::new(config),
                    queue: self.register_queue(),
                    calls: CALLS.with(Rc::clone),
                    bodies_come: Rc::default(),
                    quiet: Rc::default(),
                }));
                true
            }
            Err(errors) => {
                for error in errors {
                    log::error!("sluice: configuration refused: {error}");
                }
                false
            }
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        // Envoy calls once per message, and other calls may have drained the queue already.
        while let Ok(Some(message)) = hostcalls::dequeue_shared_queue(queue) {
            let Some(wake) = Wake::decode(&message) else {
                continue;
            };
            if let Some(live) = self.sleepers.find(wake.context) {
                self.sleepers.call(&live, Event::Woken(wake));
            }
        }
    }

    fn on_tick(&mut self) {
        for live in self.sleepers.due(self.host.now()) {
            self.sleepers.call(&live, Event::Deadline);
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        let sleepers = Rc::clone(&self.sleepers);
        match &self.role {
            // Envoy creates no streams for a plugin that refused its configuration.
            Role::None => None,
            Role::Gateway(worker) => {
                let live = Live::new(Task::new(Rc::clone(worker), context_id));
                Some(Box::new(Stream::new(live, sleepers)))
            }
            Role::Attempt(mount) => {
                let attempts = (Rc::clone(mount), context_id);
                Some(Box::new(Stream::of_attempt(attempts, sleepers)))
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the adapter: the VM's environment comes in here"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
