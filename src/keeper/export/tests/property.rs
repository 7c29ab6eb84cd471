//! Whatever a sink does, and whenever: nothing is lost uncounted, nothing is out of order, nothing grows.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Take(usize),
    Wait(u64),
    /// The sink takes the batch and says this.
    Taken(&'static str),
    /// The sink does not take the batch and says this.
    Left(&'static str),
    /// The sink takes it, and its answer is lost.
    Lost,
}

fn moves(with_faults: bool) -> impl Strategy<Value = Vec<Move>> {
    let good = prop_oneof![
        4 => (0..300_usize).prop_map(Move::Take),
        3 => (0..3000_u64).prop_map(Move::Wait),
        3 => prop::sample::select(vec!["200", "204"]).prop_map(Move::Taken),
    ];
    let bad = prop_oneof![
        Just(Move::Lost),
        prop::sample::select(vec!["503", "429", "400", "413"]).prop_map(Move::Left),
        prop::sample::select(vec!["500", "504"]).prop_map(Move::Taken),
    ];
    let one = prop_oneof![3 => good, u32::from(with_faults) * 2 => bad];
    prop::collection::vec(one, 1..80)
}

/// The sink's side: what it holds, and what it was told.
#[derive(Default)]
struct Sink {
    lines: Vec<i64>,
    told: u64,
}

impl Sink {
    fn take(&mut self, batch: &[i64], is_told: bool) {
        for number in batch {
            match u64::try_from(*number) {
                Ok(_) => self.lines.push(*number),
                // A notice that comes again has the same id: it counts once, when its answer arrived.
                Err(_) if is_told => self.told += number.unsigned_abs(),
                Err(_) => {}
            }
        }
    }
}

fn play(moves: Vec<Move>) -> (Keeper, Sink) {
    let settings =
        json!({"queue_bytes": 65536, "batch": {"records": 100, "seconds": 1}, "timeout": 300});
    let (mut keeper, mut sink) = (Keeper::new(settings), Sink::default());
    for step in moves {
        match step {
            Move::Take(count) => keeper.take_many(count),
            Move::Wait(millis) => keeper.host.advance(Duration::from_millis(millis)),
            _ if keeper.call().is_none() => {}
            Move::Taken(status) => {
                sink.take(&keeper.batch(), status < "300");
                keeper.answer(status);
            }
            Move::Left(status) => keeper.answer(status),
            Move::Lost => {
                sink.take(&keeper.batch(), false);
                keeper.seen.set(keeper.seen.get() + 1);
                keeper.tick_after(SECOND * 306);
            }
        }
        keeper.tick();
        let [queued, sent, dropped, _] = keeper.numbers();
        assert_eq!(queued + sent + dropped, keeper.taken.get());
        let bytes = keeper.exports.channels[0].bytes();
        assert!(bytes <= 65536, "{bytes} bytes");
    }
    // The sink is well again, until nothing waits; then one more record takes the last notice along.
    drain(&mut keeper, &mut sink);
    keeper.take();
    drain(&mut keeper, &mut sink);
    (keeper, sink)
}

fn drain(keeper: &mut Keeper, sink: &mut Sink) {
    for _ in 0..2000 {
        keeper.tick_after(SECOND);
        if keeper.call().is_some() {
            sink.take(&keeper.batch(), true);
            keeper.answer("200");
        }
        if keeper.numbers()[0] == 0 {
            return;
        }
    }
    panic!("it never came to an end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn without_faults_nothing_is_lost_doubled_or_out_of_order(moves in moves(false)) {
        let (keeper, sink) = play(moves);
        let [_, sent, dropped, failures] = keeper.numbers();
        prop_assert_eq!(failures, 0);
        prop_assert!(sink.lines.is_sorted_by(|one, other| one < other));
        let count = u64::try_from(sink.lines.len()).unwrap();
        prop_assert_eq!((count, sink.told), (sent, dropped));
    }

    #[test]
    fn with_faults_all_but_the_counted_comes_at_least_once_and_in_order(moves in moves(true)) {
        let (keeper, sink) = play(moves);
        let [_, sent, dropped, _] = keeper.numbers();
        prop_assert_eq!(sent + dropped, keeper.taken.get());
        prop_assert_eq!(sink.told, dropped);
        let mut seen = std::collections::BTreeSet::new();
        let first: Vec<_> = sink.lines.iter().filter(|line| seen.insert(**line)).collect();
        prop_assert!(first.is_sorted(), "{:?}", first);
        prop_assert!(u64::try_from(first.len()).unwrap() >= sent);
    }
}
