//! The cluster, the address and the header fields of a sink.
//!
//! Invariant: a header value is shown nowhere, since it may be a credential in a wrong place.

use super::super::key::Secret;
use super::super::node::Node;
use super::super::section::{Field, Kind, Section};
use super::super::{Environment, kind};
use super::Form;

/// Where a sink's requests go.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The cluster.
    pub cluster: String,
    /// What it is called there: `:authority`.
    pub authority: String,
    /// Path and query. A query may hold a credential.
    pub path: String,
    /// Further header fields, names in lower case.
    pub headers: Vec<(String, Secret)>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("cluster", &self.cluster)
            .field("authority", &self.authority)
            .field("path", &format_args!("***"))
            .field("headers", &self.headers)
            .finish()
    }
}

/// Reads the fields of a sink that say where it is.
pub(super) fn read(
    section: &mut Section<'_>,
    form: Option<Form>,
    environment: Environment<'_>,
) -> Option<Target> {
    let cluster = section
        .field("cluster")
        .required("the name of its cluster")
        .text(&kind::CLUSTER);
    let authority = section
        .field("authority")
        .required("its host, such as logs.example.com:8123")
        .text(&kind::HOST);
    let path = section.field("path");
    let is_default = !path.is_given();
    let default = match form {
        Some(Form::SpansJson | Form::SpansProtobuf) => "/v1/traces",
        Some(Form::Loki) => "/loki/api/v1/push",
        Some(Form::Lines) | None => "/",
    };
    let path = path
        .text(&PATH)
        .or_else(|| is_default.then(|| default.to_owned()));
    let headers = read_headers(&section.field("headers"), environment);
    Some(Target {
        cluster: cluster?,
        authority: authority?,
        path: path?,
        headers: headers?,
    })
}

/// An object of header fields: text, or `{environment_variable}`.
pub(super) fn read_headers(
    field: &Field<'_>,
    environment: Environment<'_>,
) -> Option<Vec<(String, Secret)>> {
    let mut headers = Vec::new();
    let mut is_good = true;
    for (name, value) in field.section()?.entries() {
        let known = (NAME.parse)(name);
        if known.is_none() {
            value.fault(format!("must have {} for a name", NAME.wanted));
        }
        let text = if matches!(value.node, Some(Node::Map(_))) {
            read_variable_of(&value, environment)
        } else {
            value.text(&VALUE).map(Secret)
        };
        match known.zip(text) {
            Some(header) => headers.push(header),
            None => is_good = false,
        }
    }
    is_good.then_some(headers)
}

fn read_variable_of(value: &Field<'_>, environment: Environment<'_>) -> Option<Secret> {
    let mut section = value.section()?;
    let variable = section
        .field("environment_variable")
        .required("the variable of the VM's environment that holds the value");
    let secret = read_variable(&variable, environment);
    section.finish();
    secret
}

/// A header value out of the environment. The name of the variable is not repeated: it may be the credential.
pub(super) fn read_variable(field: &Field<'_>, environment: Environment<'_>) -> Option<Secret> {
    let name = field.text(&kind::VARIABLE)?;
    let fault = match environment(&name).as_deref().map(str::trim) {
        None => "is not set in the VM's environment: add it to vm_config.environment_variables",
        Some("") => "is empty in the VM's environment: give it the text of the header",
        Some(text) => match (VALUE.parse)(text) {
            Some(value) => return Some(Secret(value)),
            None => "holds what no header can carry: visible ASCII and spaces can be",
        },
    };
    field.fault(fault);
    None
}

/// Path and query.
pub(super) const PATH: Kind<String> = Kind {
    wanted: "a path such as /v1/traces: a / and up to 2047 visible ASCII characters without #",
    parse: |text| {
        let is_visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        let is_path = text.starts_with('/') && text.len() <= 2048 && text.bytes().all(is_visible);
        is_path.then(|| text.to_owned())
    },
};

/// A header that is not for the proxy to write.
const NAME: Kind<String> = Kind {
    wanted: "a header name such as x-api-key, none of host, connection, content-length, content-encoding and \
        transfer-encoding",
    parse: |text| {
        let name = (kind::NAME.parse)(text)?.to_ascii_lowercase();
        let is_taken = [
            "host",
            "connection",
            "content-length",
            "content-encoding",
            "transfer-encoding",
            "te",
            "upgrade",
        ]
        .contains(&name.as_str());
        (!is_taken && !name.starts_with("x-envoy-")).then_some(name)
    },
};

const VALUE: Kind<String> = Kind {
    wanted: "the text of a header: 1 to 4096 visible ASCII characters and spaces, or {environment_variable}",
    parse: |text| {
        let is_text = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let fits = (1..=4096).contains(&text.len()) && text.bytes().all(is_text);
        (fits && text.trim() == text).then(|| text.to_owned())
    },
};
