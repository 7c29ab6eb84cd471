//! The configuration of the Envoy under test: `envoy.yaml` with its tokens filled in.
//!
//! Values are filled in as JSON, which is YAML too, so nothing needs to be indented or quoted by hand.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fake::Ports;
use crate::tls;

/// Every cluster that a call can be routed to by default: the slugs of the built-in providers, and `outside` for what is
/// no call.
pub const PROVIDERS: [&str; 28] = [
    "anthropic",
    "aws-bedrock",
    "azure-openai",
    "baseten",
    "cartesia",
    "cerebras",
    "cohere",
    "deepgram",
    "deepseek",
    "elevenlabs",
    "fal",
    "fireworks",
    "google",
    "google-ai-studio",
    "google-vertex-ai",
    "grok",
    "groq",
    "huggingface",
    "ideogram",
    "mistral",
    "openai",
    "openrouter",
    "parallel",
    "perplexity-ai",
    "replicate",
    "together",
    "workers-ai",
    "outside",
];

/// The name of the second listener.
pub(crate) const TWIN: &str = "twin";

/// The name of the listener of the control API.
pub(crate) const CONSOLE: &str = "console";

/// The name of the internal listener through which planned calls go, and of the cluster that leads there.
pub const HOP: &str = "sluice-attempts";

/// The port of the fake that a cluster leads to, and the protocol spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Nobody listens.
    Dead,
    /// A cluster without hosts.
    Empty,
    /// HTTP/2 without TLS.
    H2c,
    /// HTTP/1.1.
    Plain,
    /// HTTP/1.1 whose script is the wire.
    Raw,
    /// TLS, HTTP/2 where offered, the certificate checked.
    Tls,
    /// As `Tls`, but for a name that the certificate does not hold for.
    TlsOfAnother,
}

/// What the template needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) directory: String,
    pub(crate) clusters: Vec<(String, Upstream)>,
    pub(crate) plugin: Option<Plugin>,
    pub(crate) keeper: bool,
    pub(crate) twin: bool,
    pub(crate) hop: bool,
    /// Whether there is a listener for the control API.
    pub(crate) console: bool,
    /// Whether attempts may go straight to their clusters.
    pub(crate) direct: bool,
    /// What circuit breakers let through of retries.
    pub(crate) retries: u32,
    pub(crate) cluster_header: String,
    pub(crate) idle: Duration,
    /// The port of the gateway's listener; 0: any that is free.
    pub(crate) port: u16,
    pub(crate) buffer: usize,
}

/// The filter's mount.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    /// A `google.protobuf` message, as the plugin's `configuration`.
    pub(crate) configuration: Value,
    pub(crate) environment: Value,
    pub(crate) stop_iteration: bool,
    pub(crate) attempts_stop_iteration: bool,
}

impl Tokens {
    /// The harness's own bootstrap.
    pub(crate) fn bootstrap(&self, ports: Ports) -> String {
        let keeper = self.plugin.as_ref().filter(|_| self.keeper);
        let keeper = keeper.map(|plugin| plugin.keeper(&self.directory));
        let internal = self.hop.then(internal_listeners);
        let extensions: Vec<Value> = keeper.into_iter().chain(internal).collect();
        self.fill(documents()[0], ports)
            .replace("${EXTENSIONS}", &json!(extensions).to_string())
    }

    /// A bootstrap with its tokens for the clusters and the folder filled in.
    pub(crate) fn fill(&self, bootstrap: &str, ports: Ports) -> String {
        let mut clusters: Vec<Value> = self
            .clusters
            .iter()
            .map(|(name, upstream)| cluster(name, *upstream, ports))
            .map(|cluster| self.at_attempts(cluster))
            .collect();
        let items: Vec<_> = clusters.iter().map(|it| format!("  - {it}\n")).collect();
        clusters.extend(
            self.hop
                .then(|| self.at_attempts(hop_cluster(self.retries))),
        );
        bootstrap
            .replace("${CLUSTERS}", &json!(clusters).to_string())
            .replace("${CLUSTER_ITEMS}", &items.concat())
            .replace("${PLAIN}", &ports.plain.port().to_string())
            .replace("${DIRECTORY}", &self.directory)
    }

