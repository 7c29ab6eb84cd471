"""Runs stages of the test suite in order and ends with what passed, what failed and what could not be run.

`check.py STAGE…`; the stages are below. A stage that cannot run is named at the end with the reason; that is a failure
when CI is set, or when it was asked for alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

from project import ROOT, WASM, say

import envoy


class Stage(NamedTuple):
    what: str
    command: tuple[str, ...]
    release: str = ""  # of Envoy, where it is not the one that envoy.py finds


CANNOT_RUN = 3  # the exit code of a stage that lacks something on this machine; its last line says what


def cargo_test(*arguments: str) -> tuple[str, ...]:
    return ("cargo", "test", "--locked", *arguments)


def e2e(*cases: str) -> tuple[str, ...]:
    """The end-to-end cases with these words in their names; all of them where there are none."""
    return cargo_test("-p", "sluice-e2e", "--", *cases)


def script(path: str) -> tuple[str, ...]:
    return (sys.executable, path)


# What every release must do.
MAIN = ("auth::", "golden::", "logbook::", "rate_limit::", "routing::", "single_flight::", "universal::", "wall_death::")
# SLUICE_FAULTS=long: more rounds, more connections.
FAULTS = ("wall_", "fault_wall::", "attempt_", "bodies::", "config::", "hostile::", "log_overflow::", "streaming::")

STAGES: dict[str, Stage] = {
    "unit": Stage("unit and architecture tests", cargo_test()),
    "fuzz": Stage("hostile bytes from a fixed seed", cargo_test("--profile", "fuzz", "-p", "sluice-fuzz")),
    "tools": Stage("tests of the tools", (sys.executable, "-m", "unittest", "discover", "--start", "tests/tools")),
    "host": Stage("the module in a second host", cargo_test("-p", "sluice-host")),
    "envoy": Stage("tests in a real Envoy", e2e()),
    "oldest": Stage(f"tests in Envoy {envoy.SUPPORTED}", e2e(*MAIN), envoy.SUPPORTED),
    "faults": Stage("faults in a real Envoy", e2e(*FAULTS)),
    "demo": Stage("the worked example", script("tools/demo.py")),
    "monitoring": Stage("metrics in a real Prometheus", script("tests/monitoring/run.py")),
    "export": Stage("exported records in ClickHouse and OpenTelemetry", script("tests/export/run.py")),
    "python": Stage("Python SDK clients", script("tests/clients/run_python.py")),
    "node": Stage("TypeScript SDK clients", script("tests/clients/run_node.py")),
    "browser": Stage("the console in a browser", script("tests/console/run.py")),
    "containers": Stage("container tests", script("tools/containers.py")),
}


def command(stage: Stage, binary: str) -> tuple[str, ...]:
    """The stage's command; end-to-end cases of what that Envoy lacks are left out, which is said."""
    if "sluice-e2e" not in stage.command:
        return stage.command
    left_out: list[str] = []
    for lack in envoy.lacks(binary):
        say(f"this Envoy {lack.what}: not run: {', '.join(lack.cases)}")
        left_out += lack.cases
    return (*stage.command, *(word for case in left_out for word in ("--skip", case)))


def run(stage: Stage, environment: dict[str, str]) -> tuple[int, str]:
    """The exit code, and the last line of standard error, all of which is passed on."""
    last = ""
    if stage.release:
        environment = {**environment, "ENVOY": envoy.fetched(stage.release), "ENVOY_VERSION": stage.release}
    with subprocess.Popen(
        command(stage, environment["ENVOY"]),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stderr
        for line in process.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            last = line.strip() or last
    return process.returncode, last


def main(names: list[str]) -> int:
    # The property tests take the same cases in every run: one that fails here fails everywhere. `cargo test` takes new ones.
    seed = {"PROPTEST_RNG_SEED": "1"}
    environment = {**seed, **os.environ, "ENVOY": envoy.find(), "SLUICE_WASM": str(WASM)}
    passed: list[str] = []
    failed: list[str] = []
    not_run: list[str] = []
    for stage in (STAGES[name] for name in names):
        say(f"running {stage.what}")
        code, last = run(stage, environment)
        if code == CANNOT_RUN:
            not_run.append(f"{stage.what} ({last})")
        else:
            (failed if code else passed).append(stage.what)
    for how, stages in (("passed", passed), ("failed", failed), ("not run", not_run)):
        print("".join(f"{how}: {what}\n" for what in stages), end="")
    print(f"stages: {len(passed)} passed, {len(failed)} failed, {len(not_run)} skipped", flush=True)
    must_run = bool(os.environ.get("CI")) or len(names) == 1
    return 1 if failed or (not_run and must_run) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
