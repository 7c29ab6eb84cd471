"""What the tests of the tools share: the tools on the import path, and one way to run one of them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
SECONDS = 600
"""The longest a tool may take: the first one builds the filter."""

sys.path.insert(0, str(TOOLS))

SETTINGS = ("PORT", "ADMIN_PORT", "CONSOLE_PORT", "UPSTREAM", "PROVIDERS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def environment(**settings: str) -> dict[str, str]:
    """This process's, less what it was told about gateways, plus `settings`."""
    return {name: value for name, value in os.environ.items() if name not in SETTINGS} | settings


def run(tool: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / tool), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**settings), check=False, capture_output=True, text=True, timeout=SECONDS
    )


def validate(text: str) -> subprocess.CompletedProcess[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        return run("validate.py", file.name)


def free_ports(count: int) -> list[int]:
    """Ports free a moment ago, each a different one because all are held until the last is found."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