    /// The listeners.
    pub(crate) fn listener(&self) -> String {
        let [_, gateway, hop, console] = documents();
        let mut listeners = gateway.to_owned();
        if self.twin {
            let twin = gateway
                .replace("  name: gateway\n", &format!("  name: {TWIN}\n"))
                .replace("${FILTERS}", "${TWIN_FILTERS}");
            listeners += twin.trim_start_matches("resources:");
        }
        if self.hop {
            listeners = listeners + "\n" + hop;
        }
        if self.console {
            listeners = listeners + "\n" + console;
        }
        let filters = self.filters(Plugin::filter);
        listeners
            .replace("${FILTERS}", &filters)
            .replace(
                "${TWIN_FILTERS}",
                &filters.replace("/sluice.wasm", "/tickless.wasm"),
            )
            .replace("${HOP_FILTERS}", &self.filters(Plugin::attempt))
            .replace("${CONSOLE_FILTERS}", &self.filters(Plugin::console))
            .replace("${DIRECT_ROUTE}", &self.direct_route())
            .replace("${BUFFER}", &self.buffer.to_string())
            .replace("${PORT}", &self.port.to_string())
            .replace("${IDLE}", &format!("{}s", self.idle.as_secs_f64()))
            .replace("${CLUSTER_HEADER}", &self.cluster_header)
    }

    /// The cluster, with the filter of attempts that go straight there; one of the name `roleless` has none.
    fn at_attempts(&self, mut cluster: Value) -> Value {
        let has_role = self.direct && cluster["name"] != "roleless";
        if let Some(plugin) = self.plugin.as_ref().filter(|_| has_role) {
            let codec = "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
            let codec = json!({"name": "envoy.filters.http.upstream_codec",
                "typed_config": {"@type": format!("type.googleapis.com/{codec}")}});
            cluster["typed_extension_protocol_options"][OPTIONS]["http_filters"] =
                json!([plugin.upstream(&self.directory), codec]);
            cluster["circuit_breakers"] = breakers(self.retries);
        }
        cluster
    }

    /// The route of planned calls, which picks the cluster of each attempt anew: straight to a known one, else over the
    /// hop; one of the name `unlisted` is not known.
    fn direct_route(&self) -> String {
        if !self.direct {
            return String::new();
        }
        let kind = |name| format!("type.googleapis.com/envoy.extensions.{name}");
        let action = |cluster: &str| {
            let kind = kind("router.cluster_specifiers.matcher.v3.ClusterAction");
            json!({"action": {"name": cluster, "typed_config": {"@type": kind, "cluster": cluster}}})
        };
        let names = self
            .clusters
            .iter()
            .map(|(name, _)| name)
            .filter(|name| *name != "unlisted");
        let map: serde_json::Map<_, _> = names.map(|name| (name.clone(), action(name))).collect();
        let input = kind("matching.common_inputs.network.v3.FilterStateInput");
        let matcher = kind("router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier");
        let planned = json!({"name": "${CLUSTER_HEADER}", "string_match": {"exact": HOP}});
        let route = json!({
            "match": {"prefix": "/", "headers": [planned]},
            "route": {
                "timeout": "0s",
                "retry_policy": {"num_retries": 0, "refresh_cluster_on_retry": true,
                    "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"}},
                "inline_cluster_specifier_plugin": {"extension": {
                    "name": "envoy.router.cluster_specifier_plugin.matcher",
                    "typed_config": {"@type": matcher, "cluster_matcher": {
                        "matcher_tree": {
                            "input": {"name": "envoy.matching.inputs.filter_state",
                                "typed_config": {"@type": input, "key": "wasm.sluice.next"}},
                            "exact_match_map": {"map": map}
                        },
                        "on_no_match": action(HOP)
                    }}
                }}
            }
        });
        format!("- {route}")
    }

    /// The plugin, if there is one, and the router.
    fn filters(&self, mount: fn(&Plugin, &str) -> Value) -> String {
        let plugin = self
            .plugin
            .as_ref()
            .map(|plugin| mount(plugin, &self.directory));
        let router = json!({"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": true
        }});
        json!(plugin.into_iter().chain([router]).collect::<Vec<_>>()).to_string()
    }
}

impl Plugin {
    fn filter(&self, directory: &str) -> Value {
        let mut config = self.config(directory);
        config["name"] = json!("sluice");
        config["root_id"] = json!("gateway");
        config["configuration"] = self.configuration.clone();
        if self.stop_iteration {
            config["allow_on_headers_stop_iteration"] = json!(true);
        }
        Self::http_filter(&config)
    }

    /// The filter of the hop, in the same VM.
    fn attempt(&self, directory: &str) -> Value {
        let mut config = self.config(directory);
        config["name"] = json!("sluice-attempt");
        config["root_id"] = json!("attempt");
        config["allow_on_headers_stop_iteration"] = json!(self.attempts_stop_iteration);
        Self::http_filter(&config)
    }

    /// The filter of the control API, in the same VM.
    fn console(&self, directory: &str) -> Value {
        let mut config = self.config(directory);
        config["name"] = json!("sluice-console");
        config["root_id"] = json!(CONSOLE);
        config["configuration"] = self.configuration.clone();
        config["allow_on_headers_stop_iteration"] = json!(true);
        Self::http_filter(&config)
    }

