//! The ordinary client: HTTP/1.1 or HTTP/2, one connection a call, chunks as they arrive.
//!
//! Invariant: a [`Reply`] that is dropped or hung up closes its connection at once, as a client that leaves does.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::fake::{CASE_HEADER, Case};
use crate::frames::{Broken, Feed};
use crate::wire::RawReply;
use crate::{RUNTIME, within};

pub(crate) type Payload = BoxBody<Bytes, Broken>;

/// A call to be made.
pub struct Call {
    address: SocketAddr,
    method: String,
    path: String,
    headers: HeaderMap,
    body: Payload,
    http2: bool,
}

/// An answer whose head has come.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    body: Incoming,
    trailers: HeaderMap,
    connection: JoinHandle<()>,
}

impl Call {
    /// A call without a body to that address.
    pub fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let body = Empty::new().map_err(|never| match never {}).boxed();
        let (method, path) = (method.to_owned(), path.to_owned());
        Self {
            address,
            method,
            path,
            headers: HeaderMap::new(),
            body,
            http2: false,
        }
        .header("host", "gateway.test")
    }

    /// Adds a header; the same name again adds a second field.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.headers.append(
            name,
            HeaderValue::from_bytes(value.as_ref()).expect("a header value"),
        );
        self
    }

    /// Calls the server by that name.
    pub fn host(mut self, name: &str) -> Self {
        let name = HeaderValue::from_str(name).expect("a header value");
        self.headers.insert("host", name);
        self
    }

    /// Asks the fake to answer by that script.
    pub fn case(self, case: &Case) -> Self {
        self.header(CASE_HEADER, case.id())
    }

    /// Sends these bytes with their length stated.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Full::new(bytes.into())
            .map_err(|never| match never {})
            .boxed();
        self
    }

    /// Sends these bytes in pieces of that size and of unknown length, or with their length stated.
    pub fn framed(mut self, bytes: Vec<u8>, piece: Option<usize>) -> Self {
        let Some(size) = piece else {
            return self.body(bytes);
        };
        let (feed, frames) = Feed::new();
        self.body = frames.boxed();
        RUNTIME.spawn(feed_all(feed, bytes, size));
        self
    }

    /// Sends JSON, compact.
    pub fn json(self, value: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(value.to_string())
    }

    /// Sends a body of unknown length that the test feeds.
    pub fn upload(mut self) -> (Feed, Self) {
        let (feed, frames) = Feed::new();
        self.body = frames.boxed();
        (feed, self)
    }

    /// Speaks HTTP/2 with prior knowledge.
    pub const fn http2(self) -> Self {
        self.over_http2(true)
    }

    /// Speaks HTTP/2 with prior knowledge, or HTTP/1.1.
    pub const fn over_http2(mut self, http2: bool) -> Self {
        self.http2 = http2;
        self
    }

    /// Makes the call and waits for the head of the answer.
    pub async fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.path);
        let reply = within(&what, self.try_send()).await;
        reply.unwrap_or_else(|error| panic!("{what} got no answer: {error}"))
    }

    /// Makes the call and reads the answer to its end, which must be a clean one.
    pub async fn complete(self) -> RawReply {
        self.send().await.raw().await
    }

    /// Makes the call; an error when there is no answer at all.
    pub async fn try_send(self) -> Result<Reply, hyper::Error> {
        let reply = self.reach().await;
        reply.expect("the gateway accepts connections")
    }

    /// The same; `None` when the gateway accepts no connection.
    pub async fn reach(self) -> Option<Result<Reply, hyper::Error>> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        Some(self.send_over(stream).await)
    }

    async fn send_over(self, stream: TcpStream) -> Result<Reply, hyper::Error> {
        stream.set_nodelay(true).expect("a socket option");
        let stream = TokioIo::new(stream);
        let is_http2 = self.http2;
        let mut request = self.into_request();
        let (response, connection) = if is_http2 {
            request.headers_mut().remove("host");
            let (mut sender, connection) =
                conn::http2::handshake(TokioExecutor::new(), stream).await?;
            let connection = RUNTIME.spawn(async move { drop(connection.await) });
            (
                sender.send_request(request).await,
                Closing(Some(connection)),
            )
        } else {
            let (mut sender, connection) = conn::http1::handshake(stream).await?;
            let connection = RUNTIME.spawn(async move { drop(connection.await) });
            (
                sender.send_request(request).await,
                Closing(Some(connection)),
            )
        };
        Ok(Reply::new(response?, connection.into_inner()))
    }

    /// The call as a request.
    pub(crate) fn into_request(self) -> Request<Payload> {
        let mut request = Request::builder().method(self.method.as_str());
        if self.http2 {
            request = request.uri(format!("http://gateway.test{}", self.path));
        } else {
            request = request.uri(self.path.as_str());
        }
        let mut request = request.body(self.body).expect("a well-formed request");
        *request.headers_mut() = self.headers;
        request
    }
}

