"""What the system says of a process: CPU time and memory (Linux)."""

from __future__ import annotations

import os
from typing import NamedTuple

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Cpu(NamedTuple):
    """Seconds."""

    user: float
    system: float

    def since(self, before: Cpu) -> Cpu:
        return Cpu(self.user - before.user, self.system - before.system)


def cpu(pid: int) -> Cpu:
    """What the process has used so far, and those that it started."""
    times = [_stat(each)[11:13] for each in _tree(pid)]
    return Cpu(*(sum(int(time[part]) for time in times) * TICK for part in (0, 1)))


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
