"""Can this model make this video? Capability tables against a request.

`fit()` answers for one target: the spec with the model's defaults filled in, or every
reason why not, each with what is allowed and what comes nearest.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar

from gateway.model.errors import FieldFault
from gateway.model.inputs import UrlInput
from gateway.model.reading import either, shown
from gateway.model.request import CreateVideo
from gateway.routing.characters import points, units
from gateway.routing.modes import mode_fault, widest
from gateway.routing.nearest import nearest_value
from gateway.routing.options import option_faults, options_for
from providers.contract import ROLES, Capabilities, InputForm, Offer, Role, VideoSpec

V = TypeVar("V", str, int)

Fit: TypeAlias = VideoSpec | tuple[FieldFault, ...]


class Question(NamedTuple):
    """What is asked of which row, which takes inputs of these roles."""

    request: CreateVideo
    offer: Offer
    roles: frozenset[Role]
    capabilities: Capabilities
    public_url: bool

    @property
    def target(self) -> str:
        """`provider/model`."""
        return f"{self.capabilities.provider}/{self.offer.model}"


def fit(request: CreateVideo, capabilities: Capabilities, model: str, *, public_url: bool) -> Fit:
    """The spec that serves `request` on this model, or all faults.

    `public_url` says whether the gateway can be reached by the provider, which some need to
    fetch an input that the caller did not give as a URL.
    """
    target = f"{capabilities.provider}/{model}"
    rows = [offer for offer in capabilities.offers if offer.model == model]
    if not rows:
        detail = f"{capabilities.title} has no model {shown(model)!r}"
        return (FieldFault(pointer="/model", code="unknown_model", detail=detail, target=target),)
    offer = capabilities.offer(model, request.mode)
    faults: list[FieldFault] = []
    if offer is None:
        # Whichever row the caller turns to, what none of them takes would be met next.
        faults.append(mode_fault(request, rows, target))
    open_to = [offer] if offer else rows
    roles = frozenset(role for row in open_to for role in ROLES[row.mode])
    question = Question(request, widest(open_to), roles, capabilities, public_url)
    for check in CHECKS:
        faults.extend(check(question))
    if offer is None or faults:
        return tuple(faults)
    return spec_as_asked(request, capabilities, model, offer)


def spec_as_asked(
    request: CreateVideo, capabilities: Capabilities, model: str, offer: Offer
) -> VideoSpec:
    """What is asked for with the row's defaults filled in; nothing is checked."""
    return VideoSpec(
        model=model,
        mode=offer.mode,
        prompt=request.prompt,
        seconds=_or_first(request.seconds, offer.seconds) or 0,
        aspect_ratio=_or_first(request.aspect_ratio, offer.aspect_ratios),
        resolution=_or_first(request.resolution, offer.resolutions),
        seed=request.seed,
        negative_prompt=request.negative_prompt,
        motion_mode=_or_first(request.motion_mode, offer.motion_modes),
        remove_watermark=(
            offer.watermark if request.remove_watermark is None else request.remove_watermark
        ),
        options=options_for(request, offer, capabilities.provider),
    )


def _or_first(value: V | None, allowed: Sequence[V]) -> V | None:
    return next(iter(allowed), None) if value is None else value


# --- one check for each field ----------------------------------------------------------


def _prompt(asked: Question) -> Iterable[FieldFault]:
    """Too long by the smaller count, or too short by the larger: see `characters`."""
    prompt, offer = asked.request.prompt, asked.offer
    if prompt is None:
        if offer.prompt_required:
            yield _fault(asked, "/prompt", "required", "needs a prompt")
        return
    too_long = points(prompt) > offer.prompt_max
    if too_long or units(prompt) < offer.prompt_min:
        yield _fault(
            asked,
            "/prompt",
            "too_long" if too_long else "too_short",
            f"takes prompts of {offer.prompt_min} to {offer.prompt_max} characters; "
            f"this one has {points(prompt)}",
        )


def _negative_prompt(asked: Question) -> Iterable[FieldFault]:
    value, most = asked.request.negative_prompt, asked.offer.negative_prompt_max
    if value is None:
        return
    if most is None:
        yield _left_out(asked, "/negative_prompt", "takes no negative prompt")
    elif points(value) > most:
        words = f"takes negative prompts of up to {most} characters; this one has {points(value)}"
        yield _fault(asked, "/negative_prompt", "too_long", words)


