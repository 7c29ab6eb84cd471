//! `google.protobuf.Struct` from its protobuf bytes: what Envoy hands over for a configuration in native YAML.
//!
//! Only what a `Struct` consists of is understood; anything else is refused. Invariant: the work is linear in the
//! length of the input, and the depth is bounded, whatever the bytes. Source: protobuf.dev, "Encoding" and
//! `google/protobuf/struct.proto`.

use super::node::Node;

/// The deepest nesting of values that is read; a configuration needs five.
const MAX_DEPTH: u8 = 64;

/// Whether the bytes are a `Struct` and not JSON text, when they are one of the two.
///
/// A `Struct` begins with the tag of an entry, which is a line feed, and every entry tags its value with 0x12, a
/// control character that JSON text cannot hold.
pub(super) fn is_struct(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x0A) && bytes.contains(&0x12)
}

/// Reads the bytes of a `Struct`.
///
/// # Errors
/// What is wrong with it, as an end of the sentence "the configuration is not a Struct: it …".
pub(super) fn decode(bytes: &[u8]) -> Result<Node, &'static str> {
    map(bytes, MAX_DEPTH)
}

/// `Struct { map<string, Value> fields = 1; }`, where a map is a list of `{ key = 1; value = 2; }`.
fn map(bytes: &[u8], depth: u8) -> Result<Node, &'static str> {
    let mut fields = Vec::new();
    for field in Message(bytes) {
        let (1, Payload::Bytes(entry)) = field? else {
            return Err(FOREIGN);
        };
        fields.push(map_entry(entry, depth)?);
    }
    Ok(Node::Map(fields))
}

fn map_entry(bytes: &[u8], depth: u8) -> Result<(String, Node), &'static str> {
    let (mut name, mut content) = (String::new(), Node::Null);
    for field in Message(bytes) {
        match field? {
            (1, Payload::Bytes(text)) => name = utf8(text)?,
            (2, Payload::Bytes(bytes)) => content = value(bytes, depth)?,
            _ => return Err(FOREIGN),
        }
    }
    Ok((name, content))
}

/// `ListValue { repeated Value values = 1; }`.
fn list(bytes: &[u8], depth: u8) -> Result<Node, &'static str> {
    let mut items = Vec::new();
    for field in Message(bytes) {
        let (1, Payload::Bytes(item)) = field? else {
            return Err(FOREIGN);
        };
        items.push(value(item, depth)?);
    }
    Ok(Node::List(items))
}

/// `Value`: one of null = 1, number = 2, string = 3, bool = 4, struct = 5, list = 6; the last one counts.
fn value(bytes: &[u8], depth: u8) -> Result<Node, &'static str> {
    let depth = depth.checked_sub(1).ok_or("it is nested too deeply")?;
    let mut node = Node::Null;
    for field in Message(bytes) {
        node = match field? {
            (1, Payload::Varint(_)) => Node::Null,
            (2, Payload::Fixed64(bits)) => Node::Number(f64::from_le_bytes(bits).to_string()),
            (3, Payload::Bytes(text)) => Node::Text(utf8(text)?),
            (4, Payload::Varint(flag)) => Node::Flag(flag != 0),
            (5, Payload::Bytes(fields)) => map(fields, depth)?,
            (6, Payload::Bytes(items)) => list(items, depth)?,
            _ => return Err(FOREIGN),
        };
    }
    Ok(node)
}

fn utf8(bytes: &[u8]) -> Result<String, &'static str> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .or(Err("it holds text that is not UTF-8"))
}

const FOREIGN: &str = "it holds a field that such a message does not have";

/// The fields of a message that are still to be read.
struct Message<'a>(&'a [u8]);

enum Payload<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u64, Payload<'a>), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.field())
    }
}

impl<'a> Message<'a> {
    fn field(&mut self) -> Result<(u64, Payload<'a>), &'static str> {
        let tag = self.varint()?;
        let payload = match tag & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => {
                let (bits, rest) = self.0.split_first_chunk().ok_or(CUT)?;
                self.0 = rest;
                Payload::Fixed64(*bits)
            }
            2 => {
                let length = usize::try_from(self.varint()?).or(Err(CUT))?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
                self.0 = rest;
                Payload::Bytes(bytes)
            }
            _ => return Err(FOREIGN),
        };
        Ok((tag >> 3, payload))
    }

    fn varint(&mut self) -> Result<u64, &'static str> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(CUT)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("it holds a number of more than 64 bits")
    }
}

const CUT: &str = "it is cut short";
