"""Provider words, made fit to be kept and shown."""

import re
from typing import Final

MAX_WORDS: Final = 500
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters (NUL and terminal escapes among them) and halves of characters."""
_QUERY: Final = re.compile(r"(https?:\\?/\\?/[^\s?#\"'<>]*)[?#][^\s\"'<>]*")
_TOKEN: Final = re.compile(r"(/callbacks\\?/[^\s/\"'<>]+/)[^\s/\"'<>]+")


def shorten(text: str, limit: int = MAX_WORDS) -> str:
    """Provider words cut to what is worth keeping, on one line, fit for logs and databases.

    Providers quote URLs they were given. What makes a link work for whoever holds it, its
    query or the token of a callback, is taken out.
    """
    flat = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    bare = _TOKEN.sub(r"\1***", _QUERY.sub(r"\1?***", flat))
    return bare if len(bare) <= limit else bare[: limit - 1] + "…"
