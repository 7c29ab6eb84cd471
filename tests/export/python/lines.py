"""What comes as lines of JSON: to ClickHouse's HTTP interface, and in the frame of Loki's push API."""

import json
from decimal import Decimal

from conftest import World


def _lines(world: World) -> list[dict]:
    body = b"".join(request.body for request in world.to("clickhouse.internal:8123"))
    return [json.loads(line, parse_float=Decimal) for line in body.splitlines()]


def _of(lines: list[dict]) -> list[dict]:
    return [line for line in lines if line["gateway_id"] == "my-gateway"]


def every_record_is_a_line_and_comes_once(world: World) -> None:
    assert sorted(_of(_lines(world)), key=lambda it: it["id"]) == sorted(world.records, key=lambda it: it["id"])


def the_request_is_one_that_clickhouse_takes(world: World) -> None:
    request = world.to("clickhouse.internal:8123")[0]
    assert request.path.startswith("/?query=INSERT%20INTO%20sluice.records%20FORMAT%20JSONEachRow")
    assert request.headers["x-clickhouse-user"] == "sluice"
    assert request.headers["x-clickhouse-key"] == "open-sesame"
    assert request.headers["content-encoding"] == "gzip"


def loki_gets_the_same_lines_without_the_bodies_in_its_own_frame(world: World) -> None:
    lines = []
    for request in world.to("loki.internal:3100"):
        assert request.path == "/loki/api/v1/push"
        streams = json.loads(request.body)["streams"]
        assert [stream["stream"] for stream in streams] == [{"service_name": "sluice"}]
        for nanoseconds, text in streams[0]["values"]:
            line = json.loads(text, parse_float=Decimal)
            assert nanoseconds.isdecimal() and len(nanoseconds) == 19 and nanoseconds.endswith("000000")
            lines.append(line)
    without = [
        {name: value for name, value in record.items() if name not in ("request_head", "response_head")}
        for record in world.records
    ]
    assert sorted(_of(lines), key=lambda it: it["id"]) == sorted(without, key=lambda it: it["id"])


def no_credential_is_in_any_of_it(world: World) -> None:
    for request in world.requests:
        assert b"sk-test-12345" not in request.body and b"open-sesame" not in request.body
