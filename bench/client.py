"""A cheap HTTP client in a process of its own: kept connections, one request at a time on each.

    python bench/client.py URL KEY CONNECTIONS SECONDS METHOD PATH

Says how many requests a second were answered with a 2xx status, the median and the 99th
percentile of the time to an answer in milliseconds, and how many answers were anything else.
`POST` sends another prompt each time.
"""

import asyncio
import re
import sys
import time

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Load:
    """What is asked, until when, and what came of it."""

    def __init__(self, head: bytes, seconds: float, connections: int) -> None:
        self.head = head
        self.times: list[float] = []
        self.refused = 0
        self.left = connections
        self.over = asyncio.get_running_loop().create_future()
        self.end = time.perf_counter() + seconds


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load, name: int) -> None:
        self._load, self._name = load, name
        self._sent = 0
        self._came = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Ask again when the answer is whole."""
        self._came += data
        head, ended, body = self._came.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not ended or length is None or len(body) < int(length[1]):
            return
        now = time.perf_counter()
        if head[9:10] == b"2":
            self._load.times.append(now - self._began)
        else:
            self._load.refused += 1
        self._came = b""
        if now < self._load.end:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """The last one to go ends it all."""
        self._load.left -= 1
        if not self._load.left:
            self._load.over.set_result(None)

    def _ask(self) -> None:
        self._sent += 1
        body = b""
        if self._load.head.startswith(b"POST"):
            body = (
                b'{"prompt": "A drone over a forest %d %d", "model": "default", "seconds": 5, '
                b'"aspect_ratio": "16:9"}' % (self._name, self._sent)
            )
        self._began = time.perf_counter()
        self._transport.write(
            b"%sContent-Length: %d\r\n\r\n%s" % (self._load.head, len(body), body)
        )


async def main(arguments: list[str]) -> None:
    """Ask for so long, and tell."""
    url, key, connections, seconds, method, path = arguments
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\n"
    )
    load = Load(head.encode(), float(seconds), int(connections))
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for name in range(int(connections)):
        await loop.create_connection(lambda name=name: Connection(load, name), host, int(port))  # type: ignore[misc]
    await load.over
    spent = time.perf_counter() - began
    times = sorted(load.times) or [0.0]
    middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(len(load.times) / spent, middle * 1e3, late * 1e3, load.refused)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
