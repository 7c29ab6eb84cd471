//! One call at a time, from its first byte to its record.

mod admission;
mod cache;
mod call;
mod single_flight;

use std::time::Duration;

use serde_json::json;

use super::*;
