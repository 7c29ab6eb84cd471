//! How a gateway is put together and started.
//!
//! Ready means that the listener stands and answers a request, not only that Envoy says so: with a plugin that did not
//! load Envoy is live and answers 503.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::admin::{Admin, http_get};
use crate::fake::Fake;
use crate::gateway::Gateway;
use crate::launch::{Launcher, Running, wasm};
use crate::module;
use crate::output::Output;
use crate::template::{CONSOLE, PROVIDERS, Plugin, TWIN, Tokens, Upstream};

/// How long an Envoy may take to start: most of it is the translation of the filter for each of its threads, which a busy
/// machine does slowly.
const START: Duration = Duration::from_secs(90);

/// A URL that every filter answers by itself, and that is nobody's without one.
const READY: &str = "/v1/-/-/-/ready";

/// A gateway to be started.
pub struct Builder {
    launcher: Box<dyn Launcher>,
    configuration: Option<Value>,
    environment: Value,
    stop_iteration: bool,
    attempts_stop_iteration: bool,
    retries: u32,
    keeper: bool,
    twin: bool,
    dying: Option<&'static str>,
    port: u16,
    idle: Duration,
    hop: bool,
    console: bool,
    direct: bool,
    cluster_header: String,
    clusters: Vec<(String, Upstream)>,
    workers: u32,
    buffer: usize,
    bootstrap: Option<String>,
}

impl Builder {
    /// A gateway on Envoys of that launcher.
    pub fn new(launcher: impl Launcher + 'static) -> Self {
        Self {
            launcher: Box::new(launcher),
            configuration: None,
            environment: json!({}),
            stop_iteration: true,
            attempts_stop_iteration: true,
            retries: 100_000,
            keeper: false,
            twin: false,
            dying: None,
            port: 0,
            idle: Duration::from_secs(20),
            hop: false,
            console: false,
            direct: false,
            cluster_header: "x-sluice-cluster".to_owned(),
            clusters: PROVIDERS
                .map(|name| (name.to_owned(), Upstream::Plain))
                .to_vec(),
            workers: 2,
            buffer: 64 << 20,
            bootstrap: None,
        }
    }

    /// The plugin's configuration, as JSON text in a `StringValue`. Without a configuration there is no filter; with an
    /// `attempt_cluster` in it there is a hop, with `direct_attempts` clusters live attempts themselves, with `console` there
    /// is a listener for the control API, and a keeper.
    pub fn config(mut self, configuration: &Value) -> Self {
        self.hop |= configuration.get("attempt_cluster").is_some();
        self.direct |= configuration["direct_attempts"] == true;
        self.console |= configuration.get("console").is_some();
        self.text(&configuration.to_string())
    }

    /// The plugin's configuration as this very text in a `StringValue`.
    pub fn text(mut self, configuration: &str) -> Self {
        self.configuration = Some(string_value(configuration));
        self
    }

    /// The plugin's configuration as a `Struct`, the form that native YAML takes.
    pub fn structure(mut self, configuration: &Value) -> Self {
        self.hop |= configuration.get("attempt_cluster").is_some();
        self.configuration = Some(struct_value(configuration));
        self
    }

