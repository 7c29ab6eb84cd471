//! What has changed is written in portions.

use super::*;

/// A store of 100 segments of some 64 KiB each, in which every 64th record was deleted.
fn changed(host: &FakeHost) -> Writer {
    let mut writer = Writer::open(host, LogStore::default()).unwrap();
    let text = "x".repeat(1000);
    for number in 0..6400 {
        let line = format!("{{\"number\":{number},\"text\":\"{text}\"}}");
        writer.append(&New {
            id: id(number),
            created_ms: 0,
            owner: ("a", "g"),
            management: None,
            line: line.as_bytes(),
            request: None,
            response: None,
        });
    }
    writer.flush(host).unwrap();
    let ids: Vec<_> = (0..6400).step_by(64).map(id).collect();
    delete(&mut writer, &ids);
    writer
}

/// What a reader sees: every record whole and in order.
fn read(host: &FakeHost) -> Vec<u32> {
    let meta = meta(host).unwrap();
    let segments = (meta.first..meta.next).map(|it| segment(host, it).unwrap().unwrap());
    let mut all = Vec::new();
    for segment in segments {
        for entry in segment.entries() {
            let number = u32::from_be_bytes(entry.id[12..].try_into().unwrap());
            assert!(
                entry
                    .line
                    .starts_with(format!("{{\"number\":{number},").as_bytes())
            );
            assert!(entry.line.ends_with(b"x\"}"));
            all.push(number);
        }
    }
    assert!(all.is_sorted_by(|one, other| one < other));
    all
}

#[test]
fn a_change_of_every_segment_is_written_a_few_at_a_time_and_none_stays_in_memory() {
    let host = FakeHost::default();
    let mut writer = changed(&host);
    let before = meta(&host).unwrap();
    let mut portions = 0;
    loop {
        let (calls, seen) = (host.calls.get(), read(&host).len());
        let reads = host.calls.get() - calls;
        let is_done = writer.flush_some(&host, 256 << 10).unwrap();
        let calls = host.calls.get() - calls - reads;
        assert!(calls <= 2 * 4 + 1, "{calls} calls");
        let memory: usize = writer.lines.values().map(|it| it.len()).sum();
        assert!(memory <= 64, "{memory} lines in memory");
        portions += 1;
        if is_done {
            break;
        }
        assert_eq!(meta(&host).unwrap(), before, "told of when all is done");
        assert!((1..=4).contains(&(seen - read(&host).len())));
    }
    assert!((25..=27).contains(&portions), "{portions}");
    let kept: Vec<_> = (0..6400).filter(|number| number % 64 != 0).collect();
    assert_eq!(read(&host), kept);
    assert_eq!(meta(&host).unwrap(), writer.meta());
    assert_eq!(meta(&host).unwrap().bytes, bytes(&host));
}

#[test]
fn values_that_are_emptied_come_in_portions_too() {
    let host = FakeHost::default();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    (0..1000).for_each(|number| append(&mut writer, number, Some("p")));
    writer.flush(&host).unwrap();
    delete(&mut writer, &(0..1000).map(id).collect::<Vec<_>>());
    let mut portions = 1;
    let mut calls = host.calls.get();
    while !writer.flush_some(&host, 100 << 10).unwrap() {
        assert_eq!(host.calls.get() - calls, 100);
        calls = host.calls.get();
        portions += 1;
    }
    assert_eq!((portions, bytes(&host)), (11, 0));
}

#[test]
fn what_changes_between_two_portions_is_written_with_the_rest() {
    let host = FakeHost::default();
    let mut writer = changed(&host);
    assert!(!writer.flush_some(&host, 256 << 10).unwrap());
    delete(&mut writer, &[id(1), id(6399)]);
    append(&mut writer, 7000, None);
    while !writer.flush_some(&host, 1).unwrap() {}
    let seen = meta(&host).unwrap();
    assert_eq!((seen, seen.records), (writer.meta(), 6400 - 100 - 2 + 1));
    assert_eq!(seen.bytes, bytes(&host));
}
