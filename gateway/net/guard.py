"""The address guard: an HTTP client that may be handed URLs by strangers.

A check before the request is no protection: the name can resolve to something else a
moment later. So the judging sits where the socket is opened. Each new connection looks
its name up once, every address found is judged, and the connection goes to one of those
very addresses. The URL keeps its name, and so do the Host header and TLS.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from ipaddress import IPv4Address, ip_address
from typing import Final, TypeAlias

import httpcore
import httpx
from typing_extensions import override

from gateway.net.addresses import Network, is_allowed, judge
from gateway.net.errors import Blocked
from gateway.net.lookup import SystemResolver

__all__ = [
    "GuardBroken",
    "GuardedTransport",
    "PinnedBackend",
    "Resolver",
    "check_url",
    "guarded_client",
    "judge",
    "self_test",
]

MAX_URL: Final = 2048
"""Characters."""
HTTPS_PORT: Final = 443
CONNECTIONS: Final = 16
"""As many as there is work of one kind at the same time, or more: none waits for another's."""
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks up (host, port): all addresses, as text. Raises OSError where there are none."""

_NOT_HTTPS: Final = "only https on port 443 is allowed, but for addresses in network.allow_private"
_ODD_CHARACTER: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_AUTHORITY: Final = re.compile(r"[a-z]+://([^/?#]*)", re.IGNORECASE)
_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class GuardBroken(RuntimeError):  # noqa: N818 - says more than GuardError
    """The guard let something pass that it must refuse: do not start."""


def check_url(url: str, allow: Sequence[Network] = ()) -> None:
    """Everything that can be said about a URL without looking its name up.

    Good for refusing early, and no replacement for the guarded client.

    Raises:
        Blocked: The URL is too long or oddly written, names a user, is not https on
            port 443 (any port and http are fine for addresses in `allow`), or spells out
            an address that is denied.
    """
    if len(url) > MAX_URL:
        raise Blocked(f"the URL is longer than {MAX_URL} characters")
    if _ODD_CHARACTER.search(url):
        raise Blocked("the URL contains spaces, backslashes or control characters")
    authority = _AUTHORITY.match(url)
    if authority is None:
        raise Blocked("the URL is not absolute")
    if "@" in authority[1]:
        raise Blocked("the URL contains a user name")
    try:
        # The same parser as the one that will connect: there is no second opinion to exploit.
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise Blocked("the URL is malformed") from None
    if not (_is_plain_https(parsed) or (parsed.scheme in {"http", "https"} and allow)):
        raise Blocked(_NOT_HTTPS)
    literal = _literal(parsed.raw_host.decode("ascii"))
    if literal is not None:
        _judge_all([literal], allow, inside=not _is_plain_https(parsed))


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens sockets to judged addresses only.

    Args:
        allow: Networks the operator lets through.
        resolve: Looks names up.
        inside: Connect to nothing but addresses in `allow`.
        opener: What opens the socket in the end; it is only ever given IP addresses.
    """

    def __init__(
        self,
        allow: Sequence[Network],
        resolve: Resolver,
        *,
        inside: bool,
        opener: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allow = tuple(allow)
        self._resolve = resolve
        self._inside = inside
        self._opener = opener or httpcore.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look up, judge, connect: all within `timeout` seconds.

        Raises:
            Blocked: One of the addresses may not be connected to, so the name may not.
            httpcore.ConnectError: No such name, or nobody accepts the connection.
            httpcore.ConnectTimeout: `timeout` passed.
        """
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._judged(host, port)
                # An address that swallows packets may not eat the time of the next one.
                share = None if timeout is None else timeout / len(addresses)
                for address in addresses[:-1]:
                    try:
                        return await self._opener.connect_tcp(
                            address, port, share, local_address, socket_options
                        )
                    except (httpcore.ConnectError, httpcore.ConnectTimeout):
                        continue
                return await self._opener.connect_tcp(
                    addresses[-1], port, share, local_address, socket_options
                )
        except TimeoutError:
            raise httpcore.ConnectTimeout("connecting took too long") from None

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never.

        Raises:
            Blocked: Always.
        """
        raise Blocked("sockets of this machine are not for URLs")

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait; part of httpcore's interface."""
        await self._opener.sleep(seconds)

    async def _judged(self, host: str, port: int) -> list[str]:
        literal = _literal(host)
        if literal is not None:
            found = [literal]
        else:
            try:
                found = list(dict.fromkeys(await self._resolve(host, port)))
            except (OSError, UnicodeError) as error:
                raise httpcore.ConnectError("the name cannot be resolved") from error
            if not found:
                raise httpcore.ConnectError("the name has no address")
        _judge_all(found, self._allow, inside=self._inside)
        return found


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx on httpcore pools whose every connection goes through a `PinnedBackend`.

    One pool serves https on port 443 and may reach public addresses; the other serves
    everything else and reaches only what the operator allows. Connections are not kept:
    each request is judged anew.

    Args:
        allow: Networks the operator lets through, on any port and over plain http too.
        resolve: Looks names up; the system's resolver by default.
        opener: What opens the sockets; for tests.
    """

    def __init__(
        self,
        allow: Sequence[Network] = (),
        *,
        resolve: Resolver | None = None,
        opener: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allow = tuple(allow)
        self._resolver = SystemResolver()
        tls = httpx.create_ssl_context(trust_env=False)
        self._public, self._inside = (
            httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=CONNECTIONS,
                max_keepalive_connections=0,
                network_backend=PinnedBackend(
                    self._allow, resolve or self._resolver, inside=inside, opener=opener
                ),
            )
            for inside in (False, True)
        )

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer's body is still to be read.

        Raises:
            Blocked: The guard refuses the URL or an address behind it.
        """
        check_url(str(request.url), self._allow)
        pool = self._public if _is_plain_https(request.url) else self._inside
        answer = await pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                # Nothing else: other extensions could change the TLS name.
                extensions={"timeout": request.extensions.get("timeout", {})},
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), request=request
        )

    @override
    async def aclose(self) -> None:
        """Close all connections; look-ups under way are left to end by themselves."""
        self._resolver.close()
        await self._public.aclose()
        await self._inside.aclose()


