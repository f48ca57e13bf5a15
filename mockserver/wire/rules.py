"""What a request's field must hold: one rule serves the refusals and the OpenAPI documents."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

from mockserver.engine.addresses import is_uri
from mockserver.wire.evidence import Evidence

Count = Literal["code_points", "utf16"]
"""What a provider takes for one character. Neither says; both must be tried."""

Schema = dict[str, Any]
_UNCLEAN = re.compile("[\0\ud800-\udfff]")


def length(text: str, count: Count) -> int:
    """Characters of a text: code points, or units of UTF-16 as JavaScript counts them."""
    if count == "code_points":
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_clean(text: str) -> bool:
    """Whether a text can be stored and sent on: no NUL, no half of a surrogate pair."""
    return _UNCLEAN.search(text) is None


class Rule(Protocol):
    """What a value must be."""

    def fault(self, value: Any, count: Count) -> str | None:
        """What the value should have been, when it is not."""

    def schema(self) -> Schema:
        """The rule as JSON Schema."""


class Text(msgspec.Struct, frozen=True):
    """A string within limits, both included; NUL and lone surrogates are refused (invented)."""

    longest: int
    shortest: int = 0

    def fault(self, value: Any, count: Count) -> str | None:
        """What the value should have been, when it is not."""
        if not isinstance(value, str):
            return f"must be a string of at most {self.longest} characters"
        if not is_clean(value):
            return "must not hold NUL characters or lone surrogates"
        if self.shortest <= length(value, count) <= self.longest:
            return None
        if self.shortest:
            return f"must be between {self.shortest} and {self.longest} characters"
        return f"must be a string of at most {self.longest} characters"

    def schema(self) -> Schema:
        """JSON Schema counts code points."""
        least = {"minLength": self.shortest} if self.shortest else {}
        return {"type": "string", **least, "maxLength": self.longest}


class OneOf(msgspec.Struct, frozen=True):
    """One of these, of the same type: `5` is not `"5"`, nor is `True` 1."""

    values: tuple[str | int, ...]

    def fault(self, value: Any, count: Count) -> str | None:
        """What the value should have been, when it is not."""
        del count
        if any(type(value) is type(each) and value == each for each in self.values):
            return None
        return f"must be one of: {', '.join(map(str, self.values))}"

    def schema(self) -> Schema:
        """The values are all of one type."""
        kind = "string" if isinstance(self.values[0], str) else "integer"
        return {"type": kind, "enum": list(self.values)}


class Integer(msgspec.Struct, frozen=True):
    """A whole number in the range, both ends included."""

    low: int
    high: int

    def fault(self, value: Any, count: Count) -> str | None:
        """What the value should have been, when it is not."""
        del count
        if type(value) is int and self.low <= value <= self.high:
            return None
        return f"must be a number from {self.low} to {self.high}"

    def schema(self) -> Schema:
        """The rule as JSON Schema."""
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Boolean(msgspec.Struct, frozen=True):
    """`true` or `false`."""

    def fault(self, value: Any, count: Count) -> str | None:
        """What the value should have been, when it is not."""
        del count
        return None if isinstance(value, bool) else "must be true or false"

    def schema(self) -> Schema:
        """The rule as JSON Schema."""
        return {"type": "boolean"}


class Uri(msgspec.Struct, frozen=True):
    """An absolute http or https URI."""

    def fault(self, value: Any, count: Count) -> str | None:
        """What the value should have been, when it is not."""
        del count
        return None if is_uri(value) and is_clean(value) else "must be a valid uri"

    def schema(self) -> Schema:
        """The rule as JSON Schema."""
        return {"type": "string", "format": "uri"}


class Uris(msgspec.Struct, frozen=True):
    """A list of URIs; `item_faults` judges them one by one."""

    fewest: int
    most: int

    def fault(self, value: Any, count: Count) -> str | None:
        """What the list should have been, when it is not; its items apart."""
        del count
        if isinstance(value, list) and self.fewest <= len(value) <= self.most:
            return None
        return f"must be an array of {self.fewest} to {self.most} items"

    def item_faults(self, value: Any, count: Count) -> dict[int, str]:
        """The faults of the items by index, when the list itself is in order."""
        if self.fault(value, count):
            return {}
        faults = {index: Uri().fault(item, count) for index, item in enumerate(value)}
        return {index: fault for index, fault in faults.items() if fault}

    def schema(self) -> Schema:
        """The rule as JSON Schema."""
        return {
            "type": "array",
            "minItems": self.fewest,
            "maxItems": self.most,
            "items": Uri().schema(),
        }


class Field(msgspec.Struct, frozen=True):
    """A field of a request: its rule, what it is for, and how well that is known."""

    rule: Rule
    meaning: str
    evidence: Evidence = "documented"
    source: str = ""
    """The page, where it is another than that of the operation."""


def of_type(fields: Mapping[str, Field], *kinds: type[Rule]) -> frozenset[str]:
    """The fields whose rules are of these kinds."""
    return frozenset(name for name, field in fields.items() if isinstance(field.rule, kinds))
