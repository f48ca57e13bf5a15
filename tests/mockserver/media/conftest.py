import pytest

from tests.mockserver.media.films import hide_extra


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither PyAV nor Pillow can be imported."""
    hide_extra(monkeypatch)
