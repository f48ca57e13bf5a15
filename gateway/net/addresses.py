"""Which IP addresses a URL from outside may lead to. Pure: no look-ups, no sockets."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias

from gateway.net.errors import Blocked

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


class Denied(NamedTuple):
    """A row of the table: nothing in `network` is connected to, because of `why`."""

    network: Network
    why: str


# The first row that holds an address gives the reason, so narrow rows stand before wide ones.
DENIED: Final[tuple[Denied, ...]] = tuple(
    Denied(ip_network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this host itself, RFC 1122"),
        ("10.0.0.0/8", "private, RFC 1918"),
        ("100.64.0.0/10", "carrier-grade NAT, RFC 6598"),
        ("127.0.0.0/8", "loopback, RFC 1122"),
        ("168.63.129.16/32", "Azure's platform service"),
        ("169.254.0.0/16", "link-local and cloud metadata, RFC 3927"),
        ("172.16.0.0/12", "private, RFC 1918"),
        ("192.0.0.0/24", "protocol assignments, RFC 6890"),
        ("192.0.2.0/24", "documentation, RFC 5737"),
        ("192.88.99.0/24", "retired 6to4 relays, RFC 7526"),
        ("192.168.0.0/16", "private, RFC 1918"),
        ("198.18.0.0/15", "benchmarks, RFC 2544"),
        ("198.51.100.0/24", "documentation, RFC 5737"),
        ("203.0.113.0/24", "documentation, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("240.0.0.0/4", "reserved and broadcast, RFC 1112"),
        ("::1/128", "loopback, RFC 4291"),
        ("::/96", "unspecified or IPv4-compatible, RFC 4291"),
        ("64:ff9b::/96", "IPv4 behind NAT64, RFC 6052"),
        ("64:ff9b:1::/48", "IPv4 behind local NAT64, RFC 8215"),
        ("100::/64", "discard, RFC 6666"),
        ("100:0:0:1::/64", "dummy prefix, RFC 9780"),
        ("2001::/32", "IPv4 inside Teredo, RFC 4380"),
        ("2001::/23", "protocol assignments, RFC 2928"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2002::/16", "IPv4 inside 6to4, RFC 3056"),
        ("3fff::/20", "documentation, RFC 9637"),
        ("5f00::/16", "segment routing, RFC 9602"),
        ("fc00::/7", "private, RFC 4193"),
        ("fe80::/10", "link-local, RFC 4291"),
        ("fec0::/10", "site-local, RFC 3879"),
        ("ff00::/8", "multicast, RFC 4291"),
        # Only 2000::/3 is handed out to the public Internet; the three below are the rest.
        ("::/3", "not global unicast, RFC 4291"),
        ("4000::/2", "not global unicast, RFC 4291"),
        ("8000::/1", "not global unicast, RFC 4291"),
    )
)


def read(address: str | Address) -> Address:
    """The address that packets would go to: an IPv4 address mapped into IPv6 is taken out.

    Raises:
        Blocked: This is no IP address.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        raise Blocked("the name resolves to something that is no IP address") from None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_allowed(address: str | Address, allow: Sequence[Network]) -> bool:
    """Whether the operator named a network that holds this address.

    Raises:
        Blocked: This is no IP address.
    """
    real = read(address)
    return any(real in network for network in allow)


def judge(address: str | Address, allow: Sequence[Network] = ()) -> None:
    """Let public addresses and those in `allow` pass.

    Raises:
        Blocked: The address is in the table, or is none.
    """
    real = read(address)
    if is_allowed(real, allow):
        return
    for network, why in DENIED:
        if real in network:
            raise Blocked(f"the address is not public ({why}); network.allow_private may allow it")
