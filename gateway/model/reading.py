"""Reading JSON values one by one, with every fault noted at its place.

A reader gives the value it read, or None after it noted why not; null never reaches one,
as a member that is null counts as left out. Forms send nothing but text, so numbers,
booleans, objects and lists are taken as text too.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

import msgspec

from gateway.model.errors import FieldFault

MAX_UNKNOWN: Final = 20
"""Unknown members answered one by one; an object with more of them is something else."""
MAX_SHOWN: Final = 64
MAX_PARTS: Final = 2_000
"""Commas and brackets that an object or list may have when it comes as text."""
MAX_WHOLE: Final = 2**63 - 1
MIN_WHOLE: Final = -(2**63)
BLANKS: Final = " \t\r\n"
"""What JSON text may begin with."""
TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}
"""Booleans as forms send them."""
HALVES: Final = re.compile(r"[\ud800-\udfff]")
"""What no UTF-8 can carry: neither a database nor a provider could be told."""

PlainHttp: TypeAlias = Callable[[str], bool]
"""Whether a host may be reached over plain http (an address the operator allows)."""

_DIGITS: Final = re.compile(r"-?[0-9]{1,19}")


class Upload(msgspec.Struct, frozen=True):
    """A file that came as a part of a form, in place of a value."""

    content: bytes
    filename: str


_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number with a fraction"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
    (Upload, "a file"),
)


class Reading:
    """The faults found so far in one body, and which hosts may be reached over plain http."""

    def __init__(self, plain_http: PlainHttp) -> None:
        self.faults: list[FieldFault] = []
        self.plain_http = plain_http

    def note(
        self,
        at: str,
        code: str,
        detail: str,
        *,
        allowed: Iterable[str | int] = (),
        nearest: str | int | None = None,
    ) -> None:
        """Note one fault of the value at this pointer."""
        fault = FieldFault(
            pointer=at, code=code, detail=detail, allowed=tuple(allowed), nearest=nearest
        )
        self.faults.append(fault)

    def wrong_type(self, at: str, expected: str, raw: object) -> None:
        """Note that a value is not what is expected there."""
        self.note(at, "wrong_type", f"expected {expected}, got {kind(raw)}")

    def unlisted(self, at: str, raw: str | int, allowed: Sequence[str | int]) -> None:
        """Note that a value is none of a list."""
        choice = either(map(str, allowed))
        self.note(
            at,
            "unsupported_value",
            f"must be {choice}, not {shown(str(raw))!r}",
            allowed=allowed,
            nearest=nearest(str(raw), list(map(str, allowed)), cutoff=0.3) or allowed[0],
        )


def kind(raw: object) -> str:
    """What a value is, in the words of JSON."""
    return next((word for kind, word in _KINDS if isinstance(raw, kind)), "null")


def step(at: str, name: object) -> str:
    """The pointer of the member `name` of what is at `at` (RFC 6901)."""
    return f"{at}/" + str(name).replace("~", "~0").replace("/", "~1")


def shown(name: str) -> str:
    """A name out of a request, cut and mended so that an answer can carry it."""
    whole = HALVES.sub("\N{REPLACEMENT CHARACTER}", name)
    return whole if len(whole) <= MAX_SHOWN else whole[: MAX_SHOWN - 1] + "…"


def nearest(name: str, known: Sequence[str], *, cutoff: float = 0.65) -> str | None:
    """The known name that comes closest, None where none is close."""
    # difflib is quadratic: nobody misspells a name into a novel.
    return next(iter(get_close_matches(name[:100], known, n=1, cutoff=cutoff)), None)


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = list(words) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


# --- plain values --------------------------------------------------------------------


def text(
    raw: object, at: str, reading: Reading, *, longest: int = 200, shortest: int = 1
) -> str | None:
    """A string as it stands; lengths are in code points."""
    if not isinstance(raw, str):
        reading.wrong_type(at, "a string", raw)
    elif len(raw) < shortest:
        reading.note(at, "too_short", "must not be empty")
    elif len(raw) > longest:
        words = f"has {len(raw)} characters; at most {longest} are taken"
        reading.note(at, "too_long", words)
    elif "\0" in raw:
        reading.note(at, "bad_character", "must not hold a NUL character")
    elif HALVES.search(raw):
        words = "must not hold half of a character (a lone surrogate)"
        reading.note(at, "bad_character", words)
    else:
        return raw
    return None


def whole(
    raw: object, at: str, reading: Reading, *, low: int = 0, high: int = MAX_WHOLE
) -> int | None:
    """A whole number, or one as digits; JSON Schema counts 8.0 among them."""
    is_one = raw.is_integer() if isinstance(raw, float) else is_digits(raw)
    value = int(raw) if is_one and isinstance(raw, str | float) else raw
    if isinstance(value, str):
        # It came as text, as everything in a form does: what is wrong is what it says.
        reading.note(at, "wrong_type", f"{shown(value)!r} is no whole number")
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        reading.wrong_type(at, "a whole number", raw)
        return None
    if not low <= value <= high:
        near = min(max(value, low), high)
        reading.note(at, "out_of_range", f"must be between {low} and {high}", nearest=near)
        return None
    return value


def is_digits(raw: object) -> bool:
    """Whether this is a whole number as text, as forms send it."""
    return isinstance(raw, str) and _DIGITS.fullmatch(raw) is not None


def truth(raw: object, at: str, reading: Reading) -> bool | None:
    """A boolean, or `true` or `false` as text."""
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw in TRUTHS:
        return TRUTHS[raw]
    reading.wrong_type(at, "true or false", raw)
    return None


# --- objects and lists ---------------------------------------------------------------


def table(raw: object, at: str, reading: Reading, *, most: int) -> dict[str, Any] | None:
    """An object with free names, or one as JSON text."""
    value = _decoded(raw, "{")
    if not isinstance(value, dict):
        reading.wrong_type(at, "an object", raw)
        return None
    if len(value) > most:
        words = f"has {len(value)} entries; at most {most} are taken"
        reading.note(at, "too_long", words)
        return None
    return value


def members(raw: object, at: str, reading: Reading, known: Sequence[str]) -> dict[str, Any] | None:
    """The members of an object (or JSON text) that are not null; unknown ones are noted."""
    value = _decoded(raw, "{")
    if not isinstance(value, dict):
        reading.wrong_type(at, "an object", raw)
        return None
    unknown(value, at, reading, known)
    return {name: value[name] for name in known if value.get(name) is not None}


def entries(
    raw: object, at: str, reading: Reading, *, most: int
) -> list[tuple[str, object]] | None:
    """The items of a list (or JSON text), each with its pointer; one value is a list of one."""
    value = _decoded(raw, "[")
    if not isinstance(value, list):
        return [(at, value)]
    if not value:
        reading.note(at, "too_short", "is empty: name at least one, or leave the field out")
        return None
    if len(value) > most:
        words = f"has {len(value)} entries; at most {most} are taken"
        reading.note(at, "too_long", words)
        return None
    return [(step(at, number), item) for number, item in enumerate(value)]


def unknown(
    body: Mapping[str, Any],
    at: str,
    reading: Reading,
    known: Sequence[str],
    *,
    guesses: Sequence[str] = (),
) -> None:
    """Note the members that there are none of, each with the nearest of `known` or `guesses`."""
    strange = [str(name) for name in body if name not in known and name not in guesses]
    for name in strange[:MAX_UNKNOWN]:
        near = nearest(name, [*known, *guesses])
        words = f"there is no field {shown(name)!r}"
        reading.note(
            step(at, shown(name)),
            "unknown_field",
            words + (f"; did you mean {near!r}?" if near else ""),
            allowed=known,
            nearest=near,
        )
    left = len(strange) - MAX_UNKNOWN
    if left > 0:
        words = "is one more unknown field" if left == 1 else f"are {left} more unknown fields"
        reading.note(at, "unknown_field", f"there {words}")


def _decoded(raw: object, opening: str) -> object:
    """JSON text decoded where it can be; anything else as it is."""
    if not isinstance(raw, str) or not raw.lstrip(BLANKS).startswith(opening):
        return raw
    if sum(raw.count(mark) for mark in "[{,") > MAX_PARTS:
        return raw
    try:
        decoded: object = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return raw
    return decoded


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found
