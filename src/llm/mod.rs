//! What is known about LLM providers: where they live, how they answer, what they cost.

mod find;
pub mod format;
pub mod json;
pub mod meter;
#[cfg(test)]
mod pieces;
pub mod price;
pub mod provider;
pub mod request;
pub mod sse;
pub mod usage;
