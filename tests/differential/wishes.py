"""Requests for one target, right and wrong, and how a mock provider takes them.

A wish is drawn field by field from what is allowed, from what is just beyond it and from what
is far away, so that the boundary values come up in nearly every run.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st

from gateway.model.inputs import Input, StoredInput, UrlInput
from gateway.model.request import CreateVideo
from gateway.routing.fit import Fit, fit, spec_as_asked
from providers.contract import (
    ROLES,
    Capabilities,
    InputForm,
    Mode,
    Offer,
    Option,
    OptionKind,
    OptionValue,
    Role,
    VideoSpec,
)
from providers.registry import ADAPTERS

LETTERS: Final = ("a", "é", "न", "👍", "e\u0301", "👨\u200d👩\u200d👧", "\u202e", "\u2028")
"""One to four bytes, one or two UTF-16 units, one or several code points a visible sign."""

EXACT: Final = 2**53 - 1

FAR: Final = {
    "seconds": (0, 1, 3, 7, 9, 11, 60),
    "aspect_ratio": ("21:9", "16:10", "9:16 ", "1.78"),
    "resolution": ("480p", "4k", "720", "1080P"),
    "motion_mode": ("slow", "Normal"),
}
"""What no model takes."""


class Target(NamedTuple):
    """A model of a provider."""

    capabilities: Capabilities
    model: str

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.capabilities.provider}/{self.model}"

    @property
    def rows(self) -> list[Offer]:
        """What the model takes, mode by mode."""
        return [row for row in self.capabilities.offers if row.model == self.model]

    def row(self, mode: Mode | None) -> Offer | None:
        """What the model takes in a mode."""
        return self.capabilities.offer(self.model, mode)


TARGETS: Final = tuple(
    Target(adapter.capabilities, model)
    for adapter in ADAPTERS.values()
    for model in dict.fromkeys(offer.model for offer in adapter.capabilities.offers)
)


class Wish(NamedTuple):
    """A request, and the target it is for."""

    target: Target
    request: CreateVideo

    @property
    def verdict(self) -> Fit:
        """Our validator's: the spec, or every fault."""
        return fit(self.request, self.target.capabilities, self.target.model, public_url=True)

    @property
    def accepted(self) -> bool:
        """Whether our validator says yes."""
        return isinstance(self.verdict, VideoSpec)

    @property
    def as_asked(self) -> VideoSpec:
        """The spec with nothing checked."""
        capabilities, model = self.target
        offer = self.target.row(self.request.mode) or self.target.rows[0]
        return spec_as_asked(self.request, capabilities, model, offer)


# --- drawing ------------------------------------------------------------------


def around(*lengths: int) -> list[int]:
    """These lengths, and one less and one more of each."""
    return sorted({max(0, length + step) for length in lengths for step in (-1, 0, 1)})


