mod ask;
mod hide;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::llm::pieces::cut;
use crate::llm::provider::{self, UpstreamCall};
