"""What useapi.net accepts for PixVerse videos and what it costs.

Sources: useapi.net: POST videos/create-frames-v3, POST videos/create-v4, POST videos/extend-v3;
prices are those of PixVerse's own price list (docs.platform.pixverse.ai: Model Pricing).
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import msgspec

from mockserver.wire.bodies import json_object
from mockserver.wire.evidence import Evidence
from mockserver.wire.rules import Boolean, Count, Field, Integer, OneOf, Text, of_type
from mockserver.wire.sniff import FILMS, SOUNDS

NAME = "pixverse"
UNIT = "credits"

PROMPT_MAX = 2048
PROMPT_MAX_NOW = 5000
"""Of the current, unsuffixed endpoints."""
REPLY_MAX = 1024
SEED_MAX = 2147483647
MAX_JOBS_MAX = 8
TEMPLATE_MAX = 2**63 - 1
"""Where msgspec's numbers end; the page gives no limit (invented)."""

SHORT_SIDES: Mapping[str, int] = {"1080p": 1080, "720p": 720, "540p": 540, "360p": 360}
CREDITS: Mapping[str, int] = {"1080p": 120, "720p": 60, "540p": 45, "360p": 45}
"""Credits for 5 s with normal motion, by quality."""
CREDITS_PER_SECOND: Mapping[str, Mapping[str, int]] = {
    "v6": {"1080p": 14, "720p": 7, "540p": 6, "360p": 4},
}
"""Models that useapi.net's overview prices by the second (useapi.net: PixVerse API v2)."""

CREDITS_BY_MODEL: Mapping[str, Mapping[str, int]] = {"v5.5": {"540p": 30, "360p": 20}}
"""Models with a price of their own for 5 s, as far as that overview tells it."""

BASE_SECONDS = 5

FRAMES = ("first_frame_path", "last_frame_path")
SOURCES = ("video_id", "video_path")
OLD_MODELS = frozenset({"v3", "v3.5", "v4", "v4.5"})
"""Models with PixVerse's own limits of combinations."""

_OTHER_MEDIA = tuple(dict.fromkeys((*FILMS.values(), *SOUNDS.values())))
_COMMON_PAGE = "common field of the other create pages"

COMMON: Mapping[str, Field] = {
    "email": Field(Text(REPLY_MAX), "The PixVerse account to use; any free one if left out."),
    "prompt": Field(Text(PROMPT_MAX), "What the video shows."),
    "first_frame_path": Field(Text(REPLY_MAX), "Path of the uploaded picture it starts from."),
    "last_frame_path": Field(Text(REPLY_MAX), "Path of the uploaded picture it ends at."),
    "duration": Field(OneOf((8, 5)), "Seconds."),
    "quality": Field(OneOf(tuple(SHORT_SIDES)), "The shorter side in pixels."),
    "motion_mode": Field(OneOf(("normal", "fast")), "How much moves."),
    "aspect_ratio": Field(OneOf(("16:9", "9:16", "1:1", "4:3", "3:4")), "Width to height."),
    "seed": Field(Integer(1, SEED_MAX), "Decides what is left to chance."),
    "remove_watermark": Field(Boolean(), "Whether to leave the watermark out."),
    "replyUrl": Field(Text(REPLY_MAX), "Called with progress and with the end."),
    "replyRef": Field(Text(REPLY_MAX), "Given back with the video and in callbacks."),
    "maxJobs": Field(
        Integer(1, MAX_JOBS_MAX), "How many jobs the account may run at once, for this call."
    ),
}

_V4: Mapping[str, Field] = {
    **COMMON,
    "model": Field(OneOf(("v4",)), "The generator.", "inferred"),
    "negative_prompt": Field(Text(PROMPT_MAX), "What the video must not show."),
    "template_id": Field(Integer(1, TEMPLATE_MAX), "An effect's number."),
    "style": Field(OneOf(("anime", "3d_animation", "clay", "comic", "cyberpunk")), "A look."),
    "sound_effect_prompt": Field(Text(PROMPT_MAX), "What is to be heard (limit inferred)."),
    "lip_sync_tts_prompt": Field(Text(PROMPT_MAX), "What is to be said (limit inferred)."),
}

