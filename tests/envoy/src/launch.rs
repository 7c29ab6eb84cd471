//! Where an Envoy runs. Natively here; in a container in the crate `sluice-containers`.
//!
//! Invariant: an Envoy never outlives the test process, however that ends: besides `Drop` a guard process kills it as
//! soon as the pipe from the test process closes. (Shared Envoys stand in statics, which are never dropped.)

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::output::Output;

/// Starts Envoys.
pub trait Launcher: Send + Sync {
    /// Starts one with these arguments; it reads its files from `directory`, under that same path, and can reach this
    /// machine's loopback. Everything it prints goes to `output`.
    fn launch(
        &self,
        directory: &Path,
        arguments: &[String],
        output: &Output,
    ) -> Result<Box<dyn Running>, String>;
}

/// A started Envoy; dropping it ends it.
pub trait Running: Send + Sync {
    /// Whether it still runs.
    fn is_alive(&mut self) -> bool;

    /// The bytes of memory that it has of the machine, where that can be seen.
    fn resident(&self) -> Option<u64> {
        None
    }
}

/// Envoy as a child process.
pub struct Native;

impl Launcher for Native {
    fn launch(
        &self,
        directory: &Path,
        arguments: &[String],
        output: &Output,
    ) -> Result<Box<dyn Running>, String> {
        let mut child = Command::new(envoy())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", envoy().display()))?;
        output.drain(
            child.stdout.take().expect("a pipe"),
            child.stderr.take().expect("a pipe"),
        );
        let guard = Guard::new(directory, &["kill", "-9", &child.id().to_string()]);
        Ok(Box::new(Process { child, guard }))
    }
}

struct Process {
    child: Child,
    guard: Guard,
}

impl Running for Process {
    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kilobytes << 10)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The guard first: afterwards the process id may belong to somebody else.
        self.guard.dismiss();
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A process that runs a command and removes a folder when this one ends without having dismissed it.
pub struct Guard(Child);

impl Guard {
    /// Sets the folder and the command.
    pub fn new(directory: &Path, command: &[&str]) -> Self {
        let script = Command::new("sh")
            .args([
                "-c",
                "trap '' HUP INT TERM; read -r _; \"$@\"; rm -rf \"$0\"",
            ])
            .arg(directory)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(script.expect("a shell"))
    }

    /// Takes the command back.
    pub fn dismiss(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The Envoy to use: what `tools/envoy.py` finds or fetches.
pub fn envoy() -> &'static Path {
    static ENVOY: OnceLock<PathBuf> = OnceLock::new();
    ENVOY.get_or_init(|| {
        let found = Command::new("python3")
            .arg("tools/envoy.py")
            .current_dir(root())
            .output()
            .expect("python3 is needed");
        let path = String::from_utf8_lossy(&found.stdout).trim().to_owned();
        assert!(
            found.status.success() && !path.is_empty(),
            "{}",
            String::from_utf8_lossy(&found.stderr)
        );
        PathBuf::from(path)
    })
}

/// The filter to test: `$SLUICE_WASM`, or what `make build` made.
pub fn wasm() -> PathBuf {
    let built = [
        "target/sluice.wasm",
        "target/wasm32-wasip1/release/sluice.wasm",
    ]
    .map(|path| root().join(path));
    let named = std::env::var_os("SLUICE_WASM").map(PathBuf::from);
    let found = named.into_iter().chain(built).find(|path| path.is_file());
    found.expect("there is no sluice.wasm to test: run `make build` first")
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate lies two levels down")
        .to_owned()
}
