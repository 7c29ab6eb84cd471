"""Where things are in the repository, and how a tool gives up: one line that says what to do, exit code 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "target"
WASM = TARGET / "sluice.wasm"
CARGO_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", TARGET))


def fail(message: str) -> NoReturn:
    sys.exit(f"sluice: {message}")


def say(message: str) -> None:
    print(f"sluice: {message}", flush=True)


def run(*command: str) -> None:
    """Runs a command from the root with its output shown; its failure is ours."""
    try:
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
    except FileNotFoundError:
        fail(f"{command[0]} is not installed")
    if code != 0:
        fail(f"`{' '.join(command)}` failed (exit code {code})")
