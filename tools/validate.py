"""`make validate CONFIG=file.yaml`: loads an Envoy configuration with the filter in it, without starting a gateway.

Prints each error once, with its path and remedy as the filter gives them, and exits with 1; else says that it is valid.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import build
import gateway
from project import ROOT, fail

import envoy


def main() -> int:
    if len(sys.argv) != 2 or not sys.argv[1]:
        fail("which file? write make validate CONFIG=file.yaml")
    file = Path(sys.argv[1])
    try:
        text = file.read_text()
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the verdict
        build.build()
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as local:
        local.write(gateway.located(text))
        local.flush()
        command = [envoy.find(), "--mode", "validate", "-c", local.name]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        errors = gateway.complaints(done.stderr) if done.returncode else []
    print("\n".join(error.replace(local.name, str(file)) for error in errors) or f"{file} is valid")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
