"""`make demo`: the worked example, played and checked. Exit code 0 means that every expectation held.

It starts its own gateway and mock provider on free ports, so it can run beside `make run`.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import build
import gateway
from mock_provider import MockProvider

ANTHROPIC = {"anthropic-version": "2023-06-01", "x-api-key": "demo-provider-key"}
OPENAI = {"authorization": "Bearer demo-provider-key"}
HELLO = {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Hello"}]}
STREAMED = {**HELLO, "stream": True}
CHAT = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
STEPS = [
    {
        "provider": "anthropic",
        "endpoint": "v1/messages",
        "headers": ANTHROPIC,
        "query": {**STREAMED, "model": "mock-error-529"},
    },
    {
        "provider": "openai",
        "endpoint": "chat/completions",
        "headers": OPENAI,
        "query": {**CHAT, "stream": True, "stream_options": {"include_usage": True}},
    },
]
"""For the universal endpoint: the first provider is overloaded, so the second answers."""


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Demo:
    """Plays steps against one gateway, prints each and collects what did not hold."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls = self.records = 0
        self.failures: list[str] = []

    def call(self, path: str, body: dict | list, headers: dict[str, str], records: int = 1) -> Reply:
        """One call, which leaves so many `records` in the log."""
        self.calls += 1
        self.records += records
        request = urllib.request.Request(
            f"{self.url}/v1/demo/{path}", json.dumps(body).encode(), {"content-type": "application/json", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Reply(answer.status, lowered(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, lowered(error.headers), error.read())

    def step(self, title: str, reply: Reply, **held: bool) -> None:
        cache = reply.headers.get("cf-aig-cache-status", "-")
        wrong = [what.replace("_", " ") for what, holds in held.items() if not holds]
        self.failures += [f"{title}: {what}" for what in wrong]
        print(f"  {title:<52} {reply.status}  cache {cache:<5} {'NOT: ' + ', '.join(wrong) if wrong else 'ok'}")
        if wrong:
            print(f"    {reply.headers}\n    {reply.body[:500]!r}")


def lowered(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def is_cache(reply: Reply, status: str) -> bool:
    return reply.status == 200 and reply.headers.get("cf-aig-cache-status") == status


def play(demo: Demo) -> None:
    messages, chat = "my-gateway/anthropic/v1/messages", "my-gateway/openai/chat/completions"
    first = demo.call(messages, HELLO, ANTHROPIC)
    demo.step("Anthropic message", first, a_miss=is_cache(first, "MISS"), has_a_log_id="cf-aig-log-id" in first.headers)
    again = demo.call(messages, HELLO, ANTHROPIC)
    demo.step(
        "the same again",
        again,
        a_hit=is_cache(again, "HIT"),
        the_same_answer=again.body == first.body,
        has_an_age="age" in again.headers,
    )
    skipped = demo.call(messages, HELLO, {**ANTHROPIC, "cf-aig-skip-cache": "true"})
    demo.step(
        "the same with cf-aig-skip-cache",
        skipped,
        a_miss=is_cache(skipped, "MISS"),
        a_new_answer=skipped.body != first.body,
    )
    streamed = demo.call(messages, STREAMED, ANTHROPIC)
    demo.step(
        "the same as a stream",
        streamed,
        a_miss=is_cache(streamed, "MISS"),
        an_event_stream=streamed.headers.get("content-type", "").startswith("text/event-stream"),
        a_whole_stream=b"event: message_stop" in streamed.body,
    )
    openai = demo.call(chat, CHAT, OPENAI)
    demo.step("OpenAI chat completion", openai, a_miss=is_cache(openai, "MISS"))

    fallback = demo.call("my-gateway", STEPS, {}, records=len(STEPS))
    demo.step(
        "a list of steps whose first provider fails, streamed",
        fallback,
        a_miss=is_cache(fallback, "MISS"),
        answered_by_the_second=fallback.headers.get("cf-aig-step") == "1",
        a_whole_stream=fallback.body.endswith(b"data: [DONE]\n\n"),
    )

    locked = "locked/openai/chat/completions"
    refused = demo.call(locked, CHAT, {**OPENAI, "cf-aig-authorization": "Bearer wrong"})
    demo.step("wrong gateway credential", refused, refused=refused.status == 401, code_2009=code_of(refused) == 2009)
    admitted = demo.call(locked, CHAT, {**OPENAI, "cf-aig-authorization": "Bearer demo-token"})
    demo.step("right gateway credential", admitted, admitted=admitted.status == 200)

    for number in range(1, 8):
        reply = demo.call("limited/openai/chat/completions", CHAT, OPENAI)
        title = f"burst on a limit of 5 calls in 10 s, call {number}"
        if number <= 5:
            demo.step(title, reply, admitted=reply.status == 200)
        else:
            demo.step(
                title,
                reply,
                limited=reply.status == 429,
                code_2003=code_of(reply) == 2003,
                has_retry_after="retry-after" in reply.headers,
            )


def code_of(reply: Reply) -> int | None:
    try:
        return reply.json()["error"][0]["code"]
    except (ValueError, LookupError, TypeError):
        return None


def read_records(demo: Demo, running: gateway.Gateway) -> list[dict]:
    """The records of all calls and steps: Envoy writes its access log a moment after the answer."""
    deadline = time.monotonic() + 10
    while len(records := running.records()) < demo.records and time.monotonic() < deadline:
        time.sleep(0.1)
    return records


def check_records(demo: Demo, records: list[dict]) -> None:
    answered = [record for record in records if record["status_code"] == 200]
    steps = [record for record in records if record["request_type"] == "universal"]
    held = {
        f"one record per call and step ({len(records)} for {demo.records})": len(records) == demo.records,
        "the steps in order": [(r["step"], r["status_code"]) for r in steps] == [(0, 529), (1, 200)],
        "one event of all steps": len({r["event_id"] for r in steps}) == 1,
        "one record of a cached answer, at cost 0": [r["cost"] for r in records if r["cached"]] == [0],
        "tokens are known for every answer": all(r["tokens_out"] for r in answered if not r["cached"]),
        "cost is known for every answer": all(r["cost"] for r in answered if not r["cached"]),
        "refusals are no success": not any(r["success"] for r in records if r["status_code"] != 200),
    }
    demo.failures += [f"log records: not {what}" for what, holds in held.items() if not holds]


def show(records: list[dict]) -> None:
    columns = ("time", "step", "provider", "model", "status", "cached", "in", "out", "cost $", "ms")
    rows: list[tuple[str, ...]] = [columns]
    for r in records:
        cost = "-" if r["cost"] is None else f"{r['cost']:.7f}"
        cells = (
            r["created_at"][11:23],
            r["step"],
            r["provider"],
            r["model"],
            r["status_code"],
            "yes" if r["cached"] else "no",
            r["tokens_in"],
            r["tokens_out"],
            cost,
            round(r["duration"]),
        )
        rows.append(tuple("-" if cell is None else str(cell) for cell in cells))
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    for row in rows:
        print("  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip())


def main() -> int:
    build.build()
    with MockProvider() as mock, gateway.Gateway("demo", upstream=mock.address) as running:
        demo = Demo(running.url)
        print("\nCalls through the gateway:")
        play(demo)
        records = read_records(demo, running)
        print("\nLog records:")
        show(records)
        check_records(demo, records)
    print("\n" + "\n".join(demo.failures or [f"demo: all {demo.calls} calls did what they should"]))
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
