"""The body of `POST /v1/videos`: what it may hold, and how it is read.

Reading is total: any JSON value gives either a `CreateVideo` or *all* of its faults. Only
what no provider could take is refused here; what a particular model takes is the
business of `gateway.routing`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from gateway.model.errors import FieldFault
from providers.contract import Mode, Role

MAX_URL: Final = 2048
MAX_METADATA: Final = (16, 64, 512)
"""Entries, characters of a name, characters of a value."""
MAX_PROMPT: Final = 20_000
"""Far above every provider: only the row in our database has to carry it."""
MAX_UNKNOWN: Final = 20
"""Unknown fields answered one by one; a body with more of them is not a video request."""
HALVES: Final = re.compile(r"[\ud800-\udfff]")
"""What no UTF-8 can carry: neither a database nor a provider could be told."""


class UrlInput(msgspec.Struct, frozen=True, tag="url", tag_field="kind"):
    """A picture behind the caller's own URL."""

    url: str


class StoredInput(msgspec.Struct, frozen=True, tag="stored", tag_field="kind"):
    """A picture that the gateway keeps, by the SHA-256 of its bytes."""

    digest: str
    media_type: str


class InlineInput(msgspec.Struct, frozen=True, tag="inline", tag_field="kind"):
    """A picture that came inside the request, not stored yet."""

    content: bytes


Input: TypeAlias = UrlInput | StoredInput | InlineInput


class CreateVideo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller asks for. Everything but `prompt` or a picture has a default."""

    model: str = "default"
    prompt: str | None = None
    seconds: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    first_frame: Input | None = None
    last_frame: Input | None = None
    seed: int | None = None
    metadata: dict[str, str] = {}

    @property
    def inputs(self) -> dict[Role, Input]:
        """The pictures given, by role."""
        given = {Role.FIRST_FRAME: self.first_frame, Role.LAST_FRAME: self.last_frame}
        return {role: value for role, value in given.items() if value is not None}

    @property
    def mode(self) -> Mode:
        """What the video is to be made from."""
        if self.last_frame is not None:
            return Mode.FIRST_LAST_FRAME
        return Mode.TEXT if self.first_frame is None else Mode.FIRST_FRAME


# --- the same body as it is documented -------------------------------------------


class UrlObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture by its URL."""

    url: str


class CreateVideoBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The JSON body of `POST /v1/videos`; the OpenAPI document shows this."""

    model: Annotated[
        str,
        msgspec.Meta(
            description="A target (`provider/model`) or the name of a configured route.",
            examples=["useapi-pixverse/v3.5", "pictory/pixverse5.5", "default"],
        ),
    ] = "default"
    prompt: (
        Annotated[str, msgspec.Meta(description="What the video shows.", max_length=MAX_PROMPT)]
        | None
    ) = None
    seconds: Annotated[
        int | str | None,
        msgspec.Meta(description="Length of the clip; a whole number, or one as digits."),
    ] = None
    aspect_ratio: Annotated[str | None, msgspec.Meta(examples=["16:9", "9:16", "1:1"])] = None
    resolution: Annotated[str | None, msgspec.Meta(examples=["720p", "1080p"])] = None
    first_frame: Annotated[
        str | UrlObject | None,
        msgspec.Meta(description="The picture the video starts at: an https or data URL."),
    ] = None
    last_frame: Annotated[
        str | UrlObject | None,
        msgspec.Meta(description="The picture the video ends at: an https or data URL."),
    ] = None
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    metadata: Annotated[
        dict[str, str] | None,
        msgspec.Meta(description="Up to 16 texts of yours, given back with the job."),
    ] = None


# --- reading -----------------------------------------------------------------------


class _WrongError(Exception):
    """A value that will not do; becomes the `FieldFault` of the field being read."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


PlainHttp: TypeAlias = Callable[[str], bool]
"""Whether a host may be reached over plain http (an address the operator allows)."""


def parse_create(
    body: object, *, plain_http: PlainHttp = lambda _host: False
) -> CreateVideo | tuple[FieldFault, ...]:
    """Read a decoded JSON body: the request, or everything that is wrong with it."""
    if not isinstance(body, dict):
        return (_fault("", "wrong_type", f"expected a JSON object, got {_kind(body)}"),)
    faults = _unknown_fields(body)
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        # A field that is null is a field left out, as OpenAI's clients send it.
        if body.get(name) is None:
            continue
        try:
            values[name] = read(body[name], plain_http)
        except _WrongError as wrong:
            faults.append(_fault(_pointer(name), wrong.code, wrong.detail))
    faults += _together(body)
    return tuple(faults) or CreateVideo(**values)


def _together(body: Mapping[str, Any]) -> list[FieldFault]:
    """Faults that no field has alone."""
    if body.get("last_frame") is not None and body.get("first_frame") is None:
        detail = "a last_frame needs a first_frame to start from"
        return [_fault("/first_frame", "required", detail)]
    if body.get("prompt") is None and body.get("first_frame") is None:
        return [_fault("/prompt", "required", "say what the video shows: prompt is missing")]
    return []


