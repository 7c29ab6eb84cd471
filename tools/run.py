"""`make run`: builds the filter and serves it through Envoy until stopped, with a bundled provider or the real ones.

Environment: PORT (10000), ADMIN_PORT (9901), UPSTREAM=host:port (a plain-HTTP stand-in for every provider),
PROVIDERS=live (the real hosts over TLS).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading

import build
import gateway
from mock_provider import MockProvider
from project import ROOT, fail, say

BODY = '{"model":"claude-haiku-4-5","max_tokens":64,"messages":[{"role":"user","content":"Hello"}]}'


def port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        fail(f"{variable}={text} is not a port: write a number from 1 to 65535")
    gateway.check_free(int(text), variable)
    return int(text)


def chosen_upstream() -> tuple[str | None, bool]:
    """The plain-HTTP address asked for, and whether the bundled provider is to be it."""
    upstream, providers = os.environ.get("UPSTREAM") or None, os.environ.get("PROVIDERS") or "mock"
    if providers not in ("mock", "live"):
        fail(f"PROVIDERS={providers} is unknown: write live or mock")
    if upstream and providers == "live":
        fail("UPSTREAM and PROVIDERS=live contradict each other: give one of them")
    if upstream and not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", upstream):
        fail(f"UPSTREAM={upstream} is not an address: write host:port")
    return upstream, upstream is None and providers == "mock"


def main() -> None:
    # The signal becomes an exception, so that every `with` below is left in order.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    parent = os.getppid()
    listen, admin = port("PORT", 10000), port("ADMIN_PORT", 9901)
    upstream, bundled = chosen_upstream()
    build.build()
    with MockProvider() if bundled else contextlib.nullcontext() as mock:
        upstream = mock.address if mock else upstream
        with gateway.Gateway(f"port-{listen}", listen, admin, upstream) as running:
            announce(running, upstream, bundled)
            # Whoever started us may be killed without telling us.
            while running.alive() and os.getppid() == parent:
                threading.Event().wait(0.5)
            if not running.alive():
                fail(f"Envoy ended by itself:\n{running.why()}")


def announce(running: gateway.Gateway, upstream: str | None, bundled: bool) -> None:
    providers = f"all at {upstream}" + (" (bundled mock, no keys needed)" if bundled else "") if upstream else "live"
    key = "any" if bundled else "$ANTHROPIC_API_KEY"
    folder = running.folder.relative_to(ROOT)
    say(f"gateway    {running.url}/v1/<any account>/my-gateway/<provider>   (also: locked, limited)")
    say(f"providers  {providers}")
    say(f"admin      {running.admin}   logs: {folder}/envoy.log, {folder}/access.log")
    say(
        f"try        curl -i {running.url}/v1/demo/my-gateway/anthropic/v1/messages -H 'content-type: application/json'"
        f" -H 'anthropic-version: 2023-06-01' -H \"x-api-key: {key}\" -d '{BODY}'"
    )
    say("stop       Ctrl-C")


def stop(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    main()
