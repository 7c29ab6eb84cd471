"""A stand-in for the providers, over plain HTTP: it answers as OpenAI and Anthropic do, whole or as a stream.

A request with `tools` is answered by a call of its first tool, until the conversation carries that tool's result. The
model `mock-error-429` (any status from 400 on) gives that error in the API's own shape, `mock-error-429-2x` only the first
two times that the same body comes; a stream of the model `mock-cut` breaks off after its first events. `GET /mock/requests`, also behind a provider's prefix, shows what came in. Answers:
mock_answers.py.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any, Callable
from urllib.parse import urlsplit

import mock_answers as answers

Answering = Callable[[answers.Call], answers.Answer]
Refusing = Callable[[int], dict]

PAUSE = 0.02  # seconds between the events of a stream
CUT_AFTER = 3  # events, where a stream is to break off

# The end of the path tells the API; the provider's own prefix stands before it.
APIS: tuple[tuple[str, Answering, Refusing], ...] = (
    ("/chat/completions", answers.chat_completion, answers.openai_error),
    ("/responses", answers.response, answers.openai_error),
    ("/embeddings", answers.embedding, answers.openai_error),
    ("/messages", answers.message, answers.anthropic_error),
    ("/messages/count_tokens", answers.token_count, answers.anthropic_error),
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle_any(self) -> None:
        body, path = self.read_body(), urlsplit(self.path).path
        if path.endswith("/mock/requests"):
            return self.send_json(200, {"requests": list(self.server.requests)})
        text, headers = body.decode("utf-8", "replace"), self.headers.items()
        self.asked_before = sum(request["body"] == text for request in list(self.server.requests))
        self.server.requests.append({"method": self.command, "path": self.path, "headers": headers, "body": text})
        if self.command in ("GET", "HEAD") and path.endswith("/models"):
            return self.send_json(200, answers.MODELS)
        for ending, answer, error in APIS:
            if self.command == "POST" and path.endswith(ending):
                return self.answer(body, answer, error)
        self.send_json(404, answers.openai_error(404))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815

    def answer(self, body: bytes, answer: Answering, error: Refusing) -> None:
        try:
            call = answers.Call(json.loads(body))
        except (ValueError, TypeError):
            return self.send_json(400, error(400))
        status = call.asked_error(self.asked_before)
        if status:
            return self.send_json(status, error(status))
        whole, events = answer(call)
        if call.stream and events is not None:
            return self.send_events(events, call.is_cut)
        self.send_json(200, whole)

    def send_json(self, status: int, value: dict) -> None:
        body = json.dumps(value).encode()
        self.start(status, {"content-type": "application/json", "content-length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_events(self, events: Iterator[str], is_cut: bool) -> None:
        self.start(200, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})
        for event in islice(events, CUT_AFTER) if is_cut else events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(PAUSE)
        if is_cut:
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        request = answers.new_id("req")
        for name, value in {**headers, "request-id": request, "x-request-id": request}.items():
            self.send_header(name, value)
        if status == 429:
            self.send_header("retry-after", "1")
        self.end_headers()

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return body

    def log_message(self, *_: object) -> None:
        """Quiet: GET /mock/requests tells more."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.requests: deque[dict] = deque(maxlen=1000)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle of a stream is nothing to report."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class MockProvider:
    """The server in a thread of this process. Used with `with`; port 0 is chosen by the system."""

    def __init__(self, port: int = 0) -> None:
        self.server = Server(port)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread: threading.Thread | None = None

    def __enter__(self) -> MockProvider:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    alone = Server(int(sys.argv[1]) if sys.argv[1:] else 0)
    print(f"http://127.0.0.1:{alone.server_address[1]}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        alone.serve_forever()
