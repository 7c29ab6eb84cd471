"""`make bench`, or from tools/ `python3 -m bench --rows passthrough,hit`: see the package."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack

from bench import base, contestant, facts, first_byte, longest, machine, report, rounds, traffic
from bench.row import GROUPS, Group
from project import ROOT, TARGET, fail, say

FILE = TARGET / "bench.json"
FACTS, FIRST_BYTE, LONGEST = "facts", "first-byte", "longest"  # beside the groups
ALL = [*GROUPS, FACTS, LONGEST, FIRST_BYTE]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the filter costs Envoy.")
    parser.add_argument("--rows", help=f"only these groups, with commas between: {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each row (default 3)")
    parser.add_argument("--base", help="a revision to compare with, row by row")
    parser.add_argument("--quick", action="store_true", help="CPU only, no times")
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",") if asked.rows else ALL
    unknown = set(asked.rows) - set(ALL)
    if unknown:
        fail(f"no such group: {', '.join(sorted(unknown))}")
    return asked


def measure(groups: dict[str, Group], upstream: str, plan: rounds.Plan, edits: dict) -> dict[str, dict]:
    """All rows of the groups, printed as they come."""
    measured = {}
    with ExitStack() as stack:
        wanted = dict.fromkeys(row.who for group in groups.values() for row in group.rows)
        gateways = {who: stack.enter_context(contestant.start(who, upstream, edits.get(who))) for who in wanted}
        for name, group in groups.items():
            measured[name] = rounds.measure(group, gateways, plan)
            report.show(group.title, measured[name])
    return measured


def main() -> None:
    asked = arguments()
    machine.prepare()
    edits = {base.WHO: contestant.sluice(base.build(asked.base))} if asked.base else {}
    machine.take_other_core()
    plan = rounds.Plan(asked.rounds, not asked.quick)
    result = {"machine": machine.describe()}
    say(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    groups = {name: base.paired(group) if asked.base else group for name, group in GROUPS.items() if name in asked.rows}
    with traffic.Provider() as provider:
        result["groups"] = measure(groups, provider.address, plan, edits)
        if FACTS in asked.rows:
            result["facts"] = facts.measure(provider.address)
        if LONGEST in asked.rows:
            result["longest_ms"] = longest.measure(provider.address)
    if FIRST_BYTE in asked.rows:
        result["first_byte_us"] = first_byte.report()
    FILE.write_text(json.dumps(result, indent=1) + "\n")
    say(f"all figures: {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
