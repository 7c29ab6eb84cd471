//! An HTTP body that is fed from outside, frame by frame, and can break off.
//!
//! Invariant: a body that ends in [`Broken`] never ends cleanly on the wire; hyper closes the connection or resets the
//! stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// The body; made together with its [`Feed`] by [`Feed::new`].
pub struct Frames(mpsc::Receiver<Result<Frame<Bytes>, Broken>>);

/// The end at which a body is written.
pub struct Feed(mpsc::Sender<Result<Frame<Bytes>, Broken>>);

/// The deliberate end of a body that was not finished.
#[derive(Debug)]
pub struct Broken;

impl Feed {
    /// A body and the end to write it at. A frame waits until the one before was taken.
    pub fn new() -> (Self, Frames) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), Frames(receiver))
    }

    /// Sends one chunk; false when nobody reads any more.
    pub async fn chunk(&self, bytes: impl Into<Bytes>) -> bool {
        self.0.send(Ok(Frame::data(bytes.into()))).await.is_ok()
    }

    /// Sends trailers; the body ends when the feed is dropped.
    pub async fn trailers(&self, trailers: HeaderMap) -> bool {
        self.0.send(Ok(Frame::trailers(trailers))).await.is_ok()
    }

    /// Breaks the body off.
    pub async fn cut(self) {
        drop(self.0.send(Err(Broken)).await);
    }

    /// Returns when the reader went away.
    pub async fn abandoned(&self) {
        self.0.closed().await;
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.0.poll_recv(cx)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off on purpose")
    }
}

impl std::error::Error for Broken {}
