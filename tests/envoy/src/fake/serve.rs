//! The plain and the TLS port: hyper servers that play scripts.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, Step};
use super::{CASE_HEADER, Cases, Entry, Seen};
use crate::frames::{Feed, Frames};

/// Serves HTTP/1.1 and HTTP/2 without TLS.
pub(super) async fn plain(listener: TcpListener, cases: Arc<Cases>) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        tokio::spawn(connection(stream, Arc::clone(&cases), None));
    }
}

/// Serves HTTP/2 or HTTP/1.1 over TLS, as the caller prefers.
pub(super) async fn encrypted(listener: TcpListener, cases: Arc<Cases>, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        let (acceptor, cases) = (acceptor.clone(), Arc::clone(&cases));
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let sni = stream.get_ref().1.server_name().map(str::to_owned);
                connection(stream, cases, sni).await;
            }
        });
    }
}

async fn connection<S>(stream: S, cases: Arc<Cases>, sni: Option<String>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| exchange(request, Arc::clone(&cases), sni.clone()));
    drop(
        auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

async fn exchange(
    request: Request<Incoming>,
    cases: Arc<Cases>,
    sni: Option<String>,
) -> Result<Response<Frames>, Infallible> {
    let (head, body) = request.into_parts();
    let mut headers = fields(&head.headers);
    if let Some(authority) = head
        .uri
        .authority()
        .filter(|_| !head.headers.contains_key(HOST))
    {
        headers.insert(
            0,
            ("host".to_owned(), authority.as_str().as_bytes().to_vec()),
        );
    }
    let path = head
        .uri
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let (method, version) = (head.method.to_string(), format!("{:?}", head.version));
    let seen = Seen {
        method,
        path,
        headers,
        version,
        sni,
        ..Seen::default()
    };
    let case = seen.header(CASE_HEADER).unwrap_or_default();
    let (entry, answer) = cases.named(&case).enter(seen);
    let guard = Unfinished(entry.clone());
    let upload = tokio::spawn(receive(body, entry.clone()));
    if !answer.early {
        drop(upload.await);
    }
    if let Some(gate) = &answer.hold {
        gate.passed().await;
    }
    tokio::time::sleep(answer.late).await;
    let response = head_of(&answer);
    let (feed, frames) = Feed::new();
    tokio::spawn(play(answer, feed, guard));
    Ok(response.map(|()| frames))
}

/// Notes a caller that goes away while the answer is still held back: hyper then drops the service's future.
struct Unfinished(Entry);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.note(|seen| seen.abandoned |= !seen.answered);
    }
}

async fn receive(mut body: Incoming, entry: Entry) {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return entry.note(|seen| seen.abandoned = true);
        };
        match frame.into_data() {
            Ok(data) => entry.note(|seen| seen.body.extend_from_slice(&data)),
            Err(rest) => entry
                .note(|seen| seen.trailers = rest.trailers_ref().map(fields).unwrap_or_default()),
        }
    }
    entry.note(|seen| seen.complete = true);
}

fn head_of(answer: &Answer) -> Response<()> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(
            name,
            HeaderValue::from_bytes(value).expect("a header value"),
        );
    }
    if let Some(length) = answer.length {
        response = response.header("content-length", length);
    }
    response.body(()).expect("a response head")
}

async fn play(answer: Answer, feed: Feed, guard: Unfinished) {
    let mut trailers = HeaderMap::new();
    for step in answer.steps {
        let going = match step {
            Step::Chunk(bytes) => feed.chunk(bytes).await,
            Step::Cut => {
                guard.0.note(|seen| seen.answered = true);
                return feed.cut().await;
            }
            Step::Gate(gate) => {
                tokio::select! { () = gate.passed() => true, () = feed.abandoned() => false }
            }
            Step::Hang => {
                feed.abandoned().await;
                false
            }
            Step::Pause(time) => {
                tokio::time::sleep(time).await;
                true
            }
            Step::Trailer(name, value) => {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a trailer name");
                trailers.insert(
                    name,
                    HeaderValue::from_str(&value).expect("a trailer value"),
                );
                true
            }
        };
        if !going {
            return;
        }
    }
    if trailers.is_empty() || feed.trailers(trailers).await {
        guard.0.note(|seen| seen.answered = true);
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}
