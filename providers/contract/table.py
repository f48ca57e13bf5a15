"""What a provider serves, and for what price: capability tables."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from providers.contract.asked import InputForm, Mode, VideoSpec


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """An amount of a provider's own money: `amount` counts whole `unit`s."""

    amount: int
    unit: str


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How a price is reckoned: whole units, no fractions.

    Either `per_second` times the seconds, or `per_clip` by resolution for the base clip; then
    times each factor that applies. `estimated` says that the price list is not this
    provider's own, but the nearest one published; `source` names the page.
    """

    unit: str
    per_second: int = 0
    per_clip: Mapping[str, int] = {}
    seconds_factor: Mapping[int, int] = {}
    motion_factor: Mapping[str, int] = {}
    estimated: bool = False
    source: str

    def price(self, spec: VideoSpec) -> Price:
        """What this video costs when it is made.

        Raises:
            KeyError: `per_clip` leaves its resolution out; no price is not a price of 0.
        """
        per_second = self.per_second * spec.seconds
        base = self.per_clip[spec.resolution or ""] if self.per_clip else per_second
        factor = self.seconds_factor.get(spec.seconds, 1)
        factor *= self.motion_factor.get(spec.motion_mode or "", 1)
        return Price(amount=base * factor, unit=self.unit)


class OptionKind(StrEnum):
    """The JSON type of a provider's own field."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a provider's own that callers may set through `provider_options`.

    `name` is the wire's. `allowed` lists the only values, where there is a list;
    `longest` is in characters and `low` to `high` include both ends.
    """

    name: str
    kind: OptionKind
    meaning: str
    allowed: tuple[str, ...] = ()
    longest: int | None = None
    low: int | None = None
    high: int | None = None


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the capability table: what one model takes in one mode.

    The first entry of `seconds`, `aspect_ratios`, `resolutions` and `motion_modes` is the
    default. Empty `aspect_ratios` means that the shape is the source's; empty
    `resolutions` that the provider decides; empty `motion_modes`, and None for `seed`,
    `negative_prompt_max` or `watermark`, that it has no such field. `watermark` is
    whether it is removed when nothing is said. Lengths are in characters; `references` is
    how many pictures REFERENCE_IMAGES takes; `source` names the page that says so.
    """

    model: str
    mode: Mode
    seconds: tuple[int, ...]
    aspect_ratios: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    motion_modes: tuple[str, ...] = ()
    prompt_required: bool = True
    prompt_min: int = 0
    prompt_max: int
    negative_prompt_max: int | None = None
    seed: tuple[int, int] | None = None
    watermark: bool | None = None
    references: tuple[int, int] | None = None
    options: tuple[Option, ...] = ()
    rate: Rate | None = None
    source: str


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's money: `unit` is its smallest part, `parts` (1, 10, 100, …) make one `name`."""

    name: str
    unit: str
    parts: int = 1

    def text(self, amount: int) -> str:
        """This many units in whole credits and tenths, as the provider prints them: `12.8`."""
        whole, rest = divmod(amount, self.parts)
        tail = str(rest).rjust(len(str(self.parts)) - 1, "0").rstrip("0") if rest else ""
        return f"{whole}.{tail}" if tail else str(whole)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Something of an adapter that an operator may set, because the provider may change it."""

    name: str
    default: str
    pattern: str
    meaning: str


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter serves, as data: read by validator, router, OpenAPI and docs.

    `poll_batch` is how many jobs one `poll` flow may ask about; `poll_seconds` the pace the
    provider's documentation asks for; `needs_email` whether an account must name one;
    `settings` what `Adapter.configured` understands.
    """

    provider: str
    title: str
    base_url: str
    input_form: InputForm
    credit: Credit
    offers: tuple[Offer, ...]
    poll_batch: int = 1
    poll_seconds: int = 15
    needs_email: bool = False
    max_jobs_limit: int | None = None
    settings: tuple[Setting, ...] = ()

    def offer(self, model: str, mode: Mode | None) -> Offer | None:
        """The row of a model in a mode, None where there is none."""
        rows = (row for row in self.offers if (row.model, row.mode) == (model, mode))
        return next(rows, None)
