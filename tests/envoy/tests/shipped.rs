//! Issue: every Envoy configuration in `envoy/` and every configuration in the README is loaded by a test, and
//! `envoy.yaml` serves calls as it stands, but for its clusters.

use std::fs;

use serde_json::{Value, json};
use sluice_e2e::contract::assert_refused;
use sluice_e2e::launch::root;
use sluice_e2e::template::PROVIDERS;
use sluice_e2e::{
    Answer, Call, Case, Gate, Gateway, Lease, RawReply, Shared, Upstream, Wire, eventually, sample,
};

use crate::bodies::{CLIENT_FRAME, handshake, socket};
use crate::routing::ROUTES;

/// `envoy.yaml` with the harness's clusters between its two marks.
static SERVED: Shared = Shared::new(|| serving(&envoy_yaml()));

/// The files in `envoy/`, by name.
fn files() -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("envoy"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|kind| kind == "yaml"));
    yaml.map(|path| {
        (
            path.display().to_string(),
            fs::read_to_string(&path).unwrap(),
        )
    })
    .collect()
}

pub(crate) fn envoy_yaml() -> String {
    fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap()
}

/// The same configuration on free ports, with no way out of this machine: every upstream is a port that is closed.
pub(crate) fn local(yaml: &str) -> String {
    let line = |line: &str| match line.split_once("socket_address: {address: ") {
        Some((before, address)) if address.contains("port_value: 443}") => {
            let (_, after) = address.split_once('}').unwrap();
            format!("{before}socket_address: {{address: 127.0.0.1, port_value: 1}}{after}")
        }
        Some((before, address)) if address.starts_with("127.0.0.1, ") => {
            let (_, after) = address.split_once('}').unwrap();
            format!("{before}socket_address: {{address: 127.0.0.1, port_value: 0}}{after}")
        }
        _ => match line.split_once("host_env_keys: [") {
            // The variables that it may read are set.
            Some((before, names)) => {
                let names = names.trim_end_matches([']', '}']).split(", ");
                let pairs: Vec<_> = names.map(|name| format!("{name}: of-{name}")).collect();
                format!("{before}key_values: {{{}}}}}", pairs.join(", "))
            }
            None => line.to_owned(),
        },
    };
    yaml.lines().map(line).collect::<Vec<_>>().join("\n")
}

pub(crate) fn serving(yaml: &str) -> Gateway {
    let (before, rest) = yaml.split_once("  # providers: begin\n").unwrap();
    let (_, after) = rest.split_once("  # providers: end\n").unwrap();
    let yaml = format!("{before}${{CLUSTER_ITEMS}}{after}");
    crate::gateway()
        .cluster("websocket", Upstream::Raw)
        .cluster("collector", Upstream::H2c)
        .bootstrap(&local(&yaml))
        .start()
}

/// A call that is found again in the log.
fn call(gateway: &Gateway, case: &Case, method: &str, path: &str) -> Call {
    gateway
        .call(method, path)
        .case(case)
        .header("cf-aig-event-id", case.id())
}

/// The access log entry of a call made by [`call`], which the file's own log format tells by its record only.
pub(crate) async fn entry(gateway: &Gateway, case: &Case) -> Value {
    eventually("the access log entry", || {
        gateway.output.access().into_iter().find(|entry| {
            let record: Value = serde_json::from_str(entry["record"].as_str().unwrap_or_default())
                .unwrap_or_default();
            record["event_id"] == case.id()
        })
    })
    .await
}

/// `envoy.yaml`, serving.
pub(crate) fn served() -> Lease {
    SERVED.lease()
}

pub(crate) fn start(yaml: &str) -> Result<Gateway, String> {
    crate::gateway().bootstrap(&local(yaml)).try_start()
}

