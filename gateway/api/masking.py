"""What callers are not shown: the e-mail addresses of the operator's accounts.

Providers put them into their words and into the ids of their videos.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias
from urllib.parse import quote

from providers.contract import Account

Mask: TypeAlias = Callable[[str], str]

MASKED: Final = "***"


def mask_of(accounts: Iterable[Account]) -> Mask:
    """What gives back a text without the addresses of these accounts, however they are written."""
    known = {account.email for account in accounts if account.email}
    written = sorted({*known, *(quote(one, safe="") for one in known)}, key=len, reverse=True)
    if not written:
        return open_to_all
    pattern = re.compile("|".join(map(re.escape, written)), re.IGNORECASE)
    return lambda text: pattern.sub(MASKED, text)


def open_to_all(text: str) -> str:
    """The text as it is."""
    return text
