"""Runs an adapter's flow on the network."""

from contextlib import closing
from typing import Final, TypeVar

import httpx

from gateway.net.errors import NoAnswer
from gateway.net.exchange import exchange, host_of, is_encoded
from providers.contract import Flow, HttpRequest, HttpResponse, Unanswered

T = TypeVar("T")

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer's body; what providers say fits into a small part of it."""


async def drive(client: httpx.AsyncClient, flow: Flow[T], *, deadline: float) -> T:
    """Send what the flow asks for, hand it the answers, return what it returns.

    Redirects are answers like any other. `deadline` is in seconds and for each request as
    a whole, however slowly its answer drips in. The exceptions below are thrown into the
    flow, and come out unless it goes on without that answer. It is closed in every case.

    Raises:
        NotSent: The flow's last request never reached the server.
        NoAnswer: It may have, but no whole answer of at most `MAX_ANSWER` bytes came back.
    """
    with closing(flow):
        try:
            request = next(flow)
            while True:
                try:
                    answer = await _ask(client, request, deadline)
                except Unanswered as fault:
                    request = flow.throw(fault)
                else:
                    request = flow.send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value


async def _ask(client: httpx.AsyncClient, request: HttpRequest, deadline: float) -> HttpResponse:
    async with exchange(
        client,
        request.method,
        request.url,
        headers=request.headers,
        body=request.body,
        deadline=deadline,
    ) as response:
        if is_encoded(response):
            raise NoAnswer(host_of(request.url), "the answer is compressed, unasked")
        body = bytearray()
        # Not compressed, so these are the bytes on the wire.
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MAX_ANSWER:
                raise NoAnswer(
                    host_of(request.url), f"the answer is larger than {MAX_ANSWER} bytes"
                )
        return HttpResponse(
            status=response.status_code, headers=dict(response.headers), body=bytes(body)
        )
