//! What a log record must not tell: patterns taken out of texts, and metadata that is kept as a hash only.
//!
//! Invariant: a pattern in hand begins with a literal and is followed in one pass, without going back.

use super::key::Secret;
use super::section::{Field, Kind};
use super::{Environment, kind};

/// What is taken out of the log records of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// Taken out of payloads and of metadata.
    pub redact: Vec<Pattern>,
    /// The metadata whose values are kept as hashes.
    pub hash_metadata: Hashed,
    /// Mixed into the hashes, so that nobody can try values out; `None`: nothing is.
    pub salt: Option<Secret>,
}

/// Which metadata is kept as hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hashed {
    /// That of these names.
    Named(Vec<String>),
    /// All of it.
    All,
}

impl Default for Hashed {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl Hashed {
    /// Whether the value of this name is hashed.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::Named(names) => names.iter().any(|it| it == name),
            Self::All => true,
        }
    }
}

/// Text that is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Addresses of e-mail.
    Email,
    /// Numbers of payment cards (13 to 19 digits with a right check digit, ISO/IEC 7812-1).
    Card,
    /// What the operator describes: the literal that it begins with, and what follows.
    Word(String, Vec<Token>),
}

/// A piece of a described word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// This character.
    Literal(char),
    /// One digit.
    Digit,
    /// One letter or digit of ASCII.
    Any,
    /// Letters and digits of ASCII, `-` and `_`; at least one.
    Run,
}

/// A literal that is shorter would be found everywhere.
const SHORTEST: usize = 3;
/// Longer ones are no words.
const LONGEST: usize = 64;

const PATTERN: Kind<Pattern> = Kind {
    wanted: "email, card, or text that begins with at least 3 plain characters, where # is a digit, ? a letter or digit, and * \
             a run of them up to another character or the end",
    parse: pattern,
};

const ENTRY: Kind<String> = Kind {
    wanted: "the name of an entry of the metadata, or * for all",
    parse: |text| (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_owned()),
};

fn pattern(text: &str) -> Option<Pattern> {
    match text {
        "email" => return Some(Pattern::Email),
        "card" => return Some(Pattern::Card),
        _ => {}
    }
    let length = text.find(['#', '?', '*']).unwrap_or(text.len());
    let (literal, rest) = text.split_at_checked(length)?;
    let tokens: Vec<_> = rest.chars().map(token).collect();
    // What follows a run must end it.
    let ends = |next: Option<&Token>| match next {
        None => true,
        Some(Token::Literal(next)) => !is_word(*next),
        Some(Token::Digit | Token::Any | Token::Run) => false,
    };
    let is_clear = tokens
        .iter()
        .enumerate()
        .all(|(at, token)| *token != Token::Run || ends(tokens.get(at.saturating_add(1))));
    let fits =
        literal.len() >= SHORTEST && text.len() <= LONGEST && !text.contains(char::is_control);
    (fits && is_clear).then(|| Pattern::Word(literal.to_owned(), tokens))
}

const fn token(character: char) -> Token {
    match character {
        '#' => Token::Digit,
        '?' => Token::Any,
        '*' => Token::Run,
        other => Token::Literal(other),
    }
}

/// Whether a [`Token::Run`] goes over this character.
pub const fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

/// Reads `log_privacy` of a gateway.
pub(super) fn read(field: &Field<'_>, environment: Environment<'_>) -> Option<Privacy> {
    let mut section = field.section()?;
    let texts = section.field("redact").items();
    let redact: Option<Vec<_>> = texts.map(|texts| {
        let read = texts.iter().filter_map(|text| text.text(&PATTERN));
        read.collect()
    });
    let names = section.field("hash_metadata").items();
    let names: Option<Vec<_>> = names.map(|names| {
        let read = names.iter().filter_map(|name| name.text(&ENTRY));
        read.collect()
    });
    let variable = section.field("salt_environment_variable");
    let salt = read_salt(&variable, environment);
    section.finish();
    let names = names.unwrap_or_default();
    Some(Privacy {
        redact: redact.unwrap_or_default(),
        hash_metadata: if names.iter().any(|name| name == "*") {
            Hashed::All
        } else {
            Hashed::Named(names)
        },
        salt,
    })
}

fn read_salt(field: &Field<'_>, environment: Environment<'_>) -> Option<Secret> {
    let name = field.text(&kind::VARIABLE)?;
    let text = environment(&name).filter(|text| !text.trim().is_empty());
    if text.is_none() {
        field
            .fault("is not set in the VM's environment: add it to vm_config.environment_variables");
    }
    text.map(Secret)
}

#[cfg(test)]
impl Secret {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}
