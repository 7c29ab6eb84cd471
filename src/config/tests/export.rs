//! Sinks of records: what loads, what is refused, and that no header value is ever shown.

use super::*;

fn sink(fields: Value) -> Value {
    let mut sink = json!({"name": "s", "type": "http", "cluster": "c", "authority": "sink.test"});
    merge(&mut sink, fields);
    with(json!({"export": [sink]}))
}

fn otel(fields: Value) -> Value {
    let mut sink = json!({"url": "https://otel.test/v1/traces", "cluster": "c"});
    merge(&mut sink, fields);
    with_gateway(json!({"account_id": "a", "otel": [sink]}))
}

fn faults_of(configuration: &Value) -> Vec<String> {
    faults(configuration.to_string().as_bytes())
}

#[test]
fn the_least_sink_has_the_documented_defaults() {
    let config = good(&sink(json!({})));
    let wanted = Sink {
        name: "s".to_owned(),
        form: Form::Lines,
        target: Target {
            cluster: "c".to_owned(),
            authority: "sink.test".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
        },
        batch: Batch {
            records: 1000,
            bytes: 1 << 20,
            wait: Duration::from_secs(1),
        },
        gzip: false,
        timeout: Duration::from_secs(10),
        queue_bytes: 16 << 20,
        payloads: false,
        gateway: None,
    };
    assert_eq!(*config.export[0], wanted);
}

#[test]
fn every_setting_of_a_sink_arrives() {
    let config = good(&sink(json!({
        "format": "ndjson", "path": "/?query=INSERT%20INTO%20t", "headers": {"X-Key": "k v", "authorization":
            {"environment_variable": "SLUICE_APP_CREDENTIAL"}},
        "batch": {"records": 1, "bytes": 1024, "seconds": 0}, "gzip": true, "timeout": 300, "queue_bytes": 65536,
        "payloads": true,
    })));
    let sink = &config.export[0];
    let headers = sink.target.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    assert_eq!(headers, [("x-key", "k v"), ("authorization", "app-secret")]);
    assert_eq!(sink.target.path, "/?query=INSERT%20INTO%20t");
    let batch = Batch {
        records: 1,
        bytes: 1024,
        wait: Duration::ZERO,
    };
    assert_eq!((sink.batch, sink.gzip, sink.payloads), (batch, true, true));
    assert_eq!(
        (sink.timeout, sink.queue_bytes),
        (Duration::from_secs(300), 65536)
    );
}

#[test]
fn the_type_and_its_form_say_what_is_sent_and_where() {
    for (fields, form, path) in [
        (json!({}), Form::Lines, "/"),
        (json!({"format": "loki"}), Form::Loki, "/loki/api/v1/push"),
        (json!({"type": "otlp"}), Form::SpansProtobuf, "/v1/traces"),
        (
            json!({"type": "otlp", "encoding": "json"}),
            Form::SpansJson,
            "/v1/traces",
        ),
        (
            json!({"type": "otlp", "encoding": "protobuf", "path": "/x"}),
            Form::SpansProtobuf,
            "/x",
        ),
    ] {
        let config = good(&sink(fields));
        let sink = &config.export[0];
        assert_eq!((sink.form, sink.target.path.as_str()), (form, path));
    }
}

#[test]
fn the_otel_of_a_gateway_is_a_sink_for_its_own_records() {
    let config = good(&otel(json!({
        "url": "https://otel.test:4318/x/traces?a=b", "headers": {"x-team": "t"}, "content_type": "protobuf",
        "authorization": "SLUICE_APP_CREDENTIAL",
    })));
    let sink = config.sinks().next().unwrap();
    assert_eq!(
        (sink.name.as_str(), sink.form),
        ("otel/a/my-gateway/0", Form::SpansProtobuf)
    );
    assert_eq!(sink.target.authority, "otel.test:4318");
    assert_eq!(sink.target.path, "/x/traces?a=b");
    let headers = sink.target.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.as_str(), value.reveal()))
        .collect();
    assert_eq!(headers, [("x-team", "t"), ("authorization", "app-secret")]);
    assert_eq!(
        sink.gateway,
        Some(("my-gateway".to_owned(), Some("a".to_owned())))
    );
    assert!(sink.payloads);
    let least = good(&otel(json!({"url": "http://otel.test"})));
    let sink = least.sinks().next().unwrap();
    assert_eq!(
        (sink.form, sink.target.path.as_str()),
        (Form::SpansJson, "/v1/traces")
    );
}

#[test]
fn bad_sinks_are_refused() {
    for (fields, fault) in [
        (
            json!({"name": null}),
            "name: is missing: write a name for its numbers, such as clickhouse",
        ),
        (
            json!({"type": null}),
            "type: is missing: write http or otlp",
        ),
        (
            json!({"type": "kafka"}),
            "type: must be one of http, otlp, found \"kafka\"",
        ),
        (
            json!({"encoding": "json"}),
            "encoding: is a setting of type otlp: remove it",
        ),
        (
            json!({"type": "otlp", "format": "loki"}),
            "format: is a setting of type http: remove it",
        ),
        (
            json!({"format": "csv"}),
            "format: must be one of ndjson, loki, found \"csv\"",
        ),
        (
            json!({"cluster": null}),
            "cluster: is missing: write the name of its cluster",
        ),
        (
            json!({"authority": null}),
            "authority: is missing: write its host, such as logs.example.com:8123",
        ),
    ] {
        assert_eq!(faults_of(&sink(fields)), [format!("export[0].{fault}")]);
    }
}

