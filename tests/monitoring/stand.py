"""What the tests stand on: a gateway with every kind of event in its traffic, a sink for its records, a Prometheus."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import gateway  # noqa: E402
from mock_provider import MockProvider  # noqa: E402

SHIPPED = ROOT / "envoy" / "prometheus"
ACCOUNT = "/v1/demo"
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-test", "x-api-key": "sk-test"}
SINK = "export: [{name: house, type: http, cluster: house, authority: house.test, path: /, batch: {records: 4}}]"


class Sink(BaseHTTPRequestHandler):
    """Takes most batches; some it does not take now, and some never."""

    protocol_version = "HTTP/1.1"
    turns = itertools.count(1)

    def do_POST(self) -> None:  # noqa: N802
        self.rfile.read(int(self.headers.get("content-length") or 0))
        turn = next(self.turns)
        self.send_response(503 if turn % 3 == 0 else 400 if turn % 5 == 0 else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def sink() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def with_sink(text: str, port: int) -> str:
    """The configuration with a sink: in that of all roles where there is one, else in one of the keeper alone."""
    shared = re.compile(r"(configuration: &sluice\n(?: +\"@type\".*\n)?( +)value:\n)")
    struct = '{"@type": type.googleapis.com/google.protobuf.Struct, value: {gateways: [{id: my-gateway}], %s}}'
    if shared.search(text):
        text = shared.sub(lambda found: f"{found[1]}{found[2]}  {SINK}\n", text, count=1)
    else:
        keeper = "      root_id: keeper\n"
        text = text.replace(keeper, f"{keeper}      configuration: {struct % SINK}\n", 1)
    # Histograms are shown once a flush.
    return f"stats_flush_interval: 1s\n{text}{gateway.CLUSTER.format(name='house', host='127.0.0.1', port=port)}"


class Traffic(threading.Thread):
    """Every kind of call, again and again, until it is stopped."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.is_over = url, threading.Event()

    def run(self) -> None:
        for turn in itertools.count():
            if self.is_over.is_set():
                return
            self.round(turn)

    def round(self, turn: int) -> None:
        chat = "my-gateway/openai/chat/completions"
        stream = {"stream": True, "stream_options": {"include_usage": True}}
        self.ask(chat, "gpt-4o-mini", f"new {turn}")
        self.ask(chat, "gpt-4o-mini", "old")
        self.ask(chat, "gpt-4o-mini", "old", **stream)
        self.ask(chat, "gpt-4o-mini", f"stream {turn}", **stream)
        self.ask("my-gateway/groq/chat/completions", "llama-3.1-8b-instant", f"stream {turn}", **stream)
        self.ask("my-gateway/anthropic/v1/messages", "claude-haiku-4-5", f"message {turn}", max_tokens=9)
        self.ask(chat, "without-a-price", f"unknown {turn}")
        for error in ("mock-error-529", "mock-error-429", "mock-error-404"):
            self.ask(chat, error, f"error {turn}")
        again = {"cf-aig-max-attempts": "2", "cf-aig-retry-delay": "1"}
        self.ask(chat, "mock-error-503-1x", f"again {turn}", again)
        self.ask(chat, "mock-error-429-1x", f"again {turn}", again)
        self.universal(turn)
        for _ in range(3):
            self.ask("limited/openai/chat/completions", "gpt-4o-mini", f"limit {turn}")
        self.ask("locked/openai/chat/completions", "gpt-4o-mini", "locked")

    def universal(self, turn: int) -> None:
        models = {"groq": "mock-error-500", "openai": "gpt-4o-mini"}
        step = {"endpoint": "chat/completions", "headers": HEADERS}
        steps = [{**step, "provider": name, "query": query(model, f"u {turn}")} for name, model in models.items()]
        self.post("my-gateway", steps, {})

    def ask(self, path: str, model: str, text: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        self.post(path, {**query(model, text), **more}, headers or {})

    def post(self, path: str, body: Any, headers: dict[str, str]) -> None:
        request = urllib.request.Request(
            f"{self.url}{ACCOUNT}/{path}", json.dumps(body).encode(), {**HEADERS, **headers}
        )
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()


def query(model: str, text: str) -> dict:
    return {"model": model, "messages": [{"role": "user", "content": text}]}


class Prometheus:
    """A Prometheus with the shipped configuration, but for the target and for the patience."""

    def __init__(self, admin: str, port: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"http://127.0.0.1:{port}"
        folder = Path(self.folder.name)
        config = (SHIPPED / "prometheus.yml").read_text()
        config = re.sub(r"interval: \d+s", "interval: 1s", config)
        config = config.replace("127.0.0.1:9901", admin.removeprefix("http://"))
        (folder / "prometheus.yml").write_text(config)
        (folder / "alerts.yml").write_text(impatient((SHIPPED / "alerts.yml").read_text()))
        flags = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        flags += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        self.process = subprocess.Popen(
            ["prometheus", *flags], stdin=subprocess.DEVNULL, preexec_fn=gateway.die_with_parent
        )

    def __enter__(self) -> Prometheus:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.folder.cleanup()

    def get(self, path: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def query(self, expression: str) -> list[float]:
        """The values that it has now, without those that are no number."""
        values = (float(sample["value"][1]) for sample in self.get("query", query=expression)["result"])
        return [value for value in values if value == value]


def impatient(rules: str) -> str:
    """Alerts that look at ten seconds and fire at once."""
    return re.sub(r"\[\d+[mh]\]", "[10s]", re.sub(r"    for: \w+\n", "", rules))


def until(what: str, probe: Any, seconds: float = 60) -> Any:
    """The first answer of `probe` that is one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            found = probe()
            if found:
                return found
        time.sleep(0.25)
    raise AssertionError(f"did not happen within {seconds} s: {what}")


@contextlib.contextmanager
def standing(port: int) -> Iterator[tuple[gateway.Gateway, Prometheus]]:
    """The gateway under traffic, and the Prometheus that scrapes it."""
    with MockProvider() as mock, sink() as house:
        envoy = gateway.Gateway("monitoring", upstream=mock.address, edit=lambda text: with_sink(text, house))
        with envoy as running:
            traffic = Traffic(running.url)
            traffic.start()
            try:
                with Prometheus(running.admin, port) as prometheus:
                    yield running, prometheus
            finally:
                traffic.is_over.set()
                traffic.join(30)
