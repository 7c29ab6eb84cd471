//! A request as the console reads it: method, decoded path and query, and a bounded body.
//!
//! Invariant: every part is UTF-8 and of bounded length; whatever cannot be decoded is refused, never guessed.

use std::str::FromStr;

use super::envelope::{Refusal, word};
use crate::http::header::HeaderList;

/// Longest `:path`, in bytes.
const MAX_TARGET: usize = 32 << 10;
/// Most parameters of a query.
const MAX_PARAMETERS: usize = 512;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Request {
    /// `GET`, `PATCH`, …; `HEAD` is a `GET` whose body the proxy leaves out.
    pub(super) method: String,
    /// The parts of the path between slashes, decoded.
    pub(super) path: Vec<String>,
    /// The parameters in their order, decoded.
    pub(super) query: Query,
    /// All header fields.
    pub(super) head: HeaderList,
}

impl Request {
    /// Reads the head.
    pub(super) fn parse(head: HeaderList) -> Result<Self, Refusal> {
        let target = head.value(":path").unwrap_or_default();
        let target = std::str::from_utf8(target).ok();
        let target = target.filter(|target| target.len() <= MAX_TARGET);
        let target = target.ok_or_else(|| Refusal::not_found("Path"))?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parts = path.strip_prefix('/').unwrap_or(path).split('/');
        let path: Option<Vec<_>> = parts.map(|part| decode(part, false)).collect();
        let method = head.text(":method").unwrap_or_default();
        let method = if method == "HEAD" { "GET" } else { method };
        Ok(Self {
            method: method.to_owned(),
            path: path.ok_or_else(|| Refusal::not_found("Path"))?,
            query: Query::parse(query)?,
            head,
        })
    }
}

/// The parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name, true)?, decode(value, true)?))
        };
        let pairs: Option<Vec<_>> = pairs
            .take(MAX_PARAMETERS.saturating_add(1))
            .map(pair)
            .collect();
        let pairs =
            pairs.ok_or_else(|| Refusal::invalid("query", "", "is not percent-encoded UTF-8"))?;
        if pairs.len() > MAX_PARAMETERS {
            let message = format!("has more than {MAX_PARAMETERS} parameters");
            return Err(Refusal::invalid("query", "", message));
        }
        Ok(Self(pairs))
    }

    /// All of them.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The last value of that name; an empty one is absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().rev().filter(|(key, _)| key == name);
        values
            .next()
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A number, or whatever else can be read; `wanted` says what is.
    pub(super) fn read<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, Refusal> {
        let read = |text: &str| {
            let wrong = |_| {
                Refusal::invalid(
                    "query",
                    name,
                    format!("{name} must be {wanted}, found {}", word(text)),
                )
            };
            text.parse().map_err(wrong)
        };
        self.text(name).map(read).transpose()
    }

    /// A finite number.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let number = self.read::<f64>(name, "a number")?;
        match number.filter(|number| !number.is_finite()) {
            Some(_) => Err(Refusal::invalid(
                "query",
                name,
                format!("{name} must be a number"),
            )),
            None => Ok(number),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.choice(
            name,
            &[("true", true), ("false", false), ("1", true), ("0", false)],
        )
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*value));
        }
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let message = format!(
            "{name} must be one of {}, found {}",
            words.join(", "),
            word(text)
        );
        Err(Refusal::invalid("query", name, message))
    }

    /// `page` and `per_page`.
    pub(super) fn page(&self, default: usize, most: usize) -> Result<Page, Refusal> {
        let page = self
            .read::<usize>("page", "a whole number from 1")?
            .unwrap_or(1);
        let per_page = self.read("per_page", "a whole number")?.unwrap_or(default);
        if page == 0 || page > MAX_PAGE {
            return Err(Refusal::invalid(
                "query",
                "page",
                format!("page must be from 1 to {MAX_PAGE}"),
            ));
        }
        if per_page == 0 || per_page > most {
            let message = format!("per_page must be from 1 to {most}");
            return Err(Refusal::invalid("query", "per_page", message));
        }
        Ok(Page { page, per_page })
    }
}

/// Highest page: far above what any log holds, so that no product of it can overflow.
const MAX_PAGE: usize = 10_000_000;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From 1.
    pub(super) page: usize,
    /// Items of a page.
    pub(super) per_page: usize,
}

impl Page {
    /// Items of the pages before it.
    pub(super) const fn skipped(&self) -> usize {
        self.page.saturating_sub(1).saturating_mul(self.per_page)
    }

    /// Items up to its end.
    pub(super) const fn end(&self) -> usize {
        self.page.saturating_mul(self.per_page)
    }
}

/// Percent-decoding; in a query a plus is a space.
fn decode(text: &str, is_query: bool) -> Option<String> {
    if !text.contains(['%', '+']) {
        return Some(text.to_owned());
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from((high << 4) | low).ok()?
            }
            b'+' if is_query => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}
