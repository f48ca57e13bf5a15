"""`--mock-cov`: which failures of the providers a suite has met, all workers taken together."""

import json
import weakref
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from mockserver.coverage import Report, providers_in, report, seen_in
from mockserver.engine.journal import Journal

SEEN = "filmgate_mock_seen"
PROVIDERS = "filmgate_mock_providers"


class Covering:
    """Looks at every journal that is begun while it is registered."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seen: set[str] = set()
        self._providers: set[str] = set()
        self._fresh: list[Journal] = []
        """Of the test that runs; its worlds may be gone before it has ended."""
        self._known = weakref.WeakKeyDictionary[Journal, int]()
        """How long each journal was when it was last looked at."""
        self._patch = pytest.MonkeyPatch()
        begin = Journal.__init__

        @wraps(begin)
        def noting(journal: Journal, *args: Any) -> None:
            begin(journal, *args)
            self._fresh.append(journal)

        self._patch.setattr(Journal, "__init__", noting)

    def _look(self) -> None:
        for journal in {*self._fresh, *self._known}:
            if self._known.get(journal, 0) < journal.length:
                self._seen |= seen_in(journal)
                self._providers |= providers_in(journal)
            self._known[journal] = journal.length
        self._fresh.clear()

    def pytest_runtest_logfinish(self) -> None:
        """A test has ended."""
        self._look()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended."""
        output = getattr(node, "workeroutput", {})
        self._seen |= set(output.get(SEEN, ()))
        self._providers |= set(output.get(PROVIDERS, ()))

    @property
    def report(self) -> Report:
        """What was met so far, of all that the providers that were spoken to can do."""
        return report(self._seen, self._providers)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Passes on what was seen; or, where all comes together, writes and judges it."""
        self._look()
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[SEEN], output[PROVIDERS] = sorted(self._seen), sorted(self._providers)
            return
        if file := self._config.option.mock_cov_report:
            Path(file).write_text(json.dumps(self.report.as_data(), indent=2) + "\n", "utf-8")
        if self._too_low and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @property
    def _too_low(self) -> bool:
        least = self._config.option.mock_cov_fail_under
        return least is not None and self.report.percent < least

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tells it."""
        terminalreporter.section("mock failure coverage")
        terminalreporter.write_line(str(self.report))
        if self._too_low:
            least = self._config.option.mock_cov_fail_under
            text = f"{self.report.percent:.1f} % met, less than the {least:g} % asked for"
            terminalreporter.write_line(text, red=True, bold=True)

    def pytest_unconfigure(self) -> None:
        """Looks away."""
        self._patch.undo()
