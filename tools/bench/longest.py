"""How long the worst inputs that were thought of keep a worker: all others on it wait for as long.

Envoy measures each turn of a worker's event loop, from which all callbacks are made. The longest one is a bound for every
callback in it, with Envoy's own work; plain Envoy's under the same calls stands beside it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import gateway
from bench import contestant, report, traffic
from bench.traffic import Load, Text

GOAL = 2.0  # milliseconds
ROUNDS, CALLS = 3, 3
ONCE = 0.0  # seconds: one call
CHAT = "/v1/bench/{}/openai/chat/completions"
COMPAT = "/v1/bench/ordinary/compat/chat/completions"
UNIVERSAL = "/v1/bench/ordinary"
CONSOLE = "/client/v4/accounts/bench/ai-gateway/gateways/ordinary/"
RECORDS = 10_000
# Envoy ends an interval of its histograms whenever they are asked for.
STATS = "\nenable_dispatcher_stats: true\nstats_flush_on_admin: true\n"
HISTOGRAM = "listener_manager.worker_0.dispatcher.loop_duration_us"
WARM = Load(2048, "json:1024", 1)
MESSAGE = {"role": "user", "content": 'one "two"\n' * 5}


def many(size: int, model: str = "gpt-4o-mini") -> dict:
    """A chat of about so many bytes, in short messages with much to decode."""
    return {"model": model, "messages": [MESSAGE] * (size // len(f"{json.dumps(MESSAGE)}, "))}


def deep(size: int) -> str:
    half = size // 2
    return '{"model":"gpt-4o-mini","messages":' + "[" * half + "]" * half + "}"


def steps(size: int) -> list:
    return [traffic.step("json:1024", many(size))]


@dataclass(frozen=True)
class Input:
    path: str
    load: Callable[[], Load]
    seconds: float = ONCE


def chat(answer: str, size: int = 2048, to: str = "ordinary") -> Input:
    return Input(CHAT.format(to), lambda: Load(size, answer, 1))


def text(path: str, written: Callable[[], object], answer: str = "json:1024") -> Input:
    return Input(path, lambda: Text.of(written(), answer))


INPUTS: dict[str, Input] = {
    "request 2 KB": chat("json:1024"),
    "request 20 MB": chat("json:1024", 20_000_000),
    "the same, hashed for the cache": chat("json:1024", 20_000_000, "cached"),
    "request 5 MB of short messages": text(CHAT.format("ordinary"), lambda: many(5_000_000)),
    "request 4 MB of brackets": text(CHAT.format("ordinary"), lambda: deep(4_000_000)),
    "answer 1 MB": chat("json:1000000"),
    "answer 20 MB": chat("json:20000000"),
    "answer 1 MB, stored and hit": chat("json:1000000", to="cached"),
    "answers 64 KB, stored in a full cache": Input(CHAT.format("cached"), lambda: Load(2048, "json:65536", 1, fresh=True), 2.0),
    "stream of 5000 events": text(CHAT.format("ordinary"), lambda: many(0) | {"stream": True}, "sse:5000"),
    "universal, a step of 1 MB": text(UNIVERSAL, lambda: steps(1_000_000)),
    "universal, a step of 5 MB": text(UNIVERSAL, lambda: steps(5_000_000)),
    "universal, a step of 20 MB": text(UNIVERSAL, lambda: steps(20_000_000)),
    "/compat, 1 MB in OpenAI's format": text(COMPAT, lambda: many(1_000_000, "openai/gpt-4o-mini")),
    "/compat, 1 MB for Anthropic": text(COMPAT, lambda: many(1_000_000, "anthropic/claude-sonnet-4-5")),
}
# What the console is asked for, over that many records.
VISITS = {
    "a page of the logs": "logs?per_page=50&order_by=cost",
    "a search in all of them": "logs?search=nowhere",
    "the analytics of all": "analytics?buckets=60&group_by=metadata.team",
}


def measure(upstream: str) -> dict[str, dict[str, float]]:
    """The longest turn in milliseconds: input -> contestant -> median over rounds of new calls, printed as they come."""
    print(f"\n{'longest turn of the event loop, ms':<48}{'plain':>8}{'Sluice':>8}")
    figures = {}
    ours = contestant.sluice(settings=contestant.CONFIGURATION | {"log_store": {"max_records": RECORDS}})
    with _started("plain", upstream, contestant.plain) as plain, _started("sluice", upstream, ours) as sluice:
        for name, own in (*_calls(plain, sluice), *_visits(sluice)):
            figures[name] = own
            plainly = f"{own['plain']:.1f}" if "plain" in own else ""
            print(f"  {name:<46}{plainly:>8}{own['sluice']:>8.1f}   ", end="")
            print(report.verdict("ms", own["sluice"], GOAL))
    return figures


def _calls(plain: gateway.Gateway, sluice: gateway.Gateway) -> Iterator[tuple[str, dict[str, float]]]:
    for name, asked in INPUTS.items():
        load = asked.load()
        own = {}
        for who, running in (("plain", plain), ("sluice", sluice)):
            call = lambda running=running: traffic.play(running.url, asked.path, load, asked.seconds)
            own[who] = _longest(running, call)
        yield name, own


def _visits(sluice: gateway.Gateway) -> Iterator[tuple[str, dict[str, float]]]:
    # The store is full from here on: each new batch of records pushes old ones out.
    missing = RECORDS
    while missing > 0:
        played = traffic.play(sluice.url, CHAT.format("ordinary"), Load(2048, "json:1024"), seconds=1)
        missing -= played["calls"]["count"]
    for name, path in VISITS.items():
        visit = lambda path=path: gateway.fetch(sluice.console + CONSOLE + path)
        yield f"console, {RECORDS} records: {name}", {"sluice": _longest(sluice, visit)}


def _started(who: str, upstream: str, edit: Callable[[str], str]) -> gateway.Gateway:
    return contestant.start(who, upstream, lambda text: edit(text) + STATS)


def _longest(running: gateway.Gateway, call: Callable[[], object]) -> float:
    turns = []
    for _ in range(ROUNDS):
        # What runs for the first time is compiled, and slow for that.
        traffic.play(running.url, CHAT.format("ordinary"), WARM, seconds=0.5)
        call()
        _turn(running)
        for _ in range(CALLS):
            call()
        turns.append(_turn(running))
    return median(turns)


def _turn(running: gateway.Gateway) -> float:
    """The longest turn since it was asked for last, to the bound of its bucket."""
    time.sleep(0.1)  # the turn of the last bytes ends
    return longest(gateway.fetch(f"{running.admin}/stats?filter={HISTOGRAM}&usedonly").decode())


def longest(stats: str) -> float:
    """Milliseconds, from Envoy's text: of each percentile the interval's value and that of all time."""
    found = re.search(r"\bP100\(([\d.]+),", stats)
    return float(found[1]) / 1000 if found else 0.0