/// `envoy.yaml` with another plugin configuration in its place, given as YAML.
fn with_configuration(yaml: &str) -> String {
    // The variables that it speaks of are set.
    let names = yaml.split("environment_variable: ").skip(1);
    let names = names.map(|rest| rest.split([',', '}', '\n']).next().unwrap());
    let variables: Vec<_> = names.map(|name| format!("{name}: of-{name}")).collect();
    let variables = format!("{{key_values: {{{}}}}}", variables.join(", "));
    let id = "        vm_id: sluice\n";
    let mut shipped = envoy_yaml();
    if !yaml.contains("console:") {
        // Without its section, the console's listener is refused.
        let (before, rest) = shipped.split_once("  # The control API").unwrap();
        let (_, after) = rest.split_once("  # Inside this Envoy:").unwrap();
        shipped = format!("{before}  # Inside this Envoy:{after}");
    }
    let shipped = shipped.replace(
        id,
        &format!("{id}        environment_variables: {variables}\n"),
    );
    let (before, rest) = shipped
        .split_once("type.googleapis.com/google.protobuf.Struct\n")
        .unwrap();
    let value = rest.lines().next().unwrap();
    let indent = value.len() - value.trim_start().len();
    let deeper =
        |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    let after: Vec<_> = rest.lines().skip(1).skip_while(deeper).collect();
    let new: Vec<_> = yaml
        .lines()
        .map(|line| format!("{}{line}", " ".repeat(indent + 2)))
        .collect();
    let kind = "type.googleapis.com/google.protobuf.Struct";
    format!(
        "{before}{kind}\n{value}\n{}\n{}\n",
        new.join("\n"),
        after.join("\n")
    )
}

