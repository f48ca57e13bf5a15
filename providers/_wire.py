"""Reading answers from the wire without trusting them; shared by the adapters.

Total: whatever bytes came, nothing here raises.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, Final

import msgspec

from providers.contract import Account, HttpResponse

LONGEST_WAIT: Final = 86_400.0
"""Seconds. Whoever asks for more is asked again tomorrow."""
SHORTEST_KEY: Final = 8
"""A shorter "key" is no secret, and would blot out half of what a provider says."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def unkeyed(response: HttpResponse, account: Account, *, always: bool = False) -> HttpResponse:
    """The answer without our own key in it: gateways in front of APIs quote it in complaints.

    An answer of 200 stays as it is, for ids and links are read from it, unless `always` says
    that it is only going to be quoted.
    """
    key = account.key.reveal().encode("utf-8", "surrogatepass")
    if (response.status == 200 and not always) or len(key) < SHORTEST_KEY:  # noqa: PLR2004
        return response
    return msgspec.structs.replace(response, body=response.body.replace(key, b"***"))


def unkeyed_texts(value: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """The object without our own key in the strings right in it, for words to quote."""
    key = account.key.reveal()
    if len(key) < SHORTEST_KEY:
        return dict(value)
    return {
        name: found.replace(key, "***") if isinstance(found, str) else found
        for name, found in value.items()
    }


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body`, or None where there is none.

    Never raises: beside its own error msgspec lets two of Python's out on hostile input.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def child(value: Mapping[str, Any] | None, name: str) -> dict[str, Any] | None:
    """The object under `name`, or None where that is not an object."""
    found = value.get(name) if value else None
    return found if isinstance(found, dict) else None


def text(value: Mapping[str, Any] | None, *names: str) -> str | None:
    """The first string (or whole number, as text) found under one of `names`.

    Blank strings count as missing, and so do those with a NUL: no database keeps them.
    """
    for name in names:
        found = value.get(name) if value else None
        if isinstance(found, str) and found.strip() and "\0" not in found:
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
    return None


def number(value: Mapping[str, Any] | None, name: str) -> float | None:
    """The finite number under `name`, or None."""
    found = value.get(name) if value else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        plain = float(found)
    except OverflowError:
        return None
    return plain if isfinite(plain) else None


def moment(value: Mapping[str, Any] | None, name: str) -> int | None:
    """The time found under `name` in ISO 8601, in microseconds since 1970; UTC if it says none."""
    said = value.get(name) if value else None
    try:
        found = datetime.fromisoformat(said if isinstance(said, str) else "")
    except ValueError:
        return None
    told = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (told - _EPOCH) // timedelta(microseconds=1)


def retry_after(response: HttpResponse) -> float | None:
    """How many seconds `Retry-After` asks to wait, None where it asks nothing readable.

    At most `LONGEST_WAIT`. A date is measured against the answer's own `Date`, so no clock
    is needed here.
    """
    asked = response.headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(asked)
        since = parsedate_to_datetime(response.headers.get("date", ""))
        return min(max(0.0, (until - since).total_seconds()), LONGEST_WAIT)
    except (TypeError, ValueError, OverflowError):
        return None


def printable(body: bytes) -> str:
    """An answer's body as text, whatever it is."""
    return body[:2000].decode("utf-8", "replace")
