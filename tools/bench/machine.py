"""What a run needs of the machine, and what it says of it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time

import build
import envoy
from bench import contestant, traffic
from project import ROOT, fail, run


def prepare() -> None:
    """Builds the module, the other filter and the traffic; ends the program where figures could not be had."""
    if sys.platform != "linux":
        fail("this reads /proc, so it needs Linux")
    if not {contestant.CORE, contestant.OTHER_CORE} <= os.sched_getaffinity(0):
        fail("this needs two cores: the gateway's, and the load's")
    if shutil.which("taskset") is None:
        fail("taskset is not installed (Debian package util-linux)")
    build.build()
    run("cargo", "build", "--locked", "--release", "--target", build.TRIPLE, "-p", "sluice-noop")
    traffic.build()


def take_other_core() -> None:
    """From now on this process, and what it starts without saying otherwise, leaves the gateway's core alone."""
    os.sched_setaffinity(0, {contestant.OTHER_CORE})


def describe() -> dict[str, str]:
    """What the figures are measured with."""
    with open("/proc/cpuinfo") as info:
        cpu = info.read().partition("model name\t: ")[2].partition("\n")[0]
    asked = ["git", "describe", "--always", "--dirty"]
    revision = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu,
        "kernel": platform.release(),
        "envoy": ".".join(map(str, envoy.version(envoy.find()) or ())),
        "revision": revision,
    }