@st.composite
def texts(draw: st.DrawFn, least: int, most: int, *, right: bool = False) -> str:
    """Texts at and around both ends, in letters of every width; plain and within if `right`."""
    letter = draw(st.sampled_from(LETTERS[:3] if right else LETTERS))
    edges = [least, most] if right else around(least, most, most // 2, -(-least // 2))
    length = draw(st.sampled_from(edges) | st.integers(least if right else 0, 40))
    text: str = letter * (length // len(letter) + 1)
    return text[:length]


def input_of(form: InputForm, role: Role, n: int = 0) -> Input:
    """An input in a form that the provider can be handed without a gateway in between."""
    ending, media_type = ("mp4", "video/mp4") if role is Role.EXTEND else ("png", "image/png")
    if form is InputForm.URL:
        return UrlInput(f"https://pictures.example/{role.value}-{n}.{ending}")
    return StoredInput(digest=f"{n}{len(role.value)}" * 32, media_type=media_type)


def inputs_of(form: InputForm, roles: Sequence[Role], references: int) -> dict[str, Any]:
    """Inputs as the fields of a request."""
    found: dict[str, Any] = {}
    for role in roles:
        count = range(references)
        found[role.value] = (
            tuple(input_of(form, role, n) for n in count)
            if role is Role.REFERENCE
            else input_of(form, role)
        )
    return found


@st.composite
def inputs(draw: st.DrawFn, target: Target, row: Offer | None, *, right: bool) -> dict[str, Any]:
    """The inputs of a row; without one, inputs that a provider of URLs can be given at all."""
    if row is None:
        wire = sorted({role for one in target.rows for role in ROLES[one.mode]})
        roles = draw(st.lists(st.sampled_from(wire), unique=True, min_size=2))
    else:
        roles = sorted(ROLES[row.mode])
    most = max((one.references or (0, 0))[1] for one in target.rows)
    count = draw(st.integers(1, max(most, 1) if right else most + 2))
    return inputs_of(target.capabilities.input_form, roles, count)


def choices(name: str, allowed: Sequence[Any], *, right: bool) -> st.SearchStrategy[Any]:
    """Nothing, what is allowed, or what is not; no wrong value where the wire has no such field."""
    if not allowed:
        return st.none()
    good = st.none() | st.sampled_from(allowed)
    return good if right else good | st.sampled_from((*allowed, *FAR[name]))


def option_values(option: Option, *, right: bool) -> st.SearchStrategy[OptionValue]:
    """Values of a provider's own field, all of its own JSON type; wrong ones unless `right`."""
    match option.kind:
        case OptionKind.BOOLEAN:
            return st.booleans()
        case OptionKind.INTEGER:
            low, high = option.low or 0, option.high or EXACT
            # Beyond that JSON readers disagree about a number, so that limit is ours alone.
            ends = [low, high] if right else [low - 1, low, high, high + 1]
            return st.sampled_from([one for one in ends if 0 <= one <= EXACT])
        case OptionKind.STRING if option.allowed:
            return st.sampled_from(option.allowed if right else (*option.allowed, "unheard-of"))
        case OptionKind.STRING:
            return texts(1, option.longest or 100, right=right).filter(bool)


@st.composite
def wishes(draw: st.DrawFn, *, right: bool = False) -> Wish:
    """A wish that can be written down on the target's wire: right or wrong, or `right` only."""
    target = draw(st.sampled_from(TARGETS))
    mixes = target.capabilities.input_form is InputForm.URL and not right
    combined = mixes and draw(st.integers(0, 5)) == 0
    row = None if combined else draw(st.sampled_from(target.rows))
    offer = row or target.rows[0]
    given: dict[str, Any] = draw(inputs(target, row, right=right))
    prompt = texts(max(offer.prompt_min, 1), offer.prompt_max, right=right).filter(str.strip)
    given["prompt"] = draw(prompt if offer.prompt_required else st.none() | prompt)
    given["seconds"] = draw(choices("seconds", offer.seconds, right=right))
    given["aspect_ratio"] = draw(choices("aspect_ratio", offer.aspect_ratios, right=right))
    given["motion_mode"] = draw(choices("motion_mode", offer.motion_modes, right=right))
    if len(offer.resolutions) > 1:
        given["resolution"] = draw(choices("resolution", offer.resolutions, right=right))
    if offer.seed is not None:
        low, high = offer.seed
        ends = [low, high] if right else [low - 1, low, high, high + 1]
        given["seed"] = draw(st.none() | st.sampled_from(ends) | st.integers(low, high))
    if offer.watermark is not None:
        given["remove_watermark"] = draw(st.none() | st.booleans())
    if offer.negative_prompt_max is not None:
        given["negative_prompt"] = draw(
            st.none() | texts(1, offer.negative_prompt_max, right=right).filter(str.strip)
        )
    if offer.options:
        picked = draw(st.lists(st.sampled_from(offer.options), unique_by=lambda one: one.name))
        values = {option.name: draw(option_values(option, right=right)) for option in picked}
        given["provider_options"] = {target.capabilities.provider: values}
    return Wish(target, CreateVideo(model=target.name, **given))


def changed(wish: Wish, **values: Any) -> Wish:
    """The same wish with other values."""
    return Wish(wish.target, msgspec.structs.replace(wish.request, **values))
