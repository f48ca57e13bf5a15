import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.api.conditions import matches
from gateway.api.ranges import Span, UnsatisfiableError, parse_range

SIZES = st.integers(1, 60)
ENDS = st.none() | st.integers(0, 80) | st.integers(0, 10**30)


def naive(first: int | None, last: int | None, size: int) -> range | None:
    """The bytes asked for, by trying each; None where the header says nothing."""
    if first is None and last is None:
        return None
    if first is None:
        wanted = [at for at in range(size) if at >= size - (last or 0)]
    elif last is not None and last < first:
        return None
    else:
        wanted = [at for at in range(size) if at >= first and (last is None or at <= last)]
    return range(wanted[0], wanted[-1] + 1) if wanted else range(0)


@given(first=ENDS, last=ENDS, size=SIZES, unit=st.sampled_from(["bytes", "Bytes", "BYTES"]))
def test_a_single_range_is_what_a_naive_reader_makes_of_it(
    first: int | None, last: int | None, size: int, unit: str
) -> None:
    header = f"{unit}={'' if first is None else first}-{'' if last is None else last}"
    expected = naive(first, last, size)
    if expected is None:
        assert parse_range(header, size) is None
    elif not expected:
        with pytest.raises(UnsatisfiableError):
            parse_range(header, size)
    else:
        assert parse_range(header, size) == Span(expected.start, len(expected))


@given(header=st.text(max_size=40) | st.none(), size=st.integers(0, 60))
@example(header="bytes=0-1,3-4", size=10)
@example(header="bytes= 0-1", size=10)
@example(header="by tes=0-1", size=10)
@example(header="bytes=٣-٤", size=10)
@example(header="bytes=--1", size=10)
def test_whatever_else_a_header_says_it_never_reaches_outside_the_file(
    header: str | None, size: int
) -> None:
    try:
        span = parse_range(header, size)
    except UnsatisfiableError:
        return
    assert span is None or (span.start >= 0 and 0 < span.length <= size - span.start)


@pytest.mark.parametrize(
    "header", ["bytes=0-1,3-4", "by tes=0-1", "bytes=٣-٤", "items=0-1", "bytes=a-b", "bytes", ""]
)
def test_what_cannot_be_read_as_one_range_means_the_whole_file(header: str) -> None:
    assert parse_range(header, 10) is None


ETAG = '"abc"'


@pytest.mark.parametrize(
    ("header", "weakly", "strongly"),
    [
        ('"abc"', True, True),
        ('W/"abc"', True, False),
        ("*", True, True),
        (" * ", True, True),
        ('"x", "abc"', True, True),
        ('"x" ,W/"abc",', True, False),
        ('"x", W/"y"', False, False),
        ('"abcd"', False, False),
        ('"xabc"', False, False),
        ('"x,abc"', False, False),
        ("abc", False, False),
        ('"*"', False, False),
        ('"abc', False, False),
        ("", False, False),
    ],
)
def test_entity_tags_are_compared_whole(header: str, weakly: bool, strongly: bool) -> None:  # noqa: FBT001
    assert matches(header, ETAG, weak=True) is weakly
    assert matches(header, ETAG, weak=False) is strongly
