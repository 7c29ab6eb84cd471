"""Runs the official Python SDKs against a gateway; arguments go to pytest. Exit codes: see gateway.py."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import gateway

sys.path.append(str(gateway.ROOT / "tools"))
import pypi  # noqa: E402

TESTS = Path(__file__).resolve().parent / "python"
OLDEST_PYTHON = (3, 10)


def main() -> int:
    if sys.version_info < OLDEST_PYTHON:
        raise gateway.CannotRun(f"the SDKs need Python {'.'.join(map(str, OLDEST_PYTHON))} or newer")
    python = environment(gateway.WORK / "python", TESTS / "requirements.txt")
    with gateway.running(gateway.WORK / "python-gateway.log") as variables:
        command = [python, "-B", "-m", "pytest", *sys.argv[1:]]
        return 1 if subprocess.run(command, check=False, cwd=TESTS, env=variables).returncode else 0


def environment(directory: Path, pins: Path) -> str:
    """The interpreter of a virtual environment that holds what is pinned there."""
    # Some distributions split `ensurepip` off; another pip can then serve the new environment.
    with_pip = importlib.util.find_spec("ensurepip") is not None
    python = directory / "bin" / "python"
    if not python.exists():
        create = [sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), str(directory)]
        if subprocess.run(create, check=False).returncode:
            raise gateway.CannotRun(f"{sys.executable} cannot make a virtual environment; install python3-venv")
    pip = [str(python), "-m", "pip"] if with_pip else [*_other_pip(), "--python", str(python)]
    quiet = ["--quiet", "--disable-pip-version-check"]
    gateway.install([*pip, "install", *quiet, "--requirement", str(pins)], directory, pins)
    return str(python)


def _other_pip() -> list[str]:
    try:
        return pypi.pip("install python3-venv")
    except SystemExit as reason:
        raise gateway.CannotRun(str(reason)) from None


if __name__ == "__main__":
    gateway.finish(main)
