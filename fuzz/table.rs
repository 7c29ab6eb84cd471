//! The answer table under several workers, beside a model that knows all that was ever stored.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sluice::config::CacheBudget;
use sluice::host::{Host, QueueId};
use sluice::store::table::{self, Begin, Entry, Flight, Join, Key, Ticket};
use sluice::store::waiter::{Verdict, Waiter, Wake};

use crate::stage::{Cast, Stage, View};

const BUDGET: CacheBudget = CacheBudget {
    max_bytes: 1_000,
    max_object_bytes: 400,
};
/// What a stored answer takes besides its own bytes.
const HEAD: usize = 45;
const TTL: Duration = Duration::from_secs(60);
/// Bytes of a script that are played.
const LONGEST: usize = 1024;
const LEASE: Duration = Duration::from_secs(5);
/// Two buckets: more keys than the first one has places for, and one in the second.
const KEYS: u8 = 10;

/// The first byte says whether the host may refuse; the rest is the script.
pub(crate) fn run(bytes: &[u8]) -> bool {
    let Some((faulty, script)) = bytes.split_first() else {
        return false;
    };
    let script = script.get(..LONGEST).unwrap_or(script);
    let stage = Stage::new(script, faulty % 2 == 1);
    let play = Play::new(&stage);
    while !stage.is_over() {
        stage.turn(&play);
        play.audit();
    }
    play.close()
}

/// A right to fill, and until when it surely lasts.
struct Held {
    ticket: Ticket,
    key: u8,
    until: u64,
}

struct Play<'s, 'a> {
    stage: &'s Stage<'a>,
    /// What was given to the table under each number: its key, and when it is surely over.
    given: RefCell<BTreeMap<u32, (u8, u64)>>,
    held: RefCell<Vec<Held>>,
    flights: RefCell<Vec<(Flight, u8)>>,
    /// The waits that were not ended yet.
    waits: RefCell<BTreeSet<(u64, Waiter)>>,
    hits: Cell<usize>,
    /// Whether a fill was ended that others may have taken over, or that the host had lost.
    is_late: Cell<bool>,
    next: Cell<u32>,
}

impl<'s, 'a> Play<'s, 'a> {
    fn new(stage: &'s Stage<'a>) -> Self {
        Self {
            stage,
            given: RefCell::default(),
            held: RefCell::default(),
            flights: RefCell::default(),
            waits: RefCell::default(),
            hits: Cell::new(0),
            is_late: Cell::new(false),
            next: Cell::new(0),
        }
    }

    fn view(&self) -> View<'_, 'a, Self> {
        View {
            stage: self.stage,
            cast: self,
        }
    }

    fn now(&self) -> u64 {
        self.stage.host.now()
    }

    /// A new answer for that key, and its number.
    fn answer(&self, key: u8) -> (u32, Vec<u8>) {
        let number = self.next.get();
        self.next.set(number.saturating_add(1));
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.resize(usize::from(self.stage.draw(255)).max(4), key);
        // Until it is known how long the operation takes, it may be found for ever.
        self.given.borrow_mut().insert(number, (key, u64::MAX));
        (number, bytes)
    }

    /// The operation that gave it is over.
    fn settle(&self, number: u32) {
        let until = self.now() + nanos(TTL + Duration::from_secs(1));
        if let Some(given) = self.given.borrow_mut().get_mut(&number) {
            given.1 = until;
        }
    }

    /// A hit is something that was stored for that key, and not too long ago.
    fn hit(&self, key: u8, entry: &Entry, asked_at: u64) {
        let number = entry
            .payload()
            .first_chunk()
            .copied()
            .map(u32::from_le_bytes);
        let given = number.and_then(|number| self.given.borrow().get(&number).copied());
        let Some((of, until)) = given else {
            panic!("a hit that nobody stored: {entry:?}");
        };
        assert_eq!(of, key, "another key's answer");
        assert!(asked_at < until, "an answer that is over");
        let tail = entry.payload().get(4..).unwrap_or_default();
        assert!(tail.iter().all(|byte| *byte == key), "a torn answer");
        self.hits.set(self.hits.get() + 1);
    }

    fn begin(&self, key: u8) {
        let asked_at = self.now();
        match table::begin(&self.view(), &name(key), LEASE) {
            Ok(Begin::Hit(entry)) => self.hit(key, &entry, asked_at),
            Ok(Begin::Filler(ticket)) => self.hold(Held {
                ticket,
                key,
                until: asked_at + nanos(LEASE),
            }),
            Ok(Begin::InFlight(flight, _)) => self.flights.borrow_mut().push((flight, key)),
            Ok(Begin::Full) | Err(_) => {}
        }
    }

    /// No two may fill the same key at a time.
    fn hold(&self, new: Held) {
        let now = self.now();
        let mut held = self.held.borrow_mut();
        let rival = |it: &Held| it.key == new.key && it.until > now;
        assert!(
            new.until <= now || !held.iter().any(rival),
            "two fill {}",
            new.key
        );
        held.push(new);
    }

