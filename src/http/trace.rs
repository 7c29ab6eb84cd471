//! Where a call stands in the caller's trace: `traceparent` (W3C Trace Context §3.2), and the contract's
//! `cf-aig-otel-trace-id` and `cf-aig-otel-parent-span-id` (§2.1), which beat it.
//!
//! Invariant: ids are lower-case hexadecimal digits and not all zero; what is written otherwise is as if it were absent.

use super::header::HeaderList;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// 32 digits.
    pub trace_id: String,
    /// 16 digits: the span that the call belongs to.
    pub parent_span_id: Option<String>,
}

impl Trace {
    /// The place that a request's header fields name. A parent alone has no trace that it could be in.
    pub fn read(head: &HeaderList) -> Option<Self> {
        let own = |name, digits| {
            let text = head.text(name)?.to_ascii_lowercase();
            is_id(&text, digits).then_some(text)
        };
        let given = own("cf-aig-otel-trace-id", 32);
        let parent = own("cf-aig-otel-parent-span-id", 16);
        let continued = traceparent(head);
        match (given, continued) {
            (Some(trace_id), continued) => {
                // The span of another trace is not the parent.
                let same = continued.filter(|it| it.trace_id == trace_id);
                let parent_span_id = parent.or_else(|| same?.parent_span_id);
                Some(Self {
                    trace_id,
                    parent_span_id,
                })
            }
            (None, Some(mut continued)) => {
                continued.parent_span_id = parent.or(continued.parent_span_id);
                Some(continued)
            }
            (None, None) => None,
        }
    }
}

/// `{version}-{trace id}-{parent id}-{flags}`; a later version may say more behind them. Two of them are none.
fn traceparent(head: &HeaderList) -> Option<Trace> {
    let mut values = head.values("traceparent");
    let value = values.next().filter(|_| values.next().is_none())?;
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.splitn(5, '-');
    let (version, trace_id) = (parts.next()?, parts.next()?);
    let (parent, flags, more) = (parts.next()?, parts.next()?, parts.next());
    let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || more.is_none());
    let is_good = is_known && is_id(trace_id, 32) && is_id(parent, 16) && is_hex(flags, 2);
    is_good.then(|| Trace {
        trace_id: trace_id.to_owned(),
        parent_span_id: Some(parent.to_owned()),
    })
}

fn is_id(text: &str, digits: usize) -> bool {
    is_hex(text, digits) && text.bytes().any(|digit| digit != b'0')
}

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const OTHER: &str = "1af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read(fields: &[(&str, &str)]) -> Option<(String, Option<String>)> {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Trace::read(&fields.collect()).map(|it| (it.trace_id, it.parent_span_id))
    }

    fn found(trace: &str, span: Option<&str>) -> Option<(String, Option<String>)> {
        Some((trace.to_owned(), span.map(str::to_owned)))
    }

    #[test]
    fn a_traceparent_is_continued_only_when_it_is_well_formed() {
        for good in ["00-{t}-{s}-01", "00-{t}-{s}-00", "cc-{t}-{s}-01-what-more"] {
            let text = good.replace("{t}", TRACE).replace("{s}", SPAN);
            assert_eq!(
                read(&[("traceparent", &text)]),
                found(TRACE, Some(SPAN)),
                "{text}"
            );
        }
        let zeros = "0".repeat(32);
        for bad in [
            "",
            "00",
            "00-{t}-{s}",
            "00-{t}-{s}-1",
            "00-{t}-{s}-01-more",
            "00-{t}-{s}-0x",
            "ff-{t}-{s}-01",
            "0-{t}-{s}-01",
            "00-{T}-{s}-01",
            "00-{t}0-{s}-01",
            "00-{t}-{s}0-01",
            "00-{0}-{s}-01",
            "00-{t}-0000000000000000-01",
            " 00-{t}-{s}-01",
        ] {
            let text = bad
                .replace("{t}", TRACE)
                .replace("{s}", SPAN)
                .replace("{T}", &TRACE.to_uppercase());
            let text = text.replace("{0}", &zeros);
            assert_eq!(read(&[("traceparent", &text)]), None, "{text}");
        }
        let text = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(
            read(&[("traceparent", &text), ("traceparent", &text)]),
            None
        );
    }

    #[test]
    fn the_contracts_headers_beat_it_and_a_span_never_leaves_its_trace() {
        let (trace, span) = ("cf-aig-otel-trace-id", "cf-aig-otel-parent-span-id");
        let parent = (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-aaaaaaaaaaaaaaaa-01",
        );
        assert_eq!(read(&[(trace, &TRACE.to_uppercase())]), found(TRACE, None));
        assert_eq!(
            read(&[(trace, TRACE), (span, SPAN)]),
            found(TRACE, Some(SPAN))
        );
        assert_eq!(read(&[(trace, OTHER), parent]), found(OTHER, None));
        assert_eq!(
            read(&[(trace, TRACE), parent]),
            found(TRACE, Some("aaaaaaaaaaaaaaaa"))
        );
        assert_eq!(read(&[(span, SPAN), parent]), found(TRACE, Some(SPAN)));
        assert_eq!(read(&[(span, SPAN)]), None);
        assert_eq!(
            read(&[(trace, "xyz"), (span, "1"), parent]),
            found(TRACE, Some("aaaaaaaaaaaaaaaa"))
        );
    }
}
