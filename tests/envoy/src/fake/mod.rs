//! A provider that answers by script and remembers what it saw.
//!
//! One fake listens on four ports: plain (HTTP/1.1 and h2c), TLS (HTTP/2 or HTTP/1.1 by ALPN), raw (the script is the
//! wire) and dead (nobody listens). A request names its script in the header `x-case`, which the gateway must pass
//! on like any other; so many tests share one fake and one Envoy.

pub mod answer;
mod raw;
mod serve;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::net::{TcpListener, TcpSocket};

use crate::fake::answer::Answer;
use crate::{RUNTIME, eventually, sample};

/// The header that names the script.
pub const CASE_HEADER: &str = "x-case";

/// The running provider; clones are the same one.
#[derive(Clone)]
pub struct Fake {
    ports: Ports,
    cases: Arc<Cases>,
    /// Keeps the dead port: bound and never listening, it refuses, and nothing else of the machine can take it.
    _dead: Arc<TcpSocket>,
}

/// The addresses of the four ports.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// HTTP/1.1 and HTTP/2 with prior knowledge.
    pub plain: SocketAddr,
    /// TLS with a certificate of [`crate::tls::authority`].
    pub tls: SocketAddr,
    /// Scripts here are bytes on the wire.
    pub raw: SocketAddr,
    /// Connections are refused.
    pub dead: SocketAddr,
}

/// One script and the requests that asked for it.
#[derive(Clone)]
pub struct Case {
    id: String,
    state: Arc<State>,
}

/// A request as the provider saw it, up to now.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The request method.
    pub method: String,
    /// Path and query, as they came.
    pub path: String,
    /// Header fields in order, with byte values; `host` also for HTTP/2.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body so far.
    pub body: Vec<u8>,
    /// What came after the request on its connection; known of the raw port only.
    pub later: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// The server name that TLS asked for.
    pub sni: Option<String>,
    /// The request's end came.
    pub complete: bool,
    /// The whole answer was handed over.
    pub answered: bool,
    /// The caller went away before the exchange was finished.
    pub abandoned: bool,
    /// When its head had come.
    pub at: Option<Instant>,
}

/// Scripts by name.
#[derive(Default)]
pub(crate) struct Cases(Mutex<BTreeMap<String, Arc<State>>>);

/// The changing part of a case.
#[derive(Default)]
pub(crate) struct State {
    answers: Mutex<Vec<Answer>>,
    seen: Mutex<Vec<Seen>>,
}

/// One request's entry in its case.
#[derive(Clone)]
pub(crate) struct Entry {
    state: Arc<State>,
    index: usize,
}

impl Fake {
    /// Listens on three free loopback ports, and keeps a fourth at which nobody listens.
    pub fn start() -> Self {
        let cases = Arc::new(Cases::default());
        let _runtime = RUNTIME.enter();
        let [plain, tls, raw] = [(); 3].map(|()| port());
        let dead = TcpSocket::new_v4().expect("a socket");
        dead.bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("a free port");
        let address =
            |listener: &TcpListener| listener.local_addr().expect("a listener has an address");
        let ports = Ports {
            plain: address(&plain),
            tls: address(&tls),
            raw: address(&raw),
            dead: dead.local_addr().expect("a bound socket has an address"),
        };
        tokio::spawn(serve::plain(plain, Arc::clone(&cases)));
        tokio::spawn(serve::encrypted(
            tls,
            Arc::clone(&cases),
            crate::tls::acceptor(),
        ));
        tokio::spawn(raw::serve(raw, Arc::clone(&cases)));
        Self {
            ports,
            cases,
            _dead: Arc::new(dead),
        }
    }

    /// Where it listens.
    pub const fn ports(&self) -> Ports {
        self.ports
    }

    /// A new script with one answer for every request.
    pub fn case(&self, answer: Answer) -> Case {
        self.cases([answer])
    }

    /// A new script with an answer per request; the last one repeats.
    pub fn cases(&self, answers: impl IntoIterator<Item = Answer>) -> Case {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.script(id, answers.into_iter().collect())
    }

    /// The script for all requests that name none.
    pub fn unnamed(&self, answer: Answer) -> Case {
        self.script(String::new(), vec![answer])
    }

    /// The script for all requests that name this case: for callers that are configured before the fake stands.
    pub fn named(&self, id: &str, answer: Answer) -> Case {
        self.script(id.to_owned(), vec![answer])
    }

    fn script(&self, id: String, answers: Vec<Answer>) -> Case {
        let state = self.cases.named(&id);
        *state.answers.lock().unwrap() = answers;
        Case { id, state }
    }
}

impl Case {
    /// The value of `x-case`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// From now on, an answer per request since the first one; the last one repeats.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        *self.state.answers.lock().unwrap() = answers.into_iter().collect();
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The one request of this case that reached the provider.
    pub fn only(&self) -> Seen {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "requests at the provider: {seen:#?}");
        seen.remove(0)
    }

    /// Waits until the first request is as `probe` wants it.
    pub async fn until(&self, what: &str, probe: impl Fn(&Seen) -> bool) -> Seen {
        eventually(what, || self.seen().into_iter().next().filter(&probe)).await
    }
}

impl Seen {
    /// The first value of a header, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.raw_header(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The first value of a header, as bytes.
    pub fn raw_header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }
}

impl Cases {
    /// The script of that name; an unknown one answers a plain chat completion.
    pub(crate) fn named(&self, id: &str) -> Arc<State> {
        Arc::clone(self.0.lock().unwrap().entry(id.to_owned()).or_default())
    }
}

impl State {
    /// Writes a request down and says how to answer it.
    pub(crate) fn enter(self: &Arc<Self>, mut request: Seen) -> (Entry, Answer) {
        request.at = Some(Instant::now());
        let mut seen = self.seen.lock().unwrap();
        seen.push(request);
        let index = seen.len() - 1;
        let answers = self.answers.lock().unwrap();
        let answer = answers.get(index).or_else(|| answers.last()).cloned();
        (
            Entry {
                state: Arc::clone(self),
                index,
            },
            answer.unwrap_or_else(sample::chat),
        )
    }
}

impl Entry {
    /// Adds to what is known of the request.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.state.seen.lock().unwrap()[self.index]);
    }
}

fn port() -> TcpListener {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.set_nonblocking(true).expect("a socket option");
    TcpListener::from_std(listener).expect("a listener")
}
