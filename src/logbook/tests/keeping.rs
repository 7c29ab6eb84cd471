//! Which records are kept.

use super::*;

#[test]
fn a_reader_finds_every_record_as_it_was_written() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    for number in 0..200 {
        append(&mut writer, number, (number % 3 == 0).then_some("hello"));
        if number.is_multiple_of(7) {
            writer.flush(&host).unwrap();
        }
    }
    writer.flush(&host).unwrap();
    let expected = |number: u32| {
        let payload = (number.is_multiple_of(3)).then(|| "hello".to_owned());
        (number, line(number), payload)
    };
    assert_eq!(stored(&host), (0..200).map(expected).collect::<Vec<_>>());
    assert_eq!(meta(&host).unwrap().bytes, bytes(&host));
}

#[test]
fn without_a_budget_nothing_is_kept_or_written() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, budget(0, 10)).unwrap();
    append(&mut writer, 1, Some("x"));
    writer.flush(&host).unwrap();
    assert_eq!(host.data.borrow().len(), 0);
}

#[test]
fn over_the_number_of_records_the_oldest_go() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, budget(1 << 20, 64)).unwrap();
    (0..1000).for_each(|number| append(&mut writer, number, None));
    writer.flush(&host).unwrap();
    let kept = numbers(&host);
    assert!(kept.len() <= 64 && kept.len() > 56, "{}", kept.len());
    assert_eq!(kept.last(), Some(&999));
    assert!(kept.is_sorted());
}

#[test]
fn payloads_make_room_for_each_other_a_few_at_a_time() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, budget(200_000, 1000)).unwrap();
    let payload = "x".repeat(5_000);
    for number in 0..200 {
        append(&mut writer, number, Some(&payload));
        writer.flush(&host).unwrap();
        let kept = numbers(&host);
        let full = usize::try_from(number).unwrap() >= kept.len();
        assert!(!full || kept.len() >= 36, "{} at {number}", kept.len());
        assert_eq!(kept.last(), Some(&number));
    }
}

#[test]
fn a_record_larger_than_the_store_loses_its_payload_or_is_refused() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, budget(200, 10)).unwrap();
    append(&mut writer, 1, Some(&"x".repeat(200)));
    writer.flush(&host).unwrap();
    assert_eq!(stored(&host), [(1, line(1), None)]);
    let mut writer = Writer::open(&host, budget(50, 10)).unwrap();
    append(&mut writer, 2, None);
    writer.flush(&host).unwrap();
    let meta = meta(&host).unwrap();
    assert_eq!((meta.records, meta.bytes, meta.refused), (0, 0, 1));
}

#[test]
fn a_gateway_at_its_limit_loses_its_oldest_record_and_no_other() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    for number in 0..300 {
        let (gateway, management) = match number % 3 {
            0 => ("small", keeps(5, LogStrategy::DeleteOldest)),
            1 => ("stops", keeps(5, LogStrategy::StopInserting)),
            _ => ("free", None),
        };
        append_managed(&mut writer, number, gateway, management, Some("x"));
        writer.flush(&host).unwrap();
    }
    let of = |rest| {
        let mut kept = numbers(&host);
        kept.retain(|number| number % 3 == rest);
        kept
    };
    assert_eq!(of(0), [285, 288, 291, 294, 297]);
    assert_eq!(of(1), [1, 4, 7, 10, 13]);
    assert_eq!(of(2).len(), 100);
    assert_eq!(meta(&host).unwrap().refused, 95);
}

#[test]
fn gateways_of_the_same_name_in_two_accounts_do_not_share_a_limit() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    for (number, owner) in [("a", "g"), ("b", "g"), ("ag", "")].into_iter().enumerate() {
        writer.append(&New {
            id: id(u32::try_from(number).unwrap()),
            created_ms: 0,
            owner,
            management: keeps(1, LogStrategy::DeleteOldest),
            line: b"{}",
            request: None,
            response: None,
        });
    }
    writer.flush(&host).unwrap();
    assert_eq!(numbers(&host), [0, 1, 2]);
}

#[test]
fn a_record_goes_when_it_is_too_old_and_not_before() {
    let host = FakeHost::default();
    let aging = LogStore {
        max_age: Some(Duration::from_secs(1)),
        ..LogStore::default()
    };
    let mut writer = Writer::open(&host, aging).unwrap();
    // A long call ends late: the records are not in the order of their age.
    for number in [500, 100, 900, 1000] {
        append(&mut writer, number, Some("x"));
    }
    writer.expire(1_100_000_000);
    writer.flush(&host).unwrap();
    assert_eq!(numbers(&host), [500, 100, 900, 1000]);
    writer.expire(1_400_000_000);
    writer.flush(&host).unwrap();
    assert_eq!(numbers(&host), [500, 900, 1000]);
    writer.expire(9_000_000_000);
    writer.flush(&host).unwrap();
    assert_eq!((numbers(&host), bytes(&host)), (Vec::new(), 0));
}

#[test]
fn what_is_deleted_leaves_no_byte_behind() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    (0..150).for_each(|number| append(&mut writer, number, Some("secret")));
    writer.flush(&host).unwrap();
    let odd: Vec<_> = (0..150).filter(|it| it % 2 == 1).map(id).collect();
    delete(&mut writer, &odd);
    writer.flush(&host).unwrap();
    assert_eq!(numbers(&host), (0..150).step_by(2).collect::<Vec<_>>());
    delete(&mut writer, &(0..200).map(id).collect::<Vec<_>>());
    writer.flush(&host).unwrap();
    assert_eq!((numbers(&host), bytes(&host)), (Vec::new(), 0));
}

#[test]
fn a_change_is_seen_and_touches_nothing_else() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    (0..100).for_each(|number| append(&mut writer, number, Some("p")));
    writer.flush(&host).unwrap();
    let patch = Patch {
        id: id(3),
        feedback: Some("-1".to_owned()),
        metadata: Some("{\"team\":\"a\"}".to_owned()),
        ..Patch::default()
    };
    assert_eq!(writer.patch(&host, &patch), Ok(true));
    let unknown = Patch {
        id: id(777),
        ..patch
    };
    assert_eq!(writer.patch(&host, &unknown), Ok(false));
    writer.flush(&host).unwrap();
    let all = stored(&host);
    let changed = "{\"number\":3,\"feedback\":-1,\"score\":null,\"metadata\":{\"team\":\"a\"}}";
    assert_eq!(all[3], (3, changed.to_owned(), Some("p".to_owned())));
    assert_eq!((all[2].1.as_str(), all.len()), (line(2).as_str(), 100));
    assert_eq!(meta(&host).unwrap().bytes, bytes(&host));
}
