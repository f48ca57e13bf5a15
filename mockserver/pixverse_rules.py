"""What useapi.net accepts for PixVerse videos, what it costs and which errors it documents.

Sources: useapi.net: POST videos/create-frames-v3 and POST videos/create-v4; prices of v3.5 and v4
are those of PixVerse's own price list (docs.platform.pixverse.ai: Model Pricing).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

NAME = "pixverse"
UNIT = "credits"

PROMPT_MAX = 2048
REPLY_MAX = 1024
SEED_MAX = 2147483647
MAX_JOBS_MAX = 8

SHORT_SIDES: Mapping[str, int] = {"1080p": 1080, "720p": 720, "540p": 540, "360p": 360}
CREDITS: Mapping[str, int] = {"1080p": 120, "720p": 60, "540p": 45, "360p": 45}
"""Credits for 5 s with normal motion, by quality."""

BASE_SECONDS = 5

REFUSALS: Mapping[int, str] = {
    412: ("All Credits have been used up. Please upgrade your membership or purchase credits."),
    422: "Your prompt has triggered our AI moderator, please re-enter your prompt",
    429: "Reached the limit for concurrent generations.",
    500: "Internal Server Error",
    596: (
        "Your PixVerse account has pending error. Please address this issue at "
        "https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email "
        "before making any new API calls."
    ),
}
"""Documented error texts by status; only that of 500 is invented."""

Rule = Callable[[Any], str | None]
"""What a value must be, when it is not."""


def text(longest: int) -> Rule:
    """A string of at most `longest` characters."""

    def rule(value: Any) -> str | None:
        good = isinstance(value, str) and len(value) <= longest
        return None if good else f"must be a string of at most {longest} characters"

    return rule


def one_of(*values: str | int) -> Rule:
    """One of these, of the same type: `5` is not `"5"`, nor is `True` 1."""

    def rule(value: Any) -> str | None:
        good = any(type(value) is type(each) and value == each for each in values)
        return None if good else f"must be one of: {', '.join(map(str, values))}"

    return rule


def integer(low: int, high: int) -> Rule:
    """A whole number in the range, both ends included."""

    def rule(value: Any) -> str | None:
        good = type(value) is int and low <= value <= high
        return None if good else f"must be a number from {low} to {high}"

    return rule


def boolean(value: Any) -> str | None:
    """`true` or `false`."""
    return None if isinstance(value, bool) else "must be true or false"


COMMON: Mapping[str, Rule] = {
    "email": text(REPLY_MAX),
    "prompt": text(PROMPT_MAX),
    "first_frame_path": text(REPLY_MAX),
    "last_frame_path": text(REPLY_MAX),
    "duration": one_of(8, 5),
    "quality": one_of(*SHORT_SIDES),
    "motion_mode": one_of("normal", "fast"),
    "aspect_ratio": one_of("16:9", "9:16", "1:1", "4:3", "3:4"),
    "seed": integer(1, SEED_MAX),
    "remove_watermark": boolean,
    "replyUrl": text(REPLY_MAX),
    "replyRef": text(REPLY_MAX),
    "maxJobs": integer(1, MAX_JOBS_MAX),
}

INTEGERS = frozenset({"duration", "seed", "maxJobs"})
BOOLEANS = frozenset({"remove_watermark"})
FRAMES = ("first_frame_path", "last_frame_path")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One way to create a video."""

    path: str
    operation: str
    rules: Mapping[str, Rule]
    defaults: dict[str, Any]
    required: tuple[str, ...] = ()
    one_required: tuple[str, ...] = ()
    """At least one of these must be there."""


DEFAULTS = {
    "duration": 5,
    "motion_mode": "normal",
    "aspect_ratio": "16:9",
    "remove_watermark": True,
}

ENDPOINTS = (
    Endpoint(
        path="create-frames-v3",
        operation="create_frames_v3",
        rules={**COMMON, "model": one_of("v3.5")},
        defaults={**DEFAULTS, "model": "v3.5", "quality": "720p"},
        required=FRAMES,
    ),
    # That a video needs a prompt or a picture is inferred; the page requires neither by name.
    Endpoint(
        path="create-v4",
        operation="create_v4",
        rules={
            **COMMON,
            "model": one_of("v4"),
            "negative_prompt": text(PROMPT_MAX),
            "style": one_of("anime", "3d_animation", "clay", "comic", "cyberpunk"),
        },
        defaults={**DEFAULTS, "model": "v4", "quality": "540p"},
        one_required=("prompt", "first_frame_path"),
    ),
)


def faults_of(endpoint: Endpoint, body: Mapping[str, Any], uploads: Collection[str]) -> list[str]:
    """Every fault of a request; unknown fields and nulls count as absent (inferred)."""
    given = {name: value for name, value in body.items() if value is not None}
    faults = [f"{name} is required" for name in endpoint.required if not given.get(name)]
    if endpoint.one_required and not any(given.get(name) for name in endpoint.one_required):
        faults.append(f"one of {', '.join(endpoint.one_required)} is required")
    for name, rule in endpoint.rules.items():
        if name in given and (fault := rule(given[name])):
            faults.append(f"{name} {fault}")
    faults += [
        f"{name} is not the path of an uploaded image: {given[name]}"
        for name in FRAMES
        if isinstance(given.get(name), str) and given[name] and given[name] not in uploads
    ]
    return faults


def cost_in_credits(quality: str, seconds: int, motion_mode: str) -> int:
    """The price of a video; 8 s and fast motion each cost double (inferred: both, fourfold)."""
    factor = (2 if seconds > BASE_SECONDS else 1) * (2 if motion_mode == "fast" else 1)
    return CREDITS[quality] * factor
