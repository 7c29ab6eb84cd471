//! Whole calls on two workers: any course of events, any refusal of the host.

mod call;
mod material;

use std::time::Duration;

use sluice::exchange::cx::{Ending, Event, Gate};
use sluice::exchange::planned::CALL;
use sluice::http::header::HeaderList;

use self::call::{Call, piece};
use self::material::{ACCOUNTS, BODIES, FIELDS, GATEWAYS, KEYS, PATHS, TOKEN};
use crate::proxy::Machine;
use crate::script::Script;

const CONFIG: &str = r#"{"gateways": [
    {"id": "plain", "cache_ttl": 300, "collect_log_payload": true},
    {"id": "locked", "authentication": true, "cache_ttl": 300, "credentials": [{"name": "demo",
     "sha256": "7c43ef5ae21d43ce2743f770c68e24def1a43ee2f416d2438410c8af7af2ff2c"}]},
    {"id": "limited", "rate_limiting_limit": 2, "rate_limiting_interval": 10, "rate_limiting_technique": "sliding"},
    {"id": "usage", "cache_ttl": 300, "stream_usage": true, "collect_log_payload": true},
    {"id": "shared", "cache_ttl": 300, "cache_single_flight": "all"},
    {"id": "again", "retry_max_attempts": 3, "cache_ttl": 300, "collect_log_payload": true}
], "custom_providers": [{"slug": "own", "base_url": "https://llm.example.com/v1"}],
"attempt_cluster": "sluice-attempts",
"cache": {"max_bytes": 10000, "max_object_bytes": 2000}, "limits": {"request_body_bytes": 5000, "held_bytes": 6000}}"#;
const MAX_BYTES: usize = 10_000;
/// Bytes of a script that are played.
const LONGEST: usize = 512;

/// The first byte says whether the host may refuse; the rest is the script.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let mut script = Script::new(bytes.get(..LONGEST).unwrap_or(bytes));
    let is_faulty = script.below(2) == 1;
    let Some(machines) = Machine::two(CONFIG) else {
        panic!("the configuration is refused");
    };
    let mut scene = Scene {
        machines,
        calls: Vec::new(),
        is_faulty,
    };
    while !script.is_over() {
        scene.act(&mut script);
        scene.wake();
        scene.check();
    }
    scene.close()
}

struct Scene {
    machines: [Machine; 2],
    calls: Vec<Call>,
    is_faulty: bool,
}

impl Scene {
    fn act(&mut self, script: &mut Script<'_>) {
        let host = self.machines.first().map(|machine| &machine.host);
        match (script.below(16), host) {
            (0..=2, _) => self.begin(script),
            (3, Some(host)) => host.advance(Duration::from_millis(u64::from(script.byte()) * 20)),
            (4, Some(host)) if self.is_faulty => host.fail_at.set(Some(script.below(12).into())),
            (5, _) => self.attempt(script),
            _ => self.event(script),
        }
    }

    fn begin(&mut self, script: &mut Script<'_>) {
        let (account, gateway) = (script.choose(&ACCOUNTS), script.choose(&GATEWAYS));
        let (path, key) = (script.choose(&PATHS), script.choose(&KEYS));
        let (Some(account), Some(gateway)) = (account, gateway) else {
            return;
        };
        let key = key.unwrap_or_default();
        let is_universal = path == Some("");
        let path = format!("/v1/{account}/{gateway}/{}", path.unwrap_or_default());
        let bearer = format!("Bearer {key}");
        let mut fields = vec![
            (":method", "POST"),
            (":path", &path),
            (":authority", "gateway"),
            ("content-type", "application/json"),
            ("authorization", &bearer),
        ];
        if script.below(4) > 0 {
            fields.push(("cf-aig-authorization", TOKEN));
        }
        for _ in 0..script.below(3) {
            fields.extend(script.choose(&FIELDS));
        }
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let head: HeaderList = fields.collect();
        let machine = usize::from(script.below(2));
        let Some(stream) = self.machines.get(machine).map(Machine::stream) else {
            return;
        };
        let mut call = Call {
            stream,
            machine,
            head,
            account,
            // The key itself would be taken out of the record.
            mark: format!("for {account} {gateway} {}", key.replace("sk-", "")),
            secrets: if is_universal {
                vec![TOKEN, KEYS[0]]
            } else {
                vec![TOKEN, key]
            },
            of: None,
        };
        call.ask(script);
        self.calls.push(call);
    }

