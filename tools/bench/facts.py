"""What is measured once: how long the start takes, memory with two workers, the module's size."""

from __future__ import annotations

import time
from statistics import median

from bench import contestant, process, report, traffic
from bench.traffic import Load
from project import WASM

STARTS = 5
PATH = "/v1/bench/ordinary/openai/chat/completions"
CALLS = Load(2048, "json:1024")
# How much more than plain Envoy: seconds to the first answer, MB with two workers, and the size of the module in kB.
GOALS = {"start_s": 1.0, "rss_mb": 35.0, "wasm_kb": 700.0}


def measure(upstream: str) -> dict:
    """Everything, printed as it comes."""
    print()
    facts = {"start_s": _start(upstream), "rss_mb": _memory(upstream), "wasm_kb": WASM.stat().st_size / 1000}
    verdict = report.verdict("wasm kB", facts["wasm_kb"], GOALS["wasm_kb"])
    print(f"size: {verdict}")
    return facts


def _start(upstream: str) -> dict[str, float]:
    """From the start of the process to the first answer through it."""
    times: dict[str, list[float]] = {"plain": [], "sluice": []}
    for _ in range(STARTS):
        for who, taken in times.items():
            began = time.monotonic()
            with contestant.start(who, upstream, workers=2) as running:
                traffic.play(running.url, PATH, Load(2048, "json:1024", 1), seconds=0.001)
                taken.append(time.monotonic() - began)
    figures = {who: median(taken) for who, taken in times.items()}
    verdict = report.verdict("added s", figures["sluice"] - figures["plain"], GOALS["start_s"])
    print(f"start to first answer: plain {figures['plain']:.2f} s, Sluice {figures['sluice']:.2f} s; {verdict}")
    return figures


def _memory(upstream: str) -> dict[str, dict[str, float]]:
    """With two workers: when both have answered, after a load of calls that are recorded but not cached, and at most."""
    figures = {}
    for who in ("plain", "sluice"):
        with contestant.start(who, upstream, workers=2) as running:
            traffic.play(running.url, PATH, CALLS, seconds=0.1)
            idle = process.resident_mb(running.pid())
            traffic.play(running.url, PATH, CALLS, seconds=5)
            after, peak = (process.resident_mb(running.pid(), field) for field in ("VmRSS", "VmHWM"))
        figures[who] = {"idle": idle, "after_load": after, "peak": peak}
        print(f"RSS, 2 workers, {who}: {idle:.0f} MB idle, {after:.0f} MB after a load, {peak:.0f} MB at most", end="")
        print("" if who == "sluice" else "\n", end="")
    added = figures["sluice"]["after_load"] - figures["plain"]["after_load"]
    print("; " + report.verdict("added MB after a load", added, GOALS["rss_mb"]))
    return figures
