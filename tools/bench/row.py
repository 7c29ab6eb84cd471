"""What is measured: groups of rows, each group under one load, compared with plain Envoy."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.traffic import Load


@dataclass(frozen=True)
class Row:
    """One contestant of a group. `goals`: figure of the report -> bound."""

    name: str
    who: str = "sluice"
    gateway: str = "ordinary"
    cache: str | None = None  # what the cache must say
    load: Load | None = None  # another one than the group's
    goals: dict[str, float] = field(default_factory=dict)
    at: str | None = None  # the path, where it is not one of Sluice's gateways
    fields: dict[str, str] = field(default_factory=dict)  # of its own in each request
    pair: str | None = None  # the row of another revision that it is compared with

    def path(self, load: Load) -> str:
        if self.at:
            return self.at
        provider = "" if load.steps else "/openai/chat/completions"
        return f"/v1/bench/{self.gateway}{provider}"


@dataclass(frozen=True)
class Group:
    title: str
    load: Load
    rows: tuple[Row, ...]
    seconds: float = 1.0  # of a round
    rounds: int | None = None  # where the usual number would take too long
    has_latency: bool = True


PLAIN, NOOP, HASH = (Row(name, who) for name, who in (("plain Envoy", "plain"), ("no-op filter", "noop"), ("only hashing", "hash")))
ASK = Row("only Sluice's host calls", "ask")
JSON = Load(2048, "json:1024")
FAILING = ("status:503", "status:503", "json:1024")


def hit(answer: str, ratio: float | None) -> tuple[Row, ...]:
    return PLAIN, Row("Sluice, hit", gateway="cached", cache="HIT", goals={"ratio": ratio} if ratio else {})


def streams(events: int, goals: dict[str, float], **settings: object) -> Group:
    pause = f", {settings['pause']} ms apart" if "pause" in settings else ""
    answer = f"sse:{events}" + (f":{settings.pop('pause')}" if pause else "")
    load = Load(2048, answer, connections=64 if pause else 32)
    rows = (PLAIN, NOOP, Row("Sluice", goals=goals), Row("Sluice, no records", gateway="unlogged"))
    return Group(f"stream of {events} events{pause}", load, rows, **settings)


def upload(size: int, title: str, *rows: Row, **settings: object) -> Group:
    return Group(f"request of {title}", Load(size, "json:1024", **settings), (PLAIN, *rows))


def fresh(load: Load) -> Load:
    return Load(load.body, load.answer, load.connections, fresh=True)


BIG = Load(20_000_000, "json:1024", 2)

GROUPS = {
    "passthrough": Group(
        "request 2 KB, answer 1 KB, 32 connections",
        JSON,
        (
            PLAIN,
            NOOP,
            ASK,
            Row("Sluice", goals={"ratio": 0.70}),
            Row("Sluice, no records", gateway="unlogged"),
            Row("Sluice, no authentication", gateway="open"),
            Row("Sluice, no rate limit", gateway="unlimited"),
            Row("Sluice, none of the three", gateway="bare"),
        ),
    ),
    # A small difference of two large figures: many short rounds, each compared with itself.
    "records": Group(
        "the same, with and without records",
        JSON,
        (PLAIN, Row("Sluice"), Row("Sluice, no records", gateway="unlogged", goals={"records_us": 10})),
        seconds=0.4,
        rounds=60,
        has_latency=False,
    ),
    "miss": Group(
        "the same, cached: miss",
        JSON,
        (PLAIN, Row("Sluice, miss, stored", gateway="cached", cache="MISS", load=fresh(JSON))),
    ),
    "hit": Group("the same, cached: hit", JSON, hit("json:1024", 1.20)),
    "hit-64k": Group("answer 64 KB", Load(2048, "json:65536"), hit("json:65536", 0.75)),
    "hit-1m": Group("answer 1 MB", Load(2048, "json:1000000"), hit("json:1000000", None)),
    "sse-50": streams(50, {"ratio": 0.80}),
    "sse-500": streams(500, {}),
    "paced-50": streams(50, {"ratio": 0.80, "added_event_p99_us": 20}, pause=20, seconds=2.0, has_latency=False),
    "paced-500": streams(500, {}, pause=20, has_latency=False, rounds=1),
    "body-64k": upload(65536, "64 KB", Row("Sluice")),
    "body-1m": upload(1_000_000, "1 MB", Row("Sluice"), connections=8),
    "body-20m": Group(
        "request of 20 MB, 2 connections",
        BIG,
        (
            PLAIN,
            HASH,
            Row("Sluice", goals={}),
            Row("Sluice, miss, stored", gateway="cached", cache="MISS", load=fresh(BIG), goals={"of_hashing": 1.3}),
        ),
        has_latency=False,
    ),
    "one": Group(
        "request 2 KB, answer 1 KB, 1 connection",
        Load(2048, "json:1024", 1),
        (
            PLAIN,
            NOOP,
            Row("Sluice", goals={"added_p50_us": 60}),
            Row("Sluice, hit", gateway="cached", cache="HIT"),
        ),
    ),
    "many": Group("the same, 128 connections", Load(2048, "json:1024", 128), (PLAIN, NOOP, Row("Sluice"))),
    "universal": Group(
        "the universal endpoint, 32 connections",
        JSON,
        (
            PLAIN,
            Row("one step", load=Load(2048, "json:1024", steps=("json:1024",))),
            Row("three steps", load=Load(2048, "json:1024", steps=("json:1024",) * 3)),
            Row("three steps, two fail", load=Load(2048, "json:1024", steps=FAILING)),
        ),
    ),
}
