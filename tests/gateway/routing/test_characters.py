import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.routing.characters import doubtful, points, units
from providers.contract import Capabilities, Offer, VideoSpec
from tests.gateway.routing.rows_support import NAMED, PICTORY, WIDE, codes, fitted, request_for
from tests.strategies import CALM

ONE, TWO, THREE, FOUR = "a", "ä", "\u2028", "👍"
"""Characters of one to four bytes in UTF-8; only the last is two units in UTF-16."""
FAMILY, ACCENT, FLAG = "👨‍👩‍👧‍👦", "e\u0301", "🇩🇪"


@pytest.mark.parametrize(
    ("text", "fewest", "most"),
    [
        ("", 0, 0),
        ("hello", 5, 5),
        (FOUR * 3, 3, 6),
        (FAMILY, 7, 11),
        (ACCENT * 5, 10, 10),
        (FLAG * 5, 10, 20),
        ("नमस्ते", 6, 6),
        ("\ufeff\u200f\u202e", 3, 3),
        ("\ud800", 1, 1),
        ("\uffff", 1, 1),
        ("\U00010000", 1, 2),
    ],
    ids=ascii,
)
def test_a_text_has_as_many_characters_as_python_and_javascript_say(
    text: str, fewest: int, most: int
) -> None:
    assert (points(text), units(text)) == (fewest, most)


@CALM
@given(st.text())
def test_units_are_those_of_utf_16(text: str) -> None:
    assert units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert points(text) <= units(text) <= 2 * points(text)


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (ONE * 4, "too_short"),
        (ONE * 5, None),
        (ONE * 5000, None),
        (ONE * 5001, "too_long"),
        # Two UTF-16 units each: 5 of them may be asked for by either count.
        (FOUR * 2, "too_short"),
        (FOUR * 3, None),
        (FOUR * 2501, None),
        (FOUR * 5000, None),
        (FOUR * 5001, "too_long"),
        # One picture to the eye, seven code points, eleven units.
        (FAMILY, None),
        (FAMILY * 714, None),
        (FAMILY * 715, "too_long"),
        (ACCENT * 2, "too_short"),
        (ACCENT * 3, None),
        (ACCENT * 2500, None),
        (ACCENT * 2501, "too_long"),
        ("\u202e" * 5, None),
    ],
    ids=lambda value: f"{value[:1]!a} x {len(value)}" if isinstance(value, str) else str(value),
)
def test_pictory_takes_prompts_of_5_to_5000_by_any_plausible_count(
    prompt: str, code: str | None
) -> None:
    for offer in PICTORY.offers:
        found = fitted(request_for(offer, prompt=prompt), PICTORY, offer)
        if code is None:
            assert isinstance(found, VideoSpec)
            assert found.prompt == prompt
        else:
            assert codes(found) == {"/prompt": code}


@pytest.mark.parametrize("character", [ONE, TWO, THREE, FOUR, "\u0301", "\u200d"], ids=ascii)
@pytest.mark.parametrize(("table", "offer"), NAMED)
def test_every_row_takes_its_longest_prompt_in_every_kind_of_character(
    table: Capabilities, offer: Offer, character: str
) -> None:
    longest = request_for(offer, prompt=character * offer.prompt_max)
    assert isinstance(fitted(longest, table, offer), VideoSpec)
    longer = request_for(offer, prompt=character * (offer.prompt_max + 1))
    assert codes(fitted(longer, table, offer)) == {"/prompt": "too_long"}
    if offer.negative_prompt_max is not None:
        most = offer.negative_prompt_max
        longest = request_for(offer, negative_prompt=character * most)
        assert isinstance(fitted(longest, table, offer), VideoSpec)
        longer = request_for(offer, negative_prompt=character * (most + 1))
        assert codes(fitted(longer, table, offer)) == {"/negative_prompt": "too_long"}


@CALM
@given(st.text(alphabet=[ONE, TWO, THREE, FOUR, "\u0301", "\u200d"], min_size=1, max_size=16))
def test_a_prompt_is_doubtful_exactly_where_only_one_count_refuses_it(prompt: str) -> None:
    offer = replace(WIDE, prompt_min=5, prompt_max=8)
    refused = not isinstance(
        fitted(request_for(offer, prompt=prompt), table_of(offer), offer), VideoSpec
    )
    by_points = 5 <= points(prompt) <= 8
    by_units = 5 <= units(prompt) <= 8
    hint = doubtful(prompt, offer)
    assert not (refused and (by_points or by_units))
    assert (hint is not None) == (not refused and by_points != by_units)


def table_of(offer: Offer) -> Capabilities:
    return replace(PICTORY, offers=(offer,))


def test_a_hint_has_both_counts_and_the_limit() -> None:
    assert doubtful(None, WIDE) is None
    assert doubtful("hello", WIDE) is None
    assert doubtful(ONE * 100, WIDE) is None
    assert doubtful(FOUR * 50, WIDE) is None
    assert doubtful(FOUR * 5, WIDE) is None
    assert doubtful(FOUR * 60, WIDE) == (
        "the prompt has 60 characters, but 120 in the count of JavaScript: a provider that "
        "counts so takes 100 and refuses it"
    )
    assert doubtful(FOUR * 100, WIDE) is not None
    assert doubtful(ONE * 3 + FOUR, WIDE) is not None
    assert doubtful(FOUR * 3, WIDE) == (
        "the prompt has 3 characters (6 in the count of JavaScript): a provider that counts "
        "characters asks for 5 and refuses it"
    )
