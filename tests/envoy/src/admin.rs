//! Envoy's admin port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::LIMIT;
use crate::wire::RawReply;

/// An Envoy seen from its admin port.
#[derive(Clone, Copy)]
pub(crate) struct Admin(pub(crate) SocketAddr);

impl Admin {
    /// Every statistic whose name matches the expression: `name: value` a line.
    pub(crate) fn stats(self, filter: &str) -> String {
        http_get(self.0, &format!("/stats?filter={filter}"))
            .expect("the admin port answers")
            .1
    }

    /// Every metric, in Prometheus' text format.
    pub(crate) fn prometheus(self) -> String {
        let (status, text) = http_get(self.0, "/stats/prometheus").expect("the admin port answers");
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Tells the Envoy to do something.
    pub(crate) fn post(self, path: &str) {
        let (status, text) = ask(self.0, "POST", path).expect("the admin port answers");
        assert_eq!(status, 200, "{text}");
    }

    /// One part of the configuration in force.
    pub(crate) fn config_dump(self, resource: &str) -> Value {
        let (_, dump) = http_get(self.0, &format!("/config_dump?mask={resource}"))
            .expect("the admin port answers");
        let dump: Value = serde_json::from_str(&dump).expect("JSON");
        dump["configs"][0].clone()
    }

    /// Where the listener of that name stands, or without a name the first that has a port; `None` while there is none.
    pub(crate) fn listener(self, name: Option<&str>) -> Option<SocketAddr> {
        let (_, listeners) = http_get(self.0, "/listeners?format=json")?;
        let listeners: Value = serde_json::from_str(&listeners).ok()?;
        let named = |listener: &&Value| name.is_none_or(|name| listener["name"] == name);
        let mut listeners = listeners["listener_statuses"]
            .as_array()?
            .iter()
            .filter(named);
        listeners.find_map(|listener| {
            let address = &listener["local_address"]["socket_address"];
            format!("{}:{}", address["address"].as_str()?, address["port_value"])
                .parse()
                .ok()
        })
    }
}

/// The value behind the first name that ends like this; 0 when there is none.
pub(crate) fn count(stats: &str, name: &str) -> u64 {
    let line = stats
        .lines()
        .find_map(|line| line.split_once(name)?.1.strip_prefix(": "));
    line.map_or(0, |value| value.parse().expect("a number"))
}

/// A GET without a runtime; `None` when nothing comes back.
pub(crate) fn http_get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    ask(address, "GET", path)
}

fn ask(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let reply = RawReply::parse(answer);
    Some((
        reply.status,
        String::from_utf8_lossy(&reply.body).into_owned(),
    ))
}
