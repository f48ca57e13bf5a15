"""What holds for every test."""

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
import structlog

HERE: Final = Path(__file__).parent

AS_IT_IS: Final = ("gateway/storage", "gateway/console", "gateway/api/test_openapi.py")
"""Tests of the very things that all others make once."""


def pytest_collection_finish() -> None:
    """What collecting leaves behind stays to the end: no garbage to be looked for, at each look.

    Looks at all that is left come about as often as they did, for they depend on how much it is.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


@pytest.fixture(autouse=True, scope="session")
def _plain_log() -> None:
    """Unconfigured, structlog draws every variable of a traceback: seconds for each crash."""
    console = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[*processors[:-1], console], cache_logger_on_first_use=False)


@pytest.fixture(autouse=True, scope="module")
def _once(request: pytest.FixtureRequest) -> Iterator[None]:
    """What each gateway makes at its start, and always the same, is made once."""
    path = request.path.relative_to(HERE).as_posix()
    if "gateway.app" not in sys.modules or path.startswith(AS_IT_IS):
        yield
        return
    from tests.once import make_once  # noqa: PLC0415 - the mock is tested without a gateway

    with pytest.MonkeyPatch.context() as patch:
        make_once(patch)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is installed (`FILMGATE_CI=1`), a skipped test is a failed one."""
    report = yield
    if os.environ.get("FILMGATE_CI") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {call.excinfo and call.excinfo.value}"
    return report
