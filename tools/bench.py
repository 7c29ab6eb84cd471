"""`make bench`: what the filter costs Envoy, in one run: CPU per request of Envoy alone, of a cache miss, of a hit, and
per chunk of a stream, alone and metered.

CPU is Envoy's own (/proc/PID/stat), so a slow load generator does not blur it; the kinds take turns, and the median of
the rounds is shown. Upstream is a second Envoy that answers at once with 2 kB. Load: wrk if present, else threads here.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import urllib.request
from contextlib import ExitStack
from typing import Callable
from urllib.parse import urlsplit

import bench_first_byte
import bench_stream
import build
import gateway
from project import TARGET, fail, say

ROUNDS, SECONDS, CONNECTIONS = 3, 3, 8
REQUESTS = 4000  # a round without wrk
PATH = "/v1/bench/my-gateway/openai/chat/completions"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x" * 1900 + " #0"}]}
ANSWER = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "y" * 1700}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 500, "completion_tokens": 400, "total_tokens": 900},
}
HEADERS = {"content-type": "application/json", "authorization": "Bearer bench", "x-sluice-cluster": "openai"}

UPSTREAM = """
              routes:
              - match: {prefix: /}
                direct_response: {status: 200, body: {inline_string: '%s'}}
                response_headers_to_add:
                - header: {key: content-type, value: application/json}
                  append_action: OVERWRITE_IF_EXISTS_OR_ADD
"""

WRK = """
local n = %d
wrk.method, wrk.headers = "POST", {%s}
local body = [==[%s]==]
request = function()
  n = n + %d
  return wrk.format(nil, nil, nil, (body:gsub("#%%d+", "#" .. n)))
end
"""


def without_filter(text: str) -> str:
    """The same Envoy less the filter and its keeper: the client names the cluster itself."""
    return gateway.without(gateway.without(text, "envoy.filters.http.wasm"), "envoy.bootstrap.wasm")


def answering(text: str) -> str:
    """An Envoy that is the provider: no filter, no log, one answer."""
    text = gateway.without(without_filter(text), "envoy.access_loggers.stdout")
    return re.sub(r"\n +routes:\n(?: +.*\n)*?(?= +http_filters:)", UPSTREAM % json.dumps(ANSWER), text)


class Load:
    """Requests to one gateway. Where `fresh`, every body is another one, over all rounds; else all are the same."""

    def __init__(self, url: str, fresh: bool, cache: str | None) -> None:
        self.url = url
        self.fresh = fresh
        self.cache = cache
        self.first = 0

    def round(self) -> int:
        """The number of requests answered. One more checks that the cache did what this load is meant to measure."""
        self.first += 1_000_000
        done = self.wrk() if shutil.which("wrk") else self.threads()
        request = urllib.request.Request(self.url + PATH, self.body(self.first - 1).encode(), HEADERS)
        with urllib.request.urlopen(request, timeout=10) as answer:
            if answer.headers["cf-aig-cache-status"] != self.cache:
                fail(f"expected cache status {self.cache}, got {answer.headers['cf-aig-cache-status']}")
        return done

    def body(self, number: int) -> str:
        return json.dumps(BODY).replace("#0", f"#{number}") if self.fresh else json.dumps(BODY)

    def wrk(self) -> int:
        script = TARGET / "run" / "bench.lua"
        headers = ", ".join(f'["{name}"] = "{value}"' for name, value in HEADERS.items())
        start, step = (self.first, 1) if self.fresh else (0, 0)
        script.write_text(WRK % (start, headers, json.dumps(BODY), step))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script), self.url + PATH]
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        done = re.search(r"(\d+) requests in", shown)
        if done is None or "Non-2xx" in shown or "Socket errors" in shown:
            fail(f"the load met errors:\n{shown}")
        return int(done.group(1))

    def threads(self) -> int:
        failures: list[str] = []
        workers = [threading.Thread(target=self.work, args=(start, failures)) for start in range(CONNECTIONS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if failures:
            fail(f"the load met errors: {failures[0]}")
        return REQUESTS

    def work(self, start: int, failures: list[str]) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        for number in range(start, REQUESTS, CONNECTIONS):
            connection.request("POST", PATH, self.body(self.first + number), HEADERS)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(f"status {answer.status}")
                return


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:
        return int(status.read().partition("VmRSS:")[2].split()[0]) / 1000


def main() -> None:
    if sys.platform != "linux":
        fail("make bench reads /proc, so it needs Linux")
    wasm = build.build()
    say(f"{ROUNDS} rounds of each kind, load by {'wrk' if shutil.which('wrk') else 'Python threads'}")
    requests, facts = measure_requests()
    report("CPU of Envoy per request", requests)
    report("CPU of Envoy per chunk of a stream", measure_streams())
    for fact, value in {"wasm size": f"{wasm.stat().st_size / 1000:.0f} kB", **facts}.items():
        print(f"{fact:<34}{value}")
    bench_first_byte.report()


def measure_requests() -> tuple[dict[str, list[float]], dict[str, str]]:
    with ExitStack() as stack:
        provider = stack.enter_context(gateway.Gateway("bench-provider", edit=answering))
        upstream = urlsplit(provider.url).netloc
        alone = stack.enter_context(gateway.Gateway("bench-alone", upstream=upstream, edit=without_filter))
        filtered = stack.enter_context(gateway.Gateway("bench", upstream=upstream))
        idle = resident_mb(filtered.pid())
        costs = rounds(
            {
                "Envoy alone": (alone, Load(alone.url, fresh=True, cache=None).round),
                "miss, stored": (filtered, Load(filtered.url, fresh=True, cache="MISS").round),
                "hit": (filtered, Load(filtered.url, fresh=False, cache="HIT").round),
            }
        )
        return costs, {
            "RSS, 2 workers, Envoy alone": f"{resident_mb(alone.pid()):.0f} MB",
            "RSS, 2 workers, with the filter": f"{idle:.0f} MB idle, {resident_mb(filtered.pid()):.0f} MB after it",
        }


def measure_streams() -> dict[str, list[float]]:
    with ExitStack() as stack:
        streams = bench_stream.Streams(PATH, HEADERS)
        stack.callback(streams.close)
        alone = stack.enter_context(gateway.Gateway("bench-alone", upstream=streams.provider, edit=without_filter))
        filtered = stack.enter_context(gateway.Gateway("bench", upstream=streams.provider))
        return rounds(
            {
                "Envoy alone": (alone, lambda: streams.round(alone.url)),
                "metered": (filtered, lambda: streams.round(filtered.url, {"cf-aig-skip-cache": "true"})),
                "metered and stored": (filtered, lambda: streams.round(filtered.url)),
            }
        )


def rounds(kinds: dict[str, tuple[gateway.Gateway, Callable[[], int]]]) -> dict[str, list[float]]:
    """Microseconds of CPU for each thing done, in every round of every kind; they take turns."""
    costs: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(ROUNDS + 1):  # the first only warms up
        for kind, (running, play) in kinds.items():
            before = cpu_seconds(running.pid())
            done = play()
            if turn:
                costs[kind].append((cpu_seconds(running.pid()) - before) * 1e6 / done)
    return costs


def report(what: str, costs: dict[str, list[float]]) -> None:
    base = statistics.median(costs["Envoy alone"])
    print(f"\n{what:<36}{'µs':>6}{'ratio':>8}   rounds")
    for kind, values in costs.items():
        middle = statistics.median(values)
        print(f"  {kind:<34}{middle:>6.1f}{middle / base:>8.2f}   {', '.join(f'{value:.1f}' for value in values)}")


if __name__ == "__main__":
    main()
