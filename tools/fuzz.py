"""Fuzzes targets of `fuzz/` by coverage, one after the other, and says what was run: executions, coverage, corpus.

`fuzz.py SECONDS [TARGET…]`: without names all of them, each for so many seconds. What is found goes to
`target/fuzz-coverage/corpus`; an input that breaks a promise ends the run and is kept in `target/fuzz-coverage/crashes`.
`fuzz.py --minimise [TARGET…]` renews what `fuzz/corpus`, which is committed, has beside its seeds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from project import CARGO_TARGET, ROOT, fail, say

CORPUS = ROOT / "fuzz" / "corpus"
HOME = CARGO_TARGET / "fuzz-coverage"
LONGEST = 4096
KEPT = 12  # inputs of a target that are committed beside its seeds
SHORT = 1024  # bytes of each of them
# What `cargo fuzz` has rustc do; the pass is in the stable compiler too.
COVERAGE = (
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
)


def host_triple() -> str:
    text = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.search(r"^host: (\S+)$", text, re.MULTILINE).group(1)


def build() -> Path:
    """The program with coverage. A target triple of its own keeps the flags away from build scripts."""
    triple = host_triple()
    command = ("cargo", "build", "--locked", "--profile", "fuzz", "--package", "sluice-fuzz", "--bin", "sluice-fuzz",
               "--features", "libfuzzer", "--target", triple, "--target-dir", str(HOME))
    environment = {**os.environ, "RUSTFLAGS": " ".join(COVERAGE)}
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode != 0:
        fail("the fuzz targets cannot be built")
    return HOME / triple / "fuzz" / "sluice-fuzz"


def names() -> list[str]:
    text = (ROOT / "fuzz" / "lib.rs").read_text()
    return re.findall(r'^    \("(\w+)", \w+::\w+\),$', text, re.MULTILINE)


def folder(kind: str, target: str) -> Path:
    path = HOME / kind / target
    path.mkdir(parents=True, exist_ok=True)
    return path


def inputs(target: str) -> list[str]:
    """Folders of inputs; what is new goes to the first one."""
    committed = CORPUS / target
    return [str(folder("corpus", target)), *([str(committed)] if committed.is_dir() else [])]


def fuzz(program: Path, target: str, seconds: int) -> str:
    """One line of figures."""
    crashes = folder("crashes", target)
    command = (str(program), f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=2048",
               "-print_final_stats=1", "-use_value_profile=1", f"-artifact_prefix={crashes}/", *inputs(target))
    done = subprocess.run(command, env={**os.environ, "TARGET": target}, stderr=subprocess.PIPE, text=True,
                          errors="replace", check=False)
    if done.returncode != 0:
        print("\n".join(done.stderr.splitlines()[-40:]), file=sys.stderr)
        fail(f"{target} broke a promise: see {crashes}")
    return figures(done.stderr)


def figures(log: str) -> str:
    """`executions, coverage (edges), features, inputs` of libFuzzer's log."""
    executions = re.findall(r"stat::number_of_executed_units: (\d+)", log)
    state = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    if not executions or not state:
        return "nothing was run"
    edges, features, kept = state[-1]
    return f"{int(executions[-1]):,} executions, {edges} edges, {features} features, {kept} inputs"


def minimise(program: Path, target: str) -> None:
    """Of the smallest inputs that together reach all edges some go to the committed corpus; its seeds stay."""
    merged = HOME / "merged" / target
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    command = (str(program), "-merge=1", f"-max_len={LONGEST}", str(merged), *inputs(target))
    subprocess.run(command, env={**os.environ, "TARGET": target}, stderr=subprocess.DEVNULL, check=True)
    # Of the short ones every so many, by size: they differ most.
    found = sorted((path.stat().st_size, path) for path in merged.iterdir() if path.stat().st_size <= SHORT)
    step = max(1, -(-len(found) // KEPT))
    home = CORPUS / target
    home.mkdir(parents=True, exist_ok=True)
    for old in home.glob("found-*"):
        old.unlink()
    for number, (_, path) in enumerate(found[::step]):
        shutil.copy(path, home / f"found-{number:02}")


def main(arguments: list[str]) -> None:
    if not arguments:
        fail("say for how many seconds: fuzz.py SECONDS [TARGET…]")
    first, *chosen = arguments
    unknown = set(chosen) - set(names())
    if unknown:
        fail(f"there is no target {', '.join(sorted(unknown))}: there are {', '.join(names())}")
    program = build()
    for target in chosen or names():
        if first == "--minimise":
            minimise(program, target)
        else:
            say(f"{target}: {first} s: {fuzz(program, target, int(first))}")


if __name__ == "__main__":
    main(sys.argv[1:])
