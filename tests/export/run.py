"""Runs the tests of what is exported, with ClickHouse and OpenTelemetry's own messages from PyPI; arguments go to pytest.

Exit code: 0 every test passed, 1 one failed, 3 the run could not take place.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "clients"), str(ROOT / "tools")]

import gateway  # noqa: E402
import run_python  # noqa: E402

TESTS = Path(__file__).resolve().parent / "python"


def main() -> int:
    if not (ROOT / "target" / "sluice.wasm").exists():
        raise gateway.CannotRun("there is no target/sluice.wasm; run make build")
    folder = gateway.WORK / "export"
    folder.mkdir(parents=True, exist_ok=True)
    python = run_python.environment(folder, TESTS / "requirements.txt")
    command = [python, "-B", "-m", "pytest", *sys.argv[1:]]
    return 1 if subprocess.run(command, check=False, cwd=TESTS).returncode else 0


if __name__ == "__main__":
    gateway.finish(main)
