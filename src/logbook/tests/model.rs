//! The store against the simplest model of it: a list.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Append {
        gateway: u8,
        payload: Option<u16>,
        limit: Option<(u32, LogStrategy)>,
    },
    Patch(u32),
    Delete(Vec<u32>),
    Expire(u32),
    Flush(Option<u64>),
    FlushSome(usize),
    Restart,
}

fn moves() -> impl Strategy<Value = Move> {
    let strategy = prop_oneof![
        Just(LogStrategy::DeleteOldest),
        Just(LogStrategy::StopInserting)
    ];
    let limit = proptest::option::of((1_u32..8, strategy));
    let payload = proptest::option::of(0_u16..600);
    let append = (0_u8..3, payload, limit).prop_map(|(gateway, payload, limit)| Move::Append {
        gateway,
        payload,
        limit,
    });
    prop_oneof![
        8 => append,
        1 => (0_u32..120).prop_map(Move::Patch),
        1 => proptest::collection::vec(0_u32..120, 0..12).prop_map(Move::Delete),
        1 => (0_u32..40).prop_map(Move::Expire),
        3 => proptest::option::of(0_u64..12).prop_map(Move::Flush),
        3 => (0_usize..6000).prop_map(Move::FlushSome),
        1 => Just(Move::Restart),
    ]
}

/// A record of the model.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    number: u32,
    gateway: u8,
    is_patched: bool,
    payload: Option<u16>,
}

fn text(size: u16) -> String {
    "p".repeat(usize::from(size))
}

struct Model {
    host: FakeHost,
    writer: Writer,
    kept: Vec<Kept>,
    next: u32,
    budget: LogStore,
}

impl Model {
    fn append(&mut self, gateway: u8, payload: Option<u16>, limit: Option<(u32, LogStrategy)>) {
        let number = self.next;
        self.next += 1;
        let management = limit.and_then(|(limit, strategy)| keeps(limit, strategy));
        let body = payload.map(text);
        let name = gateway.to_string();
        append_managed(&mut self.writer, number, &name, management, body.as_deref());
        let (limit, strategy) = limit.unwrap_or((u32::MAX, LogStrategy::DeleteOldest));
        let limit = usize::try_from(limit).unwrap();
        let count = |kept: &[Kept]| kept.iter().filter(|it| it.gateway == gateway).count();
        while count(&self.kept) >= limit {
            if strategy == LogStrategy::StopInserting {
                return;
            }
            let oldest = self.kept.iter().position(|it| it.gateway == gateway);
            self.kept.remove(oldest.unwrap());
        }
        self.kept.push(Kept {
            number,
            gateway,
            is_patched: false,
            payload,
        });
    }

    fn patch(&mut self, number: u32) {
        let patch = Patch {
            id: id(number),
            feedback: Some("1".to_owned()),
            ..Patch::default()
        };
        let found = self.writer.patch(&self.host, &patch).unwrap();
        self.forget();
        for kept in self
            .kept
            .iter_mut()
            .filter(|it| found && it.number == number)
        {
            kept.is_patched = true;
        }
    }

    /// Which of the oldest the budget has thrown away is not the model's to say.
    fn forget(&mut self) {
        let records = usize::try_from(self.writer.meta().records).unwrap();
        let gone = self
            .kept
            .len()
            .checked_sub(records)
            .expect("a record too many");
        self.kept.drain(..gone);
    }

    fn flush(&mut self, fails: Option<u64>) {
        self.host.fail_at.set(fails);
        let done = self.writer.flush(&self.host);
        self.host.fail_at.set(None);
        assert!(bytes(&self.host) <= self.budget.max_bytes);
        if done.is_ok() {
            self.check();
        }
    }

    fn flush_some(&mut self, portion: usize) {
        let is_done = self.writer.flush_some(&self.host, portion).unwrap();
        assert!(bytes(&self.host) <= self.budget.max_bytes);
        if is_done {
            self.check();
        }
    }

    fn check(&self) {
        let expected = self.kept.iter().map(|it| {
            let line = line(it.number);
            let line = match it.is_patched {
                true => line.replace("\"feedback\":null", "\"feedback\":1"),
                false => line,
            };
            (it.number, line, it.payload.map(text))
        });
        assert_eq!(stored(&self.host), expected.collect::<Vec<_>>());
        assert_eq!(meta(&self.host).unwrap().bytes, bytes(&self.host));
    }

    fn make(&mut self, step: Move) {
        match step {
            Move::Append {
                gateway,
                payload,
                limit,
            } => self.append(gateway, payload, limit),
            Move::Patch(number) => self.patch(number),
            Move::Delete(numbers) => {
                let ids: Vec<_> = numbers.iter().map(|it| id(*it)).collect();
                delete(&mut self.writer, &ids);
                self.kept.retain(|it| !numbers.contains(&it.number));
            }
            Move::Expire(number) => {
                let now = u64::from(number) + 10;
                self.writer.expire(now * 1_000_000);
                self.kept.retain(|it| it.number >= number);
            }
            Move::Flush(fails) => self.flush(fails),
            Move::FlushSome(portion) => self.flush_some(portion),
            Move::Restart => {
                self.flush(None);
                self.writer = Writer::open(&self.host, self.budget).unwrap();
            }
        }
        self.forget();
        assert!(self.writer.meta().bytes <= self.budget.max_bytes);
        assert!(self.writer.meta().records <= self.budget.max_records);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_store_is_its_newest_records_within_the_budget(
        steps in proptest::collection::vec(moves(), 1..120),
        max_bytes in 1_000_u64..12_000,
        max_records in 1_u64..60,
    ) {
        let host = FakeHost::default();
        let budget = LogStore {
            max_bytes,
            max_records,
            max_age: Some(Duration::from_millis(10)),
        };
        let writer = Writer::open(&host, budget).unwrap();
        let mut model = Model { host, writer, kept: Vec::new(), next: 0, budget };
        steps.into_iter().for_each(|step| model.make(step));
        model.flush(None);
    }
}
