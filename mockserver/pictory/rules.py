"""What Pictory accepts for AI Studio videos, what it costs, and which errors it answers.

Sources: docs.pictory.ai: Generate Video (limits, model table, status codes, exclusivity) and the
AI Studio guides.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from mockserver.engine.jobs import Role
from mockserver.magic.directives import DirectiveError, parse
from mockserver.wire.bodies import json_object
from mockserver.wire.refusals import Refusal
from mockserver.wire.rules import Count, Field, OneOf, Rule, Text, Uri, Uris

NAME = "pictory"
UNIT = "tenths of an AI credit"
PAGE = "docs.pictory.ai: Generate Video"
HELPER = "vendor's example programs"
"""Source of what only the vendor's published code shows."""

PROMPT_MIN, PROMPT_MAX = 5, 5000
REFERENCES_MAX = 3


class Model(msgspec.Struct, frozen=True):
    """A row of the table "Model Capabilities and Pricing"; the first value is the default."""

    ratios: tuple[str, ...]
    durations: tuple[str, ...]
    tenths_per_second: int
    short_side: int
    """Pixels of the shorter side; the documentation names none (inferred)."""


MODELS: Mapping[str, Model] = {
    "veo3.1": Model(("16:9", "9:16"), ("4s", "6s", "8s"), 200, 1080),
    "veo3.1_fast": Model(("16:9", "9:16"), ("4s", "6s", "8s"), 100, 1080),
    "pixverse5.5": Model(("16:9", "9:16", "1:1", "3:4", "4:3"), ("5s", "8s", "10s"), 16, 720),
}
DEFAULT_MODEL = "pixverse5.5"


def _of_any_model(attribute: str) -> OneOf:
    values = (value for model in MODELS.values() for value in getattr(model, attribute))
    return OneOf(tuple(dict.fromkeys(values)))


FIELDS: Mapping[str, Field] = {
    "prompt": Field(Text(PROMPT_MAX, PROMPT_MIN), "What the video shows."),
    "model": Field(OneOf(tuple(MODELS)), f"The generator; `{DEFAULT_MODEL}` if left out."),
    "aspectRatio": Field(
        _of_any_model("ratios"), "Width to height; the model's first ratio if left out."
    ),
    "duration": Field(
        _of_any_model("durations"), "Length; the model's first duration if left out."
    ),
    "firstFrameImageUrl": Field(Uri(), "A public picture that the video starts from."),
    "extendVideoUrl": Field(Uri(), "A public video whose end the new one starts from."),
    "referenceImageUrls": Field(
        Uris(1, REFERENCES_MAX), "Public pictures that influence the video; order matters."
    ),
    "webhook": Field(Uri(), "Called with the finished job."),
}
REQUIRED = ("prompt",)

BY_MODEL: Mapping[str, str] = {"aspectRatio": "ratios", "duration": "durations"}
"""Fields whose values depend on the model, and where `Model` has them."""

EXCLUSIVE: Mapping[str, Role] = {
    "firstFrameImageUrl": "first",
    "extendVideoUrl": "extend",
    "referenceImageUrls": "reference",
}
"""Section "Parameter Exclusivity": at most one of these."""

UNAUTHORIZED = {"message": "Unauthorized"}

EDGE_PAGE = """<!DOCTYPE html>
<html><head><title>Access denied</title></head>
<body><h1>Access denied</h1><p>error code: 1010</p>
<p>The site's owner has banned your access based on your client's signature.</p></body></html>
"""


class Fault(msgspec.Struct, frozen=True):
    """An entry of the 400 answer's `fields`."""

    name: str
    errors: str


def invalid(faults: list[Fault]) -> dict[str, object]:
    """The document of the 400 answer; its shape is documented, its message inferred."""
    return {
        "code": "INVALID_REQUEST_BODY",
        "message": "Request body validation failed",
        "fields": faults,
    }


