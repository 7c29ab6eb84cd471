"""`make soak CALLS=1000000`: mixed calls over two workers, after which the clients, the exported records, the metrics and
the provider have counted alike, no stream is left, no VM has died, and memory is as it was after the warm-up.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import gateway
from bench import contestant, process, traffic
from bench.traffic import Load
from project import fail, say

CALLS, CONNECTIONS = 20_000, 48
WARM_UP, FLAT_MB = 0.25, 2.0  # the part of the run before memory must be flat, and how flat
SETTLING = 60  # seconds
# Records in the log store and bytes in the cache: both are full before the warm-up is over.
KEPT, CACHED = 5_000, 4 << 20

CHAT = "/openai/chat/completions"
BODY = Load(600, "json:1024")
FRESH = Load(600, "json:1024", fresh=True)
STREAM = Load(600, "sse:20")
FALLBACK = Load(600, "json:1024", steps=("status:503", "json:1024"))


@dataclass(frozen=True)
class Kind:
    """A kind of call: how many of a hundred it is, and of each answer's status what the record is to say."""

    share: int
    load: Load = BODY
    gateway: str = "ordinary"
    answer: str = "json:1024"
    path: str = CHAT
    token: str = traffic.TOKEN
    leaves: str = "never"
    outcome: str = "answered"
    statuses: tuple[int, ...] = (200,)
    end: str = "whole"

    def text(self, name: str) -> dict:
        head = traffic.head(f"/v1/soak/{self.gateway}{self.path}", self.answer, self.token)
        return {"name": name, "head": head, "body": self.load.text(), "leaves": self.leaves}


KINDS = {
    "pass": Kind(36),
    "hit": Kind(16, gateway="cached"),
    "miss": Kind(10, FRESH, gateway="cached"),
    "stream": Kind(12, STREAM, answer="sse:20"),
    "unknown-provider": Kind(3, path="/nobody/chat/completions", outcome="refused", statuses=(400,)),
    "wrong-credential": Kind(3, token="wrong", outcome="refused", statuses=(401,)),
    "limited": Kind(4, gateway="limited", outcome="refused", statuses=(429, 200)),
    "provider-fails": Kind(4, answer="status:500", statuses=(500,)),
    "provider-busy": Kind(3, answer="status:429", statuses=(429,)),
    "provider-cuts": Kind(3, answer="cut", outcome="cut", end="cut"),
    "leaves-amid": Kind(3, STREAM, answer="sse:30000:20", leaves="amid", outcome="client_gone", end="left"),
    "leaves-early": Kind(1, answer="late:600000", leaves="early", outcome="client_gone", statuses=(499,), end="left"),
    "fallback": Kind(2, FALLBACK, answer="unused", path=""),
}


def configuration(text: str) -> str:
    sink = {"name": "count", "type": "http", "cluster": "openai", "authority": "sink", "headers": {"x-answer": "sink"}}
    limited = contestant.ORDINARY | {"rate_limiting_limit": 50, "rate_limiting_interval": 10}
    settings = contestant.CONFIGURATION | {
        "log_store": {"max_records": KEPT},
        "cache": {"max_bytes": CACHED},
        "export": [sink | {"queue_bytes": 256 << 20}],
        "gateways": [*contestant.CONFIGURATION["gateways"], {"id": "limited", **limited}],
    }
    return contestant.sluice(settings=settings)(text)


def expected(counted: dict[str, int]) -> tuple[Counter, Counter]:
    """Of what the clients saw: the records (`gateway outcome status`) and the provider's answers."""
    records, answers = Counter(), Counter()
    for told, count in counted.items():
        name, status, cache, end = told.split()
        kind = KINDS[name]
        if int(status) not in kind.statuses or end != kind.end:
            fail(f"{count} calls ended in a way that their kind does not have: {told}")
        outcome = "answered" if name == "limited" and status == "200" else kind.outcome
        outcome = "cached" if cache == "HIT" else outcome
        records[f"{kind.gateway} {outcome} {status}"] += count
        if outcome not in ("cached", "refused"):
            answers[kind.load.steps[-1] if kind.load.steps else kind.answer] += count
        if kind.load.steps:  # the step that failed
            records[f"{kind.gateway} answered 503"] += count
            answers["status:503"] += count
    return records, answers


