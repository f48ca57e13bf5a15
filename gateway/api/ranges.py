"""`Range` requests (RFC 9110, section 14): what browsers seek in a video with."""

import re
from typing import Final, NamedTuple

_SINGLE: Final = re.compile(r"bytes=([0-9]{0,64})-([0-9]{0,64})", re.IGNORECASE)


class Span(NamedTuple):
    """A part of a file: first byte, and how many."""

    start: int
    length: int


class UnsatisfiableError(Exception):
    """No byte of what was asked for exists."""


def parse_range(header: str | None, size: int) -> Span | None:
    """The one part asked for; None means the whole file.

    A header that cannot be read, or that asks for several parts, counts as none, which the
    standard allows.

    Raises:
        UnsatisfiableError: The part lies behind the end.
    """
    found = _SINGLE.fullmatch((header or "").strip(" \t"))
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        length = min(int(last), size)
        if length == 0:
            raise UnsatisfiableError
        return Span(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return Span(start, end - start + 1)
