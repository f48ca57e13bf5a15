"""The API reference as a page of our own, made from the OpenAPI document; works offline."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup, escape

from gateway.model.errors import FilmgateError

HERE: Final = Path(__file__).parent
PATH: Final = "/docs"

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""The page runs no script at all."""

_TAGS: Final = {
    "videos": "Videos",
    "files": "Files",
    "callbacks": "Callbacks",
    "health": "Health",
    "reference": "Reference",
}
"""In the order of the page; whatever else there is comes after them."""

_CODE: Final = re.compile(r"`([^`]+)`")
_WORD: Final = re.compile(r"[A-Za-z]\w*")


def page(document: Mapping[str, Any]) -> str:
    """The reference as HTML."""
    schemas: Mapping[str, Any] = document["components"]["schemas"]

    def linked(schema: Mapping[str, Any]) -> Markup:
        """The schema in a few words, each type of ours a link."""

        def link(found: re.Match[str]) -> str:
            name = found.group()
            return f'<a href="#type-{name}">{name}</a>' if name in schemas else name

        return Markup(_WORD.sub(link, str(escape(kind(schema)))))  # noqa: S704 - escaped

    tags: dict[str, list[dict[str, Any]]] = {tag: [] for tag in _TAGS}
    for operation in _operations(document):
        tags.setdefault(operation["tags"][0], []).append(operation)
    return _template().render(
        linked=linked,
        info=document["info"],
        tags={_TAGS.get(tag, tag): found for tag, found in tags.items() if found},
        schemas=schemas,
        errors=sorted(_errors(FilmgateError), key=lambda error: (error.status, error.code)),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "told": told}
    return environment.get_template("reference.html")


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each operation once: HEAD is told beside its GET."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method == "head" and "get" in methods:
                continue
            names = [method.upper()]
            if method == "get" and "head" in methods:
                names.append("HEAD")
            answers = operation["responses"]
            yield {
                **operation,
                "path": path,
                "methods": names,
                "public": operation.get("security") == [],
                "good": {status: one for status, one in answers.items() if status < "4"},
                "bad": {
                    status: one
                    for status, one in answers.items()
                    if status >= "4" and status != "default"
                },
                "body": _body(operation, document["components"]["schemas"]),
            }


def _body(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The name and the schema of a JSON body, to be shown where it is sent."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    if "$ref" not in schema:
        return None
    name = kind(schema)
    return {"name": name, **schemas[name]}


def _errors(root: type[FilmgateError]) -> Iterator[type[FilmgateError]]:
    for error in root.__subclasses__():
        yield from _errors(error)
        if "code" in vars(error):
            yield error


def kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: `string`, `array of Video`, `integer or null`, ..."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for key, joined in (("anyOf", kind), ("enum", str)):
        if key in schema:
            return " or ".join(dict.fromkeys(joined(one) for one in schema[key]))
    word = schema.get("type", "anything")
    if word == "array":
        return f"array of {kind(schema.get('items', {}))}"
    if word == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"object of {kind(schema['additionalProperties'])}"
    return str(word)


_LIMITS: Final = {
    "maxLength": "At most {} characters.",
    "minimum": "{} or more.",
    "maximum": "{} or less.",
}


def told(schema: Mapping[str, Any]) -> str:
    """What there is to say of a field: its meaning, and its limits."""
    parts = [schema, *schema.get("anyOf", ())]
    words = [part["description"] for part in parts if "description" in part]
    for key, sentence in _LIMITS.items():
        words += [sentence.format(part[key]) for part in parts if key in part]
    return " ".join(words)


def prose(text: str) -> Markup:
    """Text with `code` in backticks, as HTML."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def style() -> bytes:
    """The page's style sheet."""
    return (HERE / "static" / "reference.css").read_bytes()
