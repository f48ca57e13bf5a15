"""Times as others write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.clock import SECOND, http_time


@pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000"])
def test_a_date_of_a_header_is_a_time_in_utc(zone: str) -> None:
    assert http_time(f"Wed, 21 Oct 2015 07:28:00 {zone}") == 1_445_412_480 * SECOND


@given(
    year=st.integers(min_value=0) | st.sampled_from([0, 1, 9999]),
    zone=st.text(max_size=6) | st.integers().map(lambda n: f"{n:+05}"),
)
def test_no_date_is_too_absurd_to_be_read(year: int, zone: str) -> None:
    text = f"Fri, 31 Dec {year} 23:59:59 {zone}"
    assert isinstance(http_time(text), int | None)


@given(st.text())
def test_what_is_no_date_is_no_time(text: str) -> None:
    assert http_time(f"not{text}") is None
