"""Type-checks and runs the official TypeScript SDKs against a gateway. Exit codes: see gateway.py."""

import shutil
import subprocess
from pathlib import Path

import gateway

TESTS = Path(__file__).resolve().parent / "node"
OLDEST_NODE = 20


def main() -> int:
    npm = _npm()
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


def _npm() -> str:
    """The path of npm, where it and a Node that is new enough exist."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise gateway.CannotRun(f"install Node {OLDEST_NODE} or newer with npm (not found on the PATH)")
    version = subprocess.run([node, "--version"], check=False, stdout=subprocess.PIPE, text=True).stdout.strip()
    major = version.lstrip("v").split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise gateway.CannotRun(f"install Node {OLDEST_NODE} or newer (found {version or 'a node that does not run'})")
    return npm


if __name__ == "__main__":
    gateway.finish(main)
