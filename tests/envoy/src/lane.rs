//! A client that makes its calls one after the other over one connection, as long as that stands.

use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

use crate::client::{Call, Payload};
use crate::{RUNTIME, RawReply, within};

/// The connection, made anew where the gateway has ended it.
pub struct Lane {
    address: SocketAddr,
    sender: Option<SendRequest<Payload>>,
}

impl Lane {
    /// A lane to that address.
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            sender: None,
        }
    }

    /// Makes the call over HTTP/1.1, whatever its own address; the answer, and whether it ended cleanly.
    pub async fn complete(&mut self, call: Call) -> (RawReply, bool) {
        within("a call", self.exchange(call)).await
    }

    async fn exchange(&mut self, call: Call) -> (RawReply, bool) {
        let is_open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            self.sender = Some(self.connect().await);
        }
        let sender = self.sender.as_mut().expect("it is connected");
        let answer = sender.send_request(call.into_request()).await;
        let (head, mut body) = answer.expect("there is an answer").into_parts();
        let (mut bytes, mut is_whole) = (Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(data) => bytes.extend_from_slice(&data.unwrap_or_default()),
                Err(_) => is_whole = false,
            }
        }
        let fields = head.headers.iter();
        let headers = fields.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let reply = RawReply {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: bytes,
            bytes: Vec::new(),
        };
        (reply, is_whole)
    }

    async fn connect(&self) -> SendRequest<Payload> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.expect("the gateway accepts connections");
        stream.set_nodelay(true).expect("a socket option");
        let shaken = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.expect("a connection");
        RUNTIME.spawn(async move { drop(connection.await) });
        sender
    }
}
