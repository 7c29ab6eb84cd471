"""Type-checks and runs the official TypeScript SDKs against a gateway. Exit codes: see gateway.py."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import gateway

TESTS = Path(__file__).resolve().parent / "node"


def main() -> int:
    npm = find_npm()
    directory = gateway.WORK / "node"
    # Node looks for packages beside the program, so the tests go to where the packages are.
    shutil.rmtree(directory / "out", ignore_errors=True)
    for old in directory.glob("*.ts"):
        old.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    for file in TESTS.iterdir():
        if file.is_file():
            shutil.copy(file, directory)
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    gateway.install([npm, "ci", *quiet], directory, directory / "package-lock.json")
    if subprocess.run([npm, "run", "--silent", "build"], check=False, cwd=directory).returncode:
        return 1
    with gateway.running(gateway.WORK / "node-gateway.log") as environment:
        test = [npm, "run", "--silent", "test"]
        return 1 if subprocess.run(test, check=False, cwd=directory, env=environment).returncode else 0


def find_npm() -> str:
    """The path of npm, once it and a Node that is new enough are on the PATH: see tools/node.py."""
    found = subprocess.run(
        [sys.executable, gateway.ROOT / "tools/node.py"], check=False, capture_output=True, text=True
    )
    if found.returncode:
        raise gateway.CannotRun((found.stderr.strip().splitlines() or ["tools/node.py failed"])[-1])
    os.environ["PATH"] = os.pathsep.join([found.stdout.strip(), os.environ.get("PATH", os.defpath)])
    npm = shutil.which("npm")
    if not npm:
        raise gateway.CannotRun("npm is not beside node: install it")
    return npm


if __name__ == "__main__":
    gateway.finish(main)