    /// The hop makes an attempt of a planned call.
    fn attempt(&mut self, script: &mut Script<'_>) {
        let Some((index, call)) = self.chosen(script) else {
            return;
        };
        let head = call.stream.sent(&call.head);
        let (machine, account) = (call.machine, call.account);
        let (mark, secrets) = (call.mark.clone(), call.secrets.clone());
        let plan = head.value(CALL).filter(|_| call.of.is_none());
        let found = plan.zip(self.machines.get(machine));
        let found = found
            .and_then(|(name, machine)| Some(machine.attempt(machine.worker.calls.find(name)?)));
        let Some(stream) = found else { return };
        let mut call = Call {
            stream,
            machine,
            head,
            account,
            mark,
            secrets,
            of: Some(index),
        };
        call.ask(script);
        self.calls.push(call);
    }

    fn chosen(&mut self, script: &mut Script<'_>) -> Option<(usize, &mut Call)> {
        // The last ones more often than the first.
        let back = usize::from(script.below(4)).min(self.calls.len().saturating_sub(1));
        let index = self.calls.len().checked_sub(1)?.checked_sub(back)?;
        Some((index, self.calls.get_mut(index)?))
    }

    fn event(&mut self, script: &mut Script<'_>) {
        let host = self
            .machines
            .first()
            .map(|machine| machine.host.clock.get());
        if let Some((_, call)) = self.chosen(script)
            && !call.stream.is_done
        {
            call.event(script, host.unwrap_or_default());
        }
    }

    /// Wake-ups come to those that are still there.
    fn wake(&mut self) {
        let wakes = self.machines.iter().map(Machine::wakes).enumerate();
        for (machine, wake) in
            wakes.flat_map(|(index, wakes)| wakes.into_iter().map(move |it| (index, it)))
        {
            let is_meant =
                |call: &Call| call.machine == machine && call.stream.task.cx.id == wake.context;
            let mut there = self.calls.iter_mut().filter(|call| !call.stream.is_done);
            if let Some(call) = there.find(|call| is_meant(call)) {
                call.stream.on(Event::Woken(wake));
            }
        }
    }

    fn check(&self) {
        self.calls.iter().for_each(|call| call.stream.check());
        let hosts = self
            .machines
            .first()
            .map(|machine| machine.host.data.borrow());
        let slots = hosts.iter().flat_map(|data| data.iter());
        let stored = slots.filter(|(key, (value, _))| {
            key.starts_with("sluice/1/s/") && value.first() == Some(&2)
        });
        assert!(stored.map(|(_, (value, _))| value.len()).sum::<usize>() <= MAX_BYTES);
    }

    /// All streams end; nothing is left of them. Whether anything was served.
    fn close(&mut self) -> bool {
        for machine in &self.machines {
            machine.host.fail_at.set(None);
        }
        for index in (0..self.calls.len()).rev() {
            if let Some(call) = self.calls.get_mut(index) {
                call.stream.end(Ending::default());
            }
            self.wake();
        }
        self.calls.iter().for_each(Call::check);
        for machine in &self.machines {
            assert_eq!(
                machine.worker.room.taken(),
                0,
                "bytes that nobody gave back"
            );
        }
        for (index, call) in self
            .calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.of.is_none())
        {
            let attempts = self.calls.iter().filter(|it| it.of == Some(index));
            let count: usize = attempts.map(|it| it.stream.records.len()).sum();
            let own = call.stream.records.len();
            let is_planned = call.stream.sets(CALL).is_some();
            assert!(
                if is_planned {
                    own + count >= 1
                } else {
                    own == 1
                },
                "{own} and {count} records"
            );
            let plan = call.stream.sets(CALL).zip(self.machines.get(call.machine));
            let kept = plan.and_then(|(name, machine)| machine.worker.calls.find(name));
            assert!(kept.is_none(), "the plan outlives its call");
        }
        if !self.is_faulty {
            self.next_goes_on();
        }
        self.calls.iter().any(|call| call.stream.upstream.is_some())
    }

    /// Nobody holds the mark of a fill any more.
    fn next_goes_on(&self) {
        let [machine, _] = &self.machines;
        for gateway in ["plain", "shared"] {
            for body in BODIES.iter().take(3) {
                let mut stream = machine.stream();
                let path = format!("/v1/one/{gateway}/openai/chat/completions");
                let head = [
                    (":method", "POST"),
                    (":path", path.as_str()),
                    ("content-type", "application/json"),
                ];
                let head = head
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
                stream.on(Event::RequestHead {
                    headers: head.collect(),
                    end: false,
                });
                stream.on(piece(body.as_bytes(), true));
                let goes_on =
                    stream.reply.is_some() || stream.task.cx.request_gate() == Gate::Released;
                assert!(goes_on, "the next caller waits for one who has left");
                stream.end(Ending::default());
            }
        }
    }
}
