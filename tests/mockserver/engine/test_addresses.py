import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.engine.addresses import is_loopback, is_uri, may_reach


@pytest.mark.parametrize(
    ("url", "reachable"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]:1/", True),
        ("http://LOCALHOST/", True),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://user@example.com:80/127.0.0.1", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://2130706433/", False),
        ("http://[::ffff:10.0.0.1]/", False),
        ("http://10.0.0.1/", False),
        ("ftp://127.0.0.1/", False),
        ("http://[::1/", False),
        ("not a url", False),
    ],
)
def test_only_loopback_may_be_reached(url: str, reachable: bool) -> None:  # noqa: FBT001
    assert may_reach(url, ()) is reachable


def test_settings_may_open_single_hosts_or_all() -> None:
    assert may_reach("http://gateway.test/x", ("gateway.test",))
    assert not may_reach("http://other.test/x", ("gateway.test",))
    assert may_reach("http://other.test/x", ("*",))


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_text_breaks_the_address_rules(host: str, url: str) -> None:
    is_loopback(host)
    is_uri(url)
    assert not is_uri(host + " " + url)