def _text(value: object, _: PlainHttp, limit: int = 200) -> str:
    if not isinstance(value, str):
        raise _WrongError("wrong_type", f"expected a string, got {_kind(value)}")
    if not value:
        raise _WrongError("too_short", "must not be empty")
    if len(value) > limit:
        raise _WrongError("too_long", f"has {len(value)} characters; at most {limit} are taken")
    if "\0" in value:
        raise _WrongError("bad_character", "must not hold a NUL character")
    if HALVES.search(value):
        raise _WrongError("bad_character", "must not hold half of a character (a lone surrogate)")
    return value


def _prompt(value: object, plain: PlainHttp) -> str:
    text = _text(value, plain, MAX_PROMPT)
    if not text.strip():
        raise _WrongError("too_short", "must say something; it is blank")
    return text


def _whole(value: object, _: PlainHttp) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _WrongError("wrong_type", f"expected a whole number, got {_kind(value)}")
    if not 0 <= value < 2**63:
        raise _WrongError("out_of_range", "must be between 0 and 9223372036854775807")
    return value


def _seconds(value: object, plain: PlainHttp) -> int:
    """OpenAI's clients send `seconds` as digits in a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:  # noqa: PLR2004
        value = int(value)
    return _whole(value, plain)


def _metadata(value: object, plain: PlainHttp) -> dict[str, str]:
    entries, name_limit, value_limit = MAX_METADATA
    if not isinstance(value, dict):
        raise _WrongError("wrong_type", f"expected an object of strings, got {_kind(value)}")
    if len(value) > entries:
        raise _WrongError("too_long", f"has {len(value)} entries; at most {entries} are taken")
    wrong: list[_WrongError] = []
    for name, entry in value.items():
        for part, text, limit in (("name", name, name_limit), ("value", entry, value_limit)):
            try:
                _text(text, plain, limit)
            except _WrongError as error:
                words = f"the {part} of {_shown(str(name))!r} {error}"
                wrong.append(_WrongError(error.code, words))
    if wrong:
        raise _WrongError(wrong[0].code, "; ".join(map(str, wrong)))
    return dict(value)


def _picture(value: object, plain: PlainHttp) -> Input:
    if isinstance(value, dict):
        if set(value) != {"url"}:
            raise _WrongError("wrong_type", 'an input object has one member: {"url": "https://…"}')
        value = value["url"]
    if not isinstance(value, str):
        raise _WrongError("wrong_type", f"expected an https or data URL, got {_kind(value)}")
    if value.startswith("data:"):
        return InlineInput(_data_url(value))
    return UrlInput(_http_url(value, plain))


def _data_url(value: str) -> bytes:
    head, comma, payload = value.partition(",")
    if not comma or not head.endswith(";base64"):
        raise _WrongError("bad_url", "a data URL has the form data:image/png;base64,…")
    try:
        content = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise _WrongError("bad_url", "the data URL's base64 cannot be decoded") from None
    if not content:
        raise _WrongError("bad_url", "the data URL is empty")
    return content


def _http_url(value: str, plain: PlainHttp) -> str:
    if len(value) > MAX_URL:
        raise _WrongError("too_long", f"has {len(value)} characters; at most {MAX_URL} are taken")
    if any(char <= " " or char in "\\\x7f" or char.isspace() for char in value):
        raise _WrongError("bad_url", "holds spaces, backslashes or control characters")
    if HALVES.search(value):
        raise _WrongError("bad_url", "holds half of a character (a lone surrogate)")
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise _WrongError("bad_url", "is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise _WrongError("bad_url", "must be an https URL or a data URL")
    if parts.username is not None or parts.password is not None:
        raise _WrongError("bad_url", "must not carry a user name or password")
    if parts.scheme == "http" and not plain(host):
        raise _WrongError(
            "bad_url", "must be https (plain http only to addresses in network.allow_private)"
        )
    return value


_READERS: Final[Mapping[str, Callable[[object, PlainHttp], Any]]] = {
    "model": _text,
    "prompt": _prompt,
    "seconds": _seconds,
    "aspect_ratio": _text,
    "resolution": _text,
    "first_frame": _picture,
    "last_frame": _picture,
    "seed": _whole,
    "metadata": _metadata,
}

_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number with a fraction"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
)


def _kind(value: object) -> str:
    return next((word for kind, word in _KINDS if isinstance(value, kind)), "null")


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _fault(pointer: str, code: str, detail: str) -> FieldFault:
    return FieldFault(pointer=pointer, code=code, detail=detail)


def _shown(name: str) -> str:
    """A name out of a request, cut and mended so that an answer can carry it."""
    whole = HALVES.sub("\N{REPLACEMENT CHARACTER}", name)
    return whole if len(whole) <= 64 else whole[:63] + "…"  # noqa: PLR2004


def _unknown_fields(body: Mapping[str, Any]) -> list[FieldFault]:
    unknown = [str(name) for name in body if name not in _READERS]
    faults = [_unknown(name) for name in unknown[:MAX_UNKNOWN]]
    if left := len(unknown) - len(faults):
        faults.append(_fault("", "unknown_field", f"there are {left} more unknown fields"))
    return faults


def _unknown(name: str) -> FieldFault:
    near = get_close_matches(name[:100], _READERS, n=1, cutoff=0.5)
    shown = _shown(name)
    return FieldFault(
        pointer=_pointer(shown),
        code="unknown_field",
        detail=f"there is no field {shown!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        allowed=tuple(_READERS),
        nearest=near[0] if near else None,
    )
