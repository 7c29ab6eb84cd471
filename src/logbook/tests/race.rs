//! A reader on another thread, between any two host calls of the keeper, and the other way round.

use super::*;

const SMALL: u64 = 6_000;

/// Every record that a reader sees is whole, in order, and with its own payload or none.
fn check(host: &FakeHost) {
    let meta = meta(host).unwrap();
    let mut last = None;
    for number in meta.first..meta.next {
        let Some(segment) = segment(host, number).unwrap() else {
            continue;
        };
        for entry in segment.entries() {
            let number = u32::from_be_bytes(entry.id[12..].try_into().unwrap());
            assert!(last < Some(number), "{last:?} before {number}");
            last = Some(number);
            assert_eq!(entry.line, line(number).as_bytes());
            let slot = entry.payload.unwrap();
            if let Some(payload) = payload(host, slot, &entry.id).unwrap() {
                let text = format!("payload of {number}");
                assert_eq!(payload.request.unwrap(), text.as_bytes());
            }
        }
    }
    assert!(bytes(host) <= SMALL, "{} bytes", bytes(host));
}

#[test]
fn between_any_two_writes_a_reader_sees_whole_records_within_the_budget() {
    for skip in 0..300 {
        let host = FakeHost::default();
        let mut writer = Writer::open(&host, budget(SMALL, 1000)).unwrap();
        host.interleave(skip, check);
        for number in 0..200 {
            append(&mut writer, number, Some(&format!("payload of {number}")));
            if number % 5 == 0 {
                writer.flush(&host).unwrap();
            }
        }
        check(&host);
    }
}

#[test]
fn a_reader_who_is_overtaken_finds_nothing_and_nothing_wrong() {
    for skip in 0..40 {
        let host = FakeHost::default();
        let mut writer = Writer::open(&host, budget(SMALL, 1000)).unwrap();
        (0..30).for_each(|it| append(&mut writer, it, Some(&format!("payload of {it}"))));
        writer.flush(&host).unwrap();
        host.interleave(skip, move |host| {
            (30..200).for_each(|it| append(&mut writer, it, Some(&format!("payload of {it}"))));
            writer.flush(host).unwrap();
        });
        check(&host);
    }
}
