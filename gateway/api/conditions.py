"""Conditional requests (RFC 9110, section 13): entity tags against what is asked."""

import re
from typing import Final

_TAG: Final = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def matches(header: str, etag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags holds `etag`, or is `*`, which holds any.

    Args:
        header: The value of `If-Match` or `If-None-Match`.
        etag: A strong tag with its quotes.
        weak: Weak comparison, for `If-None-Match`: a `W/` in front makes no difference.
    """
    if header.strip(" \t") == "*":
        return True
    return any(tag == etag and (weak or not mark) for mark, tag in _TAG.findall(header))
