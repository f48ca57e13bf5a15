import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.media.bits import Payload, nal, payload_of, se, u, ue, units_of

TROUBLE = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=40).map(bytes)


@pytest.mark.parametrize(
    ("value", "code"), [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (7, "0001000")]
)
def test_unsigned_numbers_are_coded_as_the_standard_says(value: int, code: str) -> None:
    assert ue(value) == code


@pytest.mark.parametrize(("value", "number"), [(0, 0), (1, 1), (-1, 2), (2, 3), (-2, 4)])
def test_signed_numbers_take_turns(value: int, number: int) -> None:
    assert se(value) == ue(number)


def test_a_payload_ends_in_a_one_and_bytes_start_on_bytes() -> None:
    payload = Payload()
    payload.add(u(5, 3))
    payload.add_bytes(b"\xab")
    payload.add("1")

    assert payload.finish() == bytes([0b10100000, 0xAB, 0b11000000])


@given(TROUBLE)
@example(b"\0\0\3\0\0\0\0\0\1")
def test_no_start_code_can_occur_in_a_unit_and_nothing_is_lost(content: bytes) -> None:
    unit = nal(0x65, content + b"\x80")

    assert not any(bytes([0, 0, low]) in unit for low in (0, 1, 2))
    assert payload_of(unit) == content + b"\x80"


@given(st.lists(TROUBLE, min_size=1, max_size=4))
def test_a_stream_falls_into_its_units(contents: list[bytes]) -> None:
    units = [nal(0x65, content + b"\x80") for content in contents]

    assert units_of(b"".join(b"\x00\x00\x00\x01" + unit for unit in units)) == units
