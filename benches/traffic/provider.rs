//! The provider: reads whatever it is sent and answers as asked, each connection on a thread of its own.

use std::collections::HashMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::answer::Answer;
use crate::wire::{Side, Wire};

/// What gateways that do not pass `x-answer` on get.
const PLAIN: &str = "json:1024";
const STREAMED: &str = "sse:50";

/// Prints the port and serves for ever.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        // A connection that breaks is its client's business.
        thread::spawn(move || drop(converse(stream)));
    }
    Ok(())
}

fn converse(stream: TcpStream) -> io::Result<()> {
    let mut wire = Wire::new(stream)?;
    let mut answers: HashMap<String, Answer> = HashMap::new();
    while let Some(head) = wire.head(Side::Provider, "x-answer")? {
        let mut streams = false;
        wire.body(&head, |piece| {
            streams = streams || head.wanted.is_none() && asks_for_stream(piece);
        })?;
        let asked = head
            .wanted
            .unwrap_or_else(|| if streams { STREAMED } else { PLAIN }.to_owned());
        if !answers.contains_key(&asked) {
            answers.insert(asked.clone(), Answer::new(&asked)?);
        }
        answers[&asked].write(&mut wire)?;
    }
    Ok(())
}

fn asks_for_stream(body: &[u8]) -> bool {
    let text: Vec<u8> = body.iter().copied().filter(|byte| *byte != b' ').collect();
    let wanted = br#""stream":true"#;
    text.windows(wanted.len()).any(|part| part == wanted)
}
