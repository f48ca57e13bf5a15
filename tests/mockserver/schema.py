"""As much of JSON Schema 2020-12 as the OpenAPI documents use; any other keyword is an error."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in {int, float},
    "null": lambda value: value is None,
}


def same(one: Any, other: Any) -> bool:
    """Equal in JSON: `1` and `true` are not."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other


SIMPLE: Mapping[str, Callable[[Any, Any], object]] = {
    "const": same,
    "enum": lambda value, limit: any(same(value, each) for each in limit),
    "minLength": lambda value, limit: not isinstance(value, str) or len(value) >= limit,
    "maxLength": lambda value, limit: not isinstance(value, str) or len(value) <= limit,
    "minimum": lambda value, limit: not TYPES["number"](value) or value >= limit,
    "maximum": lambda value, limit: not TYPES["number"](value) or value <= limit,
    "minItems": lambda value, limit: not isinstance(value, list) or len(value) >= limit,
    "maxItems": lambda value, limit: not isinstance(value, list) or len(value) <= limit,
    "maxProperties": lambda value, limit: not isinstance(value, dict) or len(value) <= limit,
    "required": lambda value, limit: not isinstance(value, dict) or set(limit) <= set(value),
    "format": lambda value, limit: not isinstance(value, str) or FORMATS[limit].match(value),
}
FORMATS: Mapping[str, re.Pattern[str]] = {
    "uri": re.compile(r"https?://[^\s/]+"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"),
}
NOTES = {"description", "default", "examples", "x-evidence", "x-source"}


def faults(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the value, by the keyword that says so."""
    if "$ref" in schema:
        yield from faults(resolved(schema["$ref"], root), value, root)
        return
    for keyword, limit in schema.items():
        if keyword in NOTES or keyword in {"properties", "additionalProperties", "then"}:
            continue
        if keyword in SIMPLE:
            if not SIMPLE[keyword](value, limit):
                yield f"{keyword} {limit!r}: {value!r:.80}"
        elif keyword == "type":
            kinds = [limit] if isinstance(limit, str) else limit
            if not any(TYPES[kind](value) for kind in kinds):
                yield f"type {limit!r}: {value!r:.80}"
        elif keyword == "items":
            for item in value if isinstance(value, list) else []:
                yield from faults(limit, item, root)
        else:
            yield from _combined(keyword, schema, value, root)
    yield from _properties(schema, value, root)


def _combined(
    keyword: str, schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]
) -> Iterator[str]:
    limit = schema[keyword]
    if keyword == "if":
        if fits(limit, value, root):
            yield from faults(schema["then"], value, root)
    elif keyword == "not":
        if fits(limit, value, root):
            yield f"not {limit!r}"
    elif keyword in {"allOf", "anyOf", "oneOf"}:
        count = sum(fits(each, value, root) for each in limit)
        wanted = {"allOf": [len(limit)], "anyOf": range(1, len(limit) + 1), "oneOf": [1]}
        if count not in wanted[keyword]:
            yield f"{keyword}: {count} of {len(limit)} fit {value!r:.80}"
    else:
        raise ValueError(f"the documents use {keyword!r}, which this checker does not know")


def _properties(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    known = schema.get("properties", {})
    for name, each in value.items():
        if name in known:
            for fault in faults(known[name], each, root):
                yield f"{name}: {fault}"
        elif "additionalProperties" in schema:
            yield from faults(schema["additionalProperties"], each, root)


def fits(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    """Whether the value has no fault."""
    return next(faults(schema, value, root), None) is None


def resolved(pointer: str, root: Mapping[str, Any]) -> Any:
    """What a reference within the document leads to."""
    node: Any = root
    for step in pointer.removeprefix("#/").split("/"):
        node = node[step]
    return node


def undeclared(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> Iterator[str]:
    """Properties of a value that its schema does not speak of."""
    if "$ref" in schema:
        schema = resolved(schema["$ref"], root)
    for each in schema.get("oneOf", ()):
        if fits(each, value, root):
            yield from undeclared(each, value, root)
            return
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield from undeclared(schema["items"], item, root)
    if isinstance(value, dict) and "properties" in schema:
        yield from sorted(set(value) - set(schema["properties"]))
        for name in set(value) & set(schema["properties"]):
            yield from undeclared(schema["properties"][name], value[name], root)
