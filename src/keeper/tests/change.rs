//! Changes of stored records, and who is told of them.

use super::*;
use crate::keeper::is_done;
use crate::keeper::message::Patch;

#[test]
fn a_change_and_a_deletion_reach_the_store() {
    let host = host();
    let mut shipper = Shipper::default();
    (0..10).for_each(|number| shipper.add(&host, &finished(number), true));
    shipper.flush(&host);
    let patch = Patch {
        id: id(3),
        feedback: Some("1".to_owned()),
        ..Patch::default()
    };
    let gone = |segment, number| Message::Delete {
        segment,
        ids: vec![id(number), id(99)],
    };
    let messages = [Message::Patch(patch), gone(0, 4), gone(1, 5)];
    let number = send(&host, KEEPER, &messages).unwrap();
    assert!(!is_done(&host, number).unwrap());
    drain(&host, &mut Desk::new(None));
    assert!(is_done(&host, number).unwrap());
    assert_eq!(stored(&host), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
    let segment = logbook::segment(&host, 0).unwrap().unwrap();
    let line = segment.entries().nth(3).unwrap().line.to_vec();
    assert_eq!(line, b"{\"number\":3,\"feedback\":1}");
}

/// Whichever of its calls the host refuses, the keeper does not say that a change was made which nobody can see.
#[test]
fn a_change_that_was_not_made_is_not_told() {
    let mut told = 0;
    for step in 0..12 {
        let host = host();
        let mut desk = Desk::new(None);
        let mut shipper = Shipper::default();
        shipper.add(&host, &finished(1), true);
        // The record is in a segment whose lines are in memory no longer.
        (2..70).for_each(|number| shipper.add(&host, &finished(number), true));
        shipper.flush(&host);
        drain(&host, &mut desk);
        let patch = Patch {
            id: id(1),
            feedback: Some("1".to_owned()),
            ..Patch::default()
        };
        let number = send(&host, KEEPER, &[Message::Patch(patch)]).unwrap();
        host.fail_at.set(Some(step));
        drain(&host, &mut desk);
        host.fail_at.set(None);
        let segment = logbook::segment(&host, 0).unwrap().unwrap();
        let line = segment.entries().next().unwrap().line.to_vec();
        let is_told = is_done(&host, number).unwrap();
        assert!(
            !is_told || line.ends_with(b"\"feedback\":1}"),
            "step {step}"
        );
        told += u32::from(is_told);
    }
    assert!((1..12).contains(&told), "{told}");
}
