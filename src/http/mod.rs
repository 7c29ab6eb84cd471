//! HTTP as data: header lists, local replies and the contract's error envelope.

pub mod capture;
pub(crate) mod crc32;
pub mod encoding;
pub mod header;
pub mod reject;
pub mod reply;
pub mod room;
pub mod trace;