#[test]
fn bad_places_and_sizes_of_sinks_are_refused() {
    let path = "a path such as /v1/traces: a / and up to 2047 visible ASCII characters without #";
    let value = "the text of a header: 1 to 4096 visible ASCII characters and spaces, or {environment_variable}";
    for (fields, fault) in [
        (json!({"path": "x"}), &*format!("path: must be {path}")),
        (json!({"path": "/a b"}), &format!("path: must be {path}")),
        (
            json!({"headers": {"x-key": "a\nb"}}),
            &format!("headers.x-key: must be {value}"),
        ),
        (
            json!({"headers": {"x-key": ["a"]}}),
            &format!("headers.x-key: must be {value}, found a list"),
        ),
        (
            json!({"headers": {"x-key": {}}}),
            "headers.x-key.environment_variable: is missing: write the variable of the \
            VM's environment that holds the value",
        ),
        (
            json!({"headers": {"x-key": {"environment_variable": "NONE"}}}),
            "headers.x-key.environment_variable: is not set \
            in the VM's environment: add it to vm_config.environment_variables",
        ),
        (
            json!({"headers": {"x-key": {"environment_variable": "EMPTY"}}}),
            "headers.x-key.environment_variable: is empty \
            in the VM's environment: give it the text of the header",
        ),
        (
            json!({"batch": {"records": 0}}),
            "batch.records: 0 is below the minimum of 1 record",
        ),
        (
            json!({"batch": {"bytes": 70_000}, "queue_bytes": 65_536}),
            "batch.bytes: 70000 is above queue_bytes, which is \
            65536: lower it",
        ),
        (
            json!({"timeout": 0}),
            "timeout: 0 is below the minimum of 1 second",
        ),
        (json!({"gzipp": 1}), "gzipp: is unknown: did you mean gzip?"),
    ] {
        assert_eq!(faults_of(&sink(fields)), [format!("export[0].{fault}")]);
    }
}

#[test]
fn headers_that_are_the_proxys_are_refused() {
    for name in ["host", "Content-Length", "x-envoy-x", ":path"] {
        let faults = faults_of(&sink(json!({"headers": {name: "secret-text"}})));
        assert!(
            faults.len() == 1 && faults[0].contains("must have a header name"),
            "{faults:?}"
        );
    }
}

#[test]
fn bad_otel_entries_are_refused() {
    let url = "an http:// or https:// address, without a user name or a fragment";
    for (fields, fault) in [
        (
            json!({"url": null}),
            "url: is missing: write the address of a collector, such as \
            https://collector.example.com/v1/traces",
        ),
        (json!({"url": "otel.test"}), &format!("url: must be {url}")),
        (
            json!({"url": "https://u:secret-text@otel.test/"}),
            &format!("url: must be {url}"),
        ),
        (
            json!({"cluster": null}),
            "cluster: is missing: write the name of the cluster that leads to the url's host",
        ),
        (
            json!({"content_type": "text"}),
            "content_type: must be one of json, protobuf, found \"text\"",
        ),
        (
            json!({"authorization": "Bearer secret-text"}),
            "authorization: must be the name of an environment variable: \
            A-Z, a-z, 0-9 and _, without a leading digit",
        ),
    ] {
        assert_eq!(
            faults_of(&otel(fields)),
            [format!("gateways[0].otel[0].{fault}")]
        );
    }
}

#[test]
fn names_are_distinct_and_queues_fit_into_memory() {
    let sink = |name: &str, queue: u64| json!({"name": name, "type": "http", "cluster": "c", "authority": "s.test", "queue_bytes": queue});
    let twice = with(json!({"export": [sink("a", 65_536), sink("a", 65_536)]}));
    assert_eq!(
        faults_of(&twice),
        ["export[1]: has the name of export[0]: give it its own name"]
    );
    let large =
        with(json!({"export": [sink("a", 1 << 28), sink("b", 1 << 28), sink("c", 1 << 20)]}));
    let fault = "export: with the otel of gateways it has queues for more than 536870912 bytes: lower queue_bytes";
    assert_eq!(faults_of(&large), [fault]);
    good(&with(
        json!({"export": [sink("a", 1 << 28), sink("b", 1 << 28)]}),
    ));
}

#[test]
fn a_header_value_is_shown_nowhere() {
    let config = good(&sink(json!({
        "path": "/?password=secret-text",
        "headers": {"x-key": "secret-text", "authorization": {"environment_variable": "SLUICE_APP_CREDENTIAL"}},
    })));
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("secret-text") && !shown.contains("app-secret"),
        "{shown}"
    );
    for headers in [
        json!({"x-key": "secret-text\u{1}"}),
        json!({"host": "secret-text"}),
    ] {
        let faults = faults_of(&sink(json!({"headers": headers})));
        assert!(!faults.concat().contains("secret-text"), "{faults:?}");
    }
}
