"""What of a request may be kept: no keys, no cookies, nothing that could be one."""

import re
from collections.abc import Mapping

from mockserver.engine.journal import KEPT_HEADERS
from mockserver.magic.table import TRIGGERS
from mockserver.provider import Provider
from mockserver.wire.http import Request

_SECRET = re.compile(r"auth|cookie|credential|key|password|secret|session|token", re.IGNORECASE)
"""What stands in the names of headers that hold secrets."""

MAGIC = frozenset(
    trigger.value.rpartition("-")[2] for trigger in TRIGGERS if trigger.carrier in {"key", "token"}
)
"""What a key may end with that changes how it is answered."""

OWN = "mock"


def harmless(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers without those that hold secrets; the one that names the host is left out too."""
    return {
        name: value
        for name, value in headers.items()
        if name in KEPT_HEADERS or not (name == "host" or _SECRET.search(name))
    }


def stand_in(provider: type[Provider], request: Request) -> str | None:
    """An `Authorization` that is answered like the one that was sent and holds no secret.

    The format and a magic value at the end stay, the rest is made up; None where it was no key.
    """
    secret = provider.secret_of(request)
    if secret is None:
        return None
    whole = request.headers.get("authorization", "")
    ending = secret.rpartition("-")[2]
    magic = f"-{ending}" if ending in MAGIC else ""
    return f"{whole.removesuffix(secret)}{OWN}{magic}"
