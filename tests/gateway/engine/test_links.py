"""Signed links: good for what they were made for, and for a while."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.engine.links import Links

LINKS = Links(base="https://gate.example.com", key="k" * 43)
NOW = 1_800_000_000


def made() -> tuple[str, int, str]:
    parts = urlsplit(LINKS.picture("ab" * 32, "image/png", NOW + 60))
    query = parse_qs(parts.query)
    name, _, extension = parts.path.removeprefix("/v1/files/signed/").partition(".")
    assert extension == "png"
    return name, int(query["expires"][0]), query["signature"][0]


def test_a_link_is_good_until_it_expires() -> None:
    digest, expires, signature = made()

    assert LINKS.good(digest, expires, signature, NOW)
    assert LINKS.good(digest, expires, signature, NOW + 60)
    assert not LINKS.good(digest, expires, signature, NOW + 61)


@pytest.mark.parametrize("what", ["digest", "expires", "signature", "key"])
def test_a_link_that_was_changed_is_not_good(what: str) -> None:
    digest, expires, signature = made()
    links = LINKS
    if what == "digest":
        digest = "cd" * 32
    elif what == "expires":
        expires += 1
    elif what == "signature":
        signature = "é" + signature[1:]
    else:
        links = Links(base=LINKS.base, key="other")

    assert not links.good(digest, expires, signature, NOW)


@pytest.mark.parametrize(
    ("media_type", "ending"),
    [("image/jpeg", "ab.jpg"), ("video/quicktime", "ab.mov"), ("text/odd", "ab")],
)
def test_a_link_ends_like_the_file_it_leads_to(media_type: str, ending: str) -> None:
    assert urlsplit(LINKS.picture("ab", media_type, NOW)).path == f"/v1/files/signed/{ending}"


def test_callbacks_name_provider_and_token() -> None:
    assert LINKS.callback("pictory", "tok") == "https://gate.example.com/callbacks/pictory/tok"
