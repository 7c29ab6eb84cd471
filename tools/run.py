"""`make run`: builds the filter and serves it through Envoy until stopped, with a bundled provider or the real ones.

Environment: PORT (10000), ADMIN_PORT (9901), CONSOLE_PORT (10001), UPSTREAM=host:port (a plain-HTTP stand-in for every provider),
PROVIDERS=live (the real hosts over TLS).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time

STOPS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
asked_to_stop = False


def stop(number: int, _frame: object) -> None:
    """While starting: the signal becomes an exception, so that every `with` below is left in order."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


def note_stop(*_: object) -> None:
    """While serving: nothing is thrown, as an exception out of nowhere can be lost in a library's callback."""
    global asked_to_stop
    asked_to_stop = True


# Before the modules below, whose loading takes long enough for a Ctrl-C.
for each in STOPS:
    signal.signal(each, stop)

import build  # noqa: E402
import gateway  # noqa: E402
from mock_provider import MockProvider  # noqa: E402
from project import ROOT, fail, say  # noqa: E402

BODY = '{"model":"claude-haiku-4-5","max_tokens":64,"messages":[{"role":"user","content":"Hello"}]}'


def chosen_ports() -> tuple[int, int, int]:
    """PORT, ADMIN_PORT and CONSOLE_PORT, which nobody uses."""
    ports: dict[str, int] = {}
    for variable, default in (("PORT", "10000"), ("ADMIN_PORT", "9901"), ("CONSOLE_PORT", "10001")):
        text = os.environ.get(variable) or default
        if not is_port(text):
            fail(f"{variable}={text} is not a port: write a number from 1 to 65535")
        for other in (other for other, number in ports.items() if number == int(text)):
            fail(f"{other} and {variable} are both {int(text)}: give each a port of its own")
        ports[variable] = int(text)
    for variable, port in ports.items():
        gateway.check_free(port, variable)
    return ports["PORT"], ports["ADMIN_PORT"], ports["CONSOLE_PORT"]


def is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 0 < int(text) < 65536


def chosen_upstream() -> tuple[str | None, bool]:
    """The plain-HTTP address asked for, and whether the bundled provider is to be it."""
    upstream, providers = os.environ.get("UPSTREAM") or None, os.environ.get("PROVIDERS") or "mock"
    if providers not in ("mock", "live"):
        fail(f"PROVIDERS={providers} is unknown: write live or mock")
    if upstream and providers == "live":
        fail("UPSTREAM and PROVIDERS=live contradict each other: give one of them")
    host, _, port = (upstream or "").rpartition(":")
    if upstream and not (re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host) and is_port(port)):
        fail(f"UPSTREAM={upstream} is not an address: write host:port, with a port from 1 to 65535")
    return upstream, upstream is None and providers == "mock"


def main() -> None:
    parent = os.getppid()
    listen, admin, console = chosen_ports()
    upstream, bundled = chosen_upstream()
    build.build()
    with MockProvider() if bundled else contextlib.nullcontext() as mock:
        upstream = mock.address if mock else upstream
        with gateway.Gateway(f"port-{listen}", listen, admin, upstream, console_port=console) as running:
            for each in STOPS:
                signal.signal(each, note_stop)
            announce(running, upstream, bundled)
            # Whoever started us may be killed without telling us.
            while not asked_to_stop and running.alive() and os.getppid() == parent:
                time.sleep(0.1)
            if not asked_to_stop and not running.alive():
                fail(f"Envoy ended by itself:\n{running.why()}")


def announce(running: gateway.Gateway, upstream: str | None, bundled: bool) -> None:
    providers = f"all at {upstream}" + (" (bundled mock, no keys needed)" if bundled else "") if upstream else "live"
    key = "any" if bundled else "$ANTHROPIC_API_KEY"
    folder = running.folder.relative_to(ROOT)
    say(f"gateway    {running.url}/v1/<any account>/my-gateway/<provider>   (also: locked, limited)")
    say(f"providers  {providers}")
    say(f"console    {running.console}/   (control API: {running.console}/client/v4/accounts/_/ai-gateway/…)")
    say(f"admin      {running.admin}   logs: {folder}/envoy.log, {folder}/access.log")
    say(
        f"try        curl -i {running.url}/v1/demo/my-gateway/anthropic/v1/messages -H 'content-type: application/json'"
        f" -H 'anthropic-version: 2023-06-01' -H \"x-api-key: {key}\" -d '{BODY}'"
    )
    say("stop       Ctrl-C")


if __name__ == "__main__":
    main()
