"""What a log line holds, and what it never does."""

import enum
import io
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.observe import configure
from gateway.observe.guard import LIMIT, guard, sensitive
from providers.contract import Account, Secret
from tests.gateway.observe.conftest import Log

CANARY = "sk-canary-55aa"


class Colour(enum.Enum):
    RED = "red"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_line_is_one_json_object_with_time_level_and_event_first(log: Log) -> None:
    structlog.get_logger().info("hello", answer=42)
    line = log.line()

    assert list(line) == ["timestamp", "level", "event", "answer"]
    assert (line["level"], line["event"], line["answer"]) == ("info", "hello", 42)
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


def test_bound_context_is_in_every_line(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("inside")
        logging.getLogger("alembic").warning("inside too")

    assert [line["request_id"] for line in log.lines()] == ["r1", "r1"]


def test_less_important_lines_are_left_out(log: Log) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("anything").debug("quiet")

    assert log.lines() == []


def test_the_standard_library_goes_through_the_same_renderer(log: Log) -> None:
    logging.getLogger("uvicorn.error").warning("port %d\nis taken", 80)
    line = log.line()

    assert line["event"] == r"port 80\nis taken"
    assert (line["level"], line["logger"]) == ("warning", "uvicorn.error")


def test_levels_of_others_making_count_as_the_standard_one_below(log: Log) -> None:
    logging.getLogger("other").log(25, "between")

    assert log.line()["level"] == "info"


def test_a_broken_call_to_the_standard_library_breaks_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("other").warning("%d", "not a number")

    assert log.lines() == []


def test_handlers_that_uvicorn_made_are_taken_over(log: Log) -> None:
    noisy = logging.getLogger("uvicorn")
    noisy.addHandler(logging.StreamHandler(io.StringIO()))
    configure(level="info", format="json", stream=log)

    assert noisy.handlers == []
    assert noisy.propagate


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.http11", "uvicorn.access"])
def test_libraries_that_log_urls_are_quiet(log: Log, name: str) -> None:
    logging.getLogger(name).info("GET https://example.com/?token=1")

    assert log.lines() == []


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "api_key",
        "api_keys",
        "x-api-key",
        "token",
        "callback_token",
        "client.secret",
        "password",
        "proxy-authorization",
        "set-cookie",
    ],
)
def test_values_named_like_credentials_are_masked(log: Log, name: str) -> None:
    nested = {
        "deep": [{name: CANARY}],
        "pairs": [(name, CANARY), (name.encode(), b"sk-canary-55aa")],
    }
    structlog.get_logger().info("x", **{name: CANARY}, nested=nested)

    assert log.line()[name] == "***"
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize("name", ["tokenizer", "tokens_used", "secretary", "key", "monkey"])
def test_other_names_are_no_credentials(name: str) -> None:
    assert not sensitive(name)


def test_secrets_are_masked_whatever_they_are_in(log: Log) -> None:
    secret = Secret(CANARY)
    account = Account(name="a", provider="p", key=secret, base_url="https://p", max_jobs=1)
    structlog.get_logger().info("x", plain=secret, listed=[secret], account=account)
    logging.getLogger("other").warning("%s %r", secret, account)

    assert CANARY not in log.getvalue()
    assert log.lines()[0]["plain"] == "***"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("a\nb", r"a\nb", id="newline"),
        pytest.param("\x1b[31mred", r"\x1b[31mred", id="escape"),
        pytest.param("\u2028\u202e\x85\x7f", r"\u2028\u202e\x85\x7f", id="separators"),
        pytest.param("\ud800", r"\ud800", id="surrogate"),
        pytest.param("schön 影", "schön 影", id="letters"),
        pytest.param(Path("/a"), "/a", id="path"),
        pytest.param(Colour.RED, "red", id="enum"),
        pytest.param(datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00", id="datetime"),
        pytest.param(b"\n", r"b'\n'", id="bytes"),
        pytest.param(Broken(), "<Broken>", id="broken"),
        pytest.param(float("nan"), "nan", id="nan"),
        pytest.param(10**5000, "<16610 bits>", id="huge"),
        pytest.param({"a\n": {1: None}}, {r"a\n": {"1": None}}, id="dict"),
        pytest.param(True, True, id="bool"),
        pytest.param(1.5, 1.5, id="float"),
        pytest.param({"s"}, ["s"], id="set"),
    ],
)
def test_values_are_made_safe(log: Log, value: object, shown: object) -> None:
    structlog.get_logger().info("x", value=value)

    assert log.line()["value"] == shown


@pytest.mark.parametrize("value", ["x" * 5000, "影" * 2000, "\n" * 1500, ["x" * 1000] * 50])
def test_values_are_cut_to_two_kilobytes(log: Log, value: object) -> None:
    structlog.get_logger().info("x", value=value)
    shown = log.line()["value"]

    assert LIMIT - 8 <= len(shown.encode()) <= LIMIT
    assert shown.endswith("…")


def test_endless_nesting_is_cut(log: Log) -> None:
    loop: list[Any] = []
    loop.append(loop)
    structlog.get_logger().info("x", value=loop)

    assert log.line()["value"] == [[[[[["…"]]]]]]


def fail() -> None:
    api_key = CANARY
    raise ValueError("it broke \x1b[0m" + str(len(api_key)))


def test_an_exception_is_rendered_without_local_variables(log: Log) -> None:
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("other").exception("failed")

    for line in log.lines():
        assert line["exception"].endswith(r"ValueError: it broke \x1b[0m14")
        assert "in fail" in line["exception"]
    assert len(log.lines()) == 2
    assert CANARY not in log.getvalue()


def test_a_long_exception_keeps_its_end(log: Log) -> None:
    structlog.get_logger().error("x", exc_info=ValueError("y" * 3000 + " the end"))

    assert log.line()["exception"].endswith("y the end")
    assert len(log.line()["exception"].encode()) <= LIMIT


def test_a_terminal_gets_pretty_lines(pretty: Callable[[], Log]) -> None:
    log = pretty()
    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed", why="a\nb")

    assert "\x1b[" in log.getvalue()
    assert r"a\nb" in log.getvalue()
    assert r"it broke \x1b[0m14" in log.getvalue()
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize(("form", "is_json"), [("auto", True), ("json", True), ("pretty", False)])
def test_the_format_can_be_chosen(form: str, is_json: bool) -> None:  # noqa: FBT001
    stream = Log()
    configure(level="info", format=form, stream=stream)
    structlog.get_logger().info("hello")

    assert stream.getvalue().startswith("{") is is_json
    assert "\x1b" not in stream.getvalue()


def test_a_stream_of_a_narrow_encoding_takes_every_line() -> None:
    raw = io.BytesIO()
    configure(level="info", format="pretty", stream=io.TextIOWrapper(raw, encoding="ascii"))
    structlog.get_logger().info("影")

    assert rb"\u5f71" in raw.getvalue()


def test_a_closed_stream_drops_lines_and_breaks_nothing(log: Log) -> None:
    log.close()
    structlog.get_logger().info("into the void")


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none()
            | st.integers()
            | st.floats()
            | st.text()
            | st.binary()
            | st.just(Secret("x")),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_event_becomes_one_strict_json_line(event: dict[str, Any]) -> None:
    line = json.dumps(guard(None, "info", event), allow_nan=False, ensure_ascii=False)

    assert line.isprintable() or not set(line) & set("\n\r\x1b\u2028\u2029\x85")
    line.encode()
