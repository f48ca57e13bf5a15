"""How requests name their world: by API key, or by the beginning of the path.

A key whose own part is `mock_<world>` leads to that world, which is made on first use; a key that
does not begin so leads to the world `default`. A known status behind a dash at the end, such as
`-402`, is a magic value and not part of the name. A path that begins with `/~<world>/` leads there
whatever the key; links are made that way.
"""

import re
from urllib.parse import unquote

DEFAULT = "default"
MAGIC = frozenset({401, 402, 403, 412, 422, 429, 500, 596})
"""Statuses that a key may end with; what they do is the providers' matter."""
NO_NAME = (
    "{name!r} is no name of a world: letters, digits, `.`, `_` and `-`, 64 at most, the first a "
    "letter or digit, and no magic value such as `-402` at the end"
)
_ENDING = "|".join(map(str, sorted(MAGIC)))
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_SECRET = re.compile(rf"mock(?:_(.*?))?(?:-(?:{_ENDING}))?", re.DOTALL)
_WHOLE = re.compile(rf"(?!.*-(?:{_ENDING})$){_NAME}")


def is_name(text: str) -> bool:
    """Whether a world can be called that."""
    return _WHOLE.fullmatch(text) is not None


def world_of(secret: str) -> str:
    """The world that a key's own part leads to.

    Raises:
        ValueError: it begins like a name of one, and is none.
    """
    found = _SECRET.fullmatch(secret)
    if found is None or found[1] is None:
        return DEFAULT
    if not is_name(found[1]):
        raise ValueError(NO_NAME.format(name=found[1]))
    return found[1]


def secret_of(world: str, magic: str = "") -> str:
    """A key's own part that leads to a world."""
    secret = "mock" if world == DEFAULT else f"mock_{world}"
    return f"{secret}-{magic}" if magic else secret


def split(path: str) -> tuple[str | None, str]:
    """The world that a path names, and what is left of the path.

    Raises:
        ValueError: it begins like a path of one, and names none.
    """
    first, _, rest = path[1:].partition("/")
    # Some clients encode the tilde, which makes no other path of it (RFC 3986, 6.2.2.2).
    first = unquote(first)
    if not first.startswith("~"):
        return None, path
    name = first[1:]
    if not is_name(name):
        raise ValueError(NO_NAME.format(name=name))
    return name, f"/{rest}"


def prefix_of(world: str) -> str:
    """What stands in front of the paths of a world's links."""
    return "" if world == DEFAULT else f"/~{world}"
