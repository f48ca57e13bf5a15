import copy
import io
import json
import logging
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import _wire
from providers.contract import (
    Flow,
    HttpRequest,
    HttpResponse,
    Secret,
    Unanswered,
    replay,
    shorten,
)
from providers.registry import ADAPTERS
from tests.strategies import CALM, account, json_values, responses, wire_bytes

KEY = "pictai_do-not-show-me"


def ask(url: str) -> HttpRequest:
    return HttpRequest(method="GET", url=url)


def two_questions() -> Flow[int]:
    first = yield ask("https://a.example/1")
    second = yield ask("https://a.example/2")
    return first.status + second.status


# --- secrets ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "show",
    [repr, str, format, "{!r:>30}".format, "%s".__mod__],
    ids=["repr", "str", "format", "formatted", "percent"],
)
def test_a_secret_does_not_show_itself_as_text(show: object) -> None:
    assert callable(show)
    shown = show(Secret(KEY))
    assert "show-me" not in shown
    assert "***" in shown


def test_a_secret_inside_other_things_does_not_show_either() -> None:
    owner = account("pictory", key=Secret(KEY))
    for shown in (repr(owner), str([owner]), repr({"key": owner.key}), f"{owner}"):
        assert "show-me" not in shown


def test_json_encoders_refuse_a_secret_without_quoting_it() -> None:
    for encode in (json.dumps, msgspec.json.encode, msgspec.to_builtins):
        with pytest.raises(TypeError) as refused:
            encode(account("pictory", key=Secret(KEY)))
        assert "show-me" not in "".join(traceback.format_exception(refused.value))


def test_logging_a_secret_writes_stars() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logger = logging.Logger("test")  # noqa: LOG001 - not to be found by anybody else
    logger.addHandler(handler)
    logger.warning("key %s of %r", Secret(KEY), account("pictory", key=Secret(KEY)))
    assert "show-me" not in written.getvalue()
    assert "***" in written.getvalue()


def test_a_request_does_not_show_the_key_it_carries() -> None:
    request = HttpRequest(
        method="POST", url="https://a.example/x", headers=(("authorization", KEY),), body=b"{token}"
    )
    assert repr(request) == "HttpRequest(POST https://a.example/x, 7 bytes)"
    assert "show-me" not in f"{[request]}"


def test_secrets_are_equal_by_value_and_differ_from_plain_text() -> None:
    assert Secret(KEY) == copy.copy(Secret(KEY))
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert Secret("\ud800") == Secret("\ud800")
    assert len({Secret(KEY), Secret(KEY)}) == 1
    assert Secret(KEY).reveal() == KEY


# --- replay -----------------------------------------------------------------------


def test_replay_returns_the_outcome_and_the_requests_in_order() -> None:
    value, sent = replay(two_questions(), [HttpResponse(status=200), HttpResponse(status=1)])
    assert value == 201
    assert [one.url for one in sent] == ["https://a.example/1", "https://a.example/2"]


def test_replay_says_which_request_had_no_answer_left() -> None:
    with pytest.raises(AssertionError, match=r"^no answer left for GET https://a\.example/2$"):
        replay(two_questions(), [HttpResponse(status=200)])


def test_replay_complains_about_answers_nobody_asked_for() -> None:
    with pytest.raises(AssertionError, match=r"^1 answers were never asked for$"):
        replay(two_questions(), [HttpResponse(status=200)] * 3)


def test_replay_throws_in_why_there_is_no_answer() -> None:
    with pytest.raises(Unanswered, match="it hangs"):
        replay(two_questions(), [HttpResponse(status=200), Unanswered("it hangs")])


# --- words ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("plain", "plain"),
        ("  two\n\tlines\u2028here ", "two lines here"),
        ("a\x00b\x1b[31mc\x7f", "a\ufffdb\ufffd[31mc\ufffd"),
        ("\ud800", "\ufffd"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("", ""),
    ],
)
def test_words_are_kept_on_one_line_and_fit_for_a_database(said: str, kept: str) -> None:
    assert shorten(said) == kept


def test_long_words_are_cut_with_a_mark() -> None:
    assert shorten("x" * 500) == "x" * 500
    assert shorten("x" * 501) == "x" * 499 + "…"
    assert shorten("abcdef", 4) == "abc…"


