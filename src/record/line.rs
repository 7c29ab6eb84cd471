//! A record as one line of JSON.
//!
//! It has some seventy fields, most of them short: a serializer that does not know that a field's name is of our own code
//! spends more time on names than on values. Only the outermost struct is written here; its values are `serde_json`'s.

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeStruct, Serializer};
use serde_json::Error;

/// Most lines fit into so many bytes.
const USUAL: usize = 2048;

/// A struct as JSON text. Its fields have plain names: letters, digits and underscores.
///
/// # Errors
/// It is no struct, or has a value that is not JSON.
pub(super) fn of(record: &impl Serialize) -> Result<String, Error> {
    let mut text = Vec::with_capacity(USUAL);
    record.serialize(Line(&mut text))?;
    String::from_utf8(text).map_err(Error::custom)
}

struct Line<'a>(&'a mut Vec<u8>);

impl SerializeStruct for Line<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let first = if self.0.is_empty() { b'{' } else { b',' };
        self.0.reserve(name.len().saturating_add(4));
        self.0.extend_from_slice(&[first, b'"']);
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        value.serialize(&mut serde_json::Serializer::new(&mut *self.0))
    }

    fn end(self) -> Result<(), Error> {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        Ok(())
    }
}

fn no_struct<T>() -> Result<T, Error> {
    Err(Error::custom("not a struct"))
}

macro_rules! refuse {
    ($($name:ident: $of:ty),*) => {$(
        fn $name(self, _: $of) -> Result<(), Error> {
            no_struct()
        }
    )*};
}

impl Serializer for Line<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    refuse! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str
    }

    fn serialize_none(self) -> Result<(), Error> {
        no_struct()
    }

    fn serialize_unit(self) -> Result<(), Error> {
        no_struct()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, _: &T) -> Result<(), Error> {
        no_struct()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        no_struct()
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        no_struct()
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        no_struct()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        no_struct()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        no_struct()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        no_struct()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        no_struct()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        no_struct()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        no_struct()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FailedAttempt, Record};
    use super::*;

    #[test]
    fn a_line_is_what_serde_json_writes() {
        let record = Record {
            id: "017f22e2-79b0-7cc3-98c4-dc0c0c07398f".to_owned(),
            trace_id: Some("a \"quoted\"\n\u{7f}\u{1} \u{1f600}".to_owned()),
            failed_attempts: vec![FailedAttempt {
                status_code: None,
                after: 5,
            }],
            is_unified: true,
            tokens_in: Some(u64::MAX),
            ..Record::default()
        };
        for record in [record, Record::default()] {
            assert_eq!(
                of(&record).unwrap(),
                serde_json::to_string(&record).unwrap()
            );
        }
    }

    #[test]
    fn what_is_no_struct_is_refused() {
        assert!(of(&"text").is_err() && of(&[1]).is_err() && of(&Some(Record::default())).is_err());
    }

    #[test]
    fn a_struct_without_fields_is_an_empty_object() {
        #[derive(Serialize)]
        struct Nothing {}
        assert_eq!(of(&Nothing {}).unwrap(), "{}");
    }
}
