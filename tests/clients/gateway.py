"""What the two client runners share: one gateway for one run, and one way to end.

A runner's exit code: 0 every test passed, 1 a test or the gateway failed, 3 the run could not take place. The gateway
is `tools/run.py` with its mock provider, on free ports; nothing of it outlives the run.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "clients"
BUILD_SECONDS = 1800
"""The first start compiles the filter and fetches Envoy."""
ANSWER_SECONDS = 60


class CannotRun(Exception):
    """The run could not take place; the text says why and what to do."""


class Failed(Exception):
    """The gateway did not do its part; the text says what happened."""


def finish(run: Callable[[], int]) -> None:
    """Ends the process with the exit code of `run`, or with one line of explanation."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = run()
    except CannotRun as reason:
        print(f"could not run: {reason}", file=sys.stderr)
        code = 3
    except Failed as reason:
        print(f"failed: {reason}", file=sys.stderr)
        code = 1
    sys.exit(code)


def install(command: list[str], directory: Path, pins: Path) -> None:
    """Runs an installing command, unless `directory` already holds what `pins` and the command name."""
    wanted = hashlib.sha256(pins.read_bytes() + "\0".join([sys.version, *command]).encode()).hexdigest()
    stamp = directory / ".installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, check=False, cwd=directory, **output)
    if done.returncode:
        raise CannotRun(f"{' '.join(command[:4])} … failed: {_last_line(done.stdout)}")
    stamp.write_text(wanted)


@contextlib.contextmanager
def running(log: Path) -> Iterator[dict[str, str]]:
    """The environment for the tests. `GATEWAY_URL` or `BASE_URL` name something that runs already, and stays."""
    if os.environ.get("GATEWAY_URL") or os.environ.get("BASE_URL"):
        yield dict(os.environ)
        return
    names = ("PORT", "ADMIN_PORT", "CONSOLE_PORT")
    ports = dict(zip(names, map(str, _free_ports(len(names)))))
    print("starting the gateway (the first time builds it)", flush=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "tools/run.py"],
            cwd=ROOT,
            env=os.environ | ports,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, int(ports["PORT"]), log)
            access_log = ROOT / "target" / "run" / f"port-{ports['PORT']}" / "access.log"
            url = f"http://127.0.0.1:{ports['PORT']}"
            console = f"http://127.0.0.1:{ports['CONSOLE_PORT']}"
            yield os.environ | {"GATEWAY_URL": url, "CONSOLE_URL": console, "GATEWAY_ACCESS_LOG": str(access_log)}
        finally:
            _stop(process)


def _free_ports(count: int) -> list[int]:
    """Ports free a moment ago, each a different one because all are held until the last is found."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_ready(process: subprocess.Popen, port: int, log: Path) -> None:
    """Ready means that a call has come back from the provider with 200."""
    deadline, answer = time.monotonic() + BUILD_SECONDS, None
    while process.poll() is None:
        before, answer = answer, _first_answer(port)
        if answer == "200":
            return
        if before is None and answer is not None:
            deadline = min(deadline, time.monotonic() + ANSWER_SECONDS)
        if time.monotonic() > deadline:
            raise Failed(f"the gateway is not ready, it says {answer or 'nothing'}; see {log.relative_to(ROOT)}")
        time.sleep(0.2)
    reason = _last_line(log.read_text(errors="replace"))
    raise (CannotRun if process.returncode == 3 else Failed)(f"tools/run.py ended with {process.returncode}: {reason}")


def _first_answer(port: int) -> str | None:
    """The status of a first call, the word of a broken one, nothing while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Ready?"}]})
    headers = {"content-type": "application/json", "authorization": "Bearer sk-test"}
    try:
        connection.request("POST", "/v1/any-account/my-gateway/openai/chat/completions", body, headers)
        return str(connection.getresponse().status)
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def _stop(process: subprocess.Popen) -> None:
    """Asks as Ctrl-C does, then insists; the group is the gateway's own (`start_new_session`)."""
    for request in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, request)
            process.wait(timeout=10)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
