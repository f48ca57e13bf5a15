"""What a model can be asked to make videos from, and what to change when it cannot."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from gateway.model.errors import FieldFault
from gateway.model.reading import either
from gateway.model.request import CreateVideo
from providers.contract import ROLES, Mode, Offer, Role

T = TypeVar("T")

WORDS: Final[Mapping[Mode, str]] = {
    Mode.TEXT: "text alone",
    Mode.FIRST_FRAME: "a first frame",
    Mode.FIRST_LAST_FRAME: "a first and a last frame",
    Mode.REFERENCE_IMAGES: "reference images",
    Mode.EXTEND_VIDEO: "a video to extend",
}
_GIVEN: Final[Mapping[Role, str]] = {
    Role.FIRST_FRAME: "a first frame",
    Role.LAST_FRAME: "a last frame",
    Role.REFERENCE: "reference images",
    Role.EXTEND: "a video to extend",
}


def mode_fault(request: CreateVideo, rows: Sequence[Offer], target: str) -> FieldFault:
    """What to add or leave out so that the model has a row for it."""
    given = frozenset(one.role for one in request.given)
    from_ = either(WORDS[mode] for mode in dict.fromkeys(row.mode for row in rows))
    return FieldFault(
        pointer=_pointer(given, rows),
        code="unsupported_mode",
        detail=f"{target} makes videos from {from_}, not from {_said(request.mode, given)}",
        target=target,
    )


def _pointer(given: frozenset[Role], rows: Sequence[Offer]) -> str:
    """The input too many for the mode that takes the least change, else the model.

    Of two such modes it is the one that keeps what is given. Where something is missing,
    nothing that was given is wrong but the model for it.
    """
    needs = [ROLES[row.mode] for row in rows]
    needed = min(needs, key=lambda roles: (len(given ^ roles), len(given - roles)))
    return next((f"/{role.value}" for role in Role if role in given - needed), "/model")


def _said(mode: Mode | None, given: frozenset[Role]) -> str:
    if mode is not None:
        return WORDS[mode]
    *most, last = [words for role, words in _GIVEN.items() if role in given]
    return f"{', '.join(most)} and {last} together" if most else f"{last} alone"


def widest(rows: Sequence[Offer]) -> Offer:
    """One row that takes whatever any of these takes: what it refuses, all of them refuse.

    It is no video's own, so several rows together have no price.
    """
    first, *others = rows
    for other in others:
        first = _wider(first, other)
    return first


def _wider(one: Offer, two: Offer) -> Offer:
    return Offer(
        model=one.model,
        mode=one.mode,
        seconds=_both(one.seconds, two.seconds),
        aspect_ratios=_both(one.aspect_ratios, two.aspect_ratios),
        resolutions=_both(one.resolutions, two.resolutions),
        motion_modes=_both(one.motion_modes, two.motion_modes),
        prompt_required=one.prompt_required and two.prompt_required,
        prompt_min=min(one.prompt_min, two.prompt_min),
        prompt_max=max(one.prompt_max, two.prompt_max),
        negative_prompt_max=max(
            (
                most
                for most in (one.negative_prompt_max, two.negative_prompt_max)
                if most is not None
            ),
            default=None,
        ),
        seed=_range(one.seed, two.seed),
        watermark=one.watermark if one.watermark is not None else two.watermark,
        references=_range(one.references, two.references),
        options=tuple({option.name: option for option in (*two.options, *one.options)}.values()),
        source=one.source,
    )


def _both(one: Sequence[T], two: Sequence[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*one, *two)))


def _range(one: tuple[int, int] | None, two: tuple[int, int] | None) -> tuple[int, int] | None:
    if one is None or two is None:
        return one or two
    return min(one[0], two[0]), max(one[1], two[1])
