"""Runs the tests of the console page in Debian's Chromium. Exit codes: see ../clients/gateway.py.

The page is served by `mock.js` over records in memory; `envoy.test.js` has it from a real Envoy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS.parent / "clients")]

import gateway  # noqa: E402
import run_node  # noqa: E402

NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    browser = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not browser:
        raise gateway.CannotRun("there is no Chromium: install the package chromium, or name one in CHROMIUM")
    npm = run_node.find_npm()
    directory = gateway.ROOT / "target" / "console"
    directory.mkdir(parents=True, exist_ok=True)
    # Node looks for packages beside the program, so the tests go to where the packages are.
    for old in directory.glob("*.js"):
        old.unlink()
    for file in TESTS.iterdir():
        if file.is_file():
            shutil.copy(file, directory)
    gateway.install([npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], directory, directory / "package-lock.json")
    page = gateway.ROOT / "src" / "console" / "page"
    with served() as urls:
        environment = os.environ | {"CHROMIUM": browser, "CONSOLE_PAGE": str(page)} | urls
        test = [npm, "run", "--silent", "test"]
        return 1 if subprocess.run(test, check=False, cwd=directory, env=environment).returncode else 0


@contextlib.contextmanager
def served() -> Iterator[dict[str, str]]:
    """A real Envoy for `envoy.test.js`: its URLs, as variables of the environment. It ends with its standard input."""
    command = [sys.executable, str(TESTS / "served.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        line = process.stdout.readline()
        if not line:
            raise gateway.Failed("Envoy with a console did not start")
        urls = json.loads(line)
        try:
            yield {"GATEWAY_URL": urls["gateway"], "CONSOLE_URL": urls["console"]}
        finally:
            process.stdin.close()


if __name__ == "__main__":
    gateway.finish(main)
