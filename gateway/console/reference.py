"""The API reference as a page of our own, made from the OpenAPI document; works offline."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup, escape

from gateway.model.errors import FilmgateError
from providers.contract import Credit

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
    "models": "Models",
    "callbacks": "Callbacks",
    "health": "Health",
    "reference": "Reference",
}
"""In the order of the page; whatever else there is comes after them."""

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
MODELS: Final = "x-filmgate-models"

_ORDER: Final = ("post", "get", "head", "put", "patch", "delete")
_ALIAS: Final = re.compile(r"As `([^`]+)`")
"""How the field begins that is another's other name."""
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
        models=[model for model in document[MODELS] if model["modes"]],
        options=_options(document[MODELS]),
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
    environment.filters |= {
        "prose": prose,
        "told": told,
        "also": also,
        "price": price,
        "shown": shown,
    }
    return environment.get_template("reference.html")


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each operation once: HEAD is told beside its GET."""
    for path, methods in document["paths"].items():
        for method, operation in sorted(methods.items(), key=lambda one: _ORDER.index(one[0])):
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
    """The names and the fields of a body, to be shown where it is sent."""
    content = operation.get("requestBody", {}).get("content", {})
    forms = {media: content[media]["schema"] for media in (JSON, FORM) if media in content}
    if not forms:
        return None
    names = {media: kind(schema) for media, schema in forms.items()}
    first = schemas[next(iter(names.values()))]
    fields = {name: _ALIAS.match(value.get("description", "")) for name, value in _members(first)}
    form = schemas[names[FORM]] if FORM in names else {}
    return {
        "names": names,
        "raw": [media for media in content if media not in names],
        "required": first.get("required", ()),
        "properties": {name: value for name, value in _members(first) if not fields[name]},
        "aliases": _aliases(fields),
        "files": [
            name for name, value in _members(form) if _is_file(value) and not fields.get(name)
        ],
    }


def _aliases(fields: Mapping[str, re.Match[str] | None]) -> dict[str, list[str]]:
    """Of each field its other names."""
    named: dict[str, list[str]] = {}
    for name, found in fields.items():
        if found:
            named.setdefault(found.group(1), []).append(name)
    return named


def _members(schema: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    members: Mapping[str, Any] = schema.get("properties", {})
    return members.items()


def _is_file(schema: Mapping[str, Any]) -> bool:
    return any(one.get("format") == "binary" for one in (schema, *schema.get("anyOf", ())))


def _options(models: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The fields of each provider's own, once."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for model in models:
        for mode in model["modes"]:
            for option in mode["options"]:
                found.setdefault(model["owned_by"], {})[option["name"]] = option
    return found


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


def shown(value: object) -> str:
    """A value as it would be written in JSON; a string without its quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def also(mode: Mapping[str, Any]) -> str:
    """What else a model takes in a mode, in a few words."""
    prompt, negative = mode["prompt"], mode["negative_prompt"]
    kind = "" if mode["prompt_required"] else "optional "
    words = [f"{kind}prompt of {max(prompt['low'], 1)} to {prompt['high']}"]
    words += [f"negative prompt to {negative['high']}"] if negative else []
    words += ["seed"] if mode["seed"] else []
    words += [f"motion {' or '.join(mode['motion_modes'])}"] if mode["motion_modes"] else []
    words += ["watermark"] if mode["remove_watermark"] is not None else []
    return ", ".join(words)


def price(rate: Mapping[str, Any] | None, unit: Mapping[str, Any]) -> str:
    """What a model costs, in a few words."""
    if rate is None:
        return "not known"
    credit = Credit(**unit)
    words = f"{credit.text(rate['per_second'])} a second"
    if rate["per_clip"]:
        listed = (f"{size} {credit.text(amount)}" for size, amount in rate["per_clip"].items())
        words = ", ".join(listed)
    factors = {**rate["seconds_factor"], **rate["motion_factor"]}
    words += "".join(
        f"; times {factor} for {name}" for name, factor in factors.items() if factor != 1
    )
    return f"{words} ({credit.name}s{', estimated' if rate['estimated'] else ''})"


def prose(text: str) -> Markup:
    """Text with `code` in backticks, as HTML."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def style() -> bytes:
    """The page's style sheet."""
    return (HERE / "static" / "reference.css").read_bytes()
