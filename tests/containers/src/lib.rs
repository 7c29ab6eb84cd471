//! Envoy in a container, for the cases of `sluice-e2e`.
//!
//! The container shares this machine's network, so that listener, admin port and fake provider are where they are with a
//! native Envoy, and sees the test's folder under the folder's own path. Invariant: the container is gone when the test
//! process is, however that ends.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "test code: a panic is how a test fails, and it runs on the machine, not in the filter"
)]

use std::io::{PipeWriter, Write, pipe};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::time::Duration;

use sluice_e2e::launch::{Guard, Launcher, Running};
use sluice_e2e::output::Output;
use testcontainers::core::Mount;
use testcontainers::core::logs::LogFrame;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
});

/// Envoy in a container of the local Docker engine.
pub struct Docker;

struct Container {
    container: Option<ContainerAsync<GenericImage>>,
    guard: Guard,
}

/// Whether an engine answers.
pub fn engine_answers() -> bool {
    let asked = Command::new("docker")
        .arg("info")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

impl Launcher for Docker {
    fn launch(
        &self,
        directory: &Path,
        arguments: &[String],
        output: &Output,
    ) -> Result<Box<dyn Running>, String> {
        let image = image();
        let tagged = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
        let (name, tag) = tagged.unwrap_or((&image, "latest"));
        let (stdout, stderr) = (pipe().expect("a pipe"), pipe().expect("a pipe"));
        output.drain(stdout.0, stderr.0);
        let path = directory.display().to_string();
        // Flags only: the default image's entry point then adds the program, the distroless image's is the program.
        let request = GenericImage::new(name, tag)
            .with_network("host")
            .with_mount(Mount::bind_mount(path.clone(), path))
            .with_log_consumer(forward(stdout.1, stderr.1))
            .with_startup_timeout(Duration::from_secs(60))
            .with_cmd(arguments);
        let container = apart(async move { request.start().await })
            .map_err(|error| format!("{image}: {error}"))?;
        let guard = Guard::new(directory, &["docker", "rm", "--force", container.id()]);
        Ok(Box::new(Container {
            container: Some(container),
            guard,
        }))
    }
}

impl Running for Container {
    fn is_alive(&mut self) -> bool {
        let Some(container) = self.container.take() else {
            return false;
        };
        let (container, alive) = apart(async move {
            let alive = container.is_running().await.unwrap_or(false);
            (container, alive)
        });
        self.container = Some(container);
        alive
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(container) = self.container.take() {
            apart(async move { drop(container.rm().await) });
        }
        self.guard.dismiss();
    }
}

/// `SLUICE_ENVOY_IMAGE`, or the official image of the version that `tools/envoy.py` pins.
fn image() -> String {
    let named = std::env::var("SLUICE_ENVOY_IMAGE").ok();
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| {
        let pinned = include_str!("../../../tools/envoy.py")
            .lines()
            .find_map(|line| line.strip_prefix("PINNED = "))
            .expect("tools/envoy.py pins a version");
        format!("envoyproxy/envoy:v{}", pinned.trim_matches('"'))
    })
}

/// Runs `work` on the runtime of the containers, also when the caller is on one of its own.
fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    RUNTIME.spawn(async move { drop(sender.send(work.await)) });
    receiver.recv().expect("the work was not finished")
}

/// What the container prints, as two streams.
fn forward(stdout: PipeWriter, stderr: PipeWriter) -> impl Fn(&LogFrame) + Send + Sync + 'static {
    let pipes = Arc::new(Mutex::new((stdout, stderr)));
    move |frame| {
        let mut pipes = pipes.lock().expect("no panic while printing");
        drop(match frame {
            LogFrame::StdOut(bytes) => pipes.0.write_all(bytes),
            LogFrame::StdErr(bytes) => pipes.1.write_all(bytes),
        });
    }
}
