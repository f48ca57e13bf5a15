"""A way to a PostgreSQL server that can be cut at a word."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Proxy:
    """Passes bytes on between clients and a server on this machine.

    `cut` names what it waits for in what clients say: there every connection is cut, either
    before those bytes are passed on, or once the server has answered them.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self.cut: bytes | None = None
        self.answered = False
        self._begin(self._accept)

    def close(self) -> None:
        """End everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(10)

    def hang_up(self) -> None:
        """Cut every connection now; new ones are served."""
        for one in [end for pair in self._pairs for end in pair]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _begin(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                self._pairs.append((client, server))
                waiting = threading.Event()
                self._begin(self._listen, client, server, waiting)
                self._begin(self._answer, server, client, waiting)

    def _listen(
        self, client: socket.socket, server: socket.socket, waiting: threading.Event
    ) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                if self.cut is not None and self.cut in said:
                    if not self.answered:
                        break
                    waiting.set()
                server.sendall(said)
        self._end(client, server)

    def _answer(
        self, server: socket.socket, client: socket.socket, waiting: threading.Event
    ) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                if waiting.is_set():
                    break
                client.sendall(said)
        self._end(client, server)

    @staticmethod
    def _end(*ends: socket.socket) -> None:
        for one in ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy before the server on this port."""
    made = Proxy(port)
    try:
        yield made
    finally:
        made.close()
