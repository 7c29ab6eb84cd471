"""Runs the container tests, with an Envoy image that is there. Exit code 3: no Docker engine answers."""

from __future__ import annotations

import os
import subprocess
import sys

import image
from project import ROOT


def main() -> int:
    if not image.engine_answers():
        print("no Docker engine answers", file=sys.stderr)
        return 3
    environment = {**os.environ, "SLUICE_ENVOY_IMAGE": image.ensure()}
    tests = ["cargo", "test", "--locked", "-p", "sluice-containers"]
    return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