_EXTEND_INFERRED = ("quality", "motion_mode", "seed", "remove_watermark")
_EXTEND: Mapping[str, Field] = {
    **{name: COMMON[name] for name in ("email", "prompt", "duration")},
    "video_id": Field(Text(REPLY_MAX), "A finished video made here."),
    "video_path": Field(Text(REPLY_MAX), "Path of an uploaded film."),
    **{
        name: msgspec.structs.replace(COMMON[name], evidence="inferred", source=_COMMON_PAGE)
        for name in _EXTEND_INFERRED
    },
    "model": Field(OneOf(("v3.5", "v3")), "The generator.", "inferred", _COMMON_PAGE),
    **{name: COMMON[name] for name in ("replyUrl", "replyRef", "maxJobs")},
}

NEW_MODELS = ("v3.5", "v4", "v4.5", "v5", "v5-fast", "v5.5", "v5.6", "v6")
_QUALITIES = {model: "540p" for model in NEW_MODELS if model not in {"v3.5", "v6"}}
_GONE = ("aspect_ratio", "motion_mode", "remove_watermark")
"""Fields that the current create-frames has no longer."""

Shape = Literal["ratio", "first_frame", "source"]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One way to create a video."""

    path: str
    operation: str
    fields: Mapping[str, Field]
    defaults: Mapping[str, Any]
    required: tuple[str, ...] = ()
    one_required: tuple[str, ...] = ()
    """At least one of these must be there."""
    exactly_one: tuple[str, ...] = ()
    """One of these must be there and no second one."""
    shape: Shape = "ratio"
    """What decides the film's width to height."""
    qualities: Mapping[str, str] = {}
    """Default quality of models for which it is not that of `defaults`."""
    evidence: Evidence = "documented"
    source: str


DEFAULTS: Mapping[str, Any] = {
    "duration": 5,
    "motion_mode": "normal",
    "aspect_ratio": "16:9",
    "remove_watermark": True,
}

FRAMES_V3 = Endpoint(
    path="create-frames-v3",
    operation="create_frames_v3",
    fields={**COMMON, "model": Field(OneOf(("v3.5",)), "The generator.")},
    defaults={**DEFAULTS, "model": "v3.5", "quality": "720p"},
    required=FRAMES,
    source="useapi.net: POST videos/create-frames-v3",
)
# That a video needs a prompt or a picture is inferred; the page requires neither by name.
CREATE_V4 = Endpoint(
    path="create-v4",
    operation="create_v4",
    fields=_V4,
    defaults={**DEFAULTS, "model": "v4", "quality": "540p"},
    one_required=("prompt", "first_frame_path"),
    source="useapi.net: POST videos/create-v4",
)
EXTEND_V3 = Endpoint(
    path="extend-v3",
    operation="extend_v3",
    fields=_EXTEND,
    defaults={**DEFAULTS, "model": "v3.5", "quality": "720p"},
    required=("prompt",),
    exactly_one=SOURCES,
    shape="source",
    source="useapi.net: POST videos/extend-v3",
)


def _current(old: Endpoint, *, without: tuple[str, ...] = (), **change: Any) -> Endpoint:
    """The unsuffixed form of an endpoint: its rules, with the models and prompts of 2026."""
    fields = {name: field for name, field in old.fields.items() if name not in without} | {
        "prompt": Field(Text(PROMPT_MAX_NOW), COMMON["prompt"].meaning),
        "model": Field(OneOf(NEW_MODELS), "The generator."),
    }
    fields = {
        name: msgspec.structs.replace(field, evidence="inferred", source=f"{old.source}; overview")
        for name, field in fields.items()
    }
    path = old.path.rpartition("-")[0]
    return msgspec.structs.replace(
        old,
        path=path,
        operation=path.replace("-", "_"),
        fields=fields,
        defaults={**old.defaults, "model": "v6", "quality": "720p"},
        qualities=_QUALITIES,
        evidence="inferred",
        source=f"useapi.net: POST videos/{path}",
        **change,
    )


ENDPOINTS = (
    FRAMES_V3,
    CREATE_V4,
    EXTEND_V3,
    _current(FRAMES_V3, without=_GONE, shape="first_frame"),
    _current(CREATE_V4),
    _current(EXTEND_V3),
)
"""The documented names first, then the current ones, by the rules of the old (inferred)."""

_ALL_FIELDS = {name: field for endpoint in ENDPOINTS for name, field in endpoint.fields.items()}
BOOLEANS = of_type(_ALL_FIELDS, Boolean)
INTEGERS = of_type(_ALL_FIELDS, Integer) | {"duration"}


def is_picture_path(path: str) -> bool:
    """Whether an upload's path is that of a picture, by its end, which this mock chose itself."""
    return not path.endswith(_OTHER_MEDIA)


def is_film_path(path: str) -> bool:
    """Whether an upload's path is that of a film."""
    return path.endswith(tuple(FILMS.values()))


