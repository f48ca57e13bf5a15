import pytest

from tests.mockserver.testing.suites import Suite, runner


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Runs a small suite that has the plugin."""
    return runner(pytester, monkeypatch)
