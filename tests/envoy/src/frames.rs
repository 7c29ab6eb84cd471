//! An HTTP body that is fed from outside, frame by frame, and can break off.
//!
//! Invariant: a body that ends in [`Broken`] never ends cleanly on the wire; hyper closes the connection or resets the
//! stream.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame};
use tokio::sync::{mpsc, watch};

/// The body; made together with its [`Feed`] by [`Feed::new`].
pub struct Frames {
    frames: mpsc::Receiver<Result<Frame<Bytes>, Broken>>,
    /// Frames handed over.
    taken: usize,
    /// `taken` when hyper last had nothing to do but to flush.
    flushed: watch::Sender<usize>,
}

/// The end at which a body is written.
pub struct Feed {
    frames: mpsc::Sender<Result<Frame<Bytes>, Broken>>,
    flushed: watch::Receiver<usize>,
    sent: AtomicUsize,
}

/// The deliberate end of a body that was not finished.
#[derive(Debug)]
pub struct Broken;

impl Feed {
    /// A body and the end to write it at. A frame waits until the one before was taken.
    pub fn new() -> (Self, Frames) {
        let (sender, frames) = mpsc::channel(1);
        let (flushed, watched) = watch::channel(0);
        (
            Self {
                frames: sender,
                flushed: watched,
                sent: AtomicUsize::new(0),
            },
            Frames {
                frames,
                taken: 0,
                flushed,
            },
        )
    }

    /// Sends one chunk; false when nobody reads any more.
    pub async fn chunk(&self, bytes: impl Into<Bytes>) -> bool {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.frames
            .send(Ok(Frame::data(bytes.into())))
            .await
            .is_ok()
    }

    /// Sends trailers; the body ends when the feed is dropped.
    pub async fn trailers(&self, trailers: HeaderMap) -> bool {
        self.frames
            .send(Ok(Frame::trailers(trailers)))
            .await
            .is_ok()
    }

    /// Breaks the body off, after what was sent so far has left.
    pub async fn cut(mut self) {
        let sent = self.sent.load(Ordering::Relaxed);
        drop(self.flushed.wait_for(|flushed| *flushed == sent).await);
        drop(self.frames.send(Err(Broken)).await);
    }

    /// Returns when the reader went away.
    pub async fn abandoned(&self) {
        self.frames.closed().await;
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = self.frames.poll_recv(cx);
        if polled.is_pending() {
            self.flushed.send_replace(self.taken);
        } else {
            self.taken += 1;
        }
        polled
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off on purpose")
    }
}

impl std::error::Error for Broken {}
