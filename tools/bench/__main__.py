"""`make bench`, or from tools/ `python3 -m bench --rows passthrough,hit`: see the package."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack

import build
import envoy
from bench import contestant, facts, first_byte, report, rounds, traffic
from bench.row import GROUPS, Group
from project import ROOT, TARGET, fail, run, say

FILE = TARGET / "bench.json"
FACTS, FIRST_BYTE = "facts", "first-byte"  # beside the groups
ALL = [*GROUPS, FACTS, FIRST_BYTE]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the filter costs Envoy.")
    parser.add_argument("--rows", help=f"only these groups, with commas between: {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each row (default 5)")
    parser.add_argument("--quick", action="store_true", help="CPU only, no times")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",") if asked.rows else ALL
    unknown = set(asked.rows) - set(ALL)
    if unknown:
        fail(f"no such group: {', '.join(sorted(unknown))}")
    return asked


def check_machine() -> None:
    if sys.platform != "linux":
        fail("make bench reads /proc, so it needs Linux")
    if not {contestant.CORE, contestant.OTHER_CORE} <= os.sched_getaffinity(0):
        fail("make bench needs two cores: the gateway's, and the load's")
    if shutil.which("taskset") is None:
        fail("taskset is not installed (Debian package util-linux)")


def prepare() -> None:
    build.build()
    run("cargo", "build", "--locked", "--release", "--target", build.TRIPLE, "-p", "sluice-noop")
    traffic.build()


def machine() -> dict:
    """What the figures were measured with."""
    with open("/proc/cpuinfo") as info:
        cpu = info.read().partition("model name\t: ")[2].partition("\n")[0]
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu,
        "kernel": platform.release(),
        "envoy": ".".join(map(str, envoy.version(envoy.find()) or ())),
        "revision": described.stdout.strip(),
    }


def measure(groups: dict[str, Group], upstream: str, plan: rounds.Plan) -> dict[str, dict]:
    """All rows of the groups, printed as they come."""
    measured = {}
    with ExitStack() as stack:
        wanted = dict.fromkeys(row.who for group in groups.values() for row in group.rows)
        gateways = {who: stack.enter_context(contestant.start(who, upstream)) for who in wanted}
        for name, group in groups.items():
            measured[name] = rounds.measure(group, gateways, plan)
            report.show(group.title, measured[name])
    return measured


def main() -> None:
    asked = arguments()
    check_machine()
    prepare()
    os.sched_setaffinity(0, {contestant.OTHER_CORE})
    plan = rounds.Plan(asked.rounds, not asked.quick)
    result = {"machine": machine()}
    say(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    groups = {name: group for name, group in GROUPS.items() if name in asked.rows}
    with traffic.Provider() as provider:
        result["groups"] = measure(groups, provider.address, plan)
        if FACTS in asked.rows:
            result["facts"] = facts.measure(provider.address)
    if FIRST_BYTE in asked.rows:
        first_byte.report()
    FILE.write_text(json.dumps(result, indent=1) + "\n")
    say(f"all figures: {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
