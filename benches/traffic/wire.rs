//! HTTP/1.1 messages of one connection, read with as little work as possible.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Header, Request, Response, Status, parse_chunk_size};

const MOST_FIELDS: usize = 128;
const AT_ONCE: usize = 64 * 1024;
const LIMIT: Duration = Duration::from_secs(60);

/// Which end reads.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Client,
    Provider,
}

/// What matters of a head.
pub(crate) struct Head {
    /// 0 of a request.
    pub(crate) status: u16,
    /// The value of the field that was asked for.
    pub(crate) wanted: Option<String>,
    /// Whether the other side ends the connection after this message.
    pub(crate) closes: bool,
    framing: Framing,
}

#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
}

/// A connection, with what came and is not read yet.
pub(crate) struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    fresh: Vec<u8>,
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Wire {
    /// Takes the connection over; small writes go out at once.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (held, fresh) = (Vec::with_capacity(AT_ONCE), vec![0; AT_ONCE]);
        Ok(Self {
            stream,
            held,
            fresh,
        })
    }

    /// Connects to `host:port`; an answer that takes longer than [`LIMIT`] is an error.
    pub(crate) fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Self::new(stream)
    }

    /// Writes all of it.
    pub(crate) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.stream.write_all(data)
    }

    /// The next message's head, and the value of its field `wanted`; `None` at the end of the connection.
    pub(crate) fn head(&mut self, side: Side, wanted: &str) -> io::Result<Option<Head>> {
        loop {
            if let Some((size, head)) = parse(&self.held, side, wanted)? {
                self.held.drain(..size);
                return Ok(Some(head));
            }
            let is_between = self.held.is_empty();
            match self.more()? {
                0 if is_between => return Ok(None),
                0 => return Err(odd("a head was cut")),
                _ => {}
            }
        }
    }

    /// Hands the body of that head over, piece by piece as it comes.
    pub(crate) fn body(&mut self, head: &Head, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match head.framing {
            Framing::Length(length) => self.pass(length, &mut take),
            Framing::Chunked => {
                while self.pass_chunk(&mut take)? > 0 {}
                Ok(())
            }
        }
    }

    /// Waits so long; fails as soon as the other side has gone.
    pub(crate) fn wait(&mut self, time: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(time))?;
        let more = self.more();
        self.stream.set_read_timeout(None)?;
        match more {
            Ok(0) => Err(odd("the other side has gone")),
            Err(why) if why.kind() != io::ErrorKind::WouldBlock => Err(why),
            _ => Ok(()),
        }
    }

    /// Waits for the first bytes after a head.
    pub(crate) fn body_begins(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            self.need()?;
        }
        Ok(())
    }

    fn pass_chunk(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<usize> {
        let size = self.chunk_size()?;
        self.pass(size, take)?;
        self.pass(2, &mut |_| {})?;
        Ok(size)
    }

    fn chunk_size(&mut self) -> io::Result<usize> {
        loop {
            let parsed = parse_chunk_size(&self.held).map_err(|why| odd(&format!("{why:?}")))?;
            if let Status::Complete((length, size)) = parsed {
                self.held.drain(..length);
                return usize::try_from(size).map_err(io::Error::other);
            }
            self.need()?;
        }
    }

    fn pass(&mut self, mut left: usize, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.held.is_empty() {
                self.need()?;
            }
            let size = left.min(self.held.len());
            take(&self.held[..size]);
            self.held.drain(..size);
            left -= size;
        }
        Ok(())
    }

    fn need(&mut self) -> io::Result<()> {
        if self.more()? == 0 {
            return Err(odd("a body was cut"));
        }
        Ok(())
    }

    fn more(&mut self) -> io::Result<usize> {
        let size = self.stream.read(&mut self.fresh)?;
        self.held.extend_from_slice(&self.fresh[..size]);
        Ok(size)
    }
}

/// The size of the head and what is in it, once it is whole.
fn parse(held: &[u8], side: Side, wanted: &str) -> io::Result<Option<(usize, Head)>> {
    let mut fields = [EMPTY_HEADER; MOST_FIELDS];
    let (parsed, status, fields) = match side {
        Side::Client => {
            let mut head = Response::new(&mut fields);
            (head.parse(held), head.code, &*head.headers)
        }
        Side::Provider => {
            let mut head = Request::new(&mut fields);
            (head.parse(held), None, &*head.headers)
        }
    };
    let Status::Complete(size) = parsed.map_err(io::Error::other)? else {
        return Ok(None);
    };
    let wanted = value(fields, wanted).map(|value| String::from_utf8_lossy(value).into_owned());
    let head = Head {
        status: status.unwrap_or_default(),
        wanted,
        closes: value(fields, "connection").is_some_and(|value| value == b"close"),
        framing: framing(fields)?,
    };
    Ok(Some((size, head)))
}

fn framing(fields: &[Header<'_>]) -> io::Result<Framing> {
    if value(fields, "transfer-encoding").is_some() {
        return Ok(Framing::Chunked);
    }
    let length = value(fields, "content-length").ok_or_else(|| odd("a body without its length"))?;
    let length = str::from_utf8(length).map_err(io::Error::other)?;
    Ok(Framing::Length(length.parse().map_err(io::Error::other)?))
}

fn value<'a>(fields: &[Header<'a>], name: &str) -> Option<&'a [u8]> {
    let mut fields = fields.iter();
    let field = fields.find(|field| field.name.eq_ignore_ascii_case(name));
    field.map(|field| field.value)
}
