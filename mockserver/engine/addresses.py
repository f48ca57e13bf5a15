"""Which hosts this offline tool may speak to."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """The host of an http(s) URL in lower case without brackets; empty when there is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return ""
    return host if parts.scheme in {"http", "https"} else ""


def is_uri(value: object) -> bool:
    """An absolute http(s) URI with a host and without spaces or control characters."""
    return isinstance(value, str) and host_of(value) != "" and all(c > " " for c in value)


def is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1 or the name localhost; other names are never resolved to find out."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def may_reach(url: str, extra_hosts: tuple[str, ...]) -> bool:
    """Loopback, or a host the settings name."""
    host = host_of(url)
    return bool(host) and (is_loopback(host) or "*" in extra_hosts or host in extra_hosts)
