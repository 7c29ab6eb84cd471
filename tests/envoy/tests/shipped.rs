//! Issue: every Envoy configuration in `envoy/` and every configuration in the README is loaded by a test.

use std::fs;

use sluice_e2e::contract::assert_refused;
use sluice_e2e::launch::root;
use sluice_e2e::template::PROVIDERS;
use sluice_e2e::{Gateway, sample};

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

fn envoy_yaml() -> String {
    fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap()
}

/// The same configuration on free ports, with no way out of this machine: every upstream is a port that is closed.
fn local(yaml: &str) -> String {
    let line = |line: &str| match line.split_once("socket_address: {address: ") {
        Some((before, address)) if address.contains("port_value: 443}") => {
            let (_, after) = address.split_once('}').unwrap();
            format!("{before}socket_address: {{address: 127.0.0.1, port_value: 1}}{after}")
        }
        Some((before, address)) if address.starts_with("127.0.0.1, ") => {
            let (_, after) = address.split_once('}').unwrap();
            format!("{before}socket_address: {{address: 127.0.0.1, port_value: 0}}{after}")
        }
        _ => line.to_owned(),
    };
    yaml.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn start(yaml: &str) -> Result<Gateway, String> {
    crate::gateway().bootstrap(&local(yaml)).try_start()
}

/// `envoy.yaml` with another plugin configuration in its place, given as YAML.
fn with_configuration(yaml: &str) -> String {
    let shipped = envoy_yaml();
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
async fn every_configuration_in_the_envoy_folder_starts() {
    let files = files();
    assert!(
        files.iter().any(|(path, _)| path.ends_with("envoy.yaml")),
        "{files:?}"
    );
    for (path, yaml) in files {
        let gateway = start(&yaml).unwrap_or_else(|error| panic!("{path}: {error}"));
        let reply = gateway.get("/").complete().await;
        assert_ne!(reply.status, 503, "{path}");
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
    let clusters = gateway.clusters();
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
    sluice_e2e::eventually("nine records in the access log", || {
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
