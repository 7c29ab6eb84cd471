"""The two ends of the traffic: benches/traffic, built on first use."""

from __future__ import annotations

import itertools
import json
import subprocess
import urllib.request
from dataclasses import dataclass

from project import CARGO_TARGET, fail, run

PROGRAM = CARGO_TARGET / "release" / "traffic"
NUMBER = "#000000000"  # the program puts a call's own number there
TOKEN = "bench-token"
_firsts = itertools.count(0, 1_000_000)


def build() -> None:
    run("cargo", "build", "--locked", "--release", "-p", "sluice-benches", "--bin", "traffic")


class Provider:
    """Answers at `address`, as the header `x-answer` asks (benches/traffic/answer.rs). Used with `with`."""

    def __enter__(self) -> Provider:
        self.process = subprocess.Popen([PROGRAM, "provide"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def counts(self) -> dict:
        """What it was asked and what was exported to it (benches/traffic/tally.rs)."""
        request = urllib.request.Request(f"http://{self.address}/", b"", {"x-answer": "counts"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@dataclass(frozen=True)
class Load:
    """Calls of so many bytes to which the provider answers so; each of its own where they are `fresh`."""

    body: int
    answer: str
    connections: int = 32
    fresh: bool = False
    steps: tuple[str, ...] = ()  # the universal endpoint: the answer to each step

    def text(self) -> str:
        query = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"{self.answer} "}]}
        if self.answer.startswith("sse"):
            query |= {"stream": True, "stream_options": {"include_usage": True}}
        filling = "x" * (self.body - len(json.dumps(query)) - len(NUMBER)) + (NUMBER if self.fresh else "-" * len(NUMBER))
        query["messages"][0]["content"] += filling
        return json.dumps([step(answer, query) for answer in self.steps] if self.steps else query)


@dataclass(frozen=True)
class Text(Load):
    """Calls with that very body."""

    written: str = ""

    @classmethod
    def of(cls, value: object, answer: str) -> Text:
        written = value if isinstance(value, str) else json.dumps(value)
        return cls(len(written), answer, 1, written=written)

    def text(self) -> str:
        return self.written


def step(answer: str, query: dict) -> dict:
    """A step of a universal call that the provider answers so."""
    headers = {"authorization": "Bearer bench", "content-type": "application/json", "x-answer": answer}
    return {"provider": "openai", "endpoint": "chat/completions", "headers": headers, "query": query}


def head(path: str, answer: str, token: str = TOKEN, own: dict[str, str] | None = None) -> str:
    """The request line and the fields of a call, of which some may be its `own`, without `content-length`."""
    fields = {
        "host": "gateway",
        "content-type": "application/json",
        "authorization": "Bearer bench",
        "cf-aig-authorization": f"Bearer {token}",
        "x-sluice-cluster": "openai",
        "x-answer": answer,
        **(own or {}),
    }
    return f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())


def play(
    url: str,
    path: str,
    load: Load,
    seconds: float,
    rate: float | None = None,
    cache: str | None = None,
    fields: dict[str, str] | None = None,
) -> dict:
    """What the program measured; ends the bench where an answer was not the right one."""
    asked = _asked(url, path, load, seconds, fields) | {"rate": rate, "cache": cache}
    done = subprocess.run([PROGRAM, "load"], input=json.dumps(asked), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"the load met errors: POST {url}{path}: {done.stderr.strip()}")
    played = json.loads(done.stdout)
    if not played["calls"]["count"]:
        fail(f"the load made no call: POST {url}{path}")
    return played


def answers(url: str, path: str, load: Load, fields: dict[str, str]) -> bool:
    """Whether such calls are answered there."""
    asked = json.dumps(_asked(url, path, load, 0.001, fields))
    done = subprocess.run([PROGRAM, "load"], input=asked, capture_output=True, text=True, check=False)
    return done.returncode == 0


def _asked(url: str, path: str, load: Load, seconds: float, fields: dict[str, str] | None) -> dict:
    return {
        "address": url.removeprefix("http://"),
        "head": head(path, load.answer, own=fields),
        "body": load.text(),
        "first": next(_firsts),
        "connections": load.connections,
        "seconds": seconds,
        "streams": load.answer.startswith("sse"),
    }
