//! What an Envoy prints, drained for ever and kept.
//!
//! Standard output carries the access log (one JSON object a line), standard error Envoy's own log with the filter's.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Everything printed so far; clones are the same one.
#[derive(Clone, Default)]
pub struct Output {
    access: Arc<Mutex<Vec<Value>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Output {
    /// Reads both streams to their ends on threads of their own: a full pipe would stop Envoy.
    pub fn drain(&self, stdout: impl Read + Send + 'static, stderr: impl Read + Send + 'static) {
        self.drain_one(stdout, true);
        self.drain_one(stderr, false);
    }

    fn drain_one(&self, stream: impl Read + Send + 'static, is_access_log: bool) {
        let output = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                output.line(&String::from_utf8_lossy(&line), is_access_log);
            }
        });
    }

    /// Takes one line; what is no JSON on standard output belongs to the log.
    pub fn line(&self, line: &str, is_access_log: bool) {
        match serde_json::from_str(line) {
            Ok(entry) if is_access_log => self.access.lock().unwrap().push(entry),
            _ => self.log.lock().unwrap().push(line.trim_end().to_owned()),
        }
    }

    /// The access log entries so far.
    pub fn access(&self) -> Vec<Value> {
        self.access.lock().unwrap().clone()
    }

    /// The access log entries so far that are as `probe` wants them.
    pub fn entries(&self, probe: impl Fn(&Value) -> bool) -> Vec<Value> {
        let access = self.access.lock().unwrap();
        access
            .iter()
            .filter(|entry| probe(entry))
            .cloned()
            .collect()
    }

    /// The log's lines from the given one on.
    pub fn log(&self, from: usize) -> Vec<String> {
        self.log
            .lock()
            .unwrap()
            .iter()
            .skip(from)
            .cloned()
            .collect()
    }

    /// The number of lines in the log.
    pub fn len(&self) -> usize {
        self.log.lock().unwrap().len()
    }

    /// Whether the log is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What follows `mark` on the first line of the log that has it.
    pub fn after(&self, mark: &str) -> Option<String> {
        let log = self.log.lock().unwrap();
        log.iter().find_map(|line| {
            line.split_once(mark)
                .map(|(_, rest)| rest.trim().to_owned())
        })
    }
}
