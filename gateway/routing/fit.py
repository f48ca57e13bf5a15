"""Can this model make this video? Capability tables against a request.

`fit()` answers for one target: the spec with the model's defaults filled in, or every
reason why not, each with what is allowed and what comes nearest.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TypeAlias, TypeVar

from gateway.model.errors import FieldFault
from gateway.model.request import CreateVideo, InlineInput, StoredInput
from providers.contract import Capabilities, InputForm, Mode, Offer, Role, VideoSpec

V = TypeVar("V", str, int)

Fit: TypeAlias = VideoSpec | tuple[FieldFault, ...]


def fit(request: CreateVideo, capabilities: Capabilities, model: str, *, public_url: bool) -> Fit:
    """The spec that serves `request` on this model, or all faults.

    `public_url` says whether the gateway can be reached by the provider, which some need to
    fetch a picture that the caller did not give as a URL.
    """
    target = f"{capabilities.provider}/{model}"
    rows = [offer for offer in capabilities.offers if offer.model == model]
    offer = next((row for row in rows if row.mode is request.mode), None)
    if offer is None:
        return _mode_faults(request, target, rows)
    faults = [
        *_prompt_faults(request, offer, target),
        *_listed("/seconds", request.seconds, offer.seconds, target),
        *_listed("/aspect_ratio", request.aspect_ratio, offer.aspect_ratios, target),
        *_resolution_faults(request, offer, target),
        *_seed_faults(request, offer, target),
    ]
    if capabilities.input_form is InputForm.URL and not public_url:
        faults += _unreachable_faults(request, target)
    if faults:
        return tuple(faults)
    return VideoSpec(
        model=model,
        mode=offer.mode,
        prompt=request.prompt,
        seconds=request.seconds or offer.seconds[0],
        aspect_ratio=request.aspect_ratio or offer.aspect_ratios[0],
        resolution=request.resolution or next(iter(offer.resolutions), None),
        seed=request.seed,
    )


def _mode_faults(
    request: CreateVideo, target: str, rows: Sequence[Offer]
) -> tuple[FieldFault, ...]:
    """What to add or leave out so that the model has a row for it."""
    modes = [row.mode for row in rows]
    made_from = {
        Mode.TEXT: "text alone",
        Mode.FIRST_FRAME: "a first frame",
        Mode.FIRST_LAST_FRAME: "a first and a last frame",
    }
    pointer = "/first_frame"
    if request.mode is Mode.FIRST_LAST_FRAME or (
        request.mode is Mode.FIRST_FRAME and modes == [Mode.FIRST_LAST_FRAME]
    ):
        pointer = "/last_frame"
    return (
        FieldFault(
            pointer=pointer,
            code="unsupported_mode",
            detail=(
                f"{target} makes videos from {_either(made_from[mode] for mode in modes)}, "
                f"not from {made_from[request.mode]}"
            ),
            target=target,
        ),
    )


def _prompt_faults(request: CreateVideo, offer: Offer, target: str) -> Iterable[FieldFault]:
    """Lengths count so that only what every plausible count refuses is refused here.

    Too long is judged by code points, too short by UTF-16 units; what lies between is the
    provider's to decide, free of charge.
    """
    if request.prompt is None:
        if offer.prompt_required:
            yield FieldFault(
                pointer="/prompt",
                code="required",
                detail=f"{target} needs a prompt",
                target=target,
            )
        return
    points = len(request.prompt)
    units = len(request.prompt.encode("utf-16-le", "surrogatepass")) // 2
    if points > offer.prompt_max or units < offer.prompt_min:
        yield FieldFault(
            pointer="/prompt",
            code="too_long" if points > offer.prompt_max else "too_short",
            detail=(
                f"{target} takes prompts of {offer.prompt_min} to {offer.prompt_max} characters; "
                f"this one has {points}"
            ),
            target=target,
        )


def _resolution_faults(request: CreateVideo, offer: Offer, target: str) -> Iterable[FieldFault]:
    if request.resolution is None or offer.resolutions:
        yield from _listed("/resolution", request.resolution, offer.resolutions, target)
        return
    yield FieldFault(
        pointer="/resolution",
        code="unsupported_field",
        detail=f"{target} offers no choice of resolution: leave it out",
        target=target,
    )


def _seed_faults(request: CreateVideo, offer: Offer, target: str) -> Iterable[FieldFault]:
    if request.seed is None:
        return
    if offer.seed is None:
        yield FieldFault(
            pointer="/seed",
            code="unsupported_field",
            detail=f"{target} takes no seed: leave it out",
            target=target,
        )
        return
    low, high = offer.seed
    if not low <= request.seed <= high:
        yield FieldFault(
            pointer="/seed",
            code="out_of_range",
            detail=f"{target} takes seeds from {low} to {high}",
            nearest=min(max(request.seed, low), high),
            target=target,
        )


def _unreachable_faults(request: CreateVideo, target: str) -> Iterable[FieldFault]:
    for role, value in request.inputs.items():
        if isinstance(value, InlineInput | StoredInput):
            yield FieldFault(
                pointer=_pointer(role),
                code="needs_public_url",
                detail=(
                    f"{target} fetches pictures by URL: give an https URL, or set "
                    "server.public_url so that it can fetch this one from the gateway"
                ),
                target=target,
            )


def _listed(
    pointer: str, value: V | None, allowed: Sequence[V], target: str
) -> Iterable[FieldFault]:
    if value is None or value in allowed:
        return
    yield FieldFault(
        pointer=pointer,
        code="unsupported_value",
        detail=f"{target} takes {_either(map(str, allowed))}, not {value}",
        allowed=tuple(allowed),
        nearest=_nearest(value, allowed),
        target=target,
    )


def _nearest(value: V, allowed: Sequence[V]) -> V | None:
    if isinstance(value, int):
        return min(allowed, key=lambda one: abs(int(one) - int(value)))
    close = get_close_matches(str(value), [str(one) for one in allowed], n=1, cutoff=0.3)
    return next((one for one in allowed if close and str(one) == close[0]), None)


def _pointer(role: Role) -> str:
    return f"/{role.value}"


def _either(words: Iterable[str]) -> str:
    *most, last = list(words) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last
