"""Addresses of accounts are hidden however they are written, and nothing else is."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.masking import MASKED, mask_of
from providers.contract import Account, Secret


def account(email: str | None) -> Account:
    return Account(
        name="a",
        provider="pictory",
        key=Secret("key"),
        base_url="https://x.test",
        max_jobs=1,
        email=email,
    )


SHORT, LONG = "ops@example.com", "ops@example.com.au"
MASK = mask_of([account(SHORT), account(LONG), account(None)])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"user:1234-pixverse:{SHORT}-video:5", "user:1234-pixverse:***-video:5"),
        (f"no account {SHORT.upper()}.", "no account ***."),
        (f"https://x.test/?email={quote(SHORT, safe='')}&n=1", "https://x.test/?email=***&n=1"),
        (f"{LONG}, {SHORT}", "***, ***"),
        ("opsXexampleYcom", "opsXexampleYcom"),
        ("dev@example.com", "dev@example.com"),
        ("", ""),
    ],
)
def test_an_address_is_hidden_and_all_else_stays(text: str, masked: str) -> None:
    assert MASK(text) == masked


@given(st.emails(), st.text(), st.text())
def test_no_address_shows_through_whatever_stands_around_it(
    email: str, before: str, behind: str
) -> None:
    mask = mask_of([account(email)])
    for written in (email, quote(email, safe=""), email.swapcase()):
        masked = mask(f"{before}{written}{behind}")
        assert MASKED in masked
        assert email.lower() not in masked.lower()


@given(st.text())
def test_without_an_address_nothing_is_hidden(text: str) -> None:
    assert mask_of([account(None)])(text) == text
