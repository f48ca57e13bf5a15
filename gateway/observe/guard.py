"""What may enter a log line: no secrets, no control characters, nothing endless.

Prompts, provider messages and paths are written by strangers. A value must neither forge
a second line, nor drive the reader's terminal, nor fill the disk.
"""

import enum
import json
import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

from providers.contract import Secret

MASK: Final = "***"
LIMIT: Final = 2048
"""Bytes (UTF-8) that one value may take."""

_DEPTH: Final = 6
_ITEMS: Final = 100
_LARGEST: Final = 2**63
_LEADING: Final = ("timestamp", "level", "event")

_SENSITIVE: Final = re.compile(
    r"(?:^|[._-])(?:authorization|api[_-]?keys?|tokens?|secrets?|passwords?|cookie)$",
    re.IGNORECASE,
)
# C0 and C1 controls, line and paragraph separators, marks that reorder text, lone surrogates.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_UNSAFE_BUT_NEWLINE: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def guard(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: the same event with masked, escaped and shortened values."""
    trace = event.pop("exception", None)
    safe: dict[str, Any] = {key: None for key in _LEADING if key in event}
    for key, value in event.items():
        name, secret = _name(key)
        safe[name] = MASK if secret else _bounded(value)
    if trace is not None:
        safe["exception"] = _trace(str(trace))
    return safe


@lru_cache(maxsize=256)
def _name(key: object) -> tuple[str, bool]:
    """How a field's name is written, and whether its value is a credential."""
    return escaped(str(key)), sensitive(key)


def sensitive(name: object) -> bool:
    """Whether a value of this name is a credential."""
    return isinstance(name, str) and _SENSITIVE.search(name) is not None


def escaped(text: str) -> str:
    r"""`text` on one line: control characters as `\n`, `\x1b` or `\u2028`, and at most `LIMIT`."""
    if len(text) <= LIMIT and text.isascii() and text.isprintable():
        return text
    return _cut(_UNSAFE.sub(_code, text[:LIMIT]), ended=len(text) <= LIMIT)


def _code(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _cut(text: str, *, ended: bool) -> str:
    if ended and (len(text) * 4 <= LIMIT or len(text.encode()) <= LIMIT):
        return text
    return text.encode()[: LIMIT - 3].decode(errors="ignore") + "…"


def _trace(text: str) -> str:
    """A traceback keeps its lines and, when it is too long, its end: that names the error."""
    safe = _UNSAFE_BUT_NEWLINE.sub(_code, text[-LIMIT:])
    raw = safe.encode()
    if len(text) <= LIMIT and len(raw) <= LIMIT:
        return safe
    return "…" + raw[-(LIMIT - 3) :].decode(errors="ignore")


def _bounded(value: object) -> Any:
    if type(value) is str:
        return escaped(value)
    if type(value) is int and -_LARGEST <= value < _LARGEST:
        return value
    safe = _safe(value, _DEPTH)
    if isinstance(safe, dict | list):
        text = json.dumps(safe, ensure_ascii=False)
        if len(text.encode()) > LIMIT:
            return _cut(text, ended=False)
    return safe


def _safe(value: object, depth: int) -> Any:
    """`value` as JSON can hold it, with everything unsafe replaced."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, PurePath | date):
        value = str(value)
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping | list | tuple | AbstractSet):
        return _container(value, depth) if depth else "…"
    return escaped(_shown(value))


def _number(value: float) -> Any:
    if isinstance(value, int):
        # Neither printable nor of any use beyond what a database or JSON reader can hold.
        return int(value) if -_LARGEST <= value < _LARGEST else f"<{value.bit_length()} bits>"
    return value if math.isfinite(value) else str(value)


def _container(value: object, depth: int) -> Any:
    if isinstance(value, Mapping):
        pairs = list(value.items())[:_ITEMS]
        return {
            escaped(_shown(key)): MASK if sensitive(key) else _safe(item, depth - 1)
            for key, item in pairs
        }
    items = list(value)[:_ITEMS] if isinstance(value, list | tuple | AbstractSet) else []
    match items:
        case [bytes() | str() as name, bytes() | str()] if sensitive(_text(name)):
            return [escaped(_text(name)), MASK]  # a header as a pair
        case _:
            return [_safe(item, depth - 1) for item in items]


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _shown(value: object) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - a broken repr() must not break the code that logs
        return f"<{type(value).__name__}>"
