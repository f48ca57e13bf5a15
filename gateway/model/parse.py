"""The body of `POST /v1/videos`, read as a `CreateVideo`.

Reading is total: any JSON value gives either a request or *all* of its faults. Only what
no provider could take is refused here; what a particular model takes is the business of
`gateway.routing`.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeAlias

from gateway.model.aliases import MEANS, Claim, claims
from gateway.model.errors import FieldFault
from gateway.model.forms import picture_of, read_references
from gateway.model.inputs import UrlInput
from gateway.model.lost import INPUTS, lost_fields, misspelled
from gateway.model.reading import (
    MAX_UNKNOWN,
    MIN_WHOLE,
    PlainHttp,
    Reading,
    Upload,
    entries,
    kind,
    shown,
    step,
    table,
    text,
    truth,
    whole,
)
from gateway.model.request import CreateVideo, Priority, Routing
from gateway.model.sizes import Size, size_of
from gateway.model.spelling import Spelled, as_spelled
from gateway.model.urls import MAX_URL, web_url
from providers.contract import OptionValue, Role

__all__ = [
    "MAX_UNKNOWN",
    "MAX_URL",
    "Parsed",
    "Spelled",
    "Unreadable",
    "Upload",
    "as_spelled",
    "parse_create",
]

MAX_CALLBACK: Final = 1024
MAX_METADATA: Final = (16, 64, 512)
"""Entries, characters of a name, characters of a value."""
MAX_PROMPT: Final = 20_000
"""Far above every provider: only the row in our database has to carry it."""
MAX_OPTIONS: Final = (20, 50, 64)
"""Providers, options of each, characters of a name."""
MAX_FALLBACKS: Final = 20
PRIORITIES: Final = tuple(one.value for one in (Priority.NORMAL, Priority.LOW, Priority.HIGH))
"""The default first: it is suggested in place of what comes near none."""
MAX_DEADLINE: Final = 7 * 86_400
"""Seconds: a week."""
SUBJECTS: Final = (
    "frame_images",
    *(name for name, field in MEANS.items() if field in {"prompt", *Role}),
)
"""The names that say what a video is to be made from; without any there is nothing to make."""

_UNREAD: Final = UrlInput("https://unreadable.invalid/")
"""Stands for an input that could not be read; nobody ever fetches it."""
_FILMS: Final = frozenset(name for name, field in MEANS.items() if field == Role.EXTEND)
_NO_FILM: Final = "say which video to extend: video is missing"
_BLINDING: Final = frozenset(
    ("/model", "/routing", "/routing/fallbacks", "/fallbacks", "/frame_images")
)
"""Without these nobody knows which targets are meant, or which frames were given."""
_COST: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_SECONDS: Final = re.compile(r"(-?[0-9]{1,19})s?")


class Parsed(NamedTuple):
    """A request in canonical form, and how the caller spelled it."""

    request: CreateVideo
    spelled: Spelled


class Unreadable(NamedTuple):
    """Everything that is wrong with a body, whoever is asked; and what can still be asked.

    `lost` are the fields (pointers in `CreateVideo`) that are wrong or missing. `sound` is the
    request without them, with a stand-in for each input among them; None where that would
    be another question.
    """

    faults: tuple[FieldFault, ...]
    lost: frozenset[str] = frozenset()
    sound: Parsed | None = None


Reader: TypeAlias = Callable[[object, str, Reading], Any]


def parse_create(
    body: object, *, plain_http: PlainHttp = lambda _host: False, extends: bool = False
) -> Parsed | Unreadable:
    """Read a decoded JSON body or form: the request, or everything that is wrong with it.

    `extends` says that a video has to be extended.
    """
    reading = Reading(plain_http)
    if not isinstance(body, dict):
        reading.note("", "wrong_type", f"expected a JSON object, got {kind(body)}")
        if extends:
            reading.note("/video", "required", _NO_FILM)
        return Unreadable(tuple(reading.faults))
    given = claims(body, reading)
    by_field = {claim.field: claim for claim in given}
    values: dict[str, Any] = {}
    known = [claim for claim in given if claim.field in READERS]
    for claim in sorted(known, key=lambda one: _ORDER[one.field]):
        values[claim.field] = READERS[claim.field](claim.raw, claim.at, reading)
    # Who misspelled a name did not forget it.
    named = {name for name in body if body[name] is not None} | set(misspelled(reading.faults))
    if named.isdisjoint(SUBJECTS):
        reading.note("/prompt", "required", "say what the video shows: prompt is missing")
    _together(by_field, values, reading)
    if extends and named.isdisjoint(_FILMS):
        reading.note("/video", "required", _NO_FILM)
    if not reading.faults:
        return Parsed(_request(dict(values)), _spelled(by_field, values))
    # Long names are cut, and then two of them may look the same.
    faults = tuple(dict.fromkeys(reading.faults))
    lost = lost_fields(given, faults)
    return Unreadable(faults, lost, _sound(by_field, values, lost))


def _sound(
    given: Mapping[str, Claim], values: Mapping[str, Any], lost: frozenset[str]
) -> Parsed | None:
    """The request without what is lost, None where nobody knows whom it asks for what."""
    if lost & _BLINDING:
        return None
    kept = {field: value for field, value in values.items() if field not in lost}
    # What a video is made from decides what else may be asked: an input that could not be
    # read was given all the same.
    inputs = {
        field: (_UNREAD,) if field == "/reference_images" else _UNREAD for field in lost & INPUTS
    }
    claimed = {field: claim for field, claim in given.items() if field in kept}
    return Parsed(_request(kept | inputs), _spelled(claimed, kept))


def _together(given: Mapping[str, Claim], values: dict[str, Any], reading: Reading) -> None:
    """Faults that no field has alone."""
    reference = given.get("/metadata/replyRef")
    metadata = values.get("/metadata") or {}
    if reference and "replyRef" in metadata:
        words = "replyRef and metadata.replyRef say the same thing: give one of them"
        reading.note(reference.at, "conflicting_fields", words)
    elif reference and len(metadata) == MAX_METADATA[0]:
        words = f"is an entry of metadata, which has {MAX_METADATA[0]} already"
        reading.note(reference.at, "too_long", words)


def _request(values: dict[str, Any]) -> CreateVideo:
    size: Size | None = values.pop("/size", None)
    if size is not None:
        values |= {"/aspect_ratio": size.aspect_ratio, "/resolution": size.resolution}
    values.pop("/n", None)
    reference = values.pop("/metadata/replyRef", None)
    if reference is not None:
        values["/metadata"] = {**values.get("/metadata", {}), "replyRef": reference}
    parts = [field for field in values if field.startswith("/routing/")]
    routing = Routing(**{_name(field): values.pop(field) for field in parts})
    return CreateVideo(**{_name(field): value for field, value in values.items()}, routing=routing)


def _spelled(given: Mapping[str, Claim], values: Mapping[str, Any]) -> Spelled:
    found = Spelled({field: claim.at for field, claim in given.items() if claim.at != field})
    listed = given.get("/reference_images")
    if listed and not isinstance(listed.raw, list) and len(values["/reference_images"]) == 1:
        # One picture alone stands where the list would.
        found["/reference_images/0"] = listed.at
    found.size = values.get("/size")
    return found


def _name(field: str) -> str:
    return field.rpartition("/")[2]


# --- fields with a shape of their own --------------------------------------------------


def _prompt(raw: object, at: str, reading: Reading) -> str | None:
    value = text(raw, at, reading, longest=MAX_PROMPT)
    if value is not None and not value.strip():
        reading.note(at, "too_short", "must say something; it is blank")
        return None
    return value


def _seconds(raw: object, at: str, reading: Reading) -> int | None:
    """A whole number, digits (OpenAI's clients) or digits with the unit (Pictory's)."""
    found = _SECONDS.fullmatch(raw) if isinstance(raw, str) else None
    return _number(found.group(1) if found else raw, at, reading)


def _number(raw: object, at: str, reading: Reading) -> int | None:
    """Any whole number that a database can hold: its range is the model's to tell."""
    return whole(raw, at, reading, low=MIN_WHOLE)


