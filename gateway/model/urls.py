"""URLs out of a request: which may be reached at all, and what `data:` URLs hold.

Only the text is judged here; where a name leads is the address guard's business.
"""

import base64
import binascii
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gateway.model.reading import HALVES, Reading

MAX_URL: Final = 2048


def web_url(value: str, at: str, reading: Reading) -> str | None:
    """An https URL, as it stands."""
    if len(value) > MAX_URL:
        words = f"has {len(value)} characters; at most {MAX_URL} are taken"
        reading.note(at, "too_long", words)
        return None
    if problem := _problem(value, reading):
        reading.note(at, "bad_url", problem)
        return None
    return value


def host_of(url: str) -> str:
    """Whom a URL leads to; empty where it names nobody."""
    parts = _parts(url)
    return (parts.hostname if parts else None) or ""


def data_url(value: str, at: str, reading: Reading) -> bytes | None:
    """What a base64 data URL holds."""
    head, comma, payload = value.partition(",")
    if not comma or not head.endswith(";base64"):
        reading.note(at, "bad_url", "a data URL has the form data:image/png;base64,…")
        return None
    try:
        content = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        reading.note(at, "bad_url", "the data URL's base64 cannot be decoded")
        return None
    if not content:
        reading.note(at, "bad_url", "the data URL is empty")
        return None
    return content


def _problem(value: str, reading: Reading) -> str | None:
    if any(char <= " " or char in "\\\x7f" or char.isspace() for char in value):
        return "holds spaces, backslashes or control characters"
    if HALVES.search(value):
        return "holds half of a character (a lone surrogate)"
    parts = _parts(value)
    host = parts.hostname if parts else None
    if parts is None or parts.scheme not in {"http", "https"} or not host:
        return "must be an https URL"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or password"
    if parts.scheme == "http" and not reading.plain_http(host):
        return "must be https (plain http only to addresses in network.allow_private)"
    return None


def _parts(value: str) -> SplitResult | None:
    """The URL taken apart, None where that cannot be done."""
    try:
        parts = urlsplit(value)
        _host, _port = parts.hostname, parts.port
    except ValueError:
        return None
    return parts
