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

# Seconds that the provider takes -> calls of each form.
ROUNDS = {0.0: 1000, 0.05: 200}
# What a planned call may take, compared with one provider's call.
GOAL = 1.15
BODY = b'{"id":"1","object":"chat.completion","model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
EVENT = b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\ndata: [DONE]\n\n'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
QUERY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello " * 300}]}


def step(query: dict) -> dict:
    headers = {"authorization": "Bearer sk-bench"}
    return {"provider": "openai", "endpoint": "chat/completions", "headers": headers, "query": query}


def forms(query: dict) -> dict[str, tuple[str, object, dict[str, str]]]:
    """Path, body and header fields of each form; the first is what the others are compared with."""
    chat = "openai/chat/completions"
    return {
        "single provider": (chat, query, {}),
        "single provider, 3 attempts": (chat, query, {"cf-aig-max-attempts": "3"}),
        "universal, one step": ("", [step(query)], {}),
        "universal, three steps": ("", [step(query)] * 3, {}),
    }


KINDS = {"an answer": forms(QUERY), "a stream": forms(QUERY | {"stream": True})}


def receive(connection: socket.socket, held: bytes = b"") -> bytes:
    """The body of one message; empty at the end of the connection."""
    while b"\r\n\r\n" not in held:
        data = connection.recv(65536)
        if not data:
            return b""
        held += data
    head, _, body = held.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    while len(body) < int(length) if length else not body.endswith(b"0\r\n\r\n"):
        body += connection.recv(65536)
    return body


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
        while body := receive(connection):
            time.sleep(self.delay)
            connection.sendall(STREAM if b'"stream": true' in body else ANSWER)


def request(path: str, body: object, headers: dict[str, str]) -> bytes:
    text = json.dumps(body).encode()
    fields = {"host": "gateway", "content-type": "application/json", "authorization": "Bearer sk-bench", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST /v1/bench/my-gateway/{path} HTTP/1.1\r\n{head}content-length: {len(text)}\r\n\r\n".encode() + text


def measure(url: str, forms: dict[str, tuple[str, object, dict[str, str]]], rounds: int) -> dict[str, list[float]]:
    """The times to the first byte in seconds, by form."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = {name: request(*form) for name, form in forms.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for turn in range(rounds):
        for name, text in requests.items():
            began = time.perf_counter()
            connection.sendall(text)
            first = connection.recv(65536)
            took = time.perf_counter() - began
            if not first.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{name}: {first[:300]!r}")
            receive(connection, first)
            if turn >= rounds // 10:
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
    for delay, calls in ROUNDS.items():
        provider = Provider(delay)
        for form, edit in (("over the hop", quiet), ("straight", lambda _: straight(provider.address))):
            with gateway.Gateway("bench-first-byte", upstream=provider.address, edit=edit, cores=str(CORE)) as running:
                for kind, forms in KINDS.items():
                    times = measure(running.url, forms, calls)
                    title = f"time to first byte of {kind}, provider answers after {delay * 1000:.0f} ms, attempts {form}"
                    figures[title] = {name: statistics.median(taken) * 1e6 for name, taken in times.items()}
                    show(title, figures[title])
    return figures


def show(title: str, medians: dict[str, float]) -> None:
    print(f"{title}:")
    base = medians["single provider"]
    for name, median in medians.items():
        ratio = f"{median / base:6.3f}x of at most {GOAL}x"
        print(f"  {name:30} {median:8.0f} µs  {ratio}  ({median - base:+.0f} µs)")
