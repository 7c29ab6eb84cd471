//! What holds for any course of calls.

use proptest::prelude::*;

use super::*;

/// A key's weight and priority.
fn any_keys() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0_u8..4, 0_u8..3), 2..6)
}

/// The time until the next call, which key it names if any, and its answer.
fn any_calls() -> impl Strategy<Value = Vec<(u64, Option<prop::sample::Index>, u16)>> {
    let status = prop::sample::select(vec![200_u16, 304, 400, 401, 402, 403, 404, 429, 500, 529]);
    let gap = prop_oneof![0_u64..2, 0_u64..40, 0_u64..4000];
    let name = prop::option::weighted(0.2, any::<prop::sample::Index>());
    prop::collection::vec((gap, name, status), 1..80)
}

fn pool_of(keys: &[(u8, u8)]) -> Rc<KeyPool> {
    let keys = keys.iter().enumerate().map(|(index, (weight, priority))| {
        json!({"alias": format!("k{index}"), "weight": weight, "priority": priority})
    });
    pool(keys.collect())
}

/// What a bystander sees of a key.
fn is_resting(host: &FakeHost, pool: &KeyPool, alias: &str) -> bool {
    let data = host.data.borrow();
    let value = data.get("sluice/1/k/openai");
    assert_eq!(pool.provider, "openai");
    let value = value.map(|(value, _)| value.as_slice());
    super::super::rest::Rests::decode(value.unwrap_or_default()).is_resting(alias, host.now())
}

proptest! {
    #[test]
    fn the_choice_is_right_in_any_state(keys in any_keys(), calls in any_calls()) {
        let (host, pool) = (FakeHost::new(&[]), pool_of(&keys));
        for (gap, name, status) in calls {
            host.advance(seconds(gap));
            let awake: Vec<_> = pool
                .keys
                .iter()
                .filter(|key| key.weight > 0 && !is_resting(&host, &pool, &key.alias))
                .collect();
            let alias = name.map(|name| pool.keys[name.index(pool.keys.len())].alias.clone());
            let Ok(chosen) = choose(&host, host.now(), &pool, alias.as_deref()) else {
                prop_assert!(alias.is_none() && pool.keys.iter().all(|key| key.weight == 0));
                continue;
            };
            prop_assert_eq!(chosen.fault, None);
            match alias {
                Some(alias) => prop_assert_eq!(&chosen.key.alias, &alias),
                None if awake.is_empty() => prop_assert!(chosen.key.weight > 0),
                None => {
                    prop_assert!(awake.contains(&&chosen.key));
                    prop_assert!(awake.iter().all(|key| chosen.key.priority <= key.priority));
                }
            }
            answer(&host, &chosen, status);
        }
    }

    #[test]
    fn a_report_changes_what_its_status_says_and_no_other_key(keys in any_keys(), calls in any_calls()) {
        let (host, pool) = (FakeHost::new(&[]), pool_of(&keys));
        for (gap, name, status) in calls {
            host.advance(seconds(gap));
            let alias = name.map(|name| pool.keys[name.index(pool.keys.len())].alias.clone());
            let Ok(chosen) = choose(&host, host.now(), &pool, alias.as_deref()) else { continue };
            let states = || {
                let of = |key: &Rc<crate::config::StoredKey>| is_resting(&host, &pool, &key.alias);
                pool.keys.iter().map(of).collect::<Vec<_>>()
            };
            let before = states();
            let told = answer(&host, &chosen, status);
            let is_turned_away = matches!(status, 401..=403 | 429);
            for ((key, before), after) in pool.keys.iter().zip(before).zip(states()) {
                if key.alias != chosen.key.alias || !(is_turned_away || status < 400) {
                    prop_assert_eq!(before, after);
                } else {
                    prop_assert_eq!(after, is_turned_away, "{} after {}", &key.alias, status);
                }
            }
            prop_assert_eq!(told.change == Change::Well, status < 400 && chosen.seen != Seen::Well);
            if let Change::Rested(rest) = told.change {
                prop_assert!(rest >= seconds(30) && rest <= seconds(3600));
            }
            let longest = keys.len() * (1 + 2 + 24);
            prop_assert!(host.stored_bytes() <= longest);
        }
    }

    #[test]
    fn foreign_bytes_of_any_kind_are_read_and_written_back_as_they_were_understood(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let understood = super::super::rest::Rests::decode(&bytes).encode();
        prop_assert!(bytes.starts_with(&understood));
        let again = super::super::rest::Rests::decode(&understood).encode();
        prop_assert_eq!(again, understood);
    }
}
