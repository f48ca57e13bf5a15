"""What Pictory AI Studio serves, and for what price."""

from typing import Final

import msgspec

from providers.contract import Capabilities, Credit, InputForm, Mode, Offer, Rate

PAGE: Final = "docs.pictory.ai: Generate Video API"
GUIDES: Final = {
    Mode.TEXT: PAGE,
    Mode.FIRST_FRAME: "docs.pictory.ai: guide First frame",
    Mode.REFERENCE_IMAGES: "docs.pictory.ai: guide Reference images",
    Mode.EXTEND_VIDEO: "docs.pictory.ai: guide Extend video",
}
"""Every mode Pictory has, and the page that tells of it. All models serve all of them."""

CREDIT: Final = Credit(name="AI credit", unit="pictory_credit_tenths", parts=10)
"""In tenths, because a second of `pixverse5.5` costs 1.6."""
REFERENCES: Final = (1, 3)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the page's table "Model Capabilities and Pricing".

    `height` is no part of that table and never on the wire: a third party reports it
    (pictoryavis.com, citing Pictory's help centre).
    """

    name: str
    ratios: tuple[str, ...]
    seconds: tuple[int, ...]
    tenths_per_second: int
    height: str


MODELS: Final = (
    # The cheapest first, for this is also the order of a route that nobody wrote.
    Model(
        name="pixverse5.5",
        ratios=("16:9", "9:16", "1:1", "3:4", "4:3"),
        seconds=(5, 8, 10),
        tenths_per_second=16,
        height="720p",
    ),
    Model(
        name="veo3.1_fast",
        ratios=("16:9", "9:16"),
        seconds=(4, 6, 8),
        tenths_per_second=100,
        height="1080p",
    ),
    Model(
        name="veo3.1",
        ratios=("16:9", "9:16"),
        seconds=(4, 6, 8),
        tenths_per_second=200,
        height="1080p",
    ),
)

CAPABILITIES: Final = Capabilities(
    provider="pictory",
    title="Pictory AI Studio",
    base_url="https://api.pictory.ai/pictoryapis",
    input_form=InputForm.URL,
    credit=CREDIT,
    offers=tuple(
        Offer(
            model=model.name,
            mode=mode,
            seconds=model.seconds,
            aspect_ratios=model.ratios,
            resolutions=(model.height,),
            prompt_min=5,
            prompt_max=5000,
            references=REFERENCES if mode is Mode.REFERENCE_IMAGES else None,
            rate=Rate(unit=CREDIT.unit, per_second=model.tenths_per_second, source=PAGE),
            source=guide,
        )
        for model in MODELS
        for mode, guide in GUIDES.items()
    ),
)
