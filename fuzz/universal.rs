//! The body of the universal endpoint.

use serde_json::value::RawValue;
use sluice::exchange::steps::{self, MAX_STEPS, Step};
use sluice::http::header::HeaderList;
use sluice::http::reject::BodyFault;
use sluice::llm::provider::path;

/// What only the gateway may see of the request around the steps.
const SECRET: &[u8] = b"Bearer of the request";

pub(crate) fn run(bytes: &[u8]) -> bool {
    match steps::read(bytes) {
        Ok(steps) => {
            assert!((1..=MAX_STEPS).contains(&steps.len()));
            steps.iter().for_each(|step| check(bytes, step));
            true
        }
        Err(fault) => blame(bytes, &fault),
    }
}

/// What can be sent.
fn check(body: &[u8], step: &Step<'_>) {
    assert!(path::is_id(&step.provider));
    assert_eq!(path::check(&step.path), Ok(()));
    assert_eq!(
        step.query.as_deref().map_or(Ok(()), path::check_query),
        Ok(())
    );
    assert!(serde_json::from_slice::<&RawValue>(step.body).is_ok());
    let (whole, part) = (body.as_ptr_range(), step.body.as_ptr_range());
    assert!(
        whole.start <= part.start && part.end <= whole.end,
        "the client's own text"
    );
    let request: HeaderList = [
        (":path", b"/v1/a/g".as_slice()),
        ("authorization", SECRET),
        ("cf-aig-authorization", SECRET),
        ("x-api-key", SECRET),
        ("cookie", SECRET),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_vec()))
    .collect();
    let head = step.head(&request);
    let shown = |fields: &HeaderList| fields.iter().filter(|(_, value)| *value == SECRET).count();
    assert!(
        shown(&head) <= shown(&step.headers),
        "a credential went to a step"
    );
    for (name, value) in head.iter() {
        assert!(!name.is_empty() && !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        assert!(name.strip_prefix(':').is_none_or(|name| name == "path"));
        assert!(!["host", "connection", "transfer-encoding", "te"].contains(&name));
    }
    assert_eq!(head.values("content-length").count(), 1);
}

/// The place of a fault is where it is: the steps before it are good, and the step alone has the same fault.
fn blame(body: &[u8], fault: &BodyFault) -> bool {
    assert!(!fault.place.is_empty() && !fault.what.is_empty());
    let Some((index, place)) = in_list(&fault.place) else {
        return fault.place != "body";
    };
    let items: Vec<&RawValue> = serde_json::from_slice(body).unwrap_or_default();
    let Some((before, [guilty, ..])) = items.split_at_checked(index) else {
        panic!("{} is not in the list", fault.place);
    };
    if !before.is_empty() {
        let before: Vec<_> = before.iter().map(|item| item.get()).collect();
        let text = format!("[{}]", before.join(","));
        assert!(
            steps::read(text.as_bytes()).is_ok(),
            "an earlier step is at fault"
        );
    }
    // Only an object can be a step alone.
    if guilty.get().starts_with('{') {
        let alone = steps::read(guilty.get().as_bytes());
        let place = if place.is_empty() { "body" } else { place };
        assert_eq!(
            alone.map(|_| ()).map_err(|fault| (fault.place, fault.what)),
            Err((place.to_owned(), fault.what.clone()))
        );
    }
    true
}

/// `[2].query` is `query` in the list's third item.
fn in_list(place: &str) -> Option<(usize, &str)> {
    let (index, rest) = place.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}
