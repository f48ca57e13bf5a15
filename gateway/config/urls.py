"""Hosts and web addresses: what can be one, and what must be https."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from gateway.config.faults import Faults
from gateway.config.settings import is_loopback

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def is_host(host: str) -> bool:
    """Whether this is an IP address, or can be the name of a host."""
    try:
        ip_address(host)
    except ValueError:
        return bool(_HOST_NAME.fullmatch(host))
    return True


def check_url(url: str, where: str, faults: Faults, *, carries: str) -> None:
    """Check an http(s) URL. Never shown again: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host or " " in url:
        faults.add(where, "is not an http or https URL", "for example https://gate.example.com")
        return
    if parts.username is not None or parts.password is not None:
        faults.add(where, "holds a user name or password", "leave them out")
    if "?" in url or "#" in url:
        faults.add(where, "holds a query or a fragment", "end it with the path")
    if parts.scheme == "http" and not _is_near(host):
        faults.add(
            where,
            f"must be https: {carries} would travel in the clear",
            "plain http only for this machine, private addresses and names without a dot",
        )


def _is_near(host: str) -> bool:
    """Whether a host can only be on this machine or in this network, as in a compose file."""
    try:
        address = ip_address(host)
    except ValueError:
        return is_loopback(host) or "." not in host
    return address.is_loopback or (address.is_private and not address.is_link_local)
