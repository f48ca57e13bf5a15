"""A stretch of network between a client and the gateway on which answers get lost."""

import itertools
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

import httpx

from tests.end_to_end.processes import HTTP

RESET: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing the socket resets the connection."""


class Lossy:
    """Passes POST requests on, and loses some answers: the gateway has done its work then.

    In turn they end in a reset, in a connection that breaks off within them, and in a 502 of
    somebody between.

    Args:
        origin: Where the requests go.
        loses: Whether the answer to a request gets lost, by its body and by how often it came
            before, as OpenAI's clients tell.
    """

    def __init__(self, origin: str, loses: Callable[[bytes, int], bool]) -> None:
        numbers = itertools.count()
        self.lost: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:  # noqa: N805 - `self` is the stretch of network
                body = handler.rfile.read(int(handler.headers["content-length"]))
                headers = {
                    name: value
                    for name, value in handler.headers.items()
                    if name.lower() not in {"host", "connection"}
                }
                answer = HTTP.post(f"{origin}{handler.path}", content=body, headers=headers)
                handler.close_connection = True
                if not loses(body, int(handler.headers.get("x-stainless-retry-count", "0"))):
                    handler.pass_on(answer, len(answer.content))
                    return
                self.lost.append(body)
                way = next(numbers) % 3
                if way == 0:
                    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                elif way == 1:
                    handler.pass_on(answer, len(answer.content) // 2)
                else:
                    handler.send_error(502)

            def pass_on(handler, answer: httpx.Response, size: int) -> None:  # noqa: N805
                handler.send_response(answer.status_code)
                handler.send_header("content-type", answer.headers["content-type"])
                handler.send_header("content-length", str(len(answer.content)))
                handler.end_headers()
                handler.wfile.write(answer.content[:size])

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
