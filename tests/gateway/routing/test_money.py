from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.routing.money import Money, as_micros, money
from providers.contract import Credit, Price
from tests.gateway.routing.rows_support import MADE
from tests.strategies import CALM

TABLES = {"made": MADE, "thirds": replace(MADE, credit=Credit(name="c", unit="t", parts=3))}


def of(amount: int, credit: str, provider: str = "made") -> str | None:
    found = money("USD", {provider: Decimal(credit)}, TABLES)
    return found.of(provider, Price(amount=amount, unit="u"))


@pytest.mark.parametrize(
    ("tenths", "credit", "told"),
    [
        (80, "0.04", "0.32"),
        (128, "0.04", "0.512"),
        (1, "0.04", "0.004"),
        (1000, "0.04", "4.00"),
        (25, "0.1", "0.25"),
        (1, "0.000001", "0.00"),
        (10, "0.000001", "0.000001"),
        (0, "1", "0.00"),
        (5, "0", "0.00"),
        (10**9, "999999999.999999", "99999999999999900.00"),
    ],
)
def test_a_price_is_told_as_an_exact_decimal_amount(tenths: int, credit: str, told: str) -> None:
    assert of(tenths, credit) == told


def test_what_has_no_end_is_rounded_only_where_it_is_told() -> None:
    thirds = money("USD", {"thirds": Decimal("0.1")}, TABLES)
    assert thirds.of("thirds", Price(amount=1, unit="t")) == "0.033333"
    assert thirds.of("thirds", Price(amount=3, unit="t")) == "0.10"
    assert thirds.micros("thirds", Price(amount=1, unit="t")) == Fraction(100_000, 3)


def test_without_currency_credit_price_or_amount_nobody_knows() -> None:
    price = Price(amount=1, unit="u")
    assert Money().of("made", price) is None
    assert Money(currency="USD").of("made", price) is None
    assert Money(credits={"made": 1}).of("made", price) is None
    assert Money(currency="USD", credits={"made": 4000}).of("made", None) is None
    assert Money(currency="USD", credits={"made": 4000}).of("made", price) == "0.004"
    assert money("USD", {"unknown": Decimal(1)}, TABLES).credits == {}


def test_a_price_is_told_in_the_providers_credits_whether_or_not_they_have_a_price() -> None:
    price = Price(amount=128, unit="made_tenths")
    assert money(None, {}, TABLES).in_credits(price) == "12.8"
    assert money(None, {}, TABLES).in_credits(None) is None
    assert money(None, {}, TABLES).in_credits(Price(amount=1, unit="u")) is None
    assert Money().in_credits(price) is None


@CALM
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_an_amount_that_was_told_is_the_amount(tenths: int, micros: int) -> None:
    credit = Decimal(micros).scaleb(-5)
    told = of(tenths, str(credit))
    assert told is not None
    assert Decimal(told) == credit * tenths / 10
    assert as_micros(told) == Fraction(credit) * tenths * 100_000
