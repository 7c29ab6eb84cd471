"""What the system says of a process: CPU time and memory (Linux)."""

from __future__ import annotations

import os
import time
from typing import NamedTuple


class Cpu(NamedTuple):
    """Seconds."""

    user: float
    system: float

    def since(self, before: Cpu) -> Cpu:
        return Cpu(self.user - before.user, self.system - before.system)


def cpu(pid: int) -> Cpu:
    """What the process has used so far, and those that it started."""
    parts = [_cpu(each) for each in _tree(pid)]
    return Cpu(sum(part.user for part in parts), sum(part.system for part in parts))


def _cpu(pid: int) -> Cpu:
    """The sum is exact; how it is divided the system only samples."""
    user, system = (int(ticks) for ticks in _stat(pid)[11:13])
    total = time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes it
    share = user / max(user + system, 1)
    return Cpu(total * share, total * (1 - share))


def resident_mb(pid: int, field: str = "VmRSS") -> float:
    """MB in memory of the process and those that it started; `VmHWM`: at most so far."""
    return sum(_status(each, field) for each in _tree(pid)) / 1000


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            children.setdefault(int(_stat(int(name))[1]), []).append(int(name))
        except OSError:
            continue  # it has just ended
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def _stat(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()


def _status(pid: int, field: str) -> int:
    with open(f"/proc/{pid}/status") as status:
        return int(status.read().partition(f"{field}:")[2].split()[0])
