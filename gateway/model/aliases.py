"""Which names a request body may use, and what each of them means.

A canonical field is known by its JSON pointer in `CreateVideo`. Other APIs have other
names for the same things; whoever moves here may keep them.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from gateway.model.reading import Reading, either, entries, members, step, table, unknown

ALIASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "model": (),
        "prompt": (),
        "seconds": ("duration",),
        "size": (),
        "aspect_ratio": ("ratio", "aspectRatio"),
        "resolution": ("quality",),
        "first_frame": ("image", "image_url", "firstFrameImageUrl", "input_reference"),
        "last_frame": ("tail_image_url",),
        "reference_images": ("input_references", "referenceImageUrls", "images"),
        "extend_video": ("extendVideoUrl", "video_uri", "video"),
        "seed": (),
        "motion_mode": (),
        "remove_watermark": (),
        "negative_prompt": (),
        "n": (),
        "callback_url": ("webhook", "replyUrl"),
        "metadata": (),
        "provider_options": ("providerOptions", "extra_params"),
        "routing": (),
    }
)
"""Every field of a body, in the order in which faults are told, and its other names."""

FIELDS: Final = tuple(ALIASES)
ROUTING: Final = ("fallbacks", "max_cost", "deadline", "queue", "priority")
FRAME_IMAGES: Final = ("first_frame", "last_frame")
MAX_FRAME_IMAGES: Final = 10


class Claim(NamedTuple):
    """A value that a body gives for a canonical field, and where it stands in that body."""

    field: str
    at: str
    raw: object


Unfold: TypeAlias = Callable[[object, Reading], Iterator[Claim]]


def _routing(raw: object, reading: Reading) -> Iterator[Claim]:
    for name, value in (members(raw, "/routing", reading, ROUTING) or {}).items():
        yield Claim(f"/routing/{name}", f"/routing/{name}", value)


def _fallbacks(raw: object, _: Reading) -> Iterator[Claim]:
    yield Claim("/routing/fallbacks", "/fallbacks", raw)


def _reply_ref(raw: object, _: Reading) -> Iterator[Claim]:
    yield Claim("/metadata/replyRef", "/replyRef", raw)


def _provider(raw: object, reading: Reading) -> Iterator[Claim]:
    """OpenRouter's `provider: {options: …}`."""
    found = members(raw, "/provider", reading, ("options",)) or {}
    if "options" in found:
        yield Claim("/provider_options", "/provider/options", found["options"])


def _frame_images(raw: object, reading: Reading) -> Iterator[Claim]:
    """OpenRouter's list of frames, each of which says whether it is the first or the last."""
    for at, item in entries(raw, "/frame_images", reading, most=MAX_FRAME_IMAGES) or ():
        found = table(item, at, reading, most=MAX_FRAME_IMAGES)
        if found is None:
            continue
        place, said = step(at, "frame_type"), found.get("frame_type")
        if said is None:
            choice = either(FRAME_IMAGES)
            reading.note(place, "required", f"say which frame it is: {choice}")
        elif not isinstance(said, str):
            reading.wrong_type(place, "a string", said)
        elif said not in FRAME_IMAGES:
            reading.unlisted(place, said, FRAME_IMAGES)
        else:
            rest = {name: value for name, value in found.items() if name != "frame_type"}
            yield Claim(f"/{said}", at, rest)


UNFOLDED: Final[Mapping[str, Unfold]] = MappingProxyType(
    {
        "routing": _routing,
        "fallbacks": _fallbacks,
        "replyRef": _reply_ref,
        "provider": _provider,
        "frame_images": _frame_images,
    }
)
"""Names whose value gives parts of a canonical field, or several of them."""

MEANS: Final[Mapping[str, str]] = MappingProxyType(
    {name: field for field, others in ALIASES.items() for name in (field, *others)}
)
"""Every name of a whole field, and that field."""

NAMES: Final = (*MEANS, *(name for name in UNFOLDED if name not in MEANS))
"""Every name that a body may use."""
_ORDER: Final = {name: number for number, name in enumerate(NAMES)}

_SIZED: Final = ("/aspect_ratio", "/resolution")


def claims(body: Mapping[str, Any], reading: Reading) -> list[Claim]:
    """What the body gives for which field, in the order of `FIELDS`.

    Unknown names, and fields that are given twice, are noted.
    """
    unknown(body, "", reading, FIELDS, guesses=NAMES)
    found: list[Claim] = []
    for name in sorted(_ORDER.keys() & body.keys(), key=_ORDER.__getitem__):
        raw = body[name]
        # A field that is null is a field left out, as OpenAI's clients send it.
        if raw is None:
            continue
        if name in UNFOLDED:
            found += UNFOLDED[name](raw, reading)
        else:
            found.append(Claim(f"/{MEANS[name]}", f"/{name}", raw))
    _conflicts(found, reading)
    return found


def _conflicts(found: list[Claim], reading: Reading) -> None:
    """Note every field that has more than one value: nobody could say which one counts."""
    places: dict[str, list[str]] = {}
    for claim in found:
        places.setdefault(claim.field, []).append(claim.at)
    for field, given in places.items():
        if len(given) > 1:
            words = f"{_named(given)} say the same thing: give one of them"
            reading.note(given[-1], "conflicting_fields", words)
        if field == "/size" and (other := [at for one in _SIZED for at in places.get(one, ())]):
            words = f"size says what {_named(other)} says too: give one or the other"
            reading.note("/size", "conflicting_fields", words)


def _named(places: list[str]) -> str:
    *most, last = [place.removeprefix("/") for place in places]
    return f"{', '.join(most)} and {last}" if most else last
