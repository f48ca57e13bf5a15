"""A provider's own options: are they such as its table says?"""

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.model.errors import FieldFault
from gateway.model.reading import TRUTHS, either, is_digits, nearest, shown, step
from gateway.model.request import CreateVideo
from providers.contract import Offer, Option, OptionKind, OptionValue

_TYPES: Final[Mapping[OptionKind, type]] = {
    OptionKind.STRING: str,
    OptionKind.INTEGER: int,
    OptionKind.BOOLEAN: bool,
}


def options_for(request: CreateVideo, offer: Offer, provider: str) -> dict[str, OptionValue]:
    """The provider's options as given; forms send text, which becomes what the table says."""
    kinds = {option.name: option.kind for option in offer.options}
    given = request.provider_options.get(provider, {})
    return {name: _converted(value, kinds.get(name)) for name, value in given.items()}


def option_faults(
    request: CreateVideo, offer: Offer, provider: str, target: str
) -> Iterable[FieldFault]:
    """Everything wrong with the options of this provider, each at its own pointer."""
    known = {option.name: option for option in offer.options}
    for name, value in options_for(request, offer, provider).items():
        at = step(step("/provider_options", provider), name)
        option = known.get(name)
        if option is None:
            yield _unknown(name, at, tuple(known), target)
        else:
            yield from _option_faults(option, value, at, target)


def _converted(value: OptionValue, kind: OptionKind | None) -> OptionValue:
    if not isinstance(value, str):
        return value
    if kind is OptionKind.BOOLEAN:
        return TRUTHS.get(value, value)
    return int(value) if kind is OptionKind.INTEGER and is_digits(value) else value


def _unknown(name: str, at: str, known: tuple[str, ...], target: str) -> FieldFault:
    near = nearest(name, known, cutoff=0.5)
    words = f"{target} has no option {shown(name)!r}"
    if not known:
        words = f"{target} has no options of its own"
    elif near:
        words += f"; did you mean {near!r}?"
    return FieldFault(
        pointer=at,
        code="unknown_option",
        detail=words,
        allowed=known,
        nearest=near,
        target=target,
    )


def _option_faults(
    option: Option, value: OptionValue, at: str, target: str
) -> Iterable[FieldFault]:
    def fault(code: str, detail: str, near: str | int | None = None) -> FieldFault:
        return FieldFault(
            pointer=at,
            code=code,
            detail=f"{target} takes {detail} as {option.name}",
            allowed=option.allowed,
            nearest=near,
            target=target,
        )

    if type(value) is not _TYPES[option.kind]:
        article = "an" if option.kind is OptionKind.INTEGER else "a"
        yield fault("wrong_type", f"{article} {option.kind.value}")
    elif isinstance(value, str):
        if option.allowed and value not in option.allowed:
            words = f"{either(option.allowed)}, not {shown(value)!r},"
            yield fault("unsupported_value", words, nearest(value, option.allowed, cutoff=0.3))
        elif option.longest is not None and len(value) > option.longest:
            words = f"up to {option.longest} characters, not {len(value)},"
            yield fault("too_long", words)
    elif not isinstance(value, bool):
        low, high = option.low, option.high
        words = f"{_range(option)}, not {value},"
        if low is not None and value < low:
            yield fault("out_of_range", words, low)
        elif high is not None and value > high:
            yield fault("out_of_range", words, high)


def _range(option: Option) -> str:
    if option.low is None:
        return f"at most {option.high}"
    return f"at least {option.low}" if option.high is None else f"{option.low} to {option.high}"
