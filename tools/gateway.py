"""Starts and stops one Envoy with envoy/envoy.yaml: as it is, or with every provider at one plain-HTTP address."""

from __future__ import annotations

import ctypes
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Callable

from project import ROOT, TARGET, WASM, fail

import envoy

CONFIG = ROOT / "envoy" / "envoy.yaml"
ROOTS = "/etc/ssl/certs/ca-certificates.crt"
OTHER_ROOTS = ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem")
LONGEST = 500  # characters of one complaint

CLUSTER = """\
  - name: {name}
    type: LOGICAL_DNS
    dns_lookup_family: ALL
    circuit_breakers:
      thresholds: [{{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000, max_retries: 1000}}]
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: "{host}", port_value: {port}}}}}}}}}]
"""


def located(text: str) -> str:
    """The configuration with what it names on this machine: our wasm, wherever it was said to be, and the CA roots."""
    value = r"""(?:"[^"\n]*sluice\.wasm"|'[^'\n]*sluice\.wasm'|[^"'{},\n]*sluice\.wasm)"""
    text = re.sub(rf"""(filename["']?\s*:\s*){value}""", lambda found: found[1] + json.dumps(str(WASM)), text)
    if not Path(ROOTS).exists():
        text = text.replace(ROOTS, next((path for path in OTHER_ROOTS if Path(path).exists()), ROOTS))
    return text


def with_ports(text: str, port: int, admin_port: int, console_port: int = 0) -> str:
    """In one pass: any new port may be another's old one."""
    wanted = {"10000": port, "9901": admin_port, "10001": console_port}
    place = r"(?<=port_value: )(10000|9901|10001)(?=\})|(?<=127\.0\.0\.1:)(10000)(?=\")"
    return re.sub(place, lambda found: str(wanted[found[0]]), text)


def with_upstream(text: str, upstream: str) -> str:
    """The clusters between the two markers become plain ones at `host:port`; the `host` sent stays the provider's."""
    host, _, port = upstream.rpartition(":")
    begin, end = "  # providers: begin\n", "  # providers: end\n"
    before, _, rest = text.partition(begin)
    section, _, after = rest.partition(end)
    names = re.findall(r"^  - \{?name: ([\w-]+)", section, re.MULTILINE)
    clusters = "".join(CLUSTER.format(name=name, host=host.strip("[]"), port=port) for name in names)
    return without(before + begin + clusters + end + after, "envoy.filters.http.dynamic_forward_proxy")


def without(text: str, name: str) -> str:
    """The YAML less the list item of that name, which ends where the indentation does."""
    return re.sub(rf"^( *)- name: {re.escape(name)}\n(?:\1 +.*\n)*", "", text, flags=re.MULTILINE)


class Gateway:
    """One Envoy. Ports of 0 are chosen by the system; `url`, `admin` and `console` tell which. Used with `with`.

    `cores`, as of taskset: those it may use; all where there are none.
    """

    def __init__(
        self,
        name: str,
        port: int = 0,
        admin_port: int = 0,
        upstream: str | None = None,
        edit: Callable[[str], str] = lambda text: text,
        console_port: int = 0,
        workers: int = 2,
        cores: str | None = None,
    ) -> None:
        self.folder = TARGET / "run" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        text = with_ports(located(CONFIG.read_text()), port, admin_port, console_port)
        self.config = edit(with_upstream(text, upstream) if upstream else text)
        self.log = self.folder / "envoy.log"
        self.access_log = self.folder / "access.log"
        self.url = self.admin = self.console = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.workers = workers
        self.pinned = ["taskset", "-c", cores] if cores else []

    def __enter__(self) -> Gateway:
        config, address = self.folder / "envoy.yaml", self.folder / "admin.txt"
        config.write_text(self.config)
        address.unlink(missing_ok=True)
        flags = f"--concurrency {self.workers} --disable-hot-restart --file-flush-interval-msec 100".split()
        command = [*self.pinned, envoy.find(), "-c", str(config), "--admin-address-path", str(address), *flags]
        with self.access_log.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=log, preexec_fn=die_with_parent
            )
        try:
            self._wait_until_ready(address)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def stop(self) -> None:
        if self.process is None:
            return
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def records(self) -> list[dict]:
        """The log records so far, as the access log of both listeners carries them: one per call, or per step of it."""
        lines = (json.loads(line) for line in self.access_log.read_text().splitlines())
        return [json.loads(line["record"]) for line in lines if line["record"]]

    def why(self) -> str:
        """What Envoy said last, for a message about its end."""
        return "\n".join(complaints(self.log.read_text()) or ["it gave no reason"])

    def _wait_until_ready(self, address: Path) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not self.alive():
                fail(f"Envoy did not start:\n{self.why()}")
            try:
                self.admin = f"http://{address.read_text()}"
                fetch(f"{self.admin}/ready")
                listeners = json.loads(fetch(f"{self.admin}/listeners?format=json"))["listener_statuses"]
                ports = {each["name"]: each["local_address"].get("socket_address") for each in listeners}
                urls = {name: f"http://127.0.0.1:{port['port_value']}" for name, port in ports.items() if port}
                self.url, self.console = urls["gateway"], urls.get("console", "")
                return
            except (OSError, ValueError, LookupError):
                time.sleep(0.05)
        fail(f"Envoy was not ready within 60 s; its log is {self.log}")


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


def complaints(log: str) -> list[str]:
    """What the filter has against its configuration, else what Envoy has; each line once, without Envoy's prefix."""
    ours = re.findall(r"\[(?:error|critical)\]\[wasm\].*? wasm log[^:]*: (?:sluice: configuration refused: )?(.*)", log)
    theirs = re.findall(r"^\[.*?\]\[critical\]\[\w+\] \[.*?\] (.*)", log, re.MULTILINE)
    theirs = [essential(line) for line in theirs or log.strip().splitlines()[-1:]]
    return list(dict.fromkeys(ours or theirs))


def essential(line: str) -> str:
    """Envoy's complaint less its wrapping: after some it prints the whole configuration."""
    line = re.sub(r"\s+", " ", line)  # Envoy varies the spaces in some
    line = re.sub(r"^error initializing configuration '[^']*': ", "", line)
    wrapped = re.match(r".*? (?:\(|reason )INVALID_ARGUMENT: (.*?)\)(?:: \{.*| has unknown fields)$", line)
    place = r"invalid JSON in \S+?(?: @ (\S+): message \S+?)?, near \d+:\d+ \(offset \d+\):"
    line = re.sub(place, lambda found: f"{found[1]}:" if found[1] else "", wrapped[1] if wrapped else line)
    line = line.replace(".<any>", "").strip()
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"


def check_free(port: int, variable: str) -> None:
    """Envoy shares a port with another Envoy without a word, so ask the system first."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            fail(f"port {port}: {error.strerror}; stop what uses it, or choose another port with {variable}=…")


if sys.platform == "linux":
    _LIBC = ctypes.CDLL(None, use_errno=True)

    def die_with_parent() -> None:
        """In the child, before Envoy: end when the parent ends, however it does (PR_SET_PDEATHSIG)."""
        _LIBC.prctl(1, signal.SIGTERM)
else:
    die_with_parent = None
