"""One HTTP exchange: a request out, the answer's head back, within a total deadline."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Final

import httpcore
import httpx

from gateway.net.errors import Blocked, NetFault, NoAnswer, NotSent

USER_AGENT: Final = f"filmgate/{version('filmgate')}"
"""Sent with everything: there are provider edges that turn libraries' default names away."""

CONNECT_SHARE: Final = 1 / 4
"""Part of the deadline that each of waiting for a free connection, TCP and TLS may take. The
three together stay below the whole, so that a server nobody can reach always ends in
`NotSent` and never in doubt."""

# The request's trouble: the same again would end the same. `InvalidURL` is not here: httpx
# also raises it over a `Location` header, that is, after the request was read.
_FAULTY: Final = (
    Blocked,
    httpx.UnsupportedProtocol,
    httpcore.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpcore.LocalProtocolError,
)
_UNREACHED: Final = (
    httpx.ConnectError,
    httpcore.ConnectError,
    httpx.ConnectTimeout,
    httpcore.ConnectTimeout,
    httpx.PoolTimeout,
    httpcore.PoolTimeout,
)
# Nobody but this process is to blame for these.
_BUSY: Final = (httpx.PoolTimeout, httpcore.PoolTimeout)
_WORDS: Final = {
    "ConnectError": "cannot connect",
    "ConnectTimeout": "cannot connect in time",
    "InvalidURL": "the URL is malformed",
    "LocalProtocolError": "the request is not valid HTTP",
    "PoolTimeout": "all connections are busy",
    "ReadError": "the connection broke before the whole answer came",
    "RemoteProtocolError": "the answer is not valid HTTP or ended early",
    "UnsupportedProtocol": "the URL is neither http nor https",
    "WriteError": "the connection broke while the request was sent",
}


def host_of(url: str) -> str:
    """The only part of a URL fit for messages."""
    try:
        return httpx.URL(url).host or "a URL without host"
    except httpx.InvalidURL:
        return "a malformed URL"


@contextmanager
def translated(host: str, *, not_sent: tuple[type[Exception], ...]) -> Iterator[None]:
    """The one place where the HTTP libraries' exceptions become ours.

    Args:
        host: Named in the messages.
        not_sent: The errors which, at this stage, prove that the server saw nothing.

    Raises:
        NotSent: One of those.
        NoAnswer: Any other error. That includes those nobody thought of: a wrong guess
            here could pay twice.
    """
    # `from None` throughout: the libraries' messages quote URLs and header values, which
    # hold tokens and keys, and a cause would be printed with the traceback.
    try:
        yield
    except NetFault:
        raise
    except not_sent as error:
        raise NotSent(
            host,
            _words(error),
            retry=isinstance(error, _UNREACHED),
            ours=isinstance(error, _BUSY),
        ) from None
    except TimeoutError:
        raise NoAnswer(host, "no whole answer within the deadline") from None
    except Exception as error:  # noqa: BLE001 - see NoAnswer above
        raise NoAnswer(host, _words(error)) from None


@asynccontextmanager
async def exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    deadline: float,
) -> AsyncIterator[httpx.Response]:
    """Send a request; the answer's body is read inside the `async with` block.

    `deadline` is in seconds and covers everything from here to the end of the block. No
    redirects are followed, no cookies are sent, no compression is asked for or accepted.

    Raises:
        NotSent: The server never saw the request.
        NoAnswer: It may have, but no whole answer came.
    """
    host = host_of(url)
    with translated(host, not_sent=(Exception,)):
        if client.is_closed:
            raise NotSent(host, "this gateway is shutting down", ours=True)
        request = _request(method, url, headers, body, deadline)
    with translated(host, not_sent=()):
        async with asyncio.timeout(deadline):
            with translated(host, not_sent=(*_UNREACHED, *_FAULTY)):
                response = await client.send(request, stream=True, follow_redirects=False)
            try:
                yield response
            finally:
                await response.aclose()


def is_encoded(response: httpx.Response) -> bool:
    """Whether a body was compressed although nobody asked; it could be a bomb."""
    encoding: str = response.headers.get("content-encoding", "identity")
    return encoding.strip().lower() != "identity"


def _request(
    method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, deadline: float
) -> httpx.Request:
    # Built without the client, which would add its own headers and the cookies of others.
    share = deadline * CONNECT_SHARE
    timeout = httpx.Timeout(None, connect=share, pool=share)
    request = httpx.Request(
        method, url, headers=list(headers), content=body, extensions={"timeout": timeout.as_dict()}
    )
    request.headers["Accept-Encoding"] = "identity"
    request.headers["User-Agent"] = USER_AGENT
    return request


def _words(error: Exception) -> str:
    if isinstance(error, Blocked):
        return error.reason
    name = type(error).__name__
    words = _WORDS.get(name, name)
    if isinstance(error, httpx.NetworkError | httpcore.NetworkError):
        detail = _detail(error)
        return f"{words} ({detail})" if detail else words
    return words


def _detail(error: BaseException | None) -> str | None:
    """What the system says of a broken connection: a fixed phrase, so safe to show."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"certificate refused: {error.verify_message}"
        if isinstance(error, ssl.SSLError):
            return error.reason
        if isinstance(error, socket.gaierror):
            return error.strerror
        if isinstance(error, OSError) and error.errno:
            return os.strerror(error.errno)
        error = error.__cause__ or error.__context__
    return None
