"""Serves a gateway, a mock provider and the console on free ports until standard input ends; prints their URLs as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tools")]

import gateway  # noqa: E402
from mock_provider import MockProvider  # noqa: E402


def main() -> None:
    with MockProvider() as mock, gateway.Gateway("console", upstream=mock.address) as running:
        print(json.dumps({"gateway": running.url, "console": running.console}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
