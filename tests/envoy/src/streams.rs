//! A client that makes its calls at once, over one HTTP/2 connection.

use std::net::SocketAddr;

use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::client::{Call, Payload, Reply};
use crate::{RUNTIME, within};

/// The connection; it ends when this and every call of it is dropped.
#[derive(Clone)]
pub struct Streams(SendRequest<Payload>);

impl Streams {
    /// Connects to that address.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await;
        let stream = TokioIo::new(stream.expect("the gateway accepts connections"));
        let shaken = within(
            "an HTTP/2 connection",
            handshake(TokioExecutor::new(), stream),
        )
        .await;
        let (sender, connection) = shaken.expect("a connection");
        RUNTIME.spawn(async move { drop(connection.await) });
        Self(sender)
    }

    /// Makes the call, whatever its own address; an error when there is no answer at all. Who drops this, or the answer,
    /// resets the stream.
    pub async fn send(&self, call: Call) -> Result<Reply, hyper::Error> {
        let mut request = call.http2().into_request();
        request.headers_mut().remove("host");
        let mut sender = self.0.clone();
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        // The connection is the other calls' too.
        Ok(Reply::new(response, RUNTIME.spawn(async {})))
    }
}