    /// A variable in the filter's environment.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment[name] = json!(value);
        self
    }

    /// Mounts the plugin without `allow_on_headers_stop_iteration`.
    pub const fn without_stop_iteration(mut self) -> Self {
        self.stop_iteration = false;
        self
    }

    /// Mounts the roles of attempts without it.
    pub const fn attempts_without_stop_iteration(mut self) -> Self {
        self.attempts_stop_iteration = false;
        self
    }

    /// How many retries the clusters' circuit breakers let through at once; 100000 by default.
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Mounts the keeper beside the listener, as `envoy/envoy.yaml` does, and lets a removed listener drain for a second
    /// only.
    pub const fn keeper(mut self) -> Self {
        self.keeper = true;
        self
    }

    /// A second listener on the same shared data, whose filter has no ear for the clock: what it began nobody keeps
    /// alive, as if its virtual machine had died. It stands at [`Gateway::twin`].
    pub const fn tickless_twin(mut self) -> Self {
        self.twin = true;
        self
    }

    /// The filter's virtual machine dies when Envoy calls this export of it.
    pub const fn dying_at(mut self, export: &'static str) -> Self {
        self.dying = Some(export);
        self
    }

    /// An Envoy whose place another one can take: [`Gateway::restart`].
    pub fn restartable(mut self) -> Self {
        self.port = free_port();
        self
    }

    /// How long a stream may be silent; 20 seconds by default.
    pub const fn stream_idle(mut self, time: Duration) -> Self {
        self.idle = time;
        self
    }

    /// The internal listener `sluice-attempts` and the cluster of that name, through which planned calls go.
    pub const fn hop(mut self) -> Self {
        self.hop = true;
        self
    }

    /// The header by which the route picks the cluster; `x-sluice-cluster` by default.
    pub fn cluster_header(mut self, name: &str) -> Self {
        name.clone_into(&mut self.cluster_header);
        self
    }

    /// A further cluster.
    pub fn cluster(mut self, name: &str, upstream: Upstream) -> Self {
        self.clusters.push((name.to_owned(), upstream));
        self
    }

    /// Worker threads; 2 by default.
    pub const fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Envoy's own limit for request bodies that are held, in bytes.
    pub const fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes;
        self
    }

    /// A whole Envoy configuration instead of the harness's own, `target/sluice.wasm` in it being the filter under test and
    /// `${CLUSTERS}` the harness's clusters. Updates, arrivals and entries by case are then not to be had.
    pub fn bootstrap(mut self, yaml: &str) -> Self {
        self.bootstrap = Some(yaml.to_owned());
        self
    }

    /// Starts it; panics with Envoy's log when it does not come up.
    pub fn start(self) -> Gateway {
        self.try_start()
            .unwrap_or_else(|error| panic!("the gateway did not start: {error}"))
    }

    /// Starts it, or says with Envoy's log why not.
    pub fn try_start(self) -> Result<Gateway, String> {
        let directory = TempDir::with_prefix("sluice-e2e-").expect("a folder for temporary files");
        permit(directory.path(), 0o755);
        let fake = Fake::start();
        let tokens = self.tokens(directory.path());
        let bootstrap = match &self.bootstrap {
            Some(given) => tokens.fill(given, fake.ports()).replace(
                "target/sluice.wasm",
                &format!("{}/sluice.wasm", tokens.directory),
            ),
            None => tokens.bootstrap(fake.ports()),
        };
        replace(directory.path(), "bootstrap.yaml", &bootstrap);
        replace(directory.path(), "listener.yaml", &tokens.listener());
        let arguments = self.arguments(&tokens.directory);
        let (output, mut envoy) = launch(&*self.launcher, directory.path(), &arguments)?;
        let (admin, listener) = self.wait(directory.path(), &mut envoy, &output)?;
        let start = (self.port > 0).then_some((self.launcher, arguments));
        Ok(Gateway {
            fake,
            output,
            admin,
            listener: Mutex::new(listener),
            tokens: Mutex::new(tokens),
            directory,
            envoy: Mutex::new(envoy),
            start,
        })
    }

    /// Waits until every listener answers; where the admin port and the first listener are.
    fn wait(
        &self,
        directory: &Path,
        envoy: &mut Box<dyn Running>,
        output: &Output,
    ) -> Result<(Admin, SocketAddr), String> {
        let admin = admin(directory, envoy, output)?;
        let mut ready = |name| ready(admin, name, envoy, output);
        let listener = ready(Some("gateway").filter(|_| self.bootstrap.is_none()))?;
        if self.twin {
            ready(Some(TWIN))?;
        }
        if self.console {
            ready(Some(CONSOLE))?;
        }
        Ok((admin, listener))
    }

    fn tokens(&self, directory: &Path) -> Tokens {
        if self.configuration.is_some() || self.bootstrap.is_some() {
            let filter = match self.dying {
                Some(export) => module::dying_at(filter(), export),
                None => filter(),
            };
            place(&directory.join("sluice.wasm"), &filter);
        }
        if self.twin {
            place(
                &directory.join("tickless.wasm"),
                &module::tickless(filter()),
            );
        }
        let plugin = self.configuration.clone().map(|configuration| Plugin {
            configuration,
            environment: self.environment.clone(),
            stop_iteration: self.stop_iteration,
            attempts_stop_iteration: self.attempts_stop_iteration,
        });
        let (directory, clusters) = (directory.display().to_string(), self.clusters.clone());
        Tokens {
            directory,
            clusters,
            plugin,
            keeper: self.keeper || self.console,
            twin: self.twin,
            hop: self.hop,
            console: self.console,
            direct: self.direct,
            retries: self.retries,
            cluster_header: self.cluster_header.clone(),
            idle: self.idle,
            port: self.port,
            buffer: self.buffer,
        }
    }

    fn arguments(&self, directory: &str) -> Vec<String> {
        let bootstrap = format!("{directory}/bootstrap.yaml");
        let workers = self.workers.to_string();
        let admin = format!("{directory}/admin");
        let given = [
            "-c",
            &bootstrap,
            "--concurrency",
            &workers,
            "--admin-address-path",
            &admin,
            "--drain-time-s",
            if self.keeper { "1" } else { "600" },
        ];
        let base = format!("{directory}/base");
        let place: &[&str] = if self.port == 0 {
            &["--disable-hot-restart"]
        } else {
            &["--use-dynamic-base-id", "--base-id-path", &base]
        };
        let fixed = [
            "-l",
            "warning",
            "--component-log-level",
            "wasm:info",
            "--file-flush-interval-msec",
            "20",
        ];
        let all = given.into_iter().chain(place.iter().copied()).chain(fixed);
        all.map(str::to_owned).collect()
    }
}

