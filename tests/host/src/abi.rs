//! The words of the proxy-wasm ABI 0.2.1: statuses, and header maps as bytes.

use std::fmt;

/// What a host call answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Status(pub u32);

impl Status {
    /// Done.
    pub const OK: Self = Self(0);
    /// There is no such thing.
    pub const NOT_FOUND: Self = Self(1);
    /// Not with these arguments, or not now.
    pub const BAD_ARGUMENT: Self = Self(2);
    /// A pointer leads out of the memory.
    pub const INVALID_MEMORY_ACCESS: Self = Self(6);
    /// Nothing waits in the queue.
    pub const EMPTY: Self = Self(7);
    /// Somebody else has written meanwhile.
    pub const CAS_MISMATCH: Self = Self(8);
    /// This host does not have the call.
    pub const UNIMPLEMENTED: Self = Self(12);

    /// Every status that says no.
    pub fn refusals() -> impl Iterator<Item = Self> {
        (1..=12).map(Self)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 13] = [
            "Ok",
            "NotFound",
            "BadArgument",
            "SerializationFailure",
            "ParseFailure",
            "BadExpression",
            "InvalidMemoryAccess",
            "Empty",
            "CasMismatch",
            "ResultMismatch",
            "InternalFailure",
            "BrokenConnection",
            "Unimplemented",
        ];
        let index = usize::try_from(self.0).unwrap();
        f.write_str(NAMES.get(index).copied().unwrap_or("unknown"))
    }
}

/// Header fields in their order.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Fields from text.
pub fn fields<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Fields {
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

/// The first value of that name.
pub fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    let found = fields.iter().find(|(it, _)| it == name.as_bytes());
    found.map(|(_, value)| value.as_slice())
}

/// A header map as it lies in the module's memory: the number of pairs, the sizes of all names and values, then these,
/// each followed by a zero byte.
pub(crate) fn encode(fields: &Fields) -> Vec<u8> {
    let mut bytes = number(fields.len()).to_vec();
    for (name, value) in fields {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for (name, value) in fields {
        for text in [name, value] {
            bytes.extend(text);
            bytes.push(0);
        }
    }
    bytes
}

/// The fields of a header map; no bytes are no fields.
pub(crate) fn decode(bytes: &[u8]) -> Result<Fields, Status> {
    if bytes.is_empty() {
        return Ok(Fields::new());
    }
    let mut head = bytes;
    let count = take_number(&mut head)?;
    let sizes: Vec<usize> = (0..count * 2)
        .map(|_| take_number(&mut head))
        .collect::<Result<_, _>>()?;
    let mut texts = sizes.into_iter().map(|size| {
        let (text, rest) = head.split_at_checked(size).ok_or(Status::BAD_ARGUMENT)?;
        head = rest.strip_prefix(&[0]).ok_or(Status::BAD_ARGUMENT)?;
        Ok(text.to_vec())
    });
    let mut fields = Fields::new();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        fields.push((name?, value?));
    }
    Ok(fields)
}

fn number(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

fn take_number(bytes: &mut &[u8]) -> Result<usize, Status> {
    let (number, rest) = bytes.split_first_chunk().ok_or(Status::BAD_ARGUMENT)?;
    *bytes = rest;
    Ok(usize::try_from(u32::from_le_bytes(*number)).unwrap())
}
