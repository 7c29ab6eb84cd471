"""What one chunk of a stream costs Envoy: a provider that streams, and its readers, for `make bench`.

Every chunk is sent by itself, a while after the one before it, so that Envoy gets each alone, as from a real provider.
Both ends are in this process: their work is not in the figures, which are Envoy's own CPU.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

STREAMS, CHUNKS, PAUSE = 32, 1000, 0.005  # seconds between two chunks of a stream
CHUNK = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini",'
    b'"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}],"obfuscation":"x0sSkD7Ia"}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":[],'
    b'"usage":{"prompt_tokens":500,"completion_tokens":1000,"total_tokens":1500}}\n\ndata: [DONE]\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers the requests of one connection, each by one stream."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            writer.write(HEAD)
            for _ in range(CHUNKS):
                writer.write(framed(CHUNK))
                await asyncio.sleep(PAUSE)
            writer.write(framed(LAST) + b"0\r\n\r\n")
    except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def consume(address: tuple[str, int], request: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    seen = b""
    while not seen.endswith(b"0\r\n\r\n"):
        data = await reader.read(65536)
        if not data:
            raise ConnectionError(f"the stream was cut: {seen!r}")
        seen = (seen + data)[-400:]
    writer.close()


class Streams:
    """The provider, at `provider` (host:port), and those who read its streams through a gateway."""

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        self.path = path
        self.headers = headers
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(provide, "127.0.0.1", 0))
        self.provider = "127.0.0.1:{}".format(self.server.sockets[0].getsockname()[1])
        self.number = 0

    def round(self, url: str, headers: dict[str, str] | None = None) -> int:
        """Plays STREAMS streams at once; the number of chunks that passed."""
        host = urlsplit(url)
        address = (str(host.hostname), int(host.port or 80))
        requests = [self.request(host.netloc, headers or {}) for _ in range(STREAMS)]
        self.loop.run_until_complete(self.play(address, requests))
        return STREAMS * CHUNKS

    async def play(self, address: tuple[str, int], requests: list[bytes]) -> None:
        await asyncio.gather(*(consume(address, request) for request in requests))

    def request(self, host: str, headers: dict[str, str]) -> bytes:
        """Each asks something else, so that none waits for another or is answered from the cache."""
        self.number += 1
        asked = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": str(self.number)}]}
        body = json.dumps(asked).encode()
        fields = {"host": host, "content-length": str(len(body)), **self.headers, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + body

    def close(self) -> None:
        """Connections that the gateway keeps open are still waited on."""
        self.server.close()
        waiting = asyncio.all_tasks(self.loop)
        for task in waiting:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        self.loop.close()
