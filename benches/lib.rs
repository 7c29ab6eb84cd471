//! Nothing: the benches are in `llm.rs`; a package must have a target that is always built.
