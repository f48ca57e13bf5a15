"""Names for things: time-ordered ids, unguessable tokens, digests."""

import hashlib
import secrets
from typing import Final

import uuid_utils

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no letter that looks like a digit."""
_PAIRS: Final = tuple(high + low for high in ALPHABET for low in ALPHABET)


def new_id(prefix: str) -> str:
    """`prefix_` and a UUIDv7 in base 32: ids of one process sort in the order they were made."""
    value = uuid_utils.uuid7().int
    digits = "".join([_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)])
    return f"{prefix}_{digits}"


def new_token() -> str:
    """43 URL-safe characters from 32 random bytes."""
    return secrets.token_urlsafe(32)


def digest(content: bytes | str) -> str:
    """SHA-256 in hex. Tokens are 256 bits of chance, so a plain hash hides them."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()
