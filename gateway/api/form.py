"""Forms (`multipart/form-data`), read as the JSON that they stand for.

Brackets in a name are nesting, the way OpenAI's clients, PHP and Rails write it:
`metadata[scene]` is a member, `reference_images[]` and `reference_images[0]` are items, and
a name that is repeated is a list. A part with a file name, or of a type that is no text, is
an `Upload`; every other part stays the text it is, for the parser knows what a field wants.
"""

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from gateway.api.faults import BadFormError
from gateway.model.reading import Upload, shown

MAX_PARTS: Final = 200
MAX_NAME: Final = 300
"""Characters of a part's name, brackets included."""
MAX_DEPTH: Final = 6
MAX_BOUNDARY: Final = 200
MAX_FILENAME: Final = 255

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY: Final = re.compile(r"\[([^\[\]]*)\]")
_FREE: Final = ("metadata", "provider_options", "providerOptions", "extra_params", "provider")
"""Objects whose members callers name: there `[0]` is a name too."""
_BOUNDARY: Final = re.compile(rf"[\x20-\x7e]{{0,{MAX_BOUNDARY - 1}}}[\x21-\x7e]")
_PLAIN: Final = ("binary", "8bit", "7bit")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FOLDERS: Final = re.compile(r"[/\\]")

Leaf = str | Upload


class FormReader:
    """Reads a form as its bytes arrive.

    Args:
        boundary: What stands between its parts, from the Content-Type.

    Raises:
        BadFormError: There can be no such boundary.
    """

    def __init__(self, boundary: str) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise BadFormError("The Content-Type names no usable boundary.")
        # Not `strict`: what that refuses hangs on where the network cut the body.
        self._parser = PushMultipartParser(boundary, max_segment_count=MAX_PARTS)
        self._parts: list[tuple[str, Leaf]] = []
        self._segment: MultipartSegment | None = None
        self._content = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            BadFormError: They cannot go on the form that began.
        """
        if not chunk:
            return
        try:
            for event in self._parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    self._segment, self._content = event, bytearray()
                elif event is None:
                    self._keep()
                else:
                    self._content += event
        except MultipartError as error:
            raise _unreadable(error) from None

    def end(self) -> dict[str, object]:
        """The whole form.

        Raises:
            BadFormError: It is cut short, or its names contradict each other.
        """
        try:
            self._parser.close()
        except MultipartError as error:
            raise _unreadable(error) from None
        return nested(self._parts)

    def _keep(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        name = segment.name or ""
        if segment.header("Content-Transfer-Encoding", "binary").lower() not in _PLAIN:
            raise BadFormError(f"The part {shown(name)!r} is encoded; send it as it is.")
        content, self._content = bytes(self._content), bytearray()
        # What browsers send for a file input that was left empty.
        if segment.filename != "" or content:
            self._parts.append((name, _leaf(segment, content)))


def _leaf(segment: MultipartSegment, content: bytes) -> Leaf:
    """A file where the part says so, or where it can be nothing else; a text otherwise."""
    kind = segment.content_type or "text/plain"
    if segment.filename is None and kind.startswith(("text/", "application/json")):
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass
    return Upload(content, file_name(segment.filename or ""))


def _unreadable(error: MultipartError) -> BadFormError:
    # The library's words are about the format alone; they quote nothing but a charset.
    words = "has too much in it" if isinstance(error, ParserLimitReached) else "cannot be read"
    return BadFormError(f"The form {words}: {str(error).partition(',')[0][:200]}.")


def file_name(given: str) -> str:
    """A file's name without its folders and without what cannot be shown; may be empty."""
    bare = _FOLDERS.split(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", given))[-1]
    return bare.strip()[-MAX_FILENAME:]


def nested(parts: Iterable[tuple[str, Leaf]]) -> dict[str, object]:
    """Parts with bracketed names as an object.

    Raises:
        BadFormError: A name is malformed, or two contradict each other.
    """
    root: dict[str, _Node] = {}
    for name, value in parts:
        base, keys = _path(name)
        _put(root.setdefault(base, _Node()), keys, value)
    return {base: _value(base, node, free=base in _FREE) for base, node in root.items()}


class _Node(msgspec.Struct):
    """One place of a form, which only one of the three may fill."""

    values: list[Leaf] = []
    items: list["_Node"] = []
    members: dict[str, "_Node"] = {}


def _path(name: str) -> tuple[str, list[str]]:
    found = _NAME.fullmatch(name) if len(name) <= MAX_NAME else None
    if found is None:
        raise BadFormError(f"{shown(name)!r} cannot be the name of a part.")
    keys = _KEY.findall(found.group(2))
    if len(keys) >= MAX_DEPTH:
        raise BadFormError(f"The name {shown(name)!r} is nested too deeply.")
    return found.group(1), keys


def _put(node: _Node, keys: list[str], value: Leaf) -> None:
    for at, key in enumerate(keys):
        if key:
            node = node.members.setdefault(key, _Node())
            continue
        # `a[][x]`, `a[][y]` fill one item; the next `a[][x]` begins another.
        if not node.items or _filled(node.items[-1], keys[at + 1 :]):
            node.items.append(_Node())
        node = node.items[-1]
    node.values.append(value)


def _filled(node: _Node, keys: list[str]) -> bool:
    for key in keys:
        if not key:
            return False
        if key not in node.members:
            return bool(node.values)
        node = node.members[key]
    return True


def _value(name: str, node: _Node, *, free: bool) -> object:
    if sum(map(bool, (node.values, node.items, node.members))) > 1:
        raise BadFormError(f"{shown(name)!r} is given in forms that contradict each other.")
    if node.items:
        return [_value(f"{name}[]", one, free=False) for one in node.items]
    if not node.members:
        return node.values if len(node.values) > 1 else node.values[0]
    if not free and all(key.isascii() and key.isdigit() for key in node.members):
        return _indexed(name, node.members)
    return {key: _value(f"{name}[{key}]", one, free=free) for key, one in node.members.items()}


def _indexed(name: str, members: dict[str, _Node]) -> list[object]:
    wanted = [str(n) for n in range(len(members))]
    if set(members) != set(wanted):
        raise BadFormError(f"The items of {shown(name)!r} are not numbered from 0 without a gap.")
    return [_value(f"{name}[{key}]", members[key], free=False) for key in wanted]
