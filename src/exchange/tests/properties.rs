//! What holds for any bytes, any cuts and any order of events.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const STREAM: &[u8] = b"event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-haiku-4-5\",\
\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\r\n\r\nevent: ping\ndata: {\"type\":\"ping\"}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\
\"usage\":{\"output_tokens\":15}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// The pieces of `bytes` between the (unsorted, possibly equal) `cuts`.
pub(super) fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// A record without what differs from call to call, and the answer that a second call gets from the cache.
fn outcome(question: &[&[u8]], answer: &[&[u8]]) -> (Value, Vec<u8>) {
    let proxy = Proxy::new();
    let mut call = proxy.stream();
    call.head(ANTHROPIC, &[]);
    for piece in question {
        call.on(body_event(piece, false));
    }
    call.on(body_event(b"", true));
    call.answer("200", SSE, answer);
    let mut record = call.done(0, false).clone();
    for varies in ["id", "event_id"] {
        record.as_object_mut().unwrap().remove(varies);
    }
    let mut again = proxy.stream();
    again.ask(
        ANTHROPIC,
        &[],
        &String::from_utf8(question.concat()).unwrap(),
    );
    (record, again.reply.unwrap().body)
}

/// Any kind of event a proxy could deliver, in any order.
fn event() -> impl Strategy<Value = u8> {
    0_u8..9
}

fn make(kind: u8, bytes: &[u8]) -> Event {
    let headers = list(&[(":status", "200"), ("content-type", SSE)]);
    match kind {
        0 => body_event(bytes, false),
        1 => body_event(bytes, true),
        2 => Event::RequestTrailers,
        3 => Event::ResponseHead {
            headers,
            end: false,
            local: false,
        },
        4 => answer_event(bytes, false),
        5 => answer_event(bytes, true),
        6 => Event::ResponseTrailers,
        7 => Event::Deadline,
        _ => Event::ResponseHead {
            headers,
            end: true,
            local: true,
        },
    }
}

proptest! {
    // Each case plays whole calls.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_record_and_the_same_bytes(
        cuts in vec(any::<usize>(), 0..20),
        more in vec(any::<usize>(), 0..5),
    ) {
        let whole = outcome(&[QUESTION.as_bytes()], &[STREAM]);
        prop_assert_eq!(&whole.1, STREAM);
        prop_assert_eq!(whole.0["tokens_out"].as_u64(), Some(15));
        let cut = outcome(&pieces(QUESTION.as_bytes(), &more), &pieces(STREAM, &cuts));
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn no_order_of_events_panics_or_loses_the_record(
        kinds in vec((event(), vec(any::<u8>(), 0..40)), 0..30),
        (gateway, is_unified) in (0_usize..5, any::<bool>()),
        gone: bool,
    ) {
        let proxy = Proxy::new();
        let names = ["my-gateway", "locked", "limited", "shared", "usage"];
        let mut stream = proxy.stream();
        let path = if is_unified { OPENAI.replace("openai", "compat") } else { OPENAI.to_owned() };
        stream.head(&path.replace("my-gateway", names[gateway]), &[]);
        for (kind, bytes) in &kinds {
            stream.on(make(*kind, bytes));
            prop_assert!(stream.records.is_empty());
        }
        stream.done(u64::from(gone), gone);
        prop_assert_eq!(proxy.worker.room.taken(), 0);
    }

    #[test]
    fn every_pause_has_a_wake_up(
        moves in vec((0_usize..3, event(), 0_u64..3), 0..40),
        fails in proptest::option::of(0_u64..60),
    ) {
        let proxy = Proxy::new();
        proxy.host.fail_at.set(fails);
        let mut streams: Vec<_> = (0..3).map(|_| proxy.stream()).collect();
        for stream in &mut streams {
            stream.ask(&ANTHROPIC.replace("my-gateway", "shared"), &[], QUESTION);
        }
        for (which, kind, seconds) in moves {
            proxy.host.advance(std::time::Duration::from_secs(seconds));
            let stream = &mut streams[which];
            // A deadline is not called before its time.
            let due = stream.task.cx.deadline().is_some_and(|at| at <= proxy.host.clock.get());
            if kind != 7 || due {
                stream.on(make(kind, ANSWER));
            }
            proxy.wake(&mut streams);
            for stream in &streams {
                let cx = &stream.task.cx;
                let moves = stream.reply.is_some()
                    || cx.request_gate() == Gate::Released
                    || cx.response_gate() == Gate::Released;
                prop_assert!(moves || cx.deadline().is_some(), "a held call that nothing wakes");
            }
        }
        for stream in &mut streams {
            stream.done(0, false);
        }
        prop_assert_eq!(proxy.worker.room.taken(), 0);
        // Whoever held the mark has given it up: the next caller does not wait.
        proxy.host.fail_at.set(None);
        if fails.is_none() {
            let mut next = proxy.stream();
            next.ask(&ANTHROPIC.replace("my-gateway", "shared"), &[], QUESTION);
            prop_assert!(next.upstream.is_some() || next.reply.is_some());
        }
    }

    #[test]
    fn no_bytes_in_a_head_panic(
        path in vec(any::<u8>(), 0..80),
        fields in vec(("[a-z-]{1,20}", vec(any::<u8>(), 0..40)), 0..8),
    ) {
        let proxy = Proxy::new();
        for prefix in ["", "/v1/a/my-gateway/openai/", "/v1/a/my-gateway/azure-openai/"] {
            let mut head: HeaderList = fields.iter().cloned().collect();
            head.push(":path", [prefix.as_bytes(), &path].concat());
            let mut stream = proxy.stream();
            stream.on(Event::RequestHead { headers: head, end: true });
            stream.on(Event::Done(Ending::default()));
        }
    }

    #[test]
    fn a_failing_host_call_never_hangs_or_panics(fails in 0_u64..40) {
        let proxy = Proxy::new();
        proxy.host.fail_at.set(Some(fails));
        for _ in 0..2 {
            let mut call = proxy.stream();
            call.ask(ANTHROPIC, &[], QUESTION);
            if call.reply.is_none() {
                call.answer("200", JSON, &[ANSWER]);
            }
            call.done(0, false);
        }
    }

    #[test]
    fn the_cache_budget_is_never_exceeded(sizes in vec(1_usize..15_000, 1..40)) {
        let proxy = Proxy::new();
        for (index, size) in sizes.iter().enumerate() {
            let mut call = proxy.stream();
            call.ask(ANTHROPIC, &[], &QUESTION.replace("hi", &index.to_string()));
            let filler = format!(r#"{{"type":"message","x":"{}"}}"#, "x".repeat(*size));
            call.answer("200", JSON, &[filler.as_bytes()]);
            call.done(0, false);
            let data = proxy.host.data.borrow();
            let slots = data.iter().filter(|(key, _)| key.starts_with("sluice/1/s/"));
            // A slot without an answer keeps its head of 45 bytes; that is not what the budget is about.
            let slots: usize = slots.map(|(_, (value, _))| value.len()).filter(|size| *size > 45).sum();
            prop_assert!((1..=100_000).contains(&slots), "{slots}");
        }
    }
}
