"""HTTP as flows see it: requests, answers, generators, and how to replay one."""

from collections.abc import Generator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import msgspec

T = TypeVar("T")


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request an adapter wants sent.

    `url` is absolute and already encoded: it is sent as it stands.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        # No headers, for one of them is the key; no body, for it holds the callback's token.
        return f"HttpRequest({self.method} {self.url}, {len(self.body)} bytes)"


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to one request. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


Flow: TypeAlias = Generator[HttpRequest, HttpResponse, T]


def replay(flow: Flow[T], answers: Sequence[HttpResponse]) -> tuple[T, list[HttpRequest]]:
    """Run a flow on prepared answers, without network or loop.

    Returns what the flow returned and the requests it made.

    Raises:
        AssertionError: The flow asked for more answers than there are, or left some unread.
    """
    left = list(answers)
    sent: list[HttpRequest] = []
    try:
        request = next(flow)
        while True:
            sent.append(request)
            if not left:
                raise AssertionError(f"no answer left for {request.method} {request.url}")
            request = flow.send(left.pop(0))
    except StopIteration as stop:
        if left:
            raise AssertionError(f"{len(left)} answers were never asked for") from None
        value: T = stop.value
        return value, sent