async fn feed_all(feed: Feed, bytes: Vec<u8>, size: usize) {
    for piece in bytes.chunks(size) {
        if !feed.chunk(piece.to_vec()).await {
            return;
        }
    }
}

/// Closes the connection of a call that is given up before its answer came.
struct Closing(Option<JoinHandle<()>>);

impl Closing {
    fn into_inner(mut self) -> JoinHandle<()> {
        self.0.take().expect("taken once")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.abort();
        }
    }
}

impl Reply {
    pub(crate) fn new(response: Response<Incoming>, connection: JoinHandle<()>) -> Self {
        let (head, body) = response.into_parts();
        let (status, headers) = (head.status.as_u16(), head.headers);
        Self {
            status,
            headers,
            body,
            trailers: HeaderMap::new(),
            connection,
        }
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The next piece of the body: `Ok(None)` at its clean end, an error when it was cut.
    pub async fn try_chunk(&mut self) -> Result<Option<Bytes>, hyper::Error> {
        loop {
            let Some(frame) = within("the next chunk", self.body.frame()).await else {
                return Ok(None);
            };
            match frame?.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(rest) => self.trailers = rest.into_trailers().unwrap_or_default(),
            }
        }
    }

    /// The next piece of a body that is not at its end.
    pub async fn chunk(&mut self) -> Bytes {
        self.try_chunk()
            .await
            .expect("the answer was cut")
            .expect("the answer ended")
    }

    /// Pieces up to `bytes`, which must come and be exactly those.
    pub async fn expect_bytes(&mut self, bytes: &[u8]) {
        let mut got = Vec::new();
        while got.len() < bytes.len() {
            got.extend_from_slice(&self.chunk().await);
        }
        assert_eq!(
            String::from_utf8_lossy(&got),
            String::from_utf8_lossy(bytes)
        );
    }

    /// The rest of the body, and whether it ended cleanly.
    pub async fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        loop {
            match self.try_chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return (bytes, true),
                Err(_) => return (bytes, false),
            }
        }
    }

    /// The whole body, which must end cleanly.
    pub async fn bytes(&mut self) -> Vec<u8> {
        let (bytes, clean) = self.rest().await;
        assert!(
            clean,
            "the answer was cut after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes
    }

    /// The whole body as text.
    pub async fn text(&mut self) -> String {
        String::from_utf8(self.bytes().await).expect("a body in UTF-8")
    }

    /// The whole body as JSON.
    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }

    /// Everything at once, in the form of the raw client; the body must end cleanly.
    pub async fn raw(mut self) -> RawReply {
        let body = self.bytes().await;
        self.with(body)
    }

    /// The head and what was read of the body, in the form of the raw client.
    pub fn with(&self, body: Vec<u8>) -> RawReply {
        let field = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string(), value.as_bytes().to_vec())
        };
        RawReply {
            status: self.status,
            headers: self.headers.iter().map(field).collect(),
            body,
            bytes: Vec::new(),
        }
    }

    /// A trailer; known when the body was read to its end.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// Leaves, whatever is still to come.
    pub fn hang_up(self) {
        drop(self);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
