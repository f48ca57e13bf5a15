"""What a provider's credits cost in the operator's currency."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from providers.contract import Capabilities, Credit, Price

MICROS: Final = 1_000_000
"""Parts of one unit of the currency: amounts are told to six decimals."""
MIN_DECIMALS: Final = 2


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's prices: `credits` holds, by provider, micros per smallest credit part.

    A fraction of a micro is a `Fraction`, so that nothing is rounded before it is told.
    `units` holds the providers' own money, by its smallest unit.
    """

    currency: str | None = None
    credits: Mapping[str, int | Fraction] = {}
    units: Mapping[str, Credit] = {}

    def in_credits(self, price: Price | None) -> str | None:
        """The price in the provider's credits, as decimal text (`12.8`)."""
        credit = None if price is None else self.units.get(price.unit)
        return None if price is None or credit is None else credit.text(price.amount)

    def micros(self, provider: str, price: Price) -> Fraction | None:
        """The exact cost in micros, None where nobody said what a credit costs."""
        rate = self.credits.get(provider)
        return None if rate is None or self.currency is None else Fraction(rate) * price.amount

    def of(self, provider: str, price: Price | None) -> str | None:
        """The cost as decimal text (`0.32`), rounded to six decimals where it has more."""
        cost = None if price is None else self.micros(provider, price)
        return None if cost is None else _text(round(cost))


def money(
    currency: str | None, credit: Mapping[str, Decimal], providers: Mapping[str, Capabilities]
) -> Money:
    """The money of an operator who pays `credit[provider]` for one credit of each provider."""
    return Money(
        currency=currency,
        units={table.credit.unit: table.credit for table in providers.values()},
        credits={
            name: Fraction(price) * MICROS / providers[name].credit.parts
            for name, price in credit.items()
            if name in providers
        },
    )


def as_micros(amount: str) -> Fraction:
    """A decimal amount of the currency (`routing.max_cost`) in micros."""
    return Fraction(amount) * MICROS


def _text(micros: int) -> str:
    whole, rest = divmod(micros, MICROS)
    return f"{whole}.{f'{rest:06}'.rstrip('0').ljust(MIN_DECIMALS, '0')}"