@CALM
@given(st.text(st.characters()), st.integers(1, 600))
def test_shortened_words_can_always_be_stored(text: str, limit: int) -> None:
    kept = shorten(text, limit)
    assert len(kept) <= limit
    assert "\0" not in kept.encode().decode()
    assert "\n" not in kept


# --- reading ----------------------------------------------------------------------


@CALM
@given(wire_bytes(json_values()))
def test_any_body_reads_as_an_object_or_as_none(body: bytes) -> None:
    value = _wire.json_object(body)
    assert value is None or isinstance(value, dict)
    for name in value or {}:
        said = _wire.text(value, name)
        assert said is None or (said.strip() and "\0" not in said)
        number = _wire.number(value, name)
        assert number is None or abs(number) < float("inf")
        assert isinstance(_wire.child(value, name), dict | None)


@CALM
@given(responses(json_values()))
def test_any_retry_after_is_none_or_a_sane_number_of_seconds(response: HttpResponse) -> None:
    asked = _wire.retry_after(response)
    assert asked is None or 0 <= asked <= _wire.LONGEST_WAIT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 17 "}, 17.0),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "9" * 400}, 86_400.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),
        (
            {
                "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT",
                "date": "Wed, 21 Oct 2015 07:28:00 GMT",
            },
            30.0,
        ),
        (
            {
                "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT",
                "date": "Wed, 21 Oct 2015 07:28:30 GMT",
            },
            0.0,
        ),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 +99999999999999", "date": "x"}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_against_the_answers_own(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert _wire.retry_after(HttpResponse(status=429, headers=headers)) == seconds


def test_our_key_is_taken_out_of_complaints_but_nothing_out_of_a_success() -> None:
    owner = account("pictory", key=Secret(KEY))
    echo = f'{{"message": "bad header {KEY}"}}'.encode()
    assert KEY.encode() not in _wire.unkeyed(HttpResponse(status=403, body=echo), owner).body
    assert _wire.unkeyed(HttpResponse(status=200, body=echo), owner).body == echo
    short = account("pictory", key=Secret("e"))
    assert _wire.unkeyed(HttpResponse(status=403, body=echo), short).body == echo


def test_our_key_is_taken_out_of_the_strings_of_an_object_and_nothing_else() -> None:
    owner = account("pictory", key=Secret(KEY))
    said = {"error": f"no {KEY}, {KEY}", "deep": {"key": KEY}, "code": 7, KEY: None}
    assert _wire.unkeyed_texts(said, owner) == said | {"error": "no ***, ***"}
    assert said["error"] == f"no {KEY}, {KEY}"
    for key, left in (("1234567", "1234567"), ("12345678", "***")):
        short = account("pictory", key=Secret(key))
        assert _wire.unkeyed_texts({"error": key}, short) == {"error": left}
        complaint = HttpResponse(status=400, body=key.encode())
        assert _wire.unkeyed(complaint, short).body == left.encode()


@pytest.mark.parametrize(
    ("value", "found"),
    [(12.8, 12.8), (0, 0.0), (-1, -1.0), (True, None), ("1", None), (None, None), ([1], None),
     (10**400, None), (float("inf"), None), (float("nan"), None)],
)  # fmt: skip
def test_only_finite_numbers_are_numbers(value: object, found: float | None) -> None:
    assert _wire.number({"n": value}, "n") == found
    assert _wire.number({"m": value}, "n") is None
    assert _wire.number(None, "n") is None


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000_000),
        ("2026-01-01T00:00:00.000001Z", 1_767_225_600_000_001),
        ("2026-01-01T02:00:00+02:00", 1_767_225_600_000_000),
        ("2026-01-01T00:00:00", 1_767_225_600_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000_000),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199_000_000),
        ("today", None),
        ("", None),
        (None, None),
        (20_260_101, None),
        (["2026-01-01T00:00:00Z"], None),
    ],
)
def test_a_time_is_read_in_microseconds_since_1970(said: object, found: int | None) -> None:
    assert _wire.moment({"at": said}, "at") == found
    assert _wire.moment(None, "at") is None


# --- the registry -----------------------------------------------------------------


def test_adapters_are_listed_under_their_own_names_with_every_flow_they_need() -> None:
    assert set(ADAPTERS) == {"pictory", "useapi-pixverse"}
    for name, adapter in ADAPTERS.items():
        assert adapter.capabilities.provider == name
        assert (adapter.upload is None) == (adapter.capabilities.input_form == "url")
        assert adapter.reconcile is not None
