//! A proxy with its threads: the main one with the keeper, and workers with the other roles.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use crate::abi::Fields;
use crate::message::{Answer, Sent};
use crate::platform::{Callout, Place, Platform};
use crate::state::State;
use crate::vm::{Image, Plugin, Vm};

/// The thread on which the keeper runs.
pub const MAIN: usize = 0;

/// The shipped name of the cluster where attempts are made.
pub const HOP: &str = "sluice-attempts";

/// What a provider answers.
pub type Provider = Rc<dyn Fn(&Sent) -> Answer>;

struct Thread {
    plugins: Vec<Plugin>,
    vm: Option<Vm>,
    /// What the virtual machine is to be, until it is first needed.
    image: Option<Rc<Image>>,
    starts: u32,
}

impl Thread {
    fn vm(&mut self, platform: &Rc<RefCell<Platform>>) -> Option<&mut Vm> {
        if let Some(image) = self.image.take() {
            self.vm = Some(Vm::resume(&image, platform));
        }
        self.vm.as_mut()
    }

    fn next_tick(&mut self) -> Option<(u64, u32)> {
        let image = self.image.as_ref().map(|image| &image.state);
        let vm = self.vm.as_mut().map(|vm| &*vm.state());
        image.or(vm)?.next_tick()
    }
}

/// A proxy. A virtual machine that has trapped is replaced when it is next needed, as with `FAIL_RELOAD`.
pub struct World {
    platform: Rc<RefCell<Platform>>,
    threads: Vec<Thread>,
    /// Who answers what goes to a provider.
    pub provider: Provider,
    /// Requests that went to a provider.
    pub seen: Vec<Sent>,
    /// Why virtual machines were lost.
    pub traps: Vec<String>,
}

/// A world to begin from again and again.
pub struct Snapshot {
    platform: Platform,
    threads: Vec<(Vec<Plugin>, Option<Rc<Image>>, u32)>,
    provider: Provider,
    seen: Vec<Sent>,
}

impl World {
    /// A proxy with two workers of these roles, and a keeper; all have that configuration.
    pub fn new(configuration: &str, roles: &[&'static str], provider: Provider) -> Self {
        let clusters = [
            "openai",
            "anthropic",
            HOP,
            "clickhouse",
            "loki",
            "collector",
        ]
        .map(str::to_owned);
        let plugin = |root_id| Plugin {
            root_id,
            configuration: configuration.as_bytes().to_vec(),
        };
        let thread = |roles: &[&'static str]| Thread {
            plugins: roles.iter().map(|role| plugin(*role)).collect(),
            vm: None,
            image: None,
            starts: 0,
        };
        let threads = [thread(&["keeper"]), thread(roles), thread(roles)];
        let mut world = Self {
            platform: Rc::new(RefCell::new(Platform::new(clusters))),
            threads: threads.into(),
            provider,
            seen: Vec::new(),
            traps: Vec::new(),
        };
        for thread in 0..world.threads.len() {
            let started = world.revive(thread);
            assert!(started, "{:?} {:?}", world.traps, world.platform().log);
        }
        world
    }

    /// What all threads share.
    pub fn platform(&self) -> RefMut<'_, Platform> {
        self.platform.borrow_mut()
    }

    /// Opens a new ledger, and a new log.
    pub fn reset(&mut self) {
        self.traps.clear();
        let mut platform = self.platform();
        platform.ledger = crate::ledger::Ledger::default();
        platform.log.clear();
    }

    /// What the world is now.
    pub fn snapshot(&self) -> Snapshot {
        let threads = self.threads.iter();
        let image = |thread: &Thread| {
            let image = thread.vm.as_ref().map(|vm| Rc::new(vm.image()));
            let image = image.or_else(|| thread.image.clone());
            (thread.plugins.clone(), image, thread.starts)
        };
        Snapshot {
            platform: self.platform().clone(),
            threads: threads.map(image).collect(),
            provider: Rc::clone(&self.provider),
            seen: self.seen.clone(),
        }
    }

    /// Starts the virtual machine of a thread if there is none; whether there is one.
    pub(crate) fn revive(&mut self, thread: usize) -> bool {
        if self.vm(thread).is_some() {
            return true;
        }
        self.threads[thread].starts += 1;
        let (starts, plugins) = (self.threads[thread].starts, &self.threads[thread].plugins);
        let seed = u64::from(starts) << 32 | u64::try_from(thread).unwrap();
        let state = State::new(Rc::clone(&self.platform), (thread, starts), seed);
        match Vm::start(state, plugins) {
            Ok(vm) => self.threads[thread].vm = Some(vm),
            Err(why) => self.traps.push(why),
        }
        self.threads[thread].vm.is_some()
    }

