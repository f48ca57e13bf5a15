"""What the tests of the documented wire share: one flow, one request, one answer as printed."""

import json
from typing import TypeVar

import httpx
import respx

from gateway.net import drive
from providers.contract import Flow

T = TypeVar("T")


def compact(text: str) -> bytes:
    """The same JSON without the white space between its parts, in the same order."""
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False).encode()


async def exchange(
    flow: Flow[T], method: str, url: str, status: int, body: str, **headers: str
) -> tuple[T, httpx.Request]:
    """Run a flow of one request: the answer is `body` as it stands."""
    async with respx.mock, httpx.AsyncClient() as client:
        route = respx.route(method=method, url=url)
        route.respond(status, content=body.encode(), headers=headers)
        outcome = await drive(client, flow, deadline=5)
        assert route.call_count == 1
        return outcome, route.calls.last.request
