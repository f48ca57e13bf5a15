"""The gateway's way out: to the providers' APIs, and to the files they made."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import httpx

from gateway.net.download import Download, download
from gateway.net.drive import drive
from gateway.net.exchange import exchange
from gateway.net.guard import check_url, guarded_client
from providers.contract import Flow

T = TypeVar("T")

IN_FLIGHT: Final = 8
"""Requests at a time in one lane, for paid and unpaid ones each."""
KEEP_SECONDS: Final = 30.0
"""How long an idle connection is kept for the next unpaid request."""


class Answered(NamedTuple):
    """What came back to a notice: the status, and `Retry-After` as it was written."""

    status: int
    retry_after: str | None


class Upstream:
    """Two ways out, never mixed up.

    Provider APIs live where the operator's settings say, so any address will do. Files
    live where a provider or a caller says, and notices go where a caller says: those links
    go through the address guard.

    Each *lane* (an account) has connections of its own: a provider that hangs takes none
    from the others. So have results, callers' files, and notices: a caller's slow link holds
    up no result that was paid for.

    Args:
        allow_private: Networks that links may lead to although they are not public.
        provider_transport: Replaces the network towards provider APIs.
        media_transport: Replaces network *and guard* towards files and receivers of notices.
    """

    def __init__(
        self,
        allow_private: Sequence[IPv4Network | IPv6Network],
        *,
        provider_transport: httpx.AsyncBaseTransport | None = None,
        media_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allow_private = tuple(allow_private)
        self._provider_transport = provider_transport
        # Made once: loading the certificates is most of what a client costs.
        self._certificates = httpx.create_ssl_context(trust_env=False)
        self._lanes: dict[tuple[str, bool], httpx.AsyncClient] = {}
        self._closed = False
        if media_transport is None:
            self._media = guarded_client(allow_private)
            self._inputs = guarded_client(allow_private)
            self._notices = guarded_client(allow_private)
        else:
            self._media = _provider_client(media_transport)
            self._inputs = _provider_client(media_transport)
            self._notices = _provider_client(media_transport)

    async def run(
        self, flow: Flow[T], *, lane: str = "", paid: bool = False, deadline: float = 30.0
    ) -> T:
        """Run an adapter's flow.

        Args:
            flow: Always closed afterwards.
            lane: Whose connections to use.
            paid: The flow spends money: use fresh connections. An error on a kept one may
                only mean that the server had just closed it, and nobody could tell that
                from a request that was read and cost something.
            deadline: Seconds, for each request as a whole.

        Raises:
            NotSent: The provider never saw the flow's last request.
            NoAnswer: It may have, but no whole answer came.
        """
        return await drive(self._client(lane, paid=paid), flow, deadline=deadline)

    def check(self, url: str) -> None:
        """Refuse a link that `fetch_input` would refuse, as far as that shows without a look-up.

        Raises:
            Blocked: It would; `reason` says why.
        """
        check_url(url, self._allow_private)

    async def fetch(self, url: str, into: Path, *, max_bytes: int, deadline: float) -> Download:
        """Download a result through the address guard; see `download`.

        Raises:
            DownloadFailed: It did not arrive whole, or its address is refused.
        """
        return await download(self._media, url, into, max_bytes=max_bytes, deadline=deadline)

    async def fetch_input(
        self, url: str, into: Path, *, max_bytes: int, deadline: float
    ) -> Download:
        """Download what a caller's link leads to, through the address guard; see `download`.

        Raises:
            DownloadFailed: It did not arrive whole, or its address is refused.
        """
        return await download(self._inputs, url, into, max_bytes=max_bytes, deadline=deadline)

    async def tell(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, deadline: float
    ) -> Answered:
        """POST a notice through the address guard; of the answer only the head is read.

        Raises:
            NotSent: It did not get there, or its address is refused.
            NoAnswer: It may have, but no answer came.
        """
        async with exchange(
            self._notices, "POST", url, headers=headers, body=body, deadline=deadline
        ) as response:
            return Answered(response.status_code, response.headers.get("retry-after"))

    async def aclose(self) -> None:
        """Close all connections. Requests under way fail."""
        self._closed = True
        for client in (*self._lanes.values(), self._media, self._inputs, self._notices):
            await client.aclose()

    def _client(self, lane: str, *, paid: bool) -> httpx.AsyncClient:
        client = self._lanes.get((lane, paid))
        if client is None:
            transport = self._provider_transport or self._network(keep=0 if paid else IN_FLIGHT)
            client = _provider_client(transport)
            if not self._closed:
                self._lanes[lane, paid] = client
        return client

    def _network(self, *, keep: int) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._certificates,
            trust_env=False,
            limits=httpx.Limits(
                max_connections=IN_FLIGHT,
                max_keepalive_connections=keep,
                keepalive_expiry=KEEP_SECONDS,
            ),
        )


def _provider_client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)
