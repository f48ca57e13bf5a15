"""A transport that sends what is written in one round of the loop at once.

uvicorn writes an answer's head and its body one after the other. Each write is a packet of its
own, and a chance for other threads to hold the loop up.
"""

import asyncio
from typing import Any, Final

SOON: Final = 16 * 1024
"""Bytes that are not kept until the end of the round: whoever writes more than a connection
takes has to hear of it at once."""


class Gathering(asyncio.Transport):
    """Wraps the transport of a connection.

    Args:
        transport: The connection's own.
        loop: Where it is used.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it with what else is written in this round; much of it right away."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(bytes(data))
        self._size += len(data)
        if self._size >= SOON:
            self._send()

    def close(self) -> None:
        """Send what was written, and close the connection."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once, whatever was written."""
        self._pieces = []
        self._transport.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the connection's own transport knows."""
        return self._transport.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who reads from the connection."""
        return self._transport.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have somebody else read from the connection."""
        self._transport.set_protocol(protocol)

    def pause_reading(self) -> None:
        """Read nothing for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def _send(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        # A client that has gone is not written to: the loop would warn of each piece.
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))
