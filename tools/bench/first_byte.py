"""How much later the first byte of an answer comes when the call is planned, for `make bench`: one client, one call at a
time, the forms of the call in turn, so that what disturbs the machine disturbs all of them.
"""

from __future__ import annotations

import json
import re
import socket
import statistics
import threading
import time
from urllib.parse import urlsplit

import gateway
from bench.contestant import CORE
from project import ROOT

ROUNDS = 1000
# What a planned call may take, compared with one provider's call.
GOAL = 1.15
BODY = b'{"id":"1","object":"chat.completion","model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
QUERY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello " * 300}]}
STEP = {
    "provider": "openai",
    "endpoint": "chat/completions",
    "headers": {"authorization": "Bearer sk-bench"},
    "query": QUERY,
}
FORMS = {
    "single provider": ("openai/chat/completions", QUERY, {}),
    "single provider, 3 attempts": ("openai/chat/completions", QUERY, {"cf-aig-max-attempts": "3"}),
    "universal, one step": ("", [STEP], {}),
    "universal, three steps": ("", [STEP] * 3, {}),
}


def receive(connection: socket.socket, held: bytes = b"") -> bytes:
    """One message with a `content-length`; empty at the end of the connection."""
    while b"\r\n\r\n" not in held:
        data = connection.recv(65536)
        if not data:
            return b""
        held += data
    head, _, body = held.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head


class Provider:
    """Answers after `delay` seconds."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self.server.getsockname()[1])
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            connection, _ = self.server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection: socket.socket) -> None:
        while receive(connection):
            time.sleep(self.delay)
            connection.sendall(ANSWER)


def request(path: str, body: object, headers: dict[str, str]) -> bytes:
    text = json.dumps(body).encode()
    fields = {"host": "gateway", "content-type": "application/json", "authorization": "Bearer sk-bench", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST /v1/bench/my-gateway/{path} HTTP/1.1\r\n{head}content-length: {len(text)}\r\n\r\n".encode() + text


def measure(url: str) -> dict[str, list[float]]:
    """The times to the first byte in seconds, by form."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = {name: request(*form) for name, form in FORMS.items()}
    times: dict[str, list[float]] = {name: [] for name in FORMS}
    for turn in range(ROUNDS):
        for name, text in requests.items():
            began = time.perf_counter()
            connection.sendall(text)
            first = connection.recv(65536)
            took = time.perf_counter() - began
            if not first.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{name}: {first[:300]!r}")
            receive(connection, first)
            if turn >= ROUNDS // 10:
                times[name].append(took)
    connection.close()
    return times


def quiet(text: str) -> str:
    """Without the cache, which would answer in the provider's place."""
    return text.replace("cache_ttl: 300\n", "cache_ttl: null\n")


def straight(address: str) -> str:
    """envoy/direct.yaml with every provider at that plain-HTTP address."""
    host, _, port = address.rpartition(":")
    text = quiet((ROOT / "envoy" / "direct.yaml").read_text())
    text = re.sub(r"^    transport_socket: &tls\n(?:     .*\n)*", "", text, flags=re.MULTILINE)
    text = text.replace(", transport_socket: *tls", "").replace("auto_config: {", "explicit_http_config: {")
    text = re.sub(r"address: [\w.]+, port_value: 443", f"address: {host}, port_value: {port}", text)
    return gateway.with_ports(gateway.located(text), 0, 0)


def report() -> dict[str, dict[str, float]]:
    """Prints median times to the first byte, and how they compare with one provider's call; in microseconds."""
    figures = {}
    for delay in (0.0, 0.05):
        provider = Provider(delay)
        for form, edit in (("over the hop", quiet), ("straight", lambda _: straight(provider.address))):
            with gateway.Gateway("bench-first-byte", upstream=provider.address, edit=edit, cores=str(CORE)) as running:
                times = measure(running.url)
            title = f"time to first byte, provider answers after {delay * 1000:.0f} ms, attempts {form}"
            figures[title] = {name: statistics.median(taken) * 1e6 for name, taken in times.items()}
            show(title, figures[title])
    return figures


def show(title: str, medians: dict[str, float]) -> None:
    print(f"{title}:")
    base = medians["single provider"]
    for name, median in medians.items():
        ratio = f"{median / base:6.3f}x of at most {GOAL}x"
        print(f"  {name:30} {median:8.0f} µs  {ratio}  ({median - base:+.0f} µs)")
