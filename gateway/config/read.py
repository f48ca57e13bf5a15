"""From a raw tree (TOML, environment) to checked values, one field at a time.

msgspec would stop at the first fault; people want all of them. So the reader walks the
Struct types itself, and what it could not read is simply absent from its result.
"""

import math
import re
import types
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from gateway.config.faults import Faults, nearest, quoted, step
from gateway.config.references import HOW_TO, ReferenceProblem
from gateway.config.settings import Network
from providers.contract import Secret

MISSING: Final = object()
"""Stands for a value that could not be read; its fault is already noted."""

_AMOUNT: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_MAX_AMOUNT: Final = 20
_AMOUNT_HINT: Final = 'a decimal number in quotes with at most 6 decimals, for example "0.04"'
_NAMES: Final[dict[Any, str]] = {
    str: "a string",
    Path: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    Secret: "a string",
    Decimal: "an amount",
    Network: "a string",
}
_SCALARS: Final = frozenset({bool, int, float})
"""What is not written as a string."""


class Unreadable(NamedTuple):
    """In a raw tree: a value that was not even TOML, and why."""

    problem: str
    hint: str


class Kind(NamedTuple):
    """A field's annotation, taken apart: what it holds, and its bounds and meaning."""

    base: Any
    meta: Meta
    optional: bool

    @classmethod
    def of(cls, annotation: Any) -> "Kind":
        """Take `annotation` apart."""
        meta = Meta()
        if get_origin(annotation) is Annotated:
            annotation, found = get_args(annotation)
            meta = found
        options = get_args(annotation)
        optional = get_origin(annotation) in {Union, types.UnionType} and type(None) in options
        if optional:
            (annotation,) = (option for option in options if option is not type(None))
        return cls(annotation, meta, optional)

    @property
    def struct(self) -> type[msgspec.Struct] | None:
        """The section this is, if it is one."""
        is_one = isinstance(self.base, type) and issubclass(self.base, msgspec.Struct)
        return self.base if is_one else None

    @property
    def plain(self) -> "Kind | None":
        """The list that may stand for the whole section, if one may."""
        name = getattr(self.struct, "plain", None)
        fields = msgspec.structs.fields(self.struct) if self.struct else ()
        return next((Kind.of(field.type) for field in fields if field.name == name), None)

    def as_table(self, value: Any) -> Any:
        """`value` as a section, where it is a plain list that stands for one."""
        if self.plain and isinstance(value, list | tuple):
            return {getattr(self.struct, "plain", ""): value}
        return value

    @property
    def items(self) -> "Kind | None":
        """What a list of this kind holds."""
        return Kind.of(get_args(self.base)[0]) if get_origin(self.base) is tuple else None

    @property
    def values(self) -> "Kind | None":
        """What a table with free names holds."""
        return Kind.of(get_args(self.base)[1]) if get_origin(self.base) is dict else None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words this may be, if they are listed."""
        if isinstance(self.base, type) and issubclass(self.base, StrEnum):
            return tuple(one.value for one in self.base)
        return get_args(self.base) if get_origin(self.base) is Literal else ()

    @property
    def name(self) -> str:
        """The kind in the words of TOML."""
        if self.choices:
            return "a string"
        return _NAMES.get(self.base, "a list" if self.items else "a table")

    @property
    def bounds(self) -> str:
        """The allowed numbers in words; empty where there are none."""
        if self.meta.le is None:
            return ""
        if self.meta.ge is not None:
            return f"{self.meta.ge} to {self.meta.le}"
        return f"more than {self.meta.gt}, at most {self.meta.le}"


class Reader:
    """Reads raw values as what the settings' annotations say."""

    def __init__(self, faults: Faults, secret: Callable[[str], Secret]) -> None:
        self._faults = faults
        self._secret = secret

    def table(self, raw: object, struct: type[msgspec.Struct], where: str) -> dict[str, Any]:
        """The fields of `struct` found in `raw`, defaults filled in, faulty ones left out."""
        if not isinstance(raw, dict):
            self._faults.add(where, _expected("a table", raw))
            return {}
        fields = {field.name: field for field in msgspec.structs.fields(struct)}
        for key in raw:
            if key not in fields:
                self._faults.add(step(where, str(key)), "is unknown", nearest(str(key), fields))
        found: dict[str, Any] = {}
        for name, field in fields.items():
            kind, at = Kind.of(field.type), step(where, name)
            value = raw.get(name)
            if value is None and kind.struct:
                value = {}
            if value is not None:
                result = self.value(value, kind, at)
                if result is not MISSING:
                    found[name] = result
            elif field.default_factory is not msgspec.NODEFAULT:
                found[name] = field.default_factory()
            elif field.default is not msgspec.NODEFAULT:
                found[name] = field.default
            else:
                self._faults.add(at, "is missing", kind.meta.description)
        return found

    def value(self, raw: object, kind: Kind, where: str) -> Any:
        """`raw` as `kind`, or MISSING with a fault noted.

        Sections come back as dicts, so that their sound fields can still be checked; one in
        whose place a plain list stands, as that list.
        """
        if isinstance(raw, Unreadable):
            self._faults.add(where, raw.problem, raw.hint)
            return MISSING
        if kind.plain and not isinstance(raw, dict):
            kind = kind.plain
        if kind.struct:
            return self.table(raw, kind.struct, where)
        if kind.items:
            return self._list(raw, kind.items, where)
        if kind.values:
            return self._names(raw, kind.values, where)
        if kind.base in _SCALARS:
            return self._scalar(raw, kind, where)
        return self._text(raw, kind, where)

    def _list(self, raw: object, item: Kind, where: str) -> Any:
        if not isinstance(raw, list | tuple):
            self._faults.add(where, _expected("a list", raw))
            return MISSING
        read = [self.value(value, item, f"{where}[{n}]") for n, value in enumerate(raw)]
        return MISSING if any(value is MISSING for value in read) else tuple(read)

    def _names(self, raw: object, item: Kind, where: str) -> Any:
        if not isinstance(raw, dict):
            self._faults.add(where, _expected("a table", raw))
            return MISSING
        read = {str(key): self.value(raw[key], item, step(where, str(key))) for key in raw}
        return {key: value for key, value in read.items() if value is not MISSING}

    def _scalar(self, raw: object, kind: Kind, where: str) -> Any:
        fraction = isinstance(raw, float) and kind.base is not float
        # In Python, true is an integer.
        astray = isinstance(raw, bool) != (kind.base is bool)
        if fraction or astray or not isinstance(raw, int | float):
            self._faults.add(where, _expected(kind.name, raw), kind.bounds or None)
            return MISSING
        meta = kind.meta
        if (
            (isinstance(raw, float) and not math.isfinite(raw))
            or (meta.ge is not None and raw < meta.ge)
            or (meta.gt is not None and raw <= meta.gt)
            or (meta.le is not None and raw > meta.le)
        ):
            self._faults.add(where, "is out of range", kind.bounds)
            return MISSING
        return kind.base(raw)

    def _amount(self, raw: object, where: str) -> Any:
        """A decimal number as a string, because a TOML float may not be the number it shows."""
        whole = isinstance(raw, int) and not isinstance(raw, bool)
        text = str(raw)[:_MAX_AMOUNT] if whole or isinstance(raw, str) else ""
        if not _AMOUNT.fullmatch(text):
            self._faults.add(where, "is not an amount", _AMOUNT_HINT)
            return MISSING
        return Decimal(text)

    def _text(self, raw: object, kind: Kind, where: str) -> Any:
        if kind.base is Decimal:
            return self._amount(raw, where)
        if kind.base in {Secret, Path} and isinstance(raw, kind.base):
            return raw
        if not isinstance(raw, str):
            self._faults.add(
                where, _expected(kind.name, raw), HOW_TO if kind.base is Secret else None
            )
            return MISSING
        problem, hint = _wording(raw, kind)
        if problem:
            self._faults.add(where, problem, hint)
            return MISSING
        try:
            return self._convert(raw, kind)
        except ReferenceProblem as failed:
            self._faults.add(where, failed.problem, failed.hint)
        except ValueError:
            self._faults.add(where, "is not an IP network", _network_hint(raw))
        return MISSING

    def _convert(self, raw: str, kind: Kind) -> Any:
        if kind.base is Secret:
            return self._secret(raw)
        if kind.base == Network:
            return ip_network(raw)
        return kind.base(raw) if isinstance(kind.base, type) else raw


def _expected(wanted: str, raw: object) -> str:
    words = {bool: "a boolean", int: "an integer", float: "a float", str: "a string"}
    words |= {list: "a list", dict: "a table"}
    return f"must be {wanted}, not {words.get(type(raw), 'a date or time')}"


def _wording(raw: str, kind: Kind) -> tuple[str | None, str | None]:
    """What is wrong with a string before anyone asks what it means, and a hint."""
    if not raw.strip():
        return "is empty", HOW_TO if kind.base is Secret else None
    if not raw.isprintable():
        return "holds control or other invisible characters", None
    if kind.choices and raw not in kind.choices:
        guess = nearest(raw, kind.choices) or ""
        listed = f"allowed: {', '.join(kind.choices)}"
        return f"cannot be {quoted(raw)}", f"{listed}; {guess}" if "?" in guess else listed
    if kind.meta.pattern and not re.search(kind.meta.pattern, raw):
        return "is not a usable name", "1 to 64 letters, digits, dots, dashes or underscores"
    return None, None


def _network_hint(raw: str) -> str:
    try:
        return f'did you mean "{ip_network(raw, strict=False)}"?'
    except ValueError:
        return 'for example "10.0.0.0/8" or "fd00::/8"'
