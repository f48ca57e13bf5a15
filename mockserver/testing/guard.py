"""A guard on the network: what a test reaches outside of this machine fails at once, by name.

It stands in front of Python's own sockets and name look-ups, and so of everything built on them:
asyncio, httpx, requests, urllib. It does not see extensions that call the system themselves, such
as uvloop, nor child processes.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, Self

from mockserver.testing.patching import SharedPatch, Target

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NetworkBlockedError(ConnectionError):
    """Something tried to leave this machine; the message names host and port.

    Being a `ConnectionError`, it looks to a client like a network that is down: HTTP libraries
    wrap it in their own errors.
    """


@dataclass(frozen=True)
class Attempt:
    """One try to reach what is blocked."""

    call: str
    """What was called: `connect`, `sendto`, `getaddrinfo`, …"""
    host: str
    port: int | str | None
    """As given; None in a look-up without one."""

    def __str__(self) -> str:
        if self.port is None:
            return f"{self.call} {self.host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.call} {host}:{self.port}"


class NetworkGuard:
    """Blocks connections, datagrams and name look-ups, but for loopback and Unix sockets.

    It holds for the whole process, all threads included, until it is left. In a nested use the
    innermost guard alone decides and remembers.

    Args:
        allow: Host names, addresses and networks (`10.0.0.0/8`) that may be reached as well. With
            a host name come the addresses it is found at while the guard stands.

    Attributes:
        attempts: What was blocked, oldest first, even where the client swallowed the error.

    Raises:
        ValueError: Something in `allow` is none of these.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self.attempts: list[Attempt] = []
        self._names: set[str] = set()
        self._networks: list[_Network] = []
        self._found: set[_Address] = set()
        for entry in allow:
            if network := _network(entry):
                self._networks.append(network)
            else:
                self._names.add(_plain(entry))

    def __enter__(self) -> Self:
        _PATCH.acquire()
        with _lock:
            _standing.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _lock:
            del _standing[max(n for n, guard in enumerate(_standing) if guard is self)]
        _PATCH.release()

    def permits(self, host: str) -> bool:
        """Whether a host name or address may be reached."""
        address = _address(host)
        if address is None:
            return _is_here(host) or _plain(host) in self._names
        return (
            address.is_loopback
            or address.is_unspecified
            or address in self._found
            or any(address in network for network in self._networks)
        )

    def check(self, call: str, host: str, port: int | str | None = None) -> None:
        """Lets a permitted host pass.

        Raises:
            NetworkBlockedError: The host is not permitted; the attempt is remembered.
        """
        if not self.permits(host):
            attempt = Attempt(call, host, port)
            self.attempts.append(attempt)
            raise NetworkBlockedError(
                f"network blocked in this test: {attempt}. Point the client's base URL at the mock"
                f" server, or allow the host: NetworkGuard(allow=[{host!r}])"
            )

    def found(self, host: str, addresses: Iterable[str]) -> None:
        """Notes where a host was found, so that an allowed one can be reached there."""
        if _plain(host) in self._names:
            self._found.update(filter(None, map(_address, addresses)))


_lock = threading.Lock()
_standing: list[NetworkGuard] = []


def _innermost() -> NetworkGuard | None:
    with _lock:
        return _standing[-1] if _standing else None


def _network(entry: str) -> _Network | None:
    """A network or address as a network; None for a host name."""
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        if not entry or set(entry) & set("/:@ "):
            raise ValueError(
                f"{entry!r} is no host name, address or network; ports and URLs do not count"
            ) from None
        return None


def _address(host: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def _is_here(name: str) -> bool:
    """`localhost` and what is below it; no name at all means this machine, too."""
    return _plain(name) in {"", "localhost"} or _plain(name).endswith(".localhost")


def _text(host: Any) -> str:
    """A host as sockets take it: text, bytes or None."""
    if host is None:
        return ""
    return host.decode("utf-8", "replace") if isinstance(host, bytes | bytearray) else str(host)


def _check_peer(sock: socket.socket, call: str, peer: Any) -> None:
    guard = _innermost()
    if guard is None or sock.family == socket.AF_UNIX:
        return
    if sock.family in {socket.AF_INET, socket.AF_INET6} and isinstance(peer, tuple):
        guard.check(call, _text(peer[0]), *peer[1:2])
    else:
        guard.check(call, repr(peer))


def _sending(call: str, peer_of: Callable[[tuple[Any, ...]], Any]) -> Callable[[Any], Any]:
    """Makes replacements of socket methods; `peer_of` finds the address in the arguments."""

    def replace(real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def checked(sock: socket.socket, *args: Any) -> Any:
            peer = peer_of(args)
            if peer is not None:
                _check_peer(sock, call, peer)
            return real(sock, *args)

        return checked

    return replace


def _looking_up(call: str, addresses_of: Callable[[Any], Iterable[str]]) -> Callable[[Any], Any]:
    """Makes replacements of look-ups; `addresses_of` finds the addresses in the answer."""

    def replace(real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def checked(host: Any, *args: Any, **kwargs: Any) -> Any:
            guard = _innermost()
            if guard is None or not _asks_others(call, _text(host)):
                return real(host, *args, **kwargs)
            port = kwargs.get("port", args[0] if args else None)
            guard.check(call, _text(host), _text(port) if isinstance(port, bytes) else port)
            answer = real(host, *args, **kwargs)
            guard.found(_text(host), addresses_of(answer))
            return answer

        return checked

    return replace


def _asks_others(call: str, host: str) -> bool:
    """Whether a look-up may leave this machine: one of its own name or of an address need not."""
    if _address(host) is not None:
        return call == "gethostbyaddr"
    return _plain(host) != _plain(socket.gethostname())


_PEERS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "connect": lambda args: args[0] if args else None,
    "connect_ex": lambda args: args[0] if args else None,
    "sendto": lambda args: args[-1] if args[1:] else None,
    "sendmsg": lambda args: args[3] if args[3:] else None,
}
"""Methods of a socket, and where among their arguments the peer is."""
_ANSWERS: dict[str, Callable[[Any], Iterable[str]]] = {
    "getaddrinfo": lambda found: [at[4][0] for at in found],
    "gethostbyname": lambda found: [found],
    "gethostbyname_ex": lambda found: found[2],
    "gethostbyaddr": lambda found: found[2],
}
"""Look-ups, and where in their answers the addresses are."""
_PATCH = SharedPatch(
    *(Target(socket.socket, call, _sending(call, peer_of)) for call, peer_of in _PEERS.items()),
    *(Target(socket, call, _looking_up(call, of)) for call, of in _ANSWERS.items()),
)