    /// Ends the virtual machine of a thread, and starts another one.
    pub fn restart(&mut self, thread: usize) {
        self.threads[thread].image = None;
        self.threads[thread].vm = None;
        self.revive(thread);
    }

    /// How often the thread has started a virtual machine.
    pub(crate) fn starts(&self, thread: usize) -> u32 {
        self.threads[thread].starts
    }

    pub(crate) fn vm(&mut self, thread: usize) -> Option<&mut Vm> {
        self.threads[thread].vm(&self.platform)
    }

    /// Calls back; `None`: there is no virtual machine, or it is lost now.
    pub(crate) fn call_back(
        &mut self,
        thread: usize,
        name: &'static str,
        arguments: &[u32],
    ) -> Option<u32> {
        match self.vm(thread)?.call(name, arguments) {
            Ok(result) => Some(result),
            Err(why) => {
                self.traps.push(why);
                self.threads[thread].vm = None;
                None
            }
        }
    }

    /// Tells readers of queues of the messages that wait for them.
    pub(crate) fn deliver(&mut self) {
        loop {
            let notice = self.platform().take_notice();
            let Some((reader, queue)) = notice else {
                return;
            };
            if self.is_there(reader) {
                self.call_back(
                    reader.thread,
                    "proxy_on_queue_ready",
                    &[reader.context, queue],
                );
            }
        }
    }

    fn is_there(&mut self, place: Place) -> bool {
        let is_same = self.starts(place.thread) == place.start;
        let vm = self.vm(place.thread).filter(|_| is_same);
        vm.is_some_and(|vm| vm.state().contexts.contains_key(&place.context))
    }

    /// Lets the next tick come, before `end`; whether there was one.
    pub(crate) fn tick(&mut self, end: u64) -> bool {
        let threads = self.threads.iter_mut().enumerate();
        let next = threads.filter_map(|(thread, it)| {
            let (at, id) = it.next_tick()?;
            Some((at, thread, id))
        });
        let next = next.min();
        let Some((at, thread, id)) = next.filter(|(at, ..)| *at <= end) else {
            return false;
        };
        let now = self.platform().now.max(at);
        self.platform().now = now;
        let root = self.vm(thread).map(|vm| vm.state().root(id));
        if let Some(Ok(root)) = root {
            root.tick = root.tick.map(|(period, _)| (period, now + period));
        }
        self.call_back(thread, "proxy_on_tick", &[id]);
        self.deliver();
        true
    }

    /// Lets time pass.
    pub fn advance(&mut self, milliseconds: u64) {
        let end = self.platform().now + milliseconds * 1_000_000;
        while self.tick(end) {}
        let now = self.platform().now.max(end);
        self.platform().now = now;
    }

    /// Takes the requests of the filter's own that wait for an answer.
    pub fn take_callouts(&mut self) -> Vec<Callout> {
        std::mem::take(&mut self.platform().callouts)
    }

    /// Answers a request of the filter's own; `None`: it failed.
    pub fn answer_callout(&mut self, callout: &Callout, answer: Option<(Fields, Vec<u8>)>) {
        let from = callout.from;
        if !self.is_there(from) {
            return;
        }
        let sizes = answer.as_ref().map(|(head, body)| (head.len(), body.len()));
        let (fields, size) = sizes.unwrap_or_default();
        let sizes = [fields, size, 0].map(|it| u32::try_from(it).unwrap());
        let set = |world: &mut Self, answer| {
            let root = world
                .vm(from.thread)
                .map(|vm| vm.state().root(from.context));
            if let Some(Ok(root)) = root {
                root.answer = answer;
            }
        };
        set(self, answer);
        let [fields, size, trailers] = sizes;
        let arguments = [from.context, callout.token, fields, size, trailers];
        self.call_back(from.thread, "proxy_on_http_call_response", &arguments);
        set(self, None);
        self.deliver();
    }
}

impl Snapshot {
    /// A world that is as this one was.
    pub fn world(&self) -> World {
        let platform = Rc::new(RefCell::new(self.platform.clone()));
        let thread = |(plugins, image, starts): &(Vec<Plugin>, Option<Rc<Image>>, u32)| Thread {
            plugins: plugins.clone(),
            vm: None,
            image: image.clone(),
            starts: *starts,
        };
        World {
            threads: self.threads.iter().map(thread).collect(),
            provider: Rc::clone(&self.provider),
            seen: self.seen.clone(),
            traps: Vec::new(),
            platform,
        }
    }
}
