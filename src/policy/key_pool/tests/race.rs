//! Workers at the same time, in every order that the seeds make.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::stage::{Stage, Worker, draw};
use super::*;

/// What one worker did: each trial by its moment, key and rest; each rest by its key, length, and whether it followed one.
#[derive(Default)]
struct Diary {
    trials: Vec<(u64, String, u64)>,
    rests: Vec<(String, u64, bool)>,
}

/// Random calls whose answers come at once or much later, by a provider that turns the keys away at random.
fn play(worker: &Worker<'_>, keys: &KeyPool, seed: u64, calls: u32) -> Diary {
    // A pool is not for two threads; an equal one is made here.
    let pool = Rc::new(keys.clone());
    let mut seed = seed.wrapping_add(u64::from(worker.id) * 7919);
    let (mut diary, mut open) = (Diary::default(), Vec::new());
    for _ in 0..calls {
        let now = worker.now();
        let chosen = choose(worker, now, &pool, None).unwrap();
        assert_eq!(chosen.fault, None);
        if let Seen::Tried(began) = chosen.seen {
            diary.trials.push((now, chosen.key.alias.clone(), began));
        }
        open.push(chosen);
        while draw(&mut seed, 3) > 0 && !open.is_empty() {
            let count = u64::try_from(open.len()).unwrap();
            let chosen = open.swap_remove(usize::try_from(draw(&mut seed, count)).unwrap());
            let status =
                [200, 200, 400, 401, 429, 503][usize::try_from(draw(&mut seed, 6)).unwrap()];
            let told = report(worker, worker.now(), &chosen, status, None).unwrap();
            if let Change::Rested(rest) = told.change {
                assert!([401, 429].contains(&status));
                let tried = matches!(chosen.seen, Seen::Tried(_));
                diary
                    .rests
                    .push((chosen.key.alias.clone(), rest.as_secs(), tried));
            }
        }
    }
    diary
}

/// Pools hold `Rc`s; each worker makes its own of this text.
fn keys() -> KeyPool {
    let keys = json!([{"alias": "a"}, {"alias": "b", "weight": 3}, {"alias": "c", "priority": 1}]);
    KeyPool::clone(&pool(keys))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    // A call looks at the clock once: in much slower steps its view of it would be older than a trial is long.
    #[test]
    fn no_two_calls_try_one_key_within_a_trials_time(seed: u64) {
        let stage = Stage::new(seed, 400_000_000);
        let diaries = stage.run(3, |worker| play(worker, &keys(), seed, 60));
        let mut last = BTreeMap::new();
        let mut trials: Vec<_> = diaries.iter().flat_map(|diary| diary.trials.clone()).collect();
        trials.sort_unstable();
        for (moment, alias, began) in trials {
            if let Some(before) = last.insert((alias, began), moment) {
                prop_assert!(moment - before >= 5_000_000_000, "{} ns apart", moment - before);
            }
        }
    }

    #[test]
    fn rests_grow_by_failed_trials_only(seed: u64) {
        let stage = Stage::new(seed, 2_000_000_000);
        let diaries = stage.run(3, |worker| play(worker, &keys(), seed, 60));
        for (alias, rest, tried) in diaries.iter().flat_map(|diary| &diary.rests) {
            prop_assert!(*tried || [30, 300].contains(rest), "{alias} rests for {rest} s");
            prop_assert!((30..=3600).contains(rest));
        }
    }

    #[test]
    fn a_burst_over_all_workers_rests_a_key_once(seed: u64) {
        let stage = Stage::new(seed, 1000);
        let rests = stage.run(4, |worker| {
            let pool = Rc::new(keys());
            let burst: Vec<_> = (0..8)
                .map(|_| choose(worker, worker.now(), &pool, Some("a")).unwrap())
                .collect();
            // Those who found it resting when they chose it change nothing either.
            let told = burst.iter().map(|chosen| report(worker, worker.now(), chosen, 429, None));
            told.filter(|told| told.unwrap().change != Change::Kept).count()
        });
        prop_assert_eq!(rests.iter().sum::<usize>(), 1);
    }

    #[test]
    fn what_one_worker_learns_is_lost_to_none(seed: u64) {
        // Each worker turns away its own key of one pool, all at once: no write undoes another.
        let stage = Stage::new(seed, 1000);
        let names = ["a", "b", "c"];
        stage.run(3, |worker| {
            let pool = Rc::new(keys());
            let name = names[usize::try_from(worker.id).unwrap()];
            let chosen = choose(worker, worker.now(), &pool, Some(name)).unwrap();
            report(worker, worker.now(), &chosen, 401, None).unwrap();
        });
        let stored = stage.scene().data["sluice/1/k/openai"].0.clone();
        let rests = super::super::rest::Rests::decode(&stored);
        let now = stage.scene().clock;
        prop_assert!(names.iter().all(|name| rests.is_resting(name, now)));
    }
}

#[test]
fn another_worker_inside_any_host_call_of_a_choice_leaves_one_trial() {
    for skip in 0..2 {
        let host = FakeHost::new(&[]);
        let tried = pair();
        answer(&host, &named(&host, &tried, "a"), 429);
        host.advance(seconds(30));
        let other = Rc::new(std::cell::Cell::new(false));
        let found = Rc::clone(&other);
        host.interleave(skip, move |host| {
            found.set(matches!(named(host, &pair(), "a").seen, Seen::Tried(_)));
        });
        let own = matches!(named(&host, &tried, "a").seen, Seen::Tried(_));
        assert!(own != other.get(), "after {skip} calls: {own}");
    }
}

#[test]
fn another_worker_inside_any_host_call_of_a_report_leaves_one_rest() {
    for skip in 0..2 {
        let (host, pool) = (FakeHost::new(&[]), pair());
        let (own, other) = (named(&host, &pool, "a"), named(&host, &pool, "a"));
        let rested = Rc::new(std::cell::Cell::new(false));
        let found = Rc::clone(&rested);
        host.interleave(skip, move |host| {
            found.set(answer(host, &other, 401).change != Change::Kept);
        });
        let own = answer(&host, &own, 401).change != Change::Kept;
        assert!(own != rested.get(), "after {skip} calls: {own}");
    }
}
