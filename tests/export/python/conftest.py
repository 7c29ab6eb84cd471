"""The traffic that the tests look at: calls of every kind through Envoy with envoy/export.yaml, and what its sinks got."""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

import gateway  # noqa: E402
from mock_provider import MockProvider  # noqa: E402

gateway.CONFIG = ROOT / "envoy" / "export.yaml"
os.environ["CLICKHOUSE_PASSWORD"] = "open-sesame"

CHAT = "/v1/acme/my-gateway/openai/chat/completions"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECONDS = 60


class Request(NamedTuple):
    host: str
    path: str
    headers: dict[str, str]
    body: bytes


class World(NamedTuple):
    """The records as Envoy's log has them, and every request that a sink got."""

    records: list[dict[str, Any]]
    requests: list[Request]

    def to(self, host: str, content_type: str = "") -> list[Request]:
        found = [request for request in self.requests if request.host == host]
        return [request for request in found if content_type in request.headers["content-type"]]


class Sink(BaseHTTPRequestHandler):
    """Every sink in one. Its first answer to each is that it is not ready."""

    protocol_version = "HTTP/1.1"
    server: Sinks

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        kind = (headers["host"], headers["content-type"])
        is_first = kind not in self.server.known
        self.server.known.add(kind)
        if not is_first:
            self.server.requests.append(Request(headers["host"], self.path, headers, body))
        self.send_response(503 if is_first else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Sinks(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Sink)
        self.known: set[tuple[str, str]] = set()
        self.requests: list[Request] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


def _edited(text: str, port: int) -> str:
    """The sinks of this machine, and a second collector that takes JSON."""
    text = re.sub(r"address: (?:clickhouse|loki|collector)\.internal, port_value: \d+", f"address: 127.0.0.1, port_value: {port}", text)
    entry = '- {url: "https://collector.internal/v1/traces", cluster: collector, content_type: protobuf}'
    assert entry in text
    return text.replace(entry, f"{entry}\n            {entry.replace('protobuf', 'json')}")


def _ask(url: str, text: str, model: str = "gpt-4o-mini", **headers: str) -> None:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    fields = {"content-type": "application/json", "authorization": "Bearer sk-test-12345"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url + CHAT, body, fields), timeout=SECONDS) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.read()


def _traffic(url: str) -> None:
    for number in range(12):
        team = json.dumps({"team": "ab"[number % 2], "number": number, "beta": number > 5})
        _ask(url, f"Question {number}", cf_aig_metadata=team)
    for _ in range(3):
        _ask(url, "Asked before", cf_aig_cache_key="known")
    _ask(url, "Refused", "mock-error-429")
    _ask(url, "Refused", "mock-error-500")
    _ask(url, "No price", "unheard-of")
    _ask(url, "Own price", cf_aig_custom_cost='{"per_token_in":0.000001234567,"per_token_out":0.00000000000000123}')
    _ask(url, "In a trace", traceparent=f"00-{TRACE}-{SPAN}-01")
    _ask(url, "In a trace", cf_aig_otel_trace_id=TRACE.upper())
    _ask(url, "Unusual: \u00e9 \U0001f600 \" \\ \n \u2028")


def _records(log: str) -> list[dict[str, Any]]:
    lines = re.findall(r"sluice record (\{.*\})$", log, re.MULTILINE)
    records = [json.loads(line, parse_float=Decimal) for line in lines]
    return [record for record in records if record["gateway_id"] == "my-gateway"]


def _wait_for(what: str, probe: Any) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.05)
    raise TimeoutError(what)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    sinks = Sinks()
    edit = lambda text: _edited(text, sinks.server_address[1])  # noqa: E731
    with MockProvider() as mock, gateway.Gateway("export", upstream=mock.address, edit=edit) as running:
        _wait_for("an answer of the gateway", lambda: _is_ready(running.url))
        _traffic(running.url)
        count = 22
        log = lambda: _records(running.log.read_text())  # noqa: E731
        records = _wait_for("the records", lambda: len(log()) >= count and log())
        last = records[-1]["id"].encode()
        kinds = {("clickhouse.internal:8123", "ndjson"), ("loki.internal:3100", "json"), ("collector.internal", "json")}
        kinds.add(("collector.internal", "protobuf"))

        def all_there() -> bool:
            seen = World(records, list(sinks.requests))
            return all(any(last in request.body for request in seen.to(*kind)) for kind in kinds)

        _wait_for("the last record at every sink", all_there)
        assert len(records) == count
        yield World(records, list(sinks.requests))
    sinks.shutdown()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/v1/-/-/-/ready", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code != 503
    except OSError:
        return False
