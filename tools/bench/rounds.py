"""The rounds of a group: its contestants take turns; figures are medians over the rounds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from bench import process, traffic
from bench.row import Group, Row

# Of what the slowest contestant of the group can do: all get their calls at that rate where times are measured.
SHARE = 0.6
# Seconds until what is done for many calls at once, as sending their records, is done for the last ones too.
AFTER = 0.1


@dataclass
class Plan:
    """How thoroughly to measure."""

    rounds: int = 3
    has_latency: bool = True


def measure(group: Group, gateways: dict, plan: Plan) -> dict[str, dict]:
    """The figures of each row, by its name."""
    rounds = group.rounds or plan.rounds
    saturated = _rounds(group, gateways, rounds)
    figures = {row.name: _costs(saturated[row.name]) for row in group.rows}
    if plan.has_latency and group.has_latency:
        rate = SHARE * min(figure["requests_per_s"] for figure in figures.values())
        timed = _rounds(group, gateways, rounds, rate)
        for name, played in timed.items():
            figures[name] |= {"rate": rate, **_percentiles(played, "calls")}
    for row in group.rows:
        figures[row.name]["rss_mb"] = process.resident_mb(gateways[row.who].pid())
        figures[row.name]["goals"] = row.goals
    compare(group.rows, figures)
    return figures


def _rounds(group: Group, gateways: dict, rounds: int, rate: float | None = None) -> dict[str, list[dict]]:
    played: dict[str, list[dict]] = {row.name: [] for row in group.rows}
    for turn in range(rounds + 1):  # the first warms up: connections, code, cache
        for row in group.rows if turn % 2 else reversed(group.rows):
            result = _play(row, group, gateways[row.who], rate, is_warm=turn > 0)
            if turn:
                played[row.name].append(result)
    return played


def _play(row: Row, group: Group, gateway, rate: float | None, is_warm: bool) -> dict:
    load = row.load or group.load
    before = process.cpu(gateway.pid())
    cache = row.cache if is_warm else None
    seconds = group.seconds if is_warm else group.seconds / 2
    result = traffic.play(gateway.url, row.path(load), load, seconds, rate, cache, row.fields)
    time.sleep(AFTER)
    return result | {"cpu": process.cpu(gateway.pid()).since(before)}


def _costs(played: list[dict]) -> dict:
    """CPU per request, and per event of a stream, in microseconds."""
    counts = [each["calls"]["count"] for each in played]
    part = lambda name: median(getattr(each["cpu"], name) * 1e6 / count for each, count in zip(played, counts))
    totals = [sum(each["cpu"]) * 1e6 / count for each, count in zip(played, counts)]
    figures = {
        "cpu_us": median(totals),
        "cpu_user_us": part("user"),
        "cpu_system_us": part("system"),
        "cpu_us_rounds": totals,
        "requests_per_s": median(count / each["seconds"] for each, count in zip(played, counts)),
    }
    if played[0]["events"]["count"]:
        figures |= {f"event_{name}": value for name, value in _percentiles(played, "events").items()}
    return figures


def _percentiles(played: list[dict], what: str) -> dict[str, float]:
    names = ("p50", "p90", "p99", "p99.9")
    return {f"{name}_us": median(each[what][name] for each in played) for name in names}


def compare(rows: tuple[Row, ...], figures: dict[str, dict]) -> None:
    """What a goal may be set on: each figure beside plain Envoy's, which is the first row's."""
    base = figures[rows[0].name]
    hashing = next((figures[row.name] for row in rows if row.who == "hash"), None)
    full = figures.get("Sluice")
    for row in rows[1:]:
        own = figures[row.name]
        own["ratio"] = base["cpu_us"] / own["cpu_us"]
        for name in ("p50_us", "p99_us", "event_p99_us"):
            if name in own and name in base:
                own[f"added_{name}"] = own[name] - base[name]
        if hashing and row.who == "sluice":
            own["of_hashing"] = (own["cpu_us"] - base["cpu_us"]) / (hashing["cpu_us"] - base["cpu_us"])
        if row.pair:
            own["of_base"] = own["cpu_us"] / figures[row.pair]["cpu_us"]
        if full and row.who == "sluice" and row.gateway == "unlogged":
            rounds = zip(full["cpu_us_rounds"], own["cpu_us_rounds"])
            own["records_us"] = median(with_records - without for with_records, without in rounds)
