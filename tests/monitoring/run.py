"""Runs the tests of the metrics, the Grafana board and the alert rules against a real Prometheus.

Exit code: 0 every test passed, 1 one failed, 3 there is no Prometheus on this machine.
"""

from __future__ import annotations

import shutil
import sys
import unittest
from pathlib import Path


def main() -> int:
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            print(f"could not run: {program} is not installed (Debian package prometheus)", file=sys.stderr)
            return 3
    suite = unittest.defaultTestLoader.discover(str(Path(__file__).parent))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