def guarded_client(
    allow: Sequence[Network] = (),
    *,
    resolve: Resolver | None = None,
    opener: httpcore.AsyncNetworkBackend | None = None,
) -> httpx.AsyncClient:
    """A client for URLs that somebody else chose: guarded, no redirects, no proxies."""
    return httpx.AsyncClient(
        transport=GuardedTransport(allow, resolve=resolve, opener=opener),
        trust_env=False,
        follow_redirects=False,
    )


async def self_test(make: Callable[..., httpx.AsyncClient] = guarded_client) -> None:
    """Make sure the guard is in force before anything is served. Sends no packet if it is.

    Args:
        make: Makes the client under test, as `guarded_client` does.

    Raises:
        GuardBroken: A client without any allowance did not refuse loopback.
    """

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with aclosing(make((), resolve=resolve)) as client:
        for host in ("127.0.0.1", "guard-self-test.invalid"):
            try:
                await client.get(f"https://{host}/", timeout=1.0)
            except Blocked:
                continue
            except Exception as error:
                raise GuardBroken(f"{host} was not refused but tried") from error
            raise GuardBroken(f"{host} was not refused but fetched")


def _is_plain_https(url: httpx.URL) -> bool:
    return url.scheme == "https" and url.port in {None, HTTPS_PORT}


def _judge_all(addresses: Iterable[str], allow: Sequence[Network], *, inside: bool) -> None:
    """One bad address spoils the name: an attacker may mix a good one in."""
    for address in addresses:
        judge(address, allow)
        if inside and not is_allowed(address, allow):
            raise Blocked(_NOT_HTTPS)


def _literal(host: str) -> str | None:
    """The IP address a host spells out, None if it is a name.

    Raises:
        Blocked: It is neither, or a number in a spelling (octal, hex, short) that programs
            read in different ways.
    """
    try:
        return str(ip_address(host) if ":" in host else IPv4Address(host))
    except ValueError:
        pass
    if not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise Blocked("the host is oddly spelled")
    return None


class _Body(httpx.AsyncByteStream):
    """An answer's body, as httpx wants it."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.aiter_stream():
            yield piece

    @override
    async def aclose(self) -> None:
        await self._answer.aclose()