    fn join(&self, worker: usize) {
        let chosen = pick(&mut self.flights.borrow_mut(), self.stage.draw(255));
        let Some((flight, key)) = chosen else { return };
        let waiter = Waiter {
            queue: QueueId(u32::try_from(worker).unwrap_or_default()),
            context: self.next.get(),
        };
        self.next.set(self.next.get().saturating_add(1));
        match table::join(&self.view(), &flight, waiter) {
            Ok(Join::Joined) => {
                self.waits
                    .borrow_mut()
                    .insert((flight.generation(), waiter));
            }
            // Flights are kept here longer than any call keeps one.
            Ok(Join::AlreadyStored(entry)) => self.hit(key, &entry, 0),
            Ok(Join::Gone | Join::Crowded) | Err(_) => {}
        }
    }

    /// Ends a fill, or makes it last longer.
    fn end(&self, how: u8) {
        let chosen = pick(&mut self.held.borrow_mut(), self.stage.draw(255));
        let Some(held) = chosen else { return };
        let until = held.until;
        let wake_ups = match how {
            0 => {
                table::renew(&self.view(), &held.ticket, LEASE);
                self.held.borrow_mut().push(held);
                return;
            }
            1 => table::abandon(&self.view(), held.ticket),
            _ => {
                let (number, answer) = self.answer(held.key);
                let done = table::complete(&self.view(), held.ticket, &answer, TTL, BUDGET);
                self.settle(number);
                done.1
            }
        };
        // Others may take it over until the very end. Their calls look again when it has run out.
        if self.stage.is_faulty || until <= self.now() {
            self.is_late.set(true);
        }
        wake_ups.send(&self.view(), Verdict::LookAgain);
    }

    fn store(&self, key: u8) {
        let (number, answer) = self.answer(key);
        let began = self.now();
        // It may be refused, for its size or by the host.
        table::store(&self.view(), &name(key), &answer, TTL, BUDGET).unwrap_or_default();
        // It holds the right to fill for a second, like any other.
        if self.now() >= began + nanos(table::AT_ONCE) {
            self.is_late.set(true);
        }
        self.settle(number);
    }

    /// What holds between any two operations.
    fn audit(&self) {
        self.stage.host.fail_at.set(None);
        let reserved = table::stored_bytes(&self.stage.host).unwrap_or(u64::MAX);
        assert!(reserved <= BUDGET.max_bytes, "{reserved} bytes reserved");
        assert!(self.stored() <= reserved, "{} bytes stored", self.stored());
        for (queue, messages) in self.stage.host.queues.borrow_mut().iter_mut() {
            messages
                .drain(..)
                .for_each(|message| self.woken(*queue, &message));
        }
    }

    /// Who is woken has waited, and is not woken again.
    fn woken(&self, queue: QueueId, message: &[u8]) {
        let Some(wake) = Wake::decode(message) else {
            panic!("{message:?} is no wake-up");
        };
        let context = wake.context;
        let is_due = (wake.generation, Waiter { queue, context });
        let is_due = self.waits.borrow_mut().remove(&is_due);
        assert!(is_due, "{context} did not wait, or was woken twice");
    }

    /// Bytes of all stored answers.
    fn stored(&self) -> u64 {
        const STORED: u8 = 2;
        let data = self.stage.host.data.borrow();
        let slots = data.iter().filter(|(key, (value, _))| {
            key.starts_with("sluice/1/s/") && value.first() == Some(&STORED)
        });
        let bytes = slots.map(|(_, (value, _))| u64::try_from(value.len()).unwrap_or(u64::MAX));
        bytes.sum()
    }

    /// All come to their end; nothing may be left. Whether anything was found.
    fn close(&self) -> bool {
        for how in [1, 2].into_iter().cycle() {
            if self.held.borrow().is_empty() {
                break;
            }
            self.end(how);
            self.audit();
        }
        let left = self.waits.borrow().len();
        assert!(self.is_late.get() || left == 0, "{left} wait for ever");
        self.stage.host.advance(Duration::from_secs(100));
        let all = usize::try_from(BUDGET.max_bytes).unwrap_or_default();
        let whole = CacheBudget {
            max_object_bytes: all,
            ..BUDGET
        };
        let answer = vec![0; all.saturating_sub(HEAD)];
        let stored = table::store(&self.stage.host, &name(0), &answer, TTL, whole);
        assert_eq!(stored, Ok(()), "the whole budget can be had by one");
        assert_eq!(self.stored(), BUDGET.max_bytes);
        self.hits.get() > 0
    }
}

impl Cast for Play<'_, '_> {
    fn act(&self, worker: usize) {
        let key = self.stage.draw(KEYS);
        match self.stage.draw(12) {
            0 | 1 => {
                let asked_at = self.now();
                if let Ok(Some(entry)) = table::lookup(&self.view(), &name(key)) {
                    self.hit(key, &entry, asked_at);
                }
            }
            2 => self.store(key),
            3..=6 => self.begin(key),
            7 | 8 => self.join(worker),
            9 => self.end(0),
            10 => self.end(1),
            _ => self.end(2),
        }
    }
}

/// The key of that number; all but the last are in one bucket.
fn name(key: u8) -> Key {
    let mut name = [key; 32];
    name[0] = u8::from(key + 1 == KEYS);
    name[1] = 0;
    Key(name)
}

fn pick<T>(list: &mut Vec<T>, drawn: u8) -> Option<T> {
    let at = usize::from(drawn).checked_rem(list.len())?;
    Some(list.swap_remove(at))
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