def _seconds(asked: Question) -> Iterable[FieldFault]:
    return _listed(asked, "/seconds", asked.request.seconds, asked.offer.seconds, "")


def _aspect_ratio(asked: Question) -> Iterable[FieldFault]:
    value, allowed = asked.request.aspect_ratio, asked.offer.aspect_ratios
    none = "makes the video in the shape of its source"
    return _listed(asked, "/aspect_ratio", value, allowed, none)


def _resolution(asked: Question) -> Iterable[FieldFault]:
    value, allowed = asked.request.resolution, asked.offer.resolutions
    return _listed(asked, "/resolution", value, allowed, "offers no choice of resolution")


def _motion_mode(asked: Question) -> Iterable[FieldFault]:
    value, allowed = asked.request.motion_mode, asked.offer.motion_modes
    return _listed(asked, "/motion_mode", value, allowed, "has no motion modes")


def _watermark(asked: Question) -> Iterable[FieldFault]:
    if asked.request.remove_watermark is not None and asked.offer.watermark is None:
        yield _left_out(asked, "/remove_watermark", "offers no choice of watermark")


def _seed(asked: Question) -> Iterable[FieldFault]:
    value = asked.request.seed
    if value is None:
        return
    if asked.offer.seed is None:
        yield _left_out(asked, "/seed", "takes no seed")
        return
    low, high = asked.offer.seed
    if not low <= value <= high:
        near = min(max(value, low), high)
        words = f"takes seeds from {low} to {high}"
        yield _fault(asked, "/seed", "out_of_range", words, nearest=near)


def _references(asked: Question) -> Iterable[FieldFault]:
    count, allowed = len(asked.request.reference_images), asked.offer.references
    if not count or allowed is None:
        return
    low, high = allowed
    if not low <= count <= high:
        words = f"takes {low} to {high} reference images; these are {count}"
        code = "too_long" if count > high else "too_short"
        yield _fault(asked, "/reference_images", code, words)


def _options(asked: Question) -> Iterable[FieldFault]:
    return option_faults(asked.request, asked.offer, asked.capabilities.provider, asked.target)


def _unreachable(asked: Question) -> Iterable[FieldFault]:
    if asked.capabilities.input_form is not InputForm.URL or asked.public_url:
        return
    for one in asked.request.given:
        if one.role in asked.roles and not isinstance(one.value, UrlInput):
            words = (
                "fetches its inputs by URL: give an https URL, or set server.public_url so "
                "that it can fetch this one from the gateway"
            )
            yield _fault(asked, one.pointer, "needs_public_url", words)


CHECKS: Final[tuple[Callable[[Question], Iterable[FieldFault]], ...]] = (
    _prompt,
    _negative_prompt,
    _seconds,
    _aspect_ratio,
    _resolution,
    _motion_mode,
    _watermark,
    _seed,
    _references,
    _options,
    _unreachable,
)
"""In the order in which faults are told."""


def _listed(
    asked: Question, pointer: str, value: V | None, allowed: Sequence[V], none: str
) -> Iterable[FieldFault]:
    """The fault of a value that is not in its table; `none` says what an empty table means."""
    if value is None or value in allowed:
        return
    if not allowed:
        yield _left_out(asked, pointer, none)
        return
    yield FieldFault(
        pointer=pointer,
        code="unsupported_value",
        detail=f"{asked.target} takes {either(map(str, allowed))}, not {shown(str(value))}",
        allowed=tuple(allowed),
        nearest=nearest_value(value, allowed),
        target=asked.target,
    )


def _left_out(asked: Question, pointer: str, why: str) -> FieldFault:
    return _fault(asked, pointer, "unsupported_field", f"{why}: leave it out")


def _fault(
    asked: Question, pointer: str, code: str, detail: str, *, nearest: int | None = None
) -> FieldFault:
    return FieldFault(
        pointer=pointer,
        code=code,
        detail=f"{asked.target} {detail}",
        nearest=nearest,
        target=asked.target,
    )
