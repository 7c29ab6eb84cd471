//! `otel` of a gateway: where its calls are sent as traces, in the contract's fields and a `cluster` of ours.

use std::rc::Rc;
use std::time::Duration;

use super::super::section::{Field, Kind};
use super::super::{Environment, kind};
use super::{Batch, Form, Sink, Target, target};

/// Reads a gateway's list. `owner`: its id, and the account that it is for.
pub(in super::super) fn read_all(
    list: &Field<'_>,
    owner: (Option<&str>, Option<&str>),
    environment: Environment<'_>,
) -> Option<Vec<Rc<Sink>>> {
    let entries = list.items()?;
    let targets: Vec<_> = entries.iter().map(|it| read(it, environment)).collect();
    let targets: Option<Vec<_>> = targets.into_iter().collect();
    let (id, account) = (owner.0.unwrap_or_default(), owner.1);
    let place = account.unwrap_or("_");
    let sink = |(index, (target, form))| {
        Rc::new(Sink {
            name: format!("otel/{place}/{id}/{index}"),
            form,
            target,
            batch: Batch {
                records: 500,
                bytes: 1 << 20,
                wait: Duration::from_secs(1),
            },
            gzip: false,
            timeout: Duration::from_secs(10),
            queue_bytes: 4 << 20,
            payloads: true,
            gateway: Some((id.to_owned(), account.map(str::to_owned))),
        })
    };
    Some(targets?.into_iter().enumerate().map(sink).collect())
}

fn read(entry: &Field<'_>, environment: Environment<'_>) -> Option<(Target, Form)> {
    let mut section = entry.section()?;
    let url = section
        .field("url")
        .required("the address of a collector, such as https://collector.example.com/v1/traces")
        .text(&URL);
    let cluster = section
        .field("cluster")
        .required("the name of the cluster that leads to the url's host")
        .text(&kind::CLUSTER);
    let headers = target::read_headers(&section.field("headers"), environment);
    let authorization = section.field("authorization");
    let secret = target::read_variable(&authorization, environment);
    let content_type = section.field("content_type");
    let form = content_type.choice(&[("json", Form::SpansJson), ("protobuf", Form::SpansProtobuf)]);
    let is_default = !content_type.is_given();
    section.finish();
    let mut headers = headers?;
    headers.extend(secret.map(|secret| ("authorization".to_owned(), secret)));
    let (authority, path) = url?;
    let target = Target {
        cluster: cluster?,
        authority,
        path,
        headers,
    };
    let form = form.or(is_default.then_some(Form::SpansJson))?;
    Some((target, form))
}

/// The host and the path of an address. Whether it is encrypted, the cluster says.
const URL: Kind<(String, String)> = Kind {
    wanted: "an http:// or https:// address, without a user name or a fragment",
    parse: |text| {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/v1/traces"),
        };
        Some(((kind::HOST.parse)(authority)?, (target::PATH.parse)(path)?))
    },
};
