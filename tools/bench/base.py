"""`make bench-compare BASE=revision`: the module of another revision, as one more contestant of every row of Sluice's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench.row import Group, Row
from project import ROOT, TARGET, fail, run, say

TREE = TARGET / "base"
WHO = "base"


def build(revision: str) -> Path:
    """The module of that revision, built by its own tools in a work tree of its own."""
    asked = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    if not commit:
        fail(f"BASE={revision} is no revision of this repository")
    if not TREE.exists():
        run("git", "worktree", "prune")
        run("git", "worktree", "add", "--detach", str(TREE), commit)
    say(f"building the module of {commit[:9]}")
    environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET / "base-cargo")}
    for command in (["git", "checkout", "--quiet", "--detach", commit], [sys.executable, "tools/build.py"]):
        if subprocess.run(command, cwd=TREE, env=environment, check=False).returncode != 0:
            fail(f"`{' '.join(command)}` failed in {TREE}")
    return TREE / "target" / "sluice.wasm"


def paired(group: Group) -> Group:
    """The group with a row of the other revision before each of ours."""
    rows: list[Row] = []
    for row in group.rows:
        if row.who == "sluice":
            rows.append(replace(row, name=f"base: {row.name}", who=WHO, goals={}))
            row = replace(row, pair=rows[-1].name)
        rows.append(row)
    return replace(group, rows=tuple(rows))
