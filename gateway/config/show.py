"""Settings in print: the effective tree as TOML, and the reference table as Markdown."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.config.read import Kind
from gateway.config.settings import Settings
from providers.contract import Secret

HIDDEN: Final = "***"
PLACEHOLDERS: Final = {"providers.NAME": "SETTING", "routes.NAME.weights": "TARGET"}
"""What stands in the reference for the free names of a table; NAME for those of others."""
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def effective(settings: Settings) -> str:
    """The whole tree as TOML, secrets as `***`; what is not set is a comment."""
    return "\n".join(_section(settings, "")).strip() + "\n"


def settings_table() -> str:
    """A Markdown table of every setting: its kind, default and meaning."""
    rows = ["| Setting | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
    rows += _rows(Settings, "")
    return "\n".join(rows) + "\n"


def _section(struct: msgspec.Struct, address: str) -> Iterator[str]:
    """The plain settings of a section, then its tables, as TOML wants them."""
    tables: list[str] = []
    for field in msgspec.structs.fields(struct):
        value: Any = getattr(struct, field.name)
        inner = f"{address}.{field.name}" if address else field.name
        if isinstance(value, msgspec.Struct):
            tables += ["", f"[{inner}]", *_section(value, inner)]
        elif isinstance(value, dict):
            tables += ["", f"[{inner}]", *_names(value, inner)]
        elif value and isinstance(value, tuple) and isinstance(value[0], msgspec.Struct):
            for item in value:
                tables += ["", f"[[{inner}]]", *_section(item, inner)]
        elif value is None:
            yield f"# {field.name} is not set"
        else:
            yield f"{field.name} = {_literal(value)}"
    yield from tables


def _names(table: Mapping[str, Any], address: str) -> Iterator[str]:
    """A table with free names, and the tables in it."""
    for name, item in table.items():
        if not isinstance(item, dict | msgspec.Struct):
            yield f"{_key(name)} = {_literal(item)}"
    for name, item in table.items():
        inner = f"{address}.{_key(name)}"
        if isinstance(item, dict):
            yield from ("", f"[{inner}]", *_names(item, inner))
        elif isinstance(item, msgspec.Struct):
            yield from ("", f"[{inner}]", *_section(item, inner))


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    text = HIDDEN if isinstance(value, Secret) else str(value)
    # JSON strings are TOML strings, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _literal(name)


def _rows(struct: type[msgspec.Struct], address: str) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        kind, name = Kind.of(field.type), f"{address}{field.name}"
        held = kind
        while held.values:
            name, held = f"{name}.{PLACEHOLDERS.get(name, 'NAME')}", held.values
        if held.struct:
            yield from _rows(held.struct, f"{name}.")
        elif held.items and held.items.struct:
            yield from _rows(held.items.struct, f"{name}[].")
        else:
            default = _default(field)
            yield f"| `{name}` | {_type(held)} | {default} | {kind.meta.description} |"


def _type(kind: Kind) -> str:
    if kind.choices:
        return " or ".join(f"`{choice}`" for choice in kind.choices)
    if kind.items:
        return "list of " + ("references to secrets" if kind.items.base is Secret else "strings")
    word = "reference to a secret" if kind.base is Secret else kind.name.split()[-1]
    return f"{word}, {kind.bounds}" if kind.bounds else word


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return "none"
    if field.default is msgspec.NODEFAULT:
        return "required"
    if field.default is None:
        return "not set"
    shown = _literal(str(field.default) if isinstance(field.default, Path) else field.default)
    return f"`{shown}`"