def by_class(records: Counter) -> Counter:
    """As the metrics label them."""
    classes: Counter = Counter()
    for kind, count in records.items():
        place, outcome, status = kind.split()
        label = status if status == "429" else f"{status[0]}xx"
        classes[f"{place} {outcome} {label}"] += count
    return classes


def metrics(admin: str) -> Counter:
    text = gateway.fetch(f"{admin}/stats/prometheus").decode()
    counted: Counter = Counter()
    for labels, value in re.findall(r"^sluice_requests_total\{(.*)\} (\d+)$", text, re.MULTILINE):
        of = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        counted[f"{of['gateway']} {of['outcome']} {of['status']}"] += int(value)
    return counted


def stat(admin: str, ending: str) -> int:
    """The sum of the statistics whose name ends so."""
    lines = gateway.fetch(f"{admin}/stats?filter={re.escape(ending)}$").decode().splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines)


def differences(running: gateway.Gateway, provider: traffic.Provider, counted: dict[str, int]) -> list[str]:
    """Where the counts are not alike."""
    records, answers = expected(counted)
    seen = provider.counts()
    exported = seen["answers"]
    for name in ("sink", "counts"):
        exported.pop(name, None)
    pairs = {
        "records": (seen["records"], records),
        "provider": (exported, answers),
        "metrics": (metrics(running.admin), by_class(records)),
        "records lost or dropped": (seen["dropped"], 0),
        "streams of clients left": (stat(running.admin, "downstream_rq_active"), 1),  # this question itself
        "streams to providers left": (stat(running.admin, "cluster.openai.upstream_rq_active"), 0),
    }
    return [f"{what}: {got}, not {wanted}" for what, (got, wanted) in pairs.items() if got != wanted]


def soak(running: gateway.Gateway, calls: int) -> tuple[dict[str, int], list[float]]:
    """What the clients counted, and the memory of Envoy in MB twice a second."""
    kinds = [(name, kind) for name, kind in KINDS.items() for _ in range(kind.share)]
    order = [kinds[number * 37 % len(kinds)] for number in range(len(kinds))]  # mixed, the same in every run
    address = running.url.removeprefix("http://")
    texts = [kind.text(name) for name, kind in order]
    asked = {"address": address, "connections": CONNECTIONS, "calls": calls, "kinds": texts}
    clients = subprocess.Popen([traffic.PROGRAM, "soak"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert clients.stdin and clients.stdout
    clients.stdin.write(json.dumps(asked))
    clients.stdin.close()
    memory = []
    while clients.poll() is None:
        memory.append(process.resident_mb(running.pid()))
        time.sleep(0.5)
    if clients.returncode != 0:
        fail("the clients met an error that no kind of call has")
    return json.loads(clients.stdout.read()), memory


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    traffic.build()
    with traffic.Provider() as provider:
        with contestant.start("soak", provider.address, configuration, workers=2) as running:
            machines = stat(running.admin, "wasm.envoy.wasm.runtime.v8.created")
            began = time.monotonic()
            counted, memory = soak(running, calls)
            took = time.monotonic() - began
            wrong = settle(running, provider, counted)
            if stat(running.admin, "wasm.envoy.wasm.runtime.v8.created") != machines:
                wrong.append("a VM died")
            records = sum(provider.counts()["records"].values())
    flat = memory[int(len(memory) * WARM_UP) :]
    say(f"{calls} calls, {records} records, {took:.0f} s, {calls / took:.0f} calls a second")
    for told, count in sorted(counted.items()):
        print(f"  {told:<40}{count:>9}")
    say(f"memory: {memory[0]:.1f} MB at first, after the warm-up {min(flat):.1f} to {max(flat):.1f} MB")
    if max(flat) - min(flat) > 2 * FLAT_MB:
        wrong.append(f"memory is not flat within {FLAT_MB} MB")
    if wrong:
        fail("\n".join(wrong))
    say("clients, records, metrics and provider agree; no stream is left")


def settle(running: gateway.Gateway, provider: traffic.Provider, counted: dict[str, int]) -> list[str]:
    """What still differs when nothing changes any more, or after a while."""
    deadline = time.monotonic() + SETTLING
    while wrong := differences(running, provider, counted):
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return wrong


if __name__ == "__main__":
    main()
