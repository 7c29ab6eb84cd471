//! The keeper's virtual machine dies and starts again.

use super::*;

fn filled(host: &FakeHost) -> Writer {
    let mut writer = Writer::open(host, LogStore::default()).unwrap();
    for number in 0..100 {
        let gateway = if number % 2 == 0 { "g" } else { "h" };
        append_managed(&mut writer, number, gateway, None, Some("p"));
    }
    writer.flush(host).unwrap();
    writer
}

#[test]
fn a_new_keeper_goes_on_where_the_old_one_ended() {
    let host = FakeHost::default();
    let before = filled(&host).meta();
    let mut writer = Writer::open(&host, LogStore::default()).unwrap();
    assert_eq!(writer.meta(), before);
    let management = keeps(10, LogStrategy::DeleteOldest);
    append_managed(&mut writer, 100, "g", management, Some("q"));
    let patch = Patch {
        id: id(99),
        score: Some("5".to_owned()),
        ..Patch::default()
    };
    assert_eq!(writer.patch(&host, &patch), Ok(true));
    writer.flush(&host).unwrap();
    let all = stored(&host);
    let even: Vec<_> = all.iter().map(|it| it.0).filter(|it| it % 2 == 0).collect();
    assert_eq!(even, (82..=100).step_by(2).collect::<Vec<_>>());
    assert_eq!(all.len(), 60);
    assert!(all.iter().any(|it| it.1.contains("\"score\":5")));
    assert_eq!(meta(&host).unwrap().bytes, bytes(&host));
}

#[test]
fn a_smaller_budget_holds_from_the_start() {
    let host = FakeHost::default();
    filled(&host);
    let mut writer = Writer::open(&host, budget(1 << 20, 40)).unwrap();
    writer.flush(&host).unwrap();
    assert_eq!(numbers(&host), (64..100).collect::<Vec<_>>());
    assert_eq!(meta(&host).unwrap().bytes, bytes(&host));
}

/// Whatever the write that never came about, the next keeper has a store whose figures are true.
#[test]
fn a_keeper_that_dies_in_the_middle_of_a_write_leaves_nothing_that_is_lost_or_wrong() {
    for step in 0..40 {
        let host = FakeHost::default();
        let mut writer = filled(&host);
        (0..30).for_each(|number| append(&mut writer, 200 + number, Some("new")));
        delete(&mut writer, &(0..70).map(id).collect::<Vec<_>>());
        host.fail_at.set(Some(step));
        let is_whole = writer.flush(&host).is_ok();
        host.fail_at.set(None);
        let mut writer = Writer::open(&host, LogStore::default()).unwrap();
        append(&mut writer, 300, Some("last"));
        writer.flush(&host).unwrap();
        assert_eq!(meta(&host).unwrap().bytes, bytes(&host), "step {step}");
        let kept: Vec<_> = lines(&host);
        assert!(
            (70..100).all(|number| kept.contains(&number)),
            "step {step}"
        );
        assert!(!is_whole || kept.len() == 61, "step {step}");
        assert!(kept.contains(&300));
    }
}

/// A new segment that has lost all its records before it was written is no end of the store.
#[test]
fn an_empty_segment_hides_none_behind_it_from_the_next_keeper() {
    for step in 0..8 {
        let host = FakeHost::default();
        let mut writer = filled(&host);
        (200..400).for_each(|number| append(&mut writer, number, None));
        delete(&mut writer, &(228..292).map(id).collect::<Vec<_>>());
        host.fail_at.set(Some(step));
        writer.flush_some(&host, usize::MAX).unwrap_or_default();
        host.fail_at.set(None);
        let mut writer = Writer::open(&host, LogStore::default()).unwrap();
        append(&mut writer, 500, None);
        writer.flush(&host).unwrap();
        assert_eq!(meta(&host).unwrap().bytes, bytes(&host), "step {step}");
    }
}

/// A record may be without its payload here, for that had not been written.
fn lines(host: &FakeHost) -> Vec<u32> {
    let meta = meta(host).unwrap();
    let segments = (meta.first..meta.next).filter_map(|it| segment(host, it).unwrap());
    let mut all = Vec::new();
    for segment in segments {
        let ids = segment.entries().map(|it| it.id);
        all.extend(ids.map(|id| u32::from_be_bytes(id[12..].try_into().unwrap())));
    }
    all
}

#[test]
fn what_a_host_refuses_is_written_the_next_time() {
    for step in 0..80 {
        let host = FakeHost::default();
        let mut writer = filled(&host);
        delete(&mut writer, &(0..40).map(id).collect::<Vec<_>>());
        (100..130).for_each(|number| append(&mut writer, number, Some("new")));
        host.fail_at.set(Some(step));
        writer.flush(&host).unwrap_or_default();
        host.fail_at.set(None);
        writer.flush(&host).unwrap();
        assert_eq!(numbers(&host), (40..130).collect::<Vec<_>>(), "step {step}");
        assert_eq!(meta(&host).unwrap().bytes, bytes(&host), "step {step}");
    }
}
