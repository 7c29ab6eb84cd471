//! The provider: reads whatever it is sent and answers as asked, each connection on a thread of its own.

use std::collections::HashMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::answer::{Answer, whole};
use crate::tally::Tally;
use crate::wire::{Side, Wire};

/// What gateways that do not pass `x-answer` on get.
const PLAIN: &str = "json:1024";
const STREAMED: &str = "sse:50";

/// Prints the port and serves for ever.
pub(crate) fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let tally = Arc::new(Tally::default());
    for stream in listener.incoming() {
        let (stream, tally) = (stream?, Arc::clone(&tally));
        // A connection that breaks is its client's business.
        thread::spawn(move || drop(converse(stream, &tally)));
    }
    Ok(())
}

fn converse(stream: TcpStream, tally: &Tally) -> io::Result<()> {
    let mut wire = Wire::new(stream)?;
    let mut answers: HashMap<String, Answer> = HashMap::new();
    while let Some(head) = wire.head(Side::Provider, "x-answer")? {
        let asked = head.wanted.as_deref();
        let (mut streams, mut batch) = (false, Vec::new());
        wire.body(&head, |piece| match asked {
            None => streams = streams || asks_for_stream(piece),
            Some("sink") => batch.extend_from_slice(piece),
            Some(_) => {}
        })?;
        let asked = asked.unwrap_or(if streams { STREAMED } else { PLAIN });
        tally.asked(asked);
        match asked {
            "sink" => {
                tally.exported(&batch)?;
                whole(200, "").write(&mut wire)?;
            }
            "counts" => whole(200, &tally.report().to_string()).write(&mut wire)?,
            _ => {
                if !answers.contains_key(asked) {
                    answers.insert(asked.to_owned(), Answer::new(asked)?);
                }
                answers[asked].write(&mut wire)?;
            }
        }
    }
    Ok(())
}

fn asks_for_stream(body: &[u8]) -> bool {
    let text: Vec<u8> = body.iter().copied().filter(|byte| *byte != b' ').collect();
    let wanted = br#""stream":true"#;
    text.windows(wanted.len()).any(|part| part == wanted)
}
