"""Other gateways for `make bench-peers`: where each comes from, pinned, and how it is started with the same provider."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import gateway
from bench import contestant, process, traffic
from bench.traffic import Load
from project import TARGET

FOLDER = TARGET / "peers"
READY = 120  # seconds until the first answer
KEY = "fgw_" + "0" * 32
PORTS = {"nginx": 18081, "ferrogw": 18082, "portkey": 18083, "litellm": 18084}


class Absent(Exception):
    """Why a peer is skipped."""


@dataclass(frozen=True)
class Peer:
    """`install` makes the command's program exist in the folder; `files` and the command know port and provider."""

    name: str
    version: str
    source: str
    install: Callable[[Path, str], None]
    command: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    path: str = "/v1/chat/completions"
    fields: dict[str, str] = field(default_factory=dict)


def sh(*command: str, cwd: Path | None = None) -> None:
    """Runs a step of an installation; its last words are why the peer is absent."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Absent(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise Absent(f"`{' '.join(command[:3])} …` failed: {words[0]}")


def from_pypi(folder: Path, requirement: str) -> None:
    sh(sys.executable, "-m", "venv", str(folder))
    sh(str(folder / "bin" / "pip"), "install", "-q", requirement)


def from_npm(folder: Path, requirement: str) -> None:
    sh("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), requirement)


def from_debian(folder: Path, requirement: str) -> None:
    """Unpacked beside the system, which stays as it is."""
    sh("apt-get", "download", requirement, cwd=folder)
    (package,) = folder.glob("*.deb")
    sh("dpkg", "-x", str(package), str(folder))


NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream provider {{ server {upstream}; keepalive 256; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000000;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header connection ""; proxy_buffering off; }}
  }}
}}
"""
FERROGW = "strategy: {{mode: single}}\ntargets: [{{virtual_key: openai}}]\n"
LITELLM = """\
model_list:
- model_name: gpt-4o-mini
  litellm_params: {{model: openai/gpt-4o-mini, api_base: "http://{upstream}/v1", api_key: sk-bench}}
general_settings: {{master_key: sk-bench}}
"""
PORTKEY = "node_modules/@portkey-ai/gateway/build/start-server.js"

PEERS = (
    Peer(
        "nginx",
        "1.22.1-9+deb12u11",
        "Debian",
        lambda folder, version: from_debian(folder, f"nginx={version}"),
        ("{folder}/usr/sbin/nginx", "-c", "{folder}/nginx.conf", "-e", "{folder}/error.log"),
        files={"nginx.conf": NGINX},
    ),
    Peer(
        "ferrogw",
        "1.5.10",
        "PyPI",
        lambda folder, version: from_pypi(folder, f"ferrogw=={version}"),
        ("{folder}/bin/ferrogw", "serve"),
        files={"config.yaml": FERROGW},
        environment={
            "MASTER_KEY": KEY,
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": "http://{upstream}",
            "GATEWAY_CONFIG": "{folder}/config.yaml",
            "PORT": "{port}",
            "LOG_LEVEL": "error",
            "RATE_LIMIT_RPS": "10000000",
            "RATE_LIMIT_BURST": "10000000",
            "GOMAXPROCS": "1",
        },
        fields={"authorization": f"Bearer {KEY}"},
    ),
    Peer(
        "portkey",
        "1.15.2",
        "npm",
        lambda folder, version: from_npm(folder, f"@portkey-ai/gateway@{version}"),
        ("node", "{folder}/" + PORTKEY, "--port={port}", "--headless"),
        environment={"TRUSTED_CUSTOM_HOSTS": "127.0.0.1", "NODE_ENV": "production"},
        fields={"x-portkey-provider": "openai", "x-portkey-custom-host": "http://{upstream}/v1"},
    ),
    Peer(
        "litellm",
        "1.108.7",
        "PyPI",
        lambda folder, version: from_pypi(folder, f"litellm[proxy]=={version}"),
        ("{folder}/bin/litellm", "--config", "{folder}/config.yaml", "--host", "127.0.0.1", "--port", "{port}", "--num_workers", "1"),
        files={"config.yaml": LITELLM},
        fields={"authorization": "Bearer sk-bench"},
    ),
)
# Named in the issue, and not to be had: said in every run.
SKIPPED = {"tensorzero": "PyPI has its client only; the gateway comes as a container image"}


class Running:
    """One peer on the gateway's core. Used with `with`; `Absent` where it cannot be had or does not answer."""

    def __init__(self, peer: Peer, upstream: str) -> None:
        self.peer = peer
        self.folder = FOLDER / peer.name
        self.port = PORTS[peer.name]
        self.url = f"http://127.0.0.1:{self.port}"
        self.values = {"folder": str(self.folder), "port": str(self.port), "upstream": upstream}
        self.fields = {name: value.format(**self.values) for name, value in peer.fields.items()}

    def __enter__(self) -> Running:
        self._install()
        for name, text in self.peer.files.items():
            (self.folder / name).write_text(text.format(**self.values))
        environment = {name: value.format(**self.values) for name, value in self.peer.environment.items()}
        command = ["taskset", "-c", str(contestant.CORE), *(part.format(**self.values) for part in self.peer.command)]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=gateway.die_with_parent,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def pid(self) -> int:
        return self.process.pid

    def _install(self) -> None:
        done = self.folder / f"installed-{self.peer.version}"
        if done.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.peer.install(self.folder, self.peer.version)
        done.touch()

    def _wait(self) -> None:
        deadline = time.monotonic() + READY
        while time.monotonic() < deadline and self.process.poll() is None:
            if traffic.answers(self.url, self.peer.path, Load(300, "json:1024", 1), self.fields):
                return
            time.sleep(0.5)
        raise Absent(f"no answer; its log is {self.folder / 'log'}")
