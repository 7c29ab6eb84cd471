"""`make prices`: makes data/prices.json from the two packages below, shows what changed, and checks the cost rule
against their calculators. `prices.py --check`: only the check.

The packages are fetched by pip into target/prices, never installed elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from project import CARGO_TARGET, ROOT, TARGET, fail, run, say

VERSIONS = {"genai-prices": "0.2.3", "litellm": "1.109.1"}
AS_OF = "2026-11-22"
"""A price that starts later is written down as such; one that ended before is left out."""

DATA = ROOT / "data" / "prices.json"
HOME = TARGET / "prices"
INDEXES = {"tiers": "over", "later": "from", "hours": "utc"}
"""The rules that are lists, and what tells one from the other."""


def main() -> int:
    python = python_with_packages()
    if sys.argv[1:] != ["--check"]:
        with tempfile.TemporaryDirectory(dir=HOME) as folder:
            fresh = Path(folder) / "prices.json"
            run(python, "tools/make_prices.py", str(fresh))
            print("\n".join(changes(json.loads(DATA.read_text()), json.loads(fresh.read_text()))) or "no price changed")
            fresh.chmod(0o644)
            fresh.replace(DATA)
    say("comparing the cost rule with the calculators of the packages")
    run("cargo", "build", "--locked", "--quiet", "--example", "price")
    program = CARGO_TARGET / "debug" / "examples" / "price"
    return subprocess.run([python, "tools/check_prices.py", str(program)], cwd=ROOT, check=False).returncode


def python_with_packages() -> str:
    """The Python of an environment with just these versions; an environment that is not complete is made anew."""
    python = HOME / "bin" / "python"
    wanted = [f"{name}=={version}" for name, version in VERSIONS.items()]
    complete = HOME / "complete"
    if not complete.exists() or complete.read_text().split() != wanted:
        say(f"getting {' and '.join(wanted)} from PyPI")
        run(sys.executable, "-m", "venv", "--clear", str(HOME))
        options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        done = subprocess.run([python, "-m", "pip", "install", *options, *wanted], check=False, env=environment())
        if done.returncode != 0:
            fail("pip could not install them: they need Python 3.11 or newer, and a package index")
        complete.write_text(" ".join(wanted))
    return str(python)


def environment() -> dict[str, str]:
    """This process's, less what would lead another Python to its modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A line for every model that is not the same in both."""
    before, after = models(old), models(new)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name, {}), after.get(name, {})
        if not was or not now:
            yield f"{'-' if was else '+'} {name}: {', '.join(f'{key} {value}' for key, value in (was or now).items())}"
        elif was != now:
            keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
            told = (f"{key} {was.get(key, 'none')} → {now.get(key, 'none')}" for key in keys)
            yield f"~ {name}: {', '.join(told)}"


def models(data: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Every model by provider and id; the second of two with the same id has a number behind it."""
    found: dict[str, dict[str, str]] = {}
    counts: dict[str, int] = {}
    for slug, provider in data["providers"].items():
        for row in provider["models"]:
            name = f"{slug} {row['id']}"
            count = counts[name] = counts.get(name, 0) + 1
            found[f"{name} #{count}" if count > 1 else name] = dict(flat(row))
    return found


def flat(row: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every fact of a row as a path and a text."""
    for key, value in row.items():
        if key == "id":
            continue
        if key in INDEXES:
            for rule in value:
                index = rule[INDEXES[key]]
                index = "-".join(index) if isinstance(index, list) else index
                rest = {name: fact for name, fact in rule.items() if name != INDEXES[key]}
                yield from flat(rest, f"{path}{key}[{index}].")
        elif isinstance(value, dict):
            for name, rule in value.items():
                yield from flat(rule, f"{path}{key}[{name}].")
        elif isinstance(value, list):
            yield f"{path}{key}", " ".join(value)
        else:
            yield f"{path}{key}", str(value)


if __name__ == "__main__":
    sys.exit(main())