def _size(raw: object, at: str, reading: Reading) -> Size | None:
    value = text(raw, at, reading)
    found = size_of(value) if value is not None else None
    if value is not None and found is None:
        words = f"{shown(value)!r} is no size: write width and height in pixels, as in 1280x720"
        reading.note(at, "bad_size", words)
    return found


def _one(raw: object, at: str, reading: Reading) -> int | None:
    value = whole(raw, at, reading)
    if value is not None and value != 1:
        words = "one request makes one video: send it again for another"
        reading.note(at, "unsupported_value", words, allowed=(1,), nearest=1)
    return value


def _callback(raw: object, at: str, reading: Reading) -> str | None:
    value = text(raw, at, reading, longest=MAX_CALLBACK)
    return None if value is None else web_url(value, at, reading)


def _metadata(raw: object, at: str, reading: Reading) -> dict[str, str] | None:
    most, name_limit, value_limit = MAX_METADATA
    found = table(raw, at, reading, most=most)
    if found is None:
        return None
    for name, value in found.items():
        place = step(at, shown(name))
        _entry_name(name, place, reading, name_limit)
        text(value, place, reading, longest=value_limit, shortest=0)
    return found


def _reply_ref(raw: object, at: str, reading: Reading) -> str | None:
    return text(raw, at, reading, longest=MAX_METADATA[2], shortest=0)


