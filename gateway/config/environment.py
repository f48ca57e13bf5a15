"""`FILMGATE__SECTION__KEY`: settings from the environment, laid over the file's."""

import tomllib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.config.faults import Faults, step
from gateway.config.read import Kind, Unreadable
from gateway.config.settings import Settings

PREFIX: Final = "FILMGATE__"
_INDEX_DIGITS: Final = 4


def overlay(tree: dict[str, Any], environ: Mapping[str, str], faults: Faults) -> dict[str, str]:
    """Put the environment's settings into `tree`, in place.

    Strings are taken as they stand; numbers, lists and tables are TOML values. An empty
    variable counts as not set, as compose files pass on what nobody defined.

    Returns the variable each setting came from, by the setting's address.
    """
    found = [(name.removeprefix(PREFIX).split("__"), name) for name in environ if _is_ours(name)]
    sources: dict[str, str] = {}
    # Whole lists before their entries, and entries in order, so that an index can append.
    for path, name in sorted(found, key=lambda item: (len(item[0]), [_order(p) for p in item[0]])):
        if environ[name]:
            where = _place(tree, path, environ[name])
            if where is None:
                faults.add(name, "names a list entry that does not follow the last one")
            else:
                sources[where] = name
    return sources


def source_of(where: str, sources: Mapping[str, str]) -> str | None:
    """The variable that gave the setting at `where`, what is around it, or something in it."""
    return next(
        (
            name
            for known, name in sources.items()
            if is_within(where, known) or is_within(known, where)
        ),
        None,
    )


def is_within(where: str, outer: str) -> bool:
    """Whether the setting at `where` is the one at `outer` or inside it."""
    return where == outer or where.startswith((f"{outer}.", f"{outer}["))


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX)


def _order(part: str) -> tuple[int, str]:
    return (int(part) if _is_index(part) else -1, part)


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdecimal() and len(part) <= _INDEX_DIGITS


def _place(tree: dict[str, Any], path: list[str], text: str) -> str | None:
    """Write `text` to where `path` leads; its address, or None if a list entry is missing."""
    node: Any = tree
    kind: Kind | None = Kind.of(Settings)
    where = ""
    for depth, part in enumerate(path):
        last = depth + 1 == len(path)
        key: str | int
        if isinstance(node, list):
            if not _is_index(part) or int(part) > len(node):
                return None
            key = int(part)
            where = f"{where}[{key}]"
        else:
            key = _key(part, node, kind)
            where = step(where, key)
        kind = _inner(kind, key)
        fresh = _value(text, kind) if last else _empty(kind, path[depth + 1])
        if isinstance(key, int) and key == len(node):
            node.append(fresh)
        elif last or key not in _keys(node) or not isinstance(node[key], dict | list):
            node[key] = fresh
        elif kind and not _is_index(path[depth + 1]):
            node[key] = kind.as_table(node[key])
        node = node[key]
    return where


def _empty(kind: Kind | None, part: str) -> Any:
    """What `part` is put into where there is nothing yet."""
    listed = kind is not None and (kind.items or (kind.plain and _is_index(part)))
    return [] if listed else {}


def _keys(node: Any) -> Any:
    return range(len(node)) if isinstance(node, list) else node


def _key(part: str, node: dict[str, Any], kind: Kind | None) -> str:
    """The key that `part` means: names of our own are lower case, free names any case."""
    if kind is not None and kind.values:
        return next((key for key in node if key.upper() == part.upper()), part.lower())
    return part.lower()


def _inner(kind: Kind | None, key: str | int) -> Kind | None:
    """What is at `key` inside a value of `kind`; None where nothing is known."""
    if kind is None:
        return None
    if isinstance(key, int):
        kind = kind.plain or kind
    if kind.struct:
        fields = {field.name: field.type for field in msgspec.structs.fields(kind.struct)}
        return Kind.of(fields[key]) if key in fields else None
    return kind.items or kind.values


def _value(text: str, kind: Kind | None) -> Any:
    if kind is None:
        return text
    kind = kind.plain or kind
    if not (kind.base in {bool, int, float} or kind.struct or kind.items or kind.values):
        return text
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        read = {}
    if read.keys() != {"value"}:
        # The text is not shown again: it may be a secret in the wrong place.
        return Unreadable(
            f"must be {kind.name}, written as in TOML",
            _example(kind),
        )
    return read["value"]


def _example(kind: Kind) -> str:
    if kind.base is bool:
        return "true or false"
    return 'for example ["a", "b"]' if kind.items else "for example 8080"
