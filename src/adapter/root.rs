//! The plugin on one worker: its configuration, its wake-up queue, its clock.

use std::cell::Cell;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::keeper::Keeper;
use super::live::Live;
use super::mount::Mount;
use super::port::Proxy;
use super::ship;
use super::sleepers::Sleepers;
use super::stream::Stream;
use crate::config::{self, Config, ConfigError};
use crate::exchange::attempt::Place;
use crate::exchange::calls::Calls;
use crate::exchange::cx::{Event, Worker};
use crate::exchange::task::Task;
use crate::host::{Host, QueueId};
use crate::http::room::Room;
use crate::store::waiter::Wake;

/// The `root_id` of the singleton service to which all workers bring their records.
const KEEPER: &[u8] = b"keeper";

/// The `root_id` of the filter that lives single attempts of planned calls on the hop.
const ATTEMPT: &[u8] = b"attempt";

/// The `root_id` of the control API and its page.
const CONSOLE: &[u8] = b"console";

/// The `root_id` of the same as upstream filter of clusters.
const UPSTREAM: &[u8] = b"attempt-upstream";

/// What a console without its section is refused with.
const CONSOLE_REMEDY: &str = "write credentials, or open: true for this machine alone";

thread_local! {
    /// The planned calls of this virtual machine: of all its roots.
    static CALLS: Rc<Calls> = Rc::default();
    /// Bytes that calls hold in its memory, of all its roots.
    static HELD: Rc<Cell<usize>> = Rc::default();
}

/// A plugin instance.
pub(super) struct Root {
    host: Rc<dyn Host>,
    role: Role,
    sleepers: Rc<Sleepers>,
}

/// What the plugin does with a stream.
enum Role {
    /// Nothing: it refused its configuration.
    None,
    /// Keeps the records of all workers.
    Keeper(Box<Keeper>),
    /// The whole life of a call.
    Gateway(Rc<Worker>),
    /// The control API.
    Console(Rc<Worker>),
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

    /// The keeper may have no configuration.
    fn keep(&mut self, size: usize) -> bool {
        let config = (size > 0).then(|| read(size));
        if matches!(config, Some(None)) {
            return false;
        }
        let keeper = Keeper::new(&self.host, config.flatten().as_ref());
        self.role = keeper.map_or(Role::None, |keeper| Role::Keeper(Box::new(keeper)));
        true
    }
}

/// The plugin's configuration; what is wrong with it is told to the operator.
fn read(size: usize) -> Option<Config> {
    let bytes = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size);
    let config = config::parse(&bytes.ok().flatten().unwrap_or_default(), &environment);
    let complain = |errors: Vec<ConfigError>| {
        for error in errors {
            log::error!("sluice: configuration refused: {error}");
        }
    };
    config.map_err(complain).ok()
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, fields: usize, size: usize, _: usize) {
        if let Role::Keeper(keeper) = &mut self.role {
            keeper.answer(call, fields, size);
        }
    }

    fn on_done(&mut self) -> bool {
        self.sleepers.leave();
        ship::flush(&*self.host);
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let role = hostcalls::get_property(vec!["plugin_root_id"])
            .ok()
            .flatten();
        if role.as_deref() == Some(KEEPER) {
            return self.keep(size);
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
                held: HELD.with(Rc::clone),
            }));
            return true;
        }
        let Some(config) = read(size) else {
            return false;
        };
        let is_console = role.as_deref() == Some(CONSOLE);
        if is_console && config.console.is_none() {
            log::error!("sluice: configuration refused: console: is missing: {CONSOLE_REMEDY}");
            return false;
        }
        let worker = Rc::new(Worker {
            host: Rc::clone(&self.host),
            room: Room::new(config.limits.held_bytes, HELD.with(Rc::clone)),
            config: Rc::new(config),
            queue: self.register_queue(),
            calls: CALLS.with(Rc::clone),
            bodies_come: Rc::default(),
            quiet: Rc::default(),
        });
        self.role = if is_console {
            self.sleepers.hurry();
            Role::Console(worker)
        } else {
            Role::Gateway(worker)
        };
        true
    }

    fn on_queue_ready(&mut self, queue: u32) {
        if let Role::Keeper(keeper) = &mut self.role {
            return keeper.drain();
        }
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
        if let Role::Keeper(keeper) = &mut self.role {
            return keeper.tick();
        }
        let now = self.host.now();
        ship::tick(&*self.host, now);
        for live in self.sleepers.due(now) {
            self.sleepers.call(&live, Event::Deadline);
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        let sleepers = Rc::clone(&self.sleepers);
        match &self.role {
            // Envoy creates no streams for a plugin that refused its configuration.
            Role::None | Role::Keeper(_) => None,
            Role::Gateway(worker) => {
                let live = Live::new(Task::new(Rc::clone(worker), context_id));
                Some(Box::new(Stream::new(live, sleepers)))
            }
            Role::Console(worker) => {
                let live = Live::new(Task::console(Rc::clone(worker), context_id));
                Some(Box::new(Stream::of_console(live, sleepers)))
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
