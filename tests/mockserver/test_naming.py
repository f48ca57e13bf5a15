"""How a path names its world."""

import pytest

from mockserver.naming import split


@pytest.mark.parametrize(
    ("path", "name", "rest"),
    [
        ("/~beta/v1/jobs", "beta", "/v1/jobs"),
        ("/%7Ebeta/v1/jobs", "beta", "/v1/jobs"),
        ("/%7ebeta/a%2Fb", "beta", "/a%2Fb"),
        ("/~be%74a", "beta", "/"),
        ("/~beta/", "beta", "/"),
        ("/~beta//jobs", "beta", "//jobs"),
        ("/v1/~beta", None, "/v1/~beta"),
        ("/a%7Eb/c", None, "/a%7Eb/c"),
        ("/", None, "/"),
        ("", None, ""),
    ],
)
def test_a_tilde_names_a_world_however_it_is_spelt(path: str, name: str | None, rest: str) -> None:
    assert split(path) == (name, rest)


@pytest.mark.parametrize("path", ["/~", "/~/jobs", "/%7E", "/~a%2Fb/jobs", "/~-a", "/%7Ea-402/x"])
def test_what_begins_so_and_names_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no name of a world"):
        split(path)