REFUSALS: Mapping[int, Refusal] = {
    row.status: row
    for row in (
        Refusal(
            status=400,
            meaning="The body breaks a rule; `fields` names every fault.",
            body=invalid([Fault("prompt", "is not acceptable")]),
            evidence="documented",
            source=f"{PAGE}, Status Codes; {HELPER}",
        ),
        Refusal(
            status=401,
            meaning="The key is missing or wrong.",
            body=UNAUTHORIZED,
            evidence="documented",
            source=f"{PAGE}, Status Codes; {HELPER}",
        ),
        Refusal(
            status=402,
            meaning="The account has no AI credits left.",
            body={"code": "INSUFFICIENT_CREDITS", "message": "Insufficient AI credits"},
            evidence="inferred",
            source="code of the same name in Pictory's rendering API",
        ),
        Refusal(
            status=403,
            meaning="The edge in front of the API blocks this client.",
            body=EDGE_PAGE,
            evidence="inferred",
            source=HELPER,
        ),
        Refusal(
            status=429,
            meaning="Too many requests.",
            body={"message": "Too Many Requests"},
            evidence="inferred",
            source="docs.pictory.ai: Get Video Generation Job (warning of rate limits)",
        ),
        Refusal(
            status=500,
            meaning="An internal error; nothing was made.",
            body={"message": "Internal server error"},
            evidence="documented",
            source=f"{PAGE}, Status Codes (its body is invented)",
        ),
    )
}
"""Errors on demand, by status."""

KEY_SUFFIXES = (401, 402, 403, 429, 500)
"""A key that ends in `-` and one of these gets that error for every submit."""


def faults_of(body: Mapping[str, Any], *, count: Count = "code_points") -> list[Fault]:
    """Every fault of a request body, each field once, in the order of the documented fields.

    Unknown fields are no fault: a misspelt name is ignored silently (inferred from the vendor's
    remarks on its rendering API).
    """
    faults: dict[str, list[str]] = {}
    for name, field in FIELDS.items():
        if name not in body:
            if name in REQUIRED:
                faults[name] = ["is required"]
            continue
        value = body[name]
        texts = [_combination(name, body), _rule(name, body).fault(value, count)]
        if name == "prompt" and isinstance(value, str):
            texts.append(_directives(value))
        faults[name] = [text for text in texts if text]
        if isinstance(field.rule, Uris):
            for index, text in field.rule.item_faults(value, count).items():
                faults[f"{name}[{index}]"] = [text]
    return [Fault(name, "; ".join(texts)) for name, texts in faults.items() if texts]


def _combination(name: str, body: Mapping[str, Any]) -> str | None:
    first = next((each for each in EXCLUSIVE if each in body), name)
    return f"must not be combined with {first}" if name in EXCLUSIVE and name != first else None


def _rule(name: str, body: Mapping[str, Any]) -> Rule:
    """The field's rule, narrowed to the model's own values where the model is known."""
    model = body.get("model", DEFAULT_MODEL)
    if name in BY_MODEL and isinstance(model, str) and model in MODELS:
        return OneOf(getattr(MODELS[model], BY_MODEL[name]))
    return FIELDS[name].rule


def _directives(prompt: str) -> str | None:
    try:
        parse(prompt, refusals=REFUSALS, provider=NAME)
    except DirectiveError as fault:
        return str(fault)
    return None


def decoded(
    body: bytes | Mapping[str, Any], *, count: Count = "code_points"
) -> dict[str, Any] | list[Fault]:
    """The order a raw body makes, defaults filled in and unknown fields left out; or its faults."""
    try:
        given = json_object(body)
    except ValueError as fault:
        return [Fault("body", str(fault))]
    if faults := faults_of(given, count=count):
        return faults
    order = {name: given[name] for name in FIELDS if name in given}
    model = MODELS[order.setdefault("model", DEFAULT_MODEL)]
    order.setdefault("aspectRatio", model.ratios[0])
    order.setdefault("duration", model.durations[0])
    return order


def cost_in_tenths(model: str, seconds: int) -> int:
    """Price of a job in tenths of an AI credit (table "AI Credits per Second")."""
    return MODELS[model].tenths_per_second * seconds
