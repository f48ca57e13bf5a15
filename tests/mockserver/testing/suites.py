"""Small suites that use the pytest plugin, run within this process."""

from collections.abc import Callable

import pytest
import pytest_asyncio.plugin

# All that the plugin loads when it needs it: an inner run forgets what was loaded within it.
from mockserver.testing import access, case, covering, hosting, plugin, reporting, virtual

LOADED = (access, case, covering, hosting, reporting, virtual)
Suite = Callable[..., pytest.RunResult]

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings =
    error
    default::pytest.PytestWarning
"""


def runner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Writes a test module, and settings below `INI`, and runs it."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source: str, *options: str, ini: str = "", asyncio: bool = True) -> pytest.RunResult:
        plugins = [plugin, *([pytest_asyncio.plugin] if asyncio else [])]
        pytester.makepyfile(source)
        pytester.makefile(".ini", pytest=(INI if asyncio else "[pytest]\n") + ini)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options, plugins=plugins)

    return run
