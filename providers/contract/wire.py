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


class Unanswered(Exception):  # noqa: N818 - an outcome
    """A request of a flow's was not answered, or never sent; its words are fit to be shown.

    Whoever drives the flow throws one in where the answer was waited for. A flow that knows
    something already may go on without it; one that may have been paid for lets it pass.
    """


Flow: TypeAlias = Generator[HttpRequest, HttpResponse, T]


def replay(
    flow: Flow[T], answers: Sequence[HttpResponse | Unanswered]
) -> tuple[T, list[HttpRequest]]:
    """Run a flow on prepared answers, or on why there are none, without network or loop.

    Returns what the flow returned and the requests it made.

    Raises:
        Unanswered: The flow let one pass.
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
            answer = left.pop(0)
            request = flow.throw(answer) if isinstance(answer, Unanswered) else flow.send(answer)
    except StopIteration as stop:
        if left:
            raise AssertionError(f"{len(left)} answers were never asked for") from None
        value: T = stop.value
        return value, sent
