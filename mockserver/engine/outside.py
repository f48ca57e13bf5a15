"""The ways out: how callbacks travel and inputs are fetched; shared by all worlds of a server."""

import httpx

from mockserver.engine.addresses import may_reach

CALLBACK_SECONDS = 5.0
FETCH_SECONDS = 10.0


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


class Outside:
    """Two clients, made when first needed.

    Args:
        callback_transport: how callbacks travel; None means over sockets.
        input_transport: how inputs given by URL are fetched.
        extra_hosts: hosts besides loopback that may be reached; `*` means any.
    """

    def __init__(
        self,
        callback_transport: httpx.AsyncBaseTransport | None = None,
        input_transport: httpx.AsyncBaseTransport | None = None,
        extra_hosts: tuple[str, ...] = (),
    ) -> None:
        self._transports = [callback_transport, input_transport]
        self._extra_hosts = extra_hosts
        self._clients: dict[int, httpx.AsyncClient] = {}

    def to(self, extra_hosts: tuple[str, ...]) -> "Outside":
        """The same ways, to other hosts."""
        other = Outside(extra_hosts=extra_hosts)
        other._transports, other._clients = self._transports, self._clients
        return other

    def may_reach(self, url: str) -> bool:
        """Whether an address is allowed."""
        return may_reach(url, self._extra_hosts)

    def send_callbacks_through(self, transport: httpx.AsyncBaseTransport) -> None:
        """Says how callbacks travel from now on, such as `httpx.ASGITransport(app=gateway)`."""
        self._transports[0] = transport
        self._clients.pop(0, None)

    def fetch_inputs_through(self, transport: httpx.AsyncBaseTransport) -> None:
        """Says how inputs given by URL are fetched from now on."""
        self._transports[1] = transport
        self._clients.pop(1, None)

    @property
    def callbacks(self) -> httpx.AsyncClient:
        """The client that callbacks are sent with."""
        return self._client(0, CALLBACK_SECONDS)

    @property
    def inputs(self) -> httpx.AsyncClient:
        """The client that inputs are fetched with."""
        return self._client(1, FETCH_SECONDS)

    def _client(self, which: int, seconds: float) -> httpx.AsyncClient:
        if which not in self._clients:
            self._clients[which] = make_client(self._transports[which], seconds)
        return self._clients[which]

    async def aclose(self) -> None:
        """Closes the clients that were needed."""
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()
