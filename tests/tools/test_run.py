"""`make run`: what it serves, how it refuses, and that nothing of it stays."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tooling import ROOT, SECONDS, TOOLS, environment, free_ports, run

PYTHON = (sys.executable, "tools/run.py")
MAKE = ("make", "run")
# Loads run.py and presses Ctrl-C when it comes to its first module of its own.
EARLY_STOP = """
import os, runpy, signal, sys
class Finder:
    def find_spec(name, *_):
        if name == "build":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder)
sys.path.insert(0, sys.argv[1])
runpy.run_path(sys.argv[1] + "/run.py", run_name="__main__")
"""


class Run:
    """One run that has said how to stop it."""

    def __init__(self, command: tuple[str, ...], settings: dict[str, str]) -> None:
        self.ports = free_ports(3)
        ports = dict(zip(("PORT", "ADMIN_PORT", "CONSOLE_PORT"), map(str, self.ports)))
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**ports, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        self.output = self.process.stdout
        watchdog = threading.Timer(SECONDS, self.end)
        watchdog.start()
        try:
            for line in self.output:
                self.lines.append(line)
                if line.startswith("sluice: stop"):
                    return
            raise AssertionError(f"it did not start:\n{''.join(self.lines)}")
        finally:
            watchdog.cancel()

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def is_gone(self) -> bool:
        """Whether no process of it lives: they are one process group."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def left(self) -> str:
        """What of it still lives, for the message of a failure."""
        listed = ["ps", "-o", "pid,ppid,stat,wchan:24,args", "-g", str(self.process.pid)]
        return subprocess.run(listed, check=False, capture_output=True, text=True).stdout


@contextlib.contextmanager
def running(command: tuple[str, ...] = PYTHON, **settings: str) -> Iterator[Run]:
    started = Run(command, settings)
    try:
        yield started
    finally:
        started.end()
        started.process.wait()
        started.output.close()


def ask(port: int, method: str, path: str, body: dict | None = None) -> tuple[int, str, bytes]:
    """Status, content type and body of an answer."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        text = json.dumps(body) if body else None
        connection.request(method, path, text, {"content-type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type", ""), answer.read()


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


class Recorder(BaseHTTPRequestHandler):
    """A provider that notes the host and path of every call."""

    calls: list[tuple[str, str]] = []

    def do_POST(self) -> None:  # noqa: N802
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.calls.append((self.headers["host"], self.path))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Serving(unittest.TestCase):
    def test_an_upstream_gets_every_providers_calls_under_the_providers_own_host(self) -> None:
        with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            with running(UPSTREAM=f"127.0.0.1:{server.server_address[1]}") as started:
                for path in ("openai/chat/completions", "anthropic/v1/messages"):
                    status, _, _ = ask(started.ports[0], "POST", f"/v1/any/my-gateway/{path}", {"model": "m"})
                    self.assertEqual(status, 200)
            server.shutdown()
        self.assertEqual(
            Recorder.calls, [("api.openai.com", "/v1/chat/completions"), ("api.anthropic.com", "/v1/messages")]
        )

    def test_the_live_providers_need_no_network_to_start(self) -> None:
        with running(PROVIDERS="live") as started:
            port, admin, _ = started.ports
            state = json.loads(ask(admin, "GET", "/server_info")[2])["state"]
            self.assertEqual(state, "LIVE")
            status, kind, body = ask(port, "GET", "/")
            self.assertEqual((status, kind), (404, "application/json"))
            self.assertFalse(json.loads(body)["success"])


class Stopping(unittest.TestCase):
    def test_a_signal_leaves_nothing_running(self) -> None:
        group, one = os.killpg, os.kill
        for command, send, number in (
            (MAKE, group, signal.SIGINT),
            (MAKE, group, signal.SIGTERM),
            (MAKE, one, signal.SIGTERM),
            (MAKE, one, signal.SIGKILL),
            (PYTHON, one, signal.SIGINT),
            (PYTHON, one, signal.SIGTERM),
        ):
            with self.subTest(command=command, send=send.__name__, number=number.name), running(command) as started:
                send(started.process.pid, number)
                gone = eventually(started.is_gone)
                self.assertTrue(gone, "" if gone else started.left())
                self.assertNotIn("Traceback", started.output.read())
                for port in started.ports:
                    self.assertRaises(ConnectionRefusedError, ask, port, "GET", "/")

    def test_a_stop_before_anything_is_loaded_is_quiet(self) -> None:
        command = [sys.executable, "-c", EARLY_STOP, str(TOOLS)]
        done = subprocess.run(command, cwd=ROOT, env=environment(), check=False, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))


class Refusing(unittest.TestCase):
    def assert_one_line(self, said: str, **settings: str) -> None:
        done = run("run.py", **settings)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(said, done.stderr)

    def test_a_bad_value_is_one_line(self) -> None:
        port, admin, console = map(str, free_ports(3))
        for name, value, said in (
            ("PORT", "http", "1 to 65535"),
            ("PORT", "0", "1 to 65535"),
            ("ADMIN_PORT", "65536", "1 to 65535"),
            ("CONSOLE_PORT", "-1", "1 to 65535"),
            ("UPSTREAM", "foo:99999", "1 to 65535"),
            ("UPSTREAM", "foo", "host:port"),
            ("UPSTREAM", "http://foo:80", "host:port"),
            ("PROVIDERS", "mok", "live or mock"),
        ):
            with self.subTest(f"{name}={value}"):
                settings = {"PORT": port, "ADMIN_PORT": admin, "CONSOLE_PORT": console, name: value}
                self.assert_one_line(f"{name}={value}", **settings)
                self.assert_one_line(said, **settings)
        ports = {"PORT": port, "ADMIN_PORT": admin, "CONSOLE_PORT": console}
        self.assert_one_line("contradict", **ports, UPSTREAM="a:1", PROVIDERS="live")

    def test_two_equal_ports_are_one_line(self) -> None:
        port, other = map(str, free_ports(2))
        self.assert_one_line(f"PORT and ADMIN_PORT are both {port}", PORT=port, ADMIN_PORT=port)
        self.assert_one_line(f"PORT and CONSOLE_PORT are both {port}", PORT=port, ADMIN_PORT=other, CONSOLE_PORT=port)
        self.assert_one_line(
            f"ADMIN_PORT and CONSOLE_PORT are both {other}", PORT=port, ADMIN_PORT=other, CONSOLE_PORT=other
        )

    def test_a_busy_port_is_one_line(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = str(busy.getsockname()[1])
            free, other = map(str, free_ports(2))
            self.assert_one_line(f"port {port}: Address already in use", PORT=port, ADMIN_PORT=free, CONSOLE_PORT=other)
            self.assert_one_line("ADMIN_PORT=", PORT=free, ADMIN_PORT=port, CONSOLE_PORT=other)
            self.assert_one_line("CONSOLE_PORT=", PORT=free, ADMIN_PORT=other, CONSOLE_PORT=port)

    def test_a_missing_prerequisite_is_one_line(self) -> None:
        port, admin, console = map(str, free_ports(3))
        self.assert_one_line("rustup", PORT=port, ADMIN_PORT=admin, CONSOLE_PORT=console, PATH="/nonexistent")
