import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.ids import ALPHABET, digest, new_id, new_token
from tests.strategies import CALM


def test_ids_sort_in_the_order_they_were_made() -> None:
    made = [new_id("video") for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_is_its_prefix_and_26_letters_that_look_unlike_digits() -> None:
    assert re.fullmatch(rf"video_[{ALPHABET}]{{26}}", new_id("video"))
    assert not set("ilou") & set(ALPHABET)


def test_a_token_is_43_characters_fit_for_a_url() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in made)


def test_a_digest_is_the_sha256_of_text_or_bytes() -> None:
    assert digest("abc") == digest(b"abc") == hashlib.sha256(b"abc").hexdigest()


@CALM
@given(st.text(st.characters()))
def test_any_text_has_a_digest(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", digest(text))
