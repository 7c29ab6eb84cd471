"""The table and the queries of envoy/clickhouse, on the very bytes that the filter sent, by exact numbers."""

import json
import re
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from chdb import session
from conftest import ROOT, World

FILES = ROOT / "envoy" / "clickhouse"
NOTICE = {"type": "dropped", "id": "01a20fb2-10ca-7de1-ae37-2150f2d70d37", "sink": "clickhouse"}

Ask = Callable[[str], list[dict[str, Any]]]


def _statements(text: str) -> list[str]:
    return [part.strip() for part in re.sub(r"--.*", "", text).split(";") if part.strip()]


def _queries() -> dict[str, str]:
    parts = re.split(r"^-- name: (\w+)$", (FILES / "queries.sql").read_text(), flags=re.MULTILINE)[1:]
    return {name: _statements(text)[0] for name, text in zip(parts[::2], parts[1::2])}


@pytest.fixture(scope="session")
def ask(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """The answers to a query by name. Each request was inserted by its own query, the first one twice."""
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    database = session.Session(str(folder / "data"))
    for statement in _statements((FILES / "table.sql").read_text()):
        database.query(statement)
    requests = world.to("clickhouse.internal:8123")
    for number, request in enumerate([*requests, requests[0]]):
        _insert(database, request.path, request.body, folder / f"{number}.ndjson")
    times = sorted(record["created_at"] for record in world.records)
    # The second is the first, sent again after two more were dropped.
    for count in (5, 7):
        notice = NOTICE | {"created_at": times[0], "count": count, "total": count}
        _insert(database, requests[0].path, json.dumps(notice).encode(), folder / f"notice-{count}.ndjson")
    queries = _queries()
    # From the first call on: the one that asked whether the gateway is ready came before.
    span = {"from": times[0].replace("T", " ").rstrip("Z"), "to": "2100-01-01 00:00:00.000"}

    def answer(name: str) -> list[dict[str, Any]]:
        settings = " SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_decimals = 0"
        result = database.query(queries[name] + settings, "JSONEachRow", params=span)
        return [json.loads(line, parse_float=Decimal) for line in str(result).splitlines() if line]

    yield answer
    database.close()


def _insert(database: session.Session, path: str, body: bytes, file: Path) -> None:
    """As ClickHouse's HTTP interface does: the query and its settings are the URL's, the data are the body."""
    file.write_bytes(body)
    parameters = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
    query, form = re.fullmatch(r"(INSERT INTO [\w.]+) FORMAT (\w+)", parameters.pop("query")).groups()
    settings = ", ".join(f"{name} = '{value}'" for name, value in parameters.items())
    database.query(f"{query} FROM INFILE '{file}' SETTINGS {settings} FORMAT {form}")


def _grouped(records: list[dict], *keys: str) -> dict[tuple, list[dict]]:
    groups: dict[tuple, list[dict]] = defaultdict(list)
    for record in records:
        groups[tuple(record[key] or "" for key in keys)].append(record)
    return groups


def _sum(records: list[dict], field: str) -> Any:
    """As SQL has it: what is not known does not count, and the sum of nothing is not known."""
    known = [record[field] for record in records if record[field] is not None]
    return sum(known) if known else None


def spend_by_model_is_exact_to_the_last_digit(world: World, ask: Ask) -> None:
    expected = {
        key: (len(group), _sum(group, "cost"), _sum(group, "tokens_in"), _sum(group, "tokens_out"),
              sum(record["cost"] is None for record in group))
        for key, group in _grouped(world.records, "provider", "model").items()
    }  # fmt: skip
    rows = ask("spend_by_model")
    found = {
        (row["provider"], row["model"]): tuple(row[it] for it in ("calls", "spent", "tokens_in", "tokens_out", "unpriced"))
        for row in rows
    }
    assert found == expected
    assert any(cost and -cost.as_tuple().exponent > 15 for _, cost, *_ in expected.values()), "a price of many digits"
    assert any(unpriced for *_, unpriced in expected.values())


def spend_by_team_follows_the_metadata(world: World, ask: Ask) -> None:
    teams: dict[str, list[dict]] = defaultdict(list)
    for record in world.records:
        teams[(record["metadata"] or {}).get("team", "")].append(record)
    expected = {team: (len(group), _sum(group, "cost")) for team, group in teams.items()}
    assert {row["team"]: (row["calls"], row["spent"]) for row in ask("spend_by_team")} == expected
    assert set(expected) == {"a", "b", ""}


def the_cache_saved_what_the_records_say(world: World, ask: Ask) -> None:
    cached = [record for record in world.records if record["cached"]]
    tokens = _sum(cached, "saved_tokens_in") + _sum(cached, "saved_tokens_out")
    expected = {"gateway_id": "my-gateway", "calls": len(world.records), "cached": 2, "saved": _sum(cached, "saved_cost"),
                "saved_tokens": tokens}  # fmt: skip
    assert ask("saved_by_cache") == [expected]
    assert expected["saved"] > 0


def errors_are_counted_by_what_the_client_was_told(world: World, ask: Ask) -> None:
    failed = [record for record in world.records if not record["success"]]
    groups = _grouped(failed, "provider", "status_code", "error_type")
    expected = {key: len(group) for key, group in groups.items()}
    found = {(row["provider"], row["status_code"], row["error_type"]): row["calls"] for row in ask("errors")}
    assert found == expected
    assert {status for _, status, _ in expected} == {429, 500}


def percentiles_are_those_of_the_records(world: World, ask: Ask) -> None:
    good = [it for it in world.records if it["success"] and not it["cached"] and it["timings"]["latency"] is not None]
    groups = _grouped(good, "provider", "model")
    rows = {(row["provider"], row["model"]): row for row in ask("latency")}
    assert {key: len(group) for key, group in groups.items()} == {key: row["calls"] for key, row in rows.items()}
    for key, group in groups.items():
        first, whole = sorted(it["timings"]["latency"] for it in group), sorted(it["duration"] for it in group)
        for values, found in ((first, rows[key]["first_byte"]), (whole, rows[key]["whole"])):
            assert found == [values[min(int(level * len(values)), len(values) - 1)] for level in (0.5, 0.9, 0.99)]


def hours_add_up_to_all_calls(world: World, ask: Ask) -> None:
    rows = ask("calls_by_hour")
    hours = Counter(record["created_at"][:13].replace("T", " ") + ":00:00" for record in world.records)
    assert {row["hour"]: row["calls"] for row in rows} == hours
    for name, total in (("tokens_in", _sum(world.records, "tokens_in")), ("spent", _sum(world.records, "cost"))):
        assert sum(row[name] for row in rows if row[name] is not None) == total


def nothing_was_tried_again_here(ask: Ask) -> None:
    assert ask("attempts_that_failed") == []


def a_notice_that_came_again_counts_once_with_what_it_said_last(ask: Ask) -> None:
    assert ask("missing") == [{"sink": "clickhouse", "notices": 1, "dropped": 7}]
