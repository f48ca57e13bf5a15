"""What holds for every test."""

import os
from collections.abc import Generator

import pytest
import structlog


@pytest.fixture(autouse=True, scope="session")
def _plain_log() -> None:
    """Unconfigured, structlog draws every variable of a traceback: seconds for each crash."""
    console = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[*processors[:-1], console], cache_logger_on_first_use=False)


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
