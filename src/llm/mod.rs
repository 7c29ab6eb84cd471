//! What is known about LLM providers: where they live, how they answer, what they cost.

pub mod compat;
pub mod cut_notice;
pub mod eventstream;
mod find;
pub mod format;
pub mod json;
pub mod meter;
pub mod multipart;
pub mod opening;
#[cfg(test)]
mod pieces;
pub mod price;
pub mod provider;
pub mod request;
pub mod sse;
pub mod stream_usage;
pub mod usage;
