"""What the tests of the routing share: a made-up table with every kind of rule in it."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from gateway.model.inputs import Input, UrlInput
from gateway.model.request import CreateVideo
from gateway.routing.fit import Fit, fit
from providers.contract import (
    ROLES,
    Capabilities,
    Credit,
    InputForm,
    Mode,
    Offer,
    Option,
    OptionKind,
    Rate,
    Role,
    VideoSpec,
)
from providers.registry import ADAPTERS
from tests.strategies import ROWS

PICTORY: Final = ADAPTERS["pictory"].capabilities
URL: Final = UrlInput("https://example.com/a.png")

WIDE: Final = Offer(
    model="wide",
    mode=Mode.TEXT,
    seconds=(5, 8),
    aspect_ratios=("16:9", "9:16"),
    resolutions=("720p", "1080p"),
    motion_modes=("normal", "fast"),
    prompt_min=5,
    prompt_max=100,
    negative_prompt_max=10,
    seed=(1, 99),
    watermark=True,
    options=(
        Option(name="style", kind=OptionKind.STRING, meaning="Look.", allowed=("anime", "clay")),
        Option(name="sound", kind=OptionKind.STRING, meaning="Sound.", longest=5),
        Option(name="level", kind=OptionKind.INTEGER, meaning="Level.", low=1, high=9),
        Option(name="least", kind=OptionKind.INTEGER, meaning="Least.", low=1),
        Option(name="loop", kind=OptionKind.BOOLEAN, meaning="Loop."),
    ),
    rate=Rate(unit="made_tenths", per_second=16, source="made up"),
    source="made up",
)
NARROW: Final = Offer(
    model="narrow", mode=Mode.TEXT, seconds=(5,), prompt_max=100, source="made up"
)
MADE: Final = Capabilities(
    provider="made",
    title="Made",
    base_url="https://made.example",
    input_form=InputForm.URL,
    credit=Credit(name="credit", unit="made_tenths", parts=10),
    offers=(
        WIDE,
        replace(WIDE, mode=Mode.FIRST_FRAME, aspect_ratios=(), seconds=(5, 10)),
        replace(WIDE, mode=Mode.REFERENCE_IMAGES, references=(2, 3), prompt_max=50),
        NARROW,
        replace(NARROW, mode=Mode.EXTEND_VIDEO, prompt_required=False),
    ),
)
ALL: Final = (*ROWS, *((MADE, offer) for offer in MADE.offers))
NAMED: Final = [
    pytest.param(table, offer, id=f"{table.provider} {offer.model} {offer.mode.value}")
    for table, offer in ALL
]


def inputs_for(mode: Mode, value: Input = URL, references: int = 1) -> dict[str, Any]:
    given: dict[str, Any] = {role.value: value for role in ROLES[mode]}
    if Role.REFERENCE in ROLES[mode]:
        given[Role.REFERENCE.value] = (value,) * references
    return given


def request_for(offer: Offer, value: Input = URL, **values: Any) -> CreateVideo:
    """The least that this offer takes."""
    given = inputs_for(offer.mode, value, (offer.references or (1, 1))[0])
    if offer.prompt_required:
        given["prompt"] = "a" * max(offer.prompt_min, 1)
    return CreateVideo(**(given | values))


def fitted(request: CreateVideo, table: Capabilities, offer: Offer, *, public: bool = True) -> Fit:
    return fit(request, table, offer.model, public_url=public)


def codes(found: Fit) -> dict[str, str]:
    """The faults by pointer; no pointer has two."""
    assert not isinstance(found, VideoSpec), found
    assert len({fault.pointer for fault in found}) == len(found), found
    return {fault.pointer: fault.code for fault in found}