#[tokio::test]
async fn every_configuration_in_the_envoy_folder_starts_and_shows_its_calls() {
    let files = files();
    assert!(
        files.iter().any(|(path, _)| path.ends_with("envoy.yaml")),
        "{files:?}"
    );
    for (path, yaml) in files {
        if path.ends_with("direct.yaml") {
            continue; // It needs a newer Envoy than the others: see shipped_direct.
        }
        let gateway = start(&yaml).unwrap_or_else(|error| panic!("{path}: {error}"));
        let reply = gateway.get("/").complete().await;
        assert_ne!(reply.status, 503, "{path}");
        let call = gateway.get("/v1/0123/my-gateway/nobody/x").complete().await;
        assert_eq!(call.status, 400, "{path}");
        eventually("the call in the metrics, with its labels", || {
            let labels = [("gateway", "my-gateway"), ("outcome", "refused")];
            let count = gateway.metrics().sum("sluice_requests_total", &labels);
            (count == 1.0).then_some(())
        })
        .await;
        // The export alone goes without.
        if !path.ends_with("export.yaml") {
            let logs = "/client/v4/accounts/0123/ai-gateway/gateways/my-gateway/logs";
            let reply = gateway.console("GET", &format!("{logs}?per_page=1"));
            assert_eq!(reply.complete().await.status, 200, "{path}");
            let page = gateway.console("GET", "/").complete().await;
            assert_eq!(page.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn every_configuration_in_the_readme_starts() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let fences: Vec<_> = readme
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(
        fences.iter().any(|fence| fence.contains("gateways:")),
        "there is no configuration in the README"
    );
    for fence in fences {
        let whole = fence.contains("static_resources:");
        let yaml = if whole {
            fence.to_owned()
        } else {
            with_configuration(fence)
        };
        start(&yaml)
            .map(drop)
            .unwrap_or_else(|error| panic!("{fence}\n{error}"));
    }
}

#[tokio::test]
async fn a_misspelt_field_in_native_yaml_is_refused_with_its_path() {
    let yaml = with_configuration("gateways:\n- id: a\n  cache_tll: 300\n");
    let log = start(&yaml).map(drop).unwrap_err();
    assert!(log.contains("gateways[0].cache_tll"), "{log}");
}

#[tokio::test]
async fn there_is_a_tls_cluster_with_a_checked_name_for_every_provider() {
    let gateway = start(&envoy_yaml()).unwrap();
    let bootstrap = gateway.bootstrap();
    let clusters = bootstrap["static_resources"]["clusters"]
        .as_array()
        .unwrap();
    for slug in PROVIDERS.iter().filter(|slug| **slug != "outside") {
        let cluster = clusters.iter().find(|cluster| cluster["name"] == *slug);
        let cluster = cluster.unwrap_or_else(|| panic!("no cluster for {slug}"));
        let tls = &cluster["transport_socket"]["typed_config"];
        assert!(
            tls["@type"]
                .as_str()
                .unwrap()
                .ends_with("UpstreamTlsContext"),
            "{slug}"
        );
        let roots = &tls["common_tls_context"]["validation_context"]["trusted_ca"];
        assert!(roots["filename"].is_string(), "{slug}: {tls}");
        let options = &cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
        assert!(
            options["auto_config"].is_object(),
            "{slug} does not offer HTTP/2: {options}"
        );
        let of_host = tls["auto_host_sni"] == true && tls["auto_sni_san_validation"] == true;
        let of_call = &options["upstream_http_protocol_options"];
        let of_call = of_call["auto_sni"] == true && of_call["auto_san_validation"] == true;
        assert!(
            of_host || of_call,
            "{slug}: the certificate's name is not checked: {cluster}"
        );
    }
}

#[tokio::test]
async fn the_example_gateways_are_as_they_are_described() {
    let gateway = start(&envoy_yaml()).unwrap();
    let ask = |id: &str| {
        gateway
            .post(&format!("/v1/any/{id}/openai/chat/completions"))
            .json(&sample::ask("hi"))
    };
    assert_refused(&ask("my-gateway").complete().await, 400, 2005);
    assert_refused(&ask("locked").complete().await, 401, 2009);
    let opened = ask("locked")
        .header("cf-aig-authorization", "Bearer demo-token")
        .complete()
        .await;
    assert_refused(&opened, 400, 2005);
    for turn in 0..6 {
        let (status, code) = if turn < 5 { (400, 2005) } else { (429, 2003) };
        assert_refused(&ask("limited").complete().await, status, code);
    }
    eventually("nine records in the access log", || {
        let entries = gateway.output.access();
        (entries
            .iter()
            .filter(|entry| entry["record"].is_string())
            .count()
            >= 9)
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_keeper_is_in_the_virtual_machine_of_the_filter() {
    let gateway = served();
    let bootstrap = gateway.bootstrap();
    let keeper = &bootstrap["bootstrap_extensions"][0]["typed_config"];
    assert_eq!(keeper["config"]["root_id"], "keeper");
    let listener = &bootstrap["static_resources"]["listeners"][0];
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let mut filters = manager["http_filters"].as_array().unwrap().iter();
    let wasm = filters.find(|filter| filter["name"] == "envoy.filters.http.wasm");
    let filter = &wasm.unwrap()["typed_config"];
    assert_eq!(filter["config"]["root_id"], "gateway");
    assert_eq!(keeper["config"]["vm_config"], filter["config"]["vm_config"]);
}

/// Two providers that the gateway of `routing` sends elsewhere.
const FURTHER_ROUTES: [(&str, &str, &str); 2] = [
    ("cohere/v2/chat", "api.cohere.ai", "/v2/chat"),
    (
        "mistral/chat/completions",
        "api.mistral.ai",
        "/v1/chat/completions",
    ),
];

#[tokio::test]
async fn every_provider_gets_its_call_on_its_own_cluster() {
    let gateway = served();
    let mut without: Vec<_> = PROVIDERS
        .into_iter()
        .filter(|slug| *slug != "outside")
        .collect();
    for (written, host, path) in ROUTES.iter().chain(&FURTHER_ROUTES) {
        let case = gateway.fake.case(sample::chat());
        let url = format!("/v1/0123/my-gateway/{written}");
        let call = call(&gateway, &case, "POST", &url).json(&sample::ask(case.id()));
        assert_eq!(call.complete().await.status, 200, "{written}");
        let seen = case.only();
        assert_eq!(
            (seen.header("host").as_deref(), seen.path.as_str()),
            (Some(*host), *path),
            "{written}"
        );
        let slug = written.split('/').next().unwrap();
        assert_eq!(entry(&gateway, &case).await["cluster"], slug);
        without.retain(|other| *other != slug);
    }
    assert!(without.is_empty(), "no call to {without:?}");
}

#[tokio::test]
async fn a_path_reaches_the_provider_byte_for_byte() {
    let gateway = served();
    for path in [
        "chat%2Fcompletions",
        "chat%2fcompletions%3a%3A",
        "a;b=c/@d:e/~f/",
        "files/x?next=//a/../b&path=%2e%2e%2f&plus=a+b%20c",
        "%41%7e",
    ] {
        let case = gateway.fake.case(sample::chat());
        let url = format!("/v1/0123/my-gateway/groq/{path}");
        let reply = call(&gateway, &case, "GET", &url).complete().await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(case.only().path, format!("/openai/v1/{path}"));
    }
}

#[tokio::test]
async fn a_path_that_means_another_is_refused_and_not_put_right() {
    let gateway = served();
    for path in [
        "/v1/0123/my-gateway/openai/x/../chat/completions",
        "/v1/0123/my-gateway/openai/./chat/completions",
        "/v1/0123/my-gateway/openai/x/%2e%2E/chat/completions",
        "/v1/0123/my-gateway/openai/x/..%2Fchat/completions",
        "/v1/0123/my-gateway/openai//chat/completions",
        "/v1/0123/my-gateway/openai/%2Fchat/completions",
        "/v1/0123/my-gateway//openai/chat/completions",
        "/v1/0123/my-gateway/groq/../openai/chat/completions",
        "/v1/0123/my-gateway/openai/x\\..\\chat/completions",
        "/v1/0123/my-gateway/openai/chat%5Ccompletions",
    ] {
        let case = gateway.fake.case(sample::chat());
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: gateway.test\r\nx-case: {}\r\ncontent-type: application/json\r\n\
             content-length: 2\r\nconnection: close\r\n\r\n{{}}",
            case.id()
        );
        let reply = Wire::exchange(gateway.address(), request).await;
        assert_eq!(
            (reply.status, case.seen().len()),
            (404, 0),
            "{path}: {reply:?}"
        );
        assert_refused(&reply, 404, 2901);
    }
}

/// Header fields that a client sends and a provider gets as they are.
const CLIENT_HEADERS: [(&str, &str); 9] = [
    ("authorization", "Bearer sk-1"),
    ("content-type", "application/json"),
    ("cookie", "a=b"),
    ("openai-beta", "one"),
    ("openai-beta", "two"),
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("user-agent", "Test/1.0"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-request-id", "of-the-client"),
];

/// Header fields that end at the proxy.
const PROXY_HEADERS: [&str; 8] = [
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-internal",
    "x-envoy-max-retries",
    "x-envoy-original-path",
    "x-envoy-upstream-rq-timeout-ms",
    "x-forwarded-proto",
    "x-sluice-cluster",
];

#[tokio::test]
async fn a_provider_gets_the_header_fields_of_its_client_and_no_others() {
    let gateway = served();
    let body = sample::ask("hi").to_string();
    for (sent, http2) in [
        (&CLIENT_HEADERS[..], false),
        (&CLIENT_HEADERS[..], true),
        (&CLIENT_HEADERS[1..2], false),
    ] {
        let case = gateway.fake.case(sample::chat());
        let mut call = call(
            &gateway,
            &case,
            "POST",
            "/v1/0123/my-gateway/openai/chat/completions",
        )
        .header("cf-aig-skip-cache", "true")
        .over_http2(http2)
        .body(body.clone());
        for (name, value) in sent {
            call = call.header(name, value);
        }
        for name in PROXY_HEADERS {
            call = call.header(name, "1");
        }
        let reply = call.complete().await;
        assert_eq!(reply.status, 200);
        let length = body.len().to_string();
        let mut expected = vec![
            ("accept-encoding", "identity"),
            ("content-length", &length),
            ("host", "api.openai.com"),
            ("x-case", case.id()),
        ];
        expected.extend(sent);
        assert_fields(&case.only().headers, expected);
        let names = [
            "cf-aig-cache-status",
            "cf-aig-event-id",
            "cf-aig-log-id",
            "cf-aig-request-id",
            "cf-aig-step",
            "content-length",
            "content-type",
            "date",
        ];
        assert_eq!(names_of(&reply), names);
    }
}

#[tokio::test]
async fn a_call_without_a_body_gets_no_header_field_either() {
    let gateway = served();
    let case = gateway.fake.case(sample::chat().header("server", "theirs"));
    let reply = call(
        &gateway,
        &case,
        "GET",
        "/v1/0123/my-gateway/cartesia/voices",
    )
    .complete()
    .await;
    assert_eq!(
        (reply.status, reply.header("server").as_deref()),
        (200, Some("theirs"))
    );
    assert_fields(
        &case.only().headers,
        vec![("host", "api.cartesia.ai"), ("x-case", case.id())],
    );
}

fn assert_fields(got: &[(String, Vec<u8>)], mut expected: Vec<(&str, &str)>) {
    let text = |(name, value): &(String, Vec<u8>)| {
        (name.clone(), String::from_utf8(value.clone()).unwrap())
    };
    let mut got: Vec<_> = got.iter().map(text).collect();
    got.sort();
    expected.sort_unstable();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(got, expected);
}

fn names_of(reply: &RawReply) -> Vec<&str> {
    let mut names: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_websocket_of_a_provider_goes_through_on_a_cluster_of_its_own() {
    let gateway = served();
    let gate = Gate::new();
    let case = gateway.fake.case(socket(&gate, true));
    let mut wire = Wire::connect(gateway.address()).await;
    wire.send(handshake(
        "/v1/0123/my-gateway/openai/realtime?model=gpt-realtime",
        &case,
    ))
    .await;
    assert!(
        wire.read_until("\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 101")
    );
    wire.read_until("first").await;
    wire.send(CLIENT_FRAME).await;
    let seen = case
        .until("the client's frame", |seen| seen.later == CLIENT_FRAME)
        .await;
    assert_eq!(
        (seen.header("host").as_deref(), seen.path.as_str()),
        (Some("api.openai.com"), "/v1/realtime?model=gpt-realtime")
    );
    gate.open();
    wire.read_until("second").await;
    let entry = entry(&gateway, &case).await;
    assert_eq!(
        (&entry["cluster"], &entry["status"]),
        (&json!("websocket"), &json!(101))
    );
}

#[tokio::test]
async fn a_chat_streams_through_and_is_replayed() {
    let gateway = served();
    let gate = Gate::new();
    let events = sample::chat_events();
    let answer = Answer::events(&events[..2]).gate(&gate);
    let answer = events[2..]
        .iter()
        .fold(answer, |answer, event| answer.chunk(format!("{event}\n\n")));
    let bytes = answer.body();
    let first = Answer::events(&events[..2]).body();
    let case = gateway.fake.case(answer);
    for expected in ["MISS", "HIT"] {
        let call = call(
            &gateway,
            &case,
            "POST",
            "/v1/0123/my-gateway/openai/chat/completions",
        );
        let mut reply = call.json(&sample::ask_stream(case.id())).send().await;
        assert_eq!(reply.header("cf-aig-cache-status"), Some(expected));
        let begun = if expected == "MISS" {
            first.as_slice()
        } else {
            &[]
        };
        reply.expect_bytes(begun).await;
        gate.open();
        assert_eq!([begun, &reply.bytes().await].concat(), bytes);
    }
    assert_eq!(case.seen().len(), 1);
}

/// Access loggers that send each record to a collector, as the README says.
const OPEN_TELEMETRY: &str = "          access_log: &log
          - name: envoy.access_loggers.open_telemetry
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig
              log_name: sluice
              grpc_service: {envoy_grpc: {cluster_name: collector}}
              buffer_flush_interval: 0.05s
              body: {string_value: '%FILTER_STATE(wasm.sluice.record:PLAIN)%'}
";

/// The record as it is; Envoy's own messages carry it as a `BytesValue` among the filter states.
const GRPC: &str = "          access_log: &log
          - name: envoy.access_loggers.http_grpc
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
              common_config:
                log_name: sluice
                transport_api_version: V3
                grpc_service: {envoy_grpc: {cluster_name: collector}}
                buffer_flush_interval: 0.05s
                filter_state_objects_to_log: [wasm.sluice.record]
";

/// Makes a call with that access logger, and waits for its whole record at the collector.
async fn assert_collected(access_log: &str, path: &str) {
    let yaml = envoy_yaml().replace("          access_log: &log\n", access_log);
    let gateway = serving(&yaml);
    let taken = Answer::new(200).header("content-type", "application/grpc");
    let collector = gateway
        .fake
        .unnamed(taken.chunk([0; 5]).trailer("grpc-status", "0"));
    let case = gateway.fake.case(sample::chat());
    let call = call(
        &gateway,
        &case,
        "POST",
        "/v1/0123/my-gateway/openai/chat/completions",
    );
    let id = call
        .json(&sample::ask("hi"))
        .complete()
        .await
        .header("cf-aig-log-id")
        .unwrap();
    let record = eventually("the record at the collector", || {
        let exports = collector.seen();
        let mut exports = exports.iter().filter(|export| export.path == path);
        exports.find_map(|export| record_in(&export.body, &id))
    })
    .await;
    assert_eq!(
        (&record["event_id"], &record["tokens_in"]),
        (&json!(case.id()), &json!(11))
    );
}

/// The record of that id, which stands as JSON text between the fields of protobuf messages.
fn record_in(messages: &[u8], id: &str) -> Option<Value> {
    let text = String::from_utf8_lossy(messages);
    let mut records = text.match_indices("{\"id\":").filter_map(|(at, _)| {
        let values = serde_json::Deserializer::from_str(text.get(at..)?);
        values.into_iter::<Value>().next()?.ok()
    });
    records.find(|record| record["id"] == id)
}

#[tokio::test]
async fn a_record_reaches_an_open_telemetry_collector() {
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    assert_collected(OPEN_TELEMETRY, path).await;
}

#[tokio::test]
async fn a_record_reaches_a_collector_of_envoys_own_kind() {
    let path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
    assert_collected(GRPC, path).await;
}