    /// The filter of the clusters, in the same VM.
    fn upstream(&self, directory: &str) -> Value {
        let mut config = self.config(directory);
        config["name"] = json!("sluice-attempt-upstream");
        config["root_id"] = json!("attempt-upstream");
        config["allow_on_headers_stop_iteration"] = json!(self.attempts_stop_iteration);
        Self::http_filter(&config)
    }

    fn http_filter(config: &Value) -> Value {
        let kind = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
        json!({"name": "envoy.filters.http.wasm", "typed_config": {"@type": kind, "config": config}})
    }

    /// The service beside the listeners, in the same VM.
    fn keeper(&self, directory: &str) -> Value {
        let mut config = self.config(directory);
        config["name"] = json!("sluice-keeper");
        config["root_id"] = json!("keeper");
        config["configuration"] = self.configuration.clone();
        let kind = "type.googleapis.com/envoy.extensions.wasm.v3.WasmService";
        json!({"name": "envoy.bootstrap.wasm", "typed_config": {"@type": kind, "singleton": true, "config": config}})
    }

    /// What filter and keeper have in common.
    fn config(&self, directory: &str) -> Value {
        json!({
            "failure_policy": "FAIL_RELOAD",
            "reload_config": {"backoff": {"base_interval": "0.1s"}},
            "vm_config": {
                "vm_id": "sluice",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": format!("{directory}/sluice.wasm")}},
                "environment_variables": {"key_values": self.environment}
            }
        })
    }
}

fn documents() -> [&'static str; 4] {
    let mut parts = include_str!("../envoy.yaml").split("\n---\n");
    [(); 4].map(|()| parts.next().expect("four documents"))
}

fn internal_listeners() -> Value {
    let kind =
        "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener";
    json!({"name": "envoy.bootstrap.internal_listener", "typed_config": {"@type": kind}})
}

/// The way to the hop: a connection within the worker.
fn hop_cluster(retries: u32) -> Value {
    let socket = "type.googleapis.com/envoy.extensions.transport_sockets";
    let address = json!({"envoy_internal_address": {"server_listener_name": HOP}});
    let endpoint = json!({"endpoint": {"address": address}});
    json!({
        "name": HOP,
        "type": "STATIC",
        "circuit_breakers": breakers(retries),
        "load_assignment": {"cluster_name": HOP, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "typed_extension_protocol_options": {OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}}
        }},
        "transport_socket": {"name": "envoy.transport_sockets.internal_upstream", "typed_config": {
            "@type": format!("{socket}.internal_upstream.v3.InternalUpstreamTransport"),
            "transport_socket": {"name": "envoy.transport_sockets.raw_buffer",
                "typed_config": {"@type": format!("{socket}.raw_buffer.v3.RawBuffer")}}
        }}
    })
}

/// Envoy's defaults stop at three retries at once.
fn breakers(retries: u32) -> Value {
    json!({"thresholds": [{"max_connections": 100_000, "max_pending_requests": 100_000,
        "max_requests": 100_000, "max_retries": retries}]})
}

const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

fn cluster(name: &str, upstream: Upstream, ports: Ports) -> Value {
    let port = match upstream {
        Upstream::Dead | Upstream::Empty => ports.dead,
        Upstream::H2c | Upstream::Plain => ports.plain,
        Upstream::Raw => ports.raw,
        Upstream::Tls | Upstream::TlsOfAnother => ports.tls,
    };
    let h1 = json!({"enable_trailers": true});
    let protocol = match upstream {
        Upstream::Dead | Upstream::Empty | Upstream::Plain | Upstream::Raw => {
            json!({"explicit_http_config": {"http_protocol_options": h1}})
        }
        Upstream::H2c => json!({"explicit_http_config": {"http2_protocol_options": {}}}),
        Upstream::Tls | Upstream::TlsOfAnother => {
            json!({"auto_config": {"http_protocol_options": h1}})
        }
    };
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint(port)]}]},
        "typed_extension_protocol_options": {OPTIONS: protocol}
    });
    cluster["typed_extension_protocol_options"][OPTIONS]["@type"] =
        json!(format!("type.googleapis.com/{OPTIONS}"));
    match upstream {
        Upstream::Tls => cluster["transport_socket"] = encrypted(tls::SERVER_NAME),
        Upstream::TlsOfAnother => cluster["transport_socket"] = encrypted("another.test"),
        Upstream::Empty => cluster["load_assignment"]["endpoints"] = json!([]),
        Upstream::Dead | Upstream::H2c | Upstream::Plain | Upstream::Raw => {}
    }
    cluster
}

fn endpoint(address: SocketAddr) -> Value {
    let address = json!({"address": address.ip().to_string(), "port_value": address.port()});
    json!({"endpoint": {"address": {"socket_address": address}}})
}

fn encrypted(name: &str) -> Value {
    json!({"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "sni": name,
        "common_tls_context": {"validation_context": {
            "trusted_ca": {"inline_string": tls::authority()},
            "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": name}}]
        }}
    }})
}
