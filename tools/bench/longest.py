"""How long the worst inputs that the limits allow keep a worker: all others on it wait for as long.

Envoy measures each turn of a worker's event loop, from which all callbacks are made. The longest one is a bound for every
callback in it, with Envoy's own work; plain Envoy's under the same calls stands beside it.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from statistics import median

import gateway
from bench import contestant, report, traffic
from bench.traffic import TOKEN, Load
from project import fail

GOAL = 2.0  # milliseconds
ROUNDS, CALLS = 3, 3
CHAT = "/v1/bench/{}/openai/chat/completions"
COMPAT = "/v1/bench/ordinary/compat/chat/completions"
UNIVERSAL = "/v1/bench/ordinary"
# Envoy ends an interval of its histograms whenever they are asked for.
STATS = "\nenable_dispatcher_stats: true\nstats_flush_on_admin: true\n"
HISTOGRAM = "listener_manager.worker_0.dispatcher.loop_duration_us"
WARM = Load(2048, "json:1024", 1)
MESSAGE = {"role": "user", "content": 'one "two"\n' * 5}


def many(size: int, model: str = "gpt-4o-mini") -> dict:
    """A chat of about so many bytes, in short messages with much to decode."""
    return {"model": model, "messages": [MESSAGE] * (size // len(f"{json.dumps(MESSAGE)}, "))}


def deep(size: int) -> bytes:
    half = size // 2
    return b'{"model":"gpt-4o-mini","messages":' + b"[" * half + b"]" * half + b"}"


def steps(size: int) -> list:
    headers = {"authorization": "Bearer bench", "content-type": "application/json", "x-answer": "json:1024"}
    return [{"provider": "openai", "endpoint": "chat/completions", "headers": headers, "query": many(size)}]


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


# Name -> path, body, what the provider answers.
INPUTS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "request 2 KB": (CHAT.format("ordinary"), WARM.text().encode, "json:1024"),
    "request 20 MB": (CHAT.format("ordinary"), Load(20_000_000, "json:1024").text().encode, "json:1024"),
    "the same, hashed for the cache": (CHAT.format("cached"), Load(20_000_000, "json:1024").text().encode, "json:1024"),
    "request 5 MB of short messages": (CHAT.format("ordinary"), lambda: encoded(many(5_000_000)), "json:1024"),
    "request 4 MB of brackets": (CHAT.format("ordinary"), lambda: deep(4_000_000), "json:1024"),
    "answer 1 MB": (CHAT.format("ordinary"), WARM.text().encode, "json:1000000"),
    "answer 20 MB": (CHAT.format("ordinary"), WARM.text().encode, "json:20000000"),
    "answer 1 MB, stored and hit": (CHAT.format("cached"), WARM.text().encode, "json:1000000"),
    "stream of 5000 events": (CHAT.format("ordinary"), lambda: encoded(many(0) | {"stream": True}), "sse:5000"),
    "universal, a step of 1 MB": (UNIVERSAL, lambda: encoded(steps(1_000_000)), "json:1024"),
    "universal, a step of 5 MB": (UNIVERSAL, lambda: encoded(steps(5_000_000)), "json:1024"),
    "/compat, 1 MB in OpenAI's format": (COMPAT, lambda: encoded(many(1_000_000, "openai/gpt-4o-mini")), "json:1024"),
    "/compat, 1 MB for Anthropic": (COMPAT, lambda: encoded(many(1_000_000, "anthropic/claude-sonnet-4-5")), "json:1024"),
}


def measure(upstream: str) -> dict[str, dict[str, float]]:
    """The longest turn in milliseconds: input -> contestant -> median over rounds of new calls, printed as they come."""
    print(f"\n{'longest turn of the event loop, ms':<36}{'plain':>8}{'Sluice':>8}")
    figures: dict[str, dict[str, float]] = {name: {} for name in INPUTS}
    with _started("plain", upstream) as plain, _started("sluice", upstream) as sluice:
        for name, (path, body, answer) in INPUTS.items():
            for who, running in (("plain", plain), ("sluice", sluice)):
                turns = [_longest(running, path, body(), answer) for _ in range(ROUNDS)]
                figures[name][who] = median(turns)
            own = figures[name]
            print(f"  {name:<34}{own['plain']:>8.1f}{own['sluice']:>8.1f}   ", end="")
            print(report.verdict("ms", own["sluice"], GOAL))
    return figures


def _started(who: str, upstream: str) -> gateway.Gateway:
    return contestant.start(who, upstream, lambda text: contestant.EDITS[who](text) + STATS)


def _longest(running: gateway.Gateway, path: str, body: bytes, answer: str) -> float:
    # What runs for the first time is compiled, and slow for that.
    traffic.play(running.url, CHAT.format("ordinary"), WARM, seconds=0.5)
    _call(running.url, path, body, answer)
    _turn(running)
    for _ in range(CALLS):
        _call(running.url, path, body, answer)
    return _turn(running)


def _turn(running: gateway.Gateway) -> float:
    """The longest turn since it was asked for last, to the bound of its bucket."""
    time.sleep(0.1)  # the turn of the last bytes ends
    return longest(gateway.fetch(f"{running.admin}/stats?filter={HISTOGRAM}&usedonly").decode())


def longest(stats: str) -> float:
    """Milliseconds, from Envoy's text: of each percentile the interval's value and that of all time."""
    found = re.search(r"\bP100\(([\d.]+),", stats)
    return float(found[1]) / 1000 if found else 0.0


def _call(url: str, path: str, body: bytes, answer: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    fields = {
        "content-type": "application/json",
        "authorization": "Bearer bench",
        "cf-aig-authorization": f"Bearer {TOKEN}",
        "x-sluice-cluster": "openai",
        "x-answer": answer,
    }
    connection.request("POST", path, body, fields)
    got = connection.getresponse()
    got.read()
    connection.close()
    if got.status != HTTPStatus.OK:
        fail(f"{path} was answered with {got.status}")