def faults_of(
    endpoint: Endpoint,
    body: Mapping[str, Any],
    uploads: Collection[str],
    *,
    videos: Collection[str] = (),
    count: Count = "code_points",
    strict: bool = False,
) -> list[str]:
    """Every fault of a request, each field once; unknown fields and nulls count as absent.

    Args:
        endpoint: what was asked for.
        body: the fields.
        uploads: the paths of all uploads.
        videos: the ids of finished videos.
        count: what one character is.
        strict: whether PixVerse's own limits of combinations hold.
    """
    given = {name: value for name, value in body.items() if value is not None}
    faults = {name: "is required" for name in endpoint.required if not given.get(name)}
    for name, field in endpoint.fields.items():
        if name in given and name not in faults:
            fault = field.rule.fault(given[name], count)
            fault = fault or _reference(name, given[name], uploads, videos)
            if fault:
                faults[name] = fault
    texts = [f"{name} {fault}" for name, fault in faults.items()]
    if strict and not faults:
        texts += combination_faults(order_of(endpoint, given))
    return texts + _choice_faults(endpoint, given)


def _choice_faults(endpoint: Endpoint, given: Mapping[str, Any]) -> list[str]:
    if endpoint.one_required and not any(given.get(name) for name in endpoint.one_required):
        return [f"one of {', '.join(endpoint.one_required)} is required"]
    if endpoint.exactly_one:
        there = [name for name in endpoint.exactly_one if given.get(name)]
        if len(there) != 1:
            return [f"exactly one of {', '.join(endpoint.exactly_one)} is required"]
    return []


def _reference(
    name: str, value: Any, uploads: Collection[str], videos: Collection[str]
) -> str | None:
    """Why a field that names something names nothing; an empty text counts as absent."""
    if not value:
        return None
    if name in FRAMES and not (value in uploads and is_picture_path(value)):
        return f"is not the path of an uploaded image: {value}"
    if name == "video_path" and not (value in uploads and is_film_path(value)):
        return f"is not the path of an uploaded video: {value}"
    if name == "video_id" and value not in videos:
        return f"is not a finished video: {value}"
    return None


def combination_faults(order: Mapping[str, Any]) -> list[str]:
    """What PixVerse's own API refuses of old models' orders (docs.platform.pixverse.ai).

    useapi.net's page does not state these limits, and its own example breaks one of them.
    """
    if order["model"] not in OLD_MODELS:
        return []
    fast = order["motion_mode"] == "fast"
    faults = []
    if fast and order["duration"] > BASE_SECONDS:
        faults.append(f"motion_mode fast is for {BASE_SECONDS} seconds only")
    if order["quality"] == "1080p" and fast:
        faults.append("quality 1080p cannot be had with motion_mode fast")
    if order["quality"] == "1080p" and order["duration"] > BASE_SECONDS:
        faults.append(f"quality 1080p is for {BASE_SECONDS} seconds only")
    return faults


def order_of(endpoint: Endpoint, body: Mapping[str, Any]) -> dict[str, Any]:
    """The order a valid body makes: defaults filled in, unknown fields and nulls left out."""
    known = {
        name: value for name, value in body.items() if name in endpoint.fields and value is not None
    }
    model = known.get("model", endpoint.defaults["model"])
    quality = endpoint.qualities.get(model, endpoint.defaults["quality"])
    return {**endpoint.defaults, "quality": quality, **known}


def decoded(
    endpoint: Endpoint,
    body: bytes | Mapping[str, Any],
    uploads: Collection[str],
    *,
    videos: Collection[str] = (),
    count: Count = "code_points",
    strict: bool = False,
) -> dict[str, Any] | list[str]:
    """The order a raw JSON body makes, or all its faults; arguments as in `faults_of`."""
    try:
        given = json_object(body)
    except ValueError as fault:
        return [str(fault)]
    faults = faults_of(endpoint, given, uploads, videos=videos, count=count, strict=strict)
    return faults or order_of(endpoint, given)


def cost_in_credits(quality: str, seconds: int, motion_mode: str, model: str = "v3.5") -> int:
    """The price of a video.

    8 s and fast motion each cost double (inferred: both, fourfold). The table is that of v3.5; for
    extending, and for models with no price per second, its use is invented.
    """
    fast = 2 if motion_mode == "fast" else 1
    if model in CREDITS_PER_SECOND:
        return CREDITS_PER_SECOND[model][quality] * seconds * fast
    price = CREDITS_BY_MODEL.get(model, {}).get(quality, CREDITS[quality])
    return price * (2 if seconds > BASE_SECONDS else 1) * fast