impl Gateway {
    /// Another Envoy in the place of this one, by a hot restart. This one gives its listeners over, and is gone a few
    /// seconds later: what it knew is not handed on.
    pub fn restart(&self) -> Self {
        let (launcher, arguments) = self.start.as_ref().expect("a restartable gateway");
        let path = self.directory.path();
        let base = std::fs::read_to_string(path.join("base")).expect("the number of the Envoys");
        let mut arguments = arguments.clone();
        let at = arguments
            .iter()
            .position(|it| it == "--use-dynamic-base-id");
        let at = at.expect("a restartable gateway");
        let epoch = ["--base-id", base.trim(), "--restart-epoch", "1"];
        let epoch = epoch.into_iter().map(str::to_owned);
        arguments.splice(
            at..at + 3,
            epoch.chain(["--parent-shutdown-time-s".to_owned(), "3".to_owned()]),
        );
        let started = || {
            let (output, mut envoy) = launch(&**launcher, path, &arguments)?;
            let admin = admin(path, &mut envoy, &output)?;
            let listener = ready(admin, Some("gateway"), &mut envoy, &output)?;
            Ok((output, envoy, admin, listener))
        };
        let (output, envoy, admin, listener) =
            started().unwrap_or_else(|error: String| panic!("no restart: {error}"));
        Self {
            fake: self.fake.clone(),
            output,
            admin,
            listener: Mutex::new(listener),
            tokens: Mutex::new(self.tokens.lock().unwrap().clone()),
            directory: TempDir::new().expect("a folder for temporary files"),
            envoy: Mutex::new(envoy),
            start: None,
        }
    }
}

/// Starts an Envoy, which says in the file `admin` where its admin port is.
fn launch(
    launcher: &dyn Launcher,
    directory: &Path,
    arguments: &[String],
) -> Result<(Output, Box<dyn Running>), String> {
    replace(directory, "admin", "");
    permit(&directory.join("admin"), 0o666);
    let output = Output::default();
    let envoy = launcher.launch(directory, arguments, &output)?;
    Ok((output, envoy))
}

fn admin(directory: &Path, envoy: &mut Box<dyn Running>, output: &Output) -> Result<Admin, String> {
    let file = directory.join("admin");
    until(envoy, output, "admin port", || {
        let address = std::fs::read_to_string(&file).ok()?;
        address.trim().parse().ok().map(Admin)
    })
}

/// Where the listener is, when it answers.
fn ready(
    admin: Admin,
    name: Option<&str>,
    envoy: &mut Box<dyn Running>,
    output: &Output,
) -> Result<SocketAddr, String> {
    let listener = until(envoy, output, "listener", || admin.listener(name))?;
    until(envoy, output, "answer", || {
        http_get(listener, READY).filter(|(status, _)| *status != 503)
    })?;
    Ok(listener)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a port").port()
}

fn filter() -> Vec<u8> {
    std::fs::read(wasm()).expect("the filter can be read")
}

/// Puts a module where Envoy can read it.
fn place(path: &Path, module: &[u8]) {
    std::fs::write(path, module).expect("the filter can be written");
    permit(path, 0o644);
}

/// JSON text as a plugin's configuration.
pub(crate) fn string_value(text: &str) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text})
}

fn struct_value(value: &Value) -> Value {
    json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value})
}

fn until<T>(
    envoy: &mut Box<dyn Running>,
    output: &Output,
    what: &str,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    let start = Instant::now();
    let refused = "Error adding/updating listener";
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        if !envoy.is_alive() || start.elapsed() > START || output.after(refused).is_some() {
            return Err(format!(
                "no {what}; Envoy's log:\n{}",
                output.log(0).join("\n")
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A whole file at once, readable for everybody: Envoy in a container is another user.
pub(crate) fn replace(directory: &Path, name: &str, text: &str) {
    let (draft, file) = (directory.join("draft"), directory.join(name));
    std::fs::write(&draft, text).expect("a temporary file");
    permit(&draft, 0o644);
    std::fs::rename(&draft, file).expect("a file can be renamed");
}

fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .expect("permissions can be set");
}
