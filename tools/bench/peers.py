"""`make bench-peers`: other gateways under the same load on the same core, beside plain Envoy and Sluice."""

from __future__ import annotations

import json
from contextlib import ExitStack

from bench import contestant, machine, report, rounds, traffic
from bench.peer import PEERS, SKIPPED, Absent, Peer, Running
from bench.row import PLAIN, Group, Row
from bench.traffic import Load
from project import ROOT, TARGET, say

FILE = TARGET / "bench-peers.json"
LOADS = {
    "JSON, request 2 KB, answer 1 KB": Load(2048, "json:1024"),
    "stream of 50 events": Load(2048, "sse:50"),
}
SECONDS, ROUNDS = 2.0, 3


def start(peer: Peer, upstream: str, stack: ExitStack) -> Running | None:
    """The peer, or nothing after saying why."""
    say(f"{peer.name} {peer.version} from {peer.source}")
    try:
        return stack.enter_context(Running(peer, upstream))
    except Absent as why:
        say(f"{peer.name} is skipped: {why}")
        return None


def is_able(running: Running, load: Load) -> bool:
    """Whether it answers such calls; says so where it does not."""
    is_answered = traffic.answers(running.url, running.peer.path, load, running.fields)
    if not is_answered:
        say(f"{running.peer.name} is skipped: it does not answer calls for {load.answer}; its log is {running.folder / 'log'}")
    return is_answered


def row(running: Running) -> Row:
    peer = running.peer
    return Row(f"{peer.name} {peer.version}", peer.name, at=peer.path, fields=running.fields)


def main() -> None:
    machine.prepare()
    machine.take_other_core()
    for name, why in SKIPPED.items():
        say(f"{name} is skipped: {why}")
    result = {"machine": machine.describe(), "groups": {}}
    with traffic.Provider() as provider, ExitStack() as stack:
        ours = {who: stack.enter_context(contestant.start(who, provider.address)) for who in ("plain", "sluice")}
        started = [start(peer, provider.address, stack) for peer in PEERS]
        peers = {running.peer.name: running for running in started if running}
        say(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
        for title, load in LOADS.items():
            rows = (PLAIN, Row("Sluice"), *(row(running) for running in peers.values() if is_able(running, load)))
            figures = rounds.measure(Group(title, load, rows, SECONDS), ours | peers, rounds.Plan(ROUNDS))
            report.show(title, figures)
            result["groups"][title] = figures
    FILE.write_text(json.dumps(result, indent=1) + "\n")
    say(f"all figures: {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
