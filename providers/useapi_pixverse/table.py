"""What useapi.net serves of PixVerse: pages, models, options, prices.

useapi.net renames its pages as models come and go, so an operator may set where each
family of pages lives and which model it makes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from providers.contract import (
    Capabilities,
    Credit,
    InputForm,
    Mode,
    Offer,
    Option,
    OptionKind,
    Rate,
    Setting,
    VideoSpec,
)

RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")
MOTIONS: Final = ("normal", "fast")
SEED: Final = (1, 2_147_483_647)
PROMPT_MAX: Final = 2048
LIST_LIMIT: Final = 40
"""How many jobs `GET /videos` shows when no limit is asked for."""
EXACT_MAX: Final = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly."""

CREDIT: Final = Credit(name="PixVerse credit", unit="pixverse_credit")
RATE: Final = Rate(
    unit=CREDIT.unit,
    per_clip={"360p": 45, "540p": 45, "720p": 60, "1080p": 120},
    seconds_factor={8: 2},
    motion_factor={"fast": 2},
    estimated=True,
    source="docs.platform.pixverse.ai: Model Pricing",
)
"""For 5 s with normal motion. The prices of PixVerse's own API: useapi.net spends the credits
of a web plan, for which no price of these models is published."""

OPTIONS: Final = (
    Option(
        name="style",
        kind=OptionKind.STRING,
        meaning="Look of the whole video.",
        allowed=("anime", "3d_animation", "clay", "comic", "cyberpunk"),
    ),
    Option(
        name="template_id",
        kind=OptionKind.INTEGER,
        meaning="Effect, by its id in GET videos/effects.",
        low=1,
        high=EXACT_MAX,
    ),
    # No page limits the next two: they get the limit of the prompts (inferred).
    Option(
        name="sound_effect_prompt",
        kind=OptionKind.STRING,
        meaning="Sounds to add, described.",
        longest=PROMPT_MAX,
    ),
    Option(
        name="lip_sync_tts_prompt",
        kind=OptionKind.STRING,
        meaning="Words for a synthetic voice, with matching lips.",
        longest=PROMPT_MAX,
    ),
)
"""Fields of create-v4 alone, in the order in which they are sent."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One of useapi.net's ways to create a video: its path and the model it makes."""

    path: str
    model: str


Pages: TypeAlias = Mapping[str, Page]
"""The pages by the name of their family."""

PAGES: Final[Pages] = MappingProxyType(
    {
        "frames": Page(path="videos/create-frames-v3", model="v3.5"),
        "create": Page(path="videos/create-v4", model="v4"),
        "extend": Page(path="videos/extend-v3", model="v3.5"),
    }
)
"""As documented. Each of these pages makes the model here unless told otherwise."""

SETTINGS: Final = tuple(
    setting
    for family, page in PAGES.items()
    for setting in (
        Setting(
            name=f"{family}_path",
            default=page.path,
            pattern=r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}/?",
            meaning=f"Path below the base URL that serves what {page.path} did.",
        ),
        Setting(
            name=f"{family}_model",
            default=page.model,
            pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
            meaning=f"Model that this path is asked for, {page.model} by default.",
        ),
    )
)

FRAMES: Final = Offer(
    model=PAGES["frames"].model,
    mode=Mode.FIRST_LAST_FRAME,
    seconds=(5, 8),
    aspect_ratios=RATIOS,
    resolutions=("720p", "1080p", "540p", "360p"),
    motion_modes=MOTIONS,
    prompt_required=False,
    prompt_max=PROMPT_MAX,
    seed=SEED,
    watermark=True,
    rate=RATE,
    source="useapi.net: POST videos/create-frames-v3",
)
CREATE: Final = Offer(
    model=PAGES["create"].model,
    mode=Mode.TEXT,
    seconds=(5, 8),
    aspect_ratios=RATIOS,
    resolutions=("540p", "360p", "720p", "1080p"),
    motion_modes=MOTIONS,
    prompt_max=PROMPT_MAX,
    negative_prompt_max=PROMPT_MAX,
    seed=SEED,
    watermark=True,
    options=OPTIONS,
    rate=RATE,
    source="useapi.net: POST videos/create-v4",
)
EXTEND: Final = Offer(
    model=PAGES["extend"].model,
    mode=Mode.EXTEND_VIDEO,
    seconds=(5, 8),
    prompt_max=PROMPT_MAX,
    source="useapi.net: POST videos/extend-v3",
)

ROWS: Final = (
    ("frames", FRAMES),
    ("create", CREATE),
    ("create", msgspec.structs.replace(CREATE, mode=Mode.FIRST_FRAME)),
    ("create", msgspec.structs.replace(CREATE, mode=Mode.FIRST_LAST_FRAME)),
    ("extend", EXTEND),
)
"""Families and what their pages take. Where two can make the same video, the first does."""


def pages_from(values: Mapping[str, str]) -> Pages:
    """The documented pages with some of `SETTINGS` changed."""
    return {
        family: Page(
            path=values.get(f"{family}_path", page.path),
            model=values.get(f"{family}_model", page.model),
        )
        for family, page in PAGES.items()
    }


def capabilities(pages: Pages) -> Capabilities:
    """The table for these pages; no price is known for a model that no page here names."""
    offers: dict[tuple[str, Mode], Offer] = {}
    for family, row in ROWS:
        model = pages[family].model
        rate = row.rate if model == row.model else None
        offer = msgspec.structs.replace(row, model=model, rate=rate)
        offers.setdefault((offer.model, offer.mode), offer)
    return Capabilities(
        provider="useapi-pixverse",
        title="PixVerse through useapi.net",
        base_url="https://api.useapi.net/v2/pixverse",
        input_form=InputForm.UPLOAD,
        credit=CREDIT,
        offers=tuple(offers.values()),
        poll_batch=LIST_LIMIT,
        needs_email=True,
        max_jobs_limit=8,
        settings=SETTINGS,
    )


def page_for(pages: Pages, spec: VideoSpec) -> tuple[str, str | None]:
    """The path that makes this video, and the `model` to send there.

    None stands for the documented default of a documented page: create-v4 and extend-v3
    list no such field. What another page makes by default nobody can know here. A video of
    a model that is set no more goes to the first page for its mode, under its model's name.
    """
    families = [family for family, row in ROWS if row.mode is spec.mode]
    family = next((one for one in families if pages[one].model == spec.model), families[0])
    asked = Page(path=pages[family].path, model=spec.model)
    return asked.path, None if asked == PAGES[family] else asked.model


CAPABILITIES: Final = capabilities(PAGES)
