"""Callback delivery: one POST, a short time-out, never retried, always journaled."""

import asyncio

import httpx
import msgspec

from mockserver.engine.addresses import may_reach
from mockserver.engine.clock import Clock
from mockserver.engine.journal import Delivery, Journal

TIMEOUT_SECONDS = 5.0
ANSWER_CHARACTERS = 500
NOT_LOOPBACK = "not delivered: not a loopback address"


def make_client(
    transport: httpx.AsyncBaseTransport | None, timeout_seconds: float
) -> httpx.AsyncClient:
    """A client that ignores the environment's proxies and follows no redirect.

    It keeps no connection open, so that it may outlive the event loop it was first used on.
    """
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=timeout_seconds,
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={"User-Agent": "filmgate-mock"},
    )


class Callbacks:
    """Tells receivers about jobs, on loopback only unless the settings allow more."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        extra_hosts: tuple[str, ...] = (),
    ) -> None:
        self._clock = clock
        self._journal = journal
        self._transport = transport
        self._extra_hosts = extra_hosts
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, job: str, url: str, body: object) -> None:
        """Posts `body` as JSON and notes what came of it."""
        at = self._clock.now()
        status, answer, error = None, "", None
        if may_reach(url, self._extra_hosts):
            if self._client is None:
                self._client = make_client(self._transport, TIMEOUT_SECONDS)
            try:
                # httpx limits each step; a receiver in process has no steps at all.
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    response = await self._client.post(
                        url,
                        content=msgspec.json.encode(body),
                        headers={"Content-Type": "application/json"},
                    )
                status, answer = response.status_code, response.text[:ANSWER_CHARACTERS]
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as cause:
                error = f"{type(cause).__name__}: {cause}"
        else:
            error = NOT_LOOPBACK
        self._journal.deliveries.append(
            Delivery(
                n=self._journal.next_number(),
                at=at,
                job=job,
                url=url,
                sent=body,
                status=status,
                answer=answer,
                error=error,
            )
        )

    async def aclose(self) -> None:
        """Closes the client, if one was needed."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