def _options(raw: object, at: str, reading: Reading) -> dict[str, dict[str, OptionValue]] | None:
    most_providers, most_options, name_limit = MAX_OPTIONS
    found = table(raw, at, reading, most=most_providers)
    if found is None:
        return None
    read: dict[str, dict[str, OptionValue]] = {}
    for provider, options in found.items():
        place = step(at, shown(provider))
        _entry_name(provider, place, reading, name_limit)
        if options is None:
            continue
        named = table(options, place, reading, most=most_options) or {}
        for name in named:
            _entry_name(name, step(place, shown(name)), reading, name_limit)
        values = {
            name: _option(value, step(place, shown(name)), reading)
            for name, value in named.items()
            if value is not None
        }
        read[provider] = {name: value for name, value in values.items() if value is not None}
    return read


def _option(raw: object, at: str, reading: Reading) -> OptionValue | None:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int) or (isinstance(raw, float) and raw.is_integer()):
        return whole(raw, at, reading, low=MIN_WHOLE)
    if isinstance(raw, str):
        return text(raw, at, reading, longest=MAX_PROMPT, shortest=0)
    reading.wrong_type(at, "a string, a whole number or a boolean", raw)
    return None


def _entry_name(name: str, at: str, reading: Reading, longest: int) -> None:
    """Note what is wrong with a name of the caller's own."""
    problems = Reading(reading.plain_http)
    text(name, at, problems, longest=longest)
    for fault in problems.faults:
        reading.note(at, fault.code, f"the name {fault.detail}")


def _fallbacks(raw: object, at: str, reading: Reading) -> tuple[str, ...] | None:
    listed = entries(raw, at, reading, most=MAX_FALLBACKS)
    if listed is None:
        return None
    read = [text(item, place, reading) for place, item in listed]
    return tuple(value for value in read if value is not None)


def _max_cost(raw: object, at: str, reading: Reading) -> str | None:
    """A positive amount as canonical decimal text: `0.50` and 0.5 are both `0.5`."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        reading.wrong_type(at, "a decimal amount", raw)
        return None
    # The shortest text that means this float is what the caller wrote.
    written = raw if isinstance(raw, str) else repr(raw) if abs(raw) < 10**9 else ""
    if "e" in written.lower() and not isinstance(raw, str):
        written = f"{Decimal(written):f}"
    amount = Decimal(written) if _COST.fullmatch(written) else None
    if not amount:
        words = 'must be a positive amount with at most 6 decimals, as in "0.50"'
        reading.note(at, "out_of_range", words)
        return None
    return f"{amount.normalize():f}"


def _deadline(raw: object, at: str, reading: Reading) -> int | None:
    return whole(raw, at, reading, low=1, high=MAX_DEADLINE)


def _priority(raw: object, at: str, reading: Reading) -> Priority | None:
    value = text(raw, at, reading)
    if value is None or value in PRIORITIES:
        return None if value is None else Priority(value)
    reading.unlisted(at, value, PRIORITIES)
    return None


READERS: Final[Mapping[str, Reader]] = {
    "/model": text,
    "/prompt": _prompt,
    "/seconds": _seconds,
    "/size": _size,
    "/aspect_ratio": text,
    "/resolution": text,
    "/first_frame": picture_of(Role.FIRST_FRAME),
    "/last_frame": picture_of(Role.LAST_FRAME),
    "/reference_images": read_references,
    "/extend_video": picture_of(Role.EXTEND),
    "/seed": _number,
    "/motion_mode": text,
    "/remove_watermark": truth,
    "/negative_prompt": _prompt,
    "/n": _one,
    "/callback_url": _callback,
    "/metadata": _metadata,
    "/metadata/replyRef": _reply_ref,
    "/provider_options": _options,
    "/routing/fallbacks": _fallbacks,
    "/routing/max_cost": _max_cost,
    "/routing/deadline": _deadline,
    "/routing/queue": truth,
    "/routing/priority": _priority,
}
"""How the value of each canonical field is read, in the order in which faults are told."""
_ORDER: Final = {field: place for place, field in enumerate(READERS)}
