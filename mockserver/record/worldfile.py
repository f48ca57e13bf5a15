"""World files: everything that came into a world from outside, as one JSON document.

Such a file needs no outcome: `record.replay` plays the inputs into a fresh world, and the journal
comes out the same to the byte, or as far as one likes. It holds no key; inputs given by URL that
were fetched are in it.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from mockserver.engine.tape import AnyInput, Asked
from mockserver.record.har import ORIGIN
from mockserver.settings import Settings

if TYPE_CHECKING:
    from mockserver.world import World

FORMAT = "filmgate-world"
VERSION = 1
LOCAL = ("clock", "control_token", "extra_hosts", "speed", "world_seconds")
"""Settings of the place where a world was, which a replay has its own of."""


class WorldFileError(ValueError):
    """This is no world file, or none that this version can play."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal came to."""

    lines: int
    """How many numbers were given."""
    digest: str
    """SHA-256 of `journal_bytes`."""


class WorldFile(msgspec.Struct, frozen=True, kw_only=True):
    """The document."""

    format: str = FORMAT
    version: int = VERSION
    name: str
    clock: str
    """The kind of clock under which it was recorded."""
    providers: tuple[str, ...]
    settings: dict[str, Any]
    now: float
    """Virtual seconds at the end."""
    journal: Outcome
    inputs: tuple[AnyInput, ...]
    """In the order in which they came."""


def journal_bytes(world: "World") -> bytes:
    """The journal as canonical JSON, one line each, to be compared byte by byte.

    Where the mock was reached is left out: its links are those of `har.ORIGIN`.
    """
    placeless = _placeless(world)
    lines = []
    for line in world.journal:
        row: dict[str, Any] = {"line": type(line).__name__.lower()}
        for name, value in msgspec.structs.asdict(line).items():
            # In the line they will be base64, in which no link can be seen.
            row[name] = placeless(value) if isinstance(value, bytes) else value
        lines.append(placeless(msgspec.json.encode(row, order="sorted")) + b"\n")
    return b"".join(lines)


def _placeless(world: "World") -> Callable[[bytes], bytes]:
    """Puts `ORIGIN` in place of each origin at which the world was reached, or says it can be."""
    asked = {one.origin for one in world.engine.tape.inputs if isinstance(one, Asked)}
    origins = (asked | {world.settings.public_url or ""}) - {""}
    # One may begin like another, such as that of the same host without the path of a mount.
    longest_first = sorted(origins, key=len, reverse=True)
    known = b"|".join(re.escape(origin.encode()) for origin in longest_first) or b"(?!)"
    own = re.compile(b"(?:" + known + rb")(?![\w:-]|\.\w)")
    return lambda text: own.sub(ORIGIN.encode(), text)


def outcome_of(world: "World") -> Outcome:
    """What the journal came to so far."""
    digest = hashlib.sha256(journal_bytes(world)).hexdigest()
    return Outcome(lines=world.journal.length, digest=digest)


def save(world: "World") -> bytes:
    """The world as a file, as it stands."""
    settings = msgspec.to_builtins(world.settings)
    epoch = world.clock.utc(0)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "name": world.name,
        "clock": world.clock.kind,
        "providers": [kind.name for kind in world.providers],
        "settings": {name: value for name, value in settings.items() if name not in LOCAL}
        | {"epoch": epoch},
        "now": world.clock.now(),
        "journal": outcome_of(world),
    }
    inputs = b",\n".join(msgspec.json.encode(_row(one)) for one in world.engine.tape.inputs)
    return msgspec.json.encode(head)[:-1] + b',\n"inputs":[\n' + inputs + b"\n]}\n"


def _row(one: AnyInput) -> object:
    """An input with its body as text where it is that."""
    if not isinstance(one, Asked):
        return one
    row = msgspec.to_builtins(one)
    try:
        row["body"] = {"text": one.body.decode()}
    except UnicodeDecodeError:
        row["body"] = {"base64": base64.b64encode(one.body).decode()}
    return row


def read(data: bytes) -> WorldFile:
    """The file, with its settings checked.

    Raises:
        WorldFileError: it is none, or one of another version.
    """
    try:
        document = msgspec.json.decode(data, type=dict[str, Any])
        if document.get("format") != FORMAT:
            raise WorldFileError(f"this is no world file: `format` is not {FORMAT!r}")
        if document.get("version") != VERSION:
            raise WorldFileError(
                f"a world file of version {document.get('version')}; this can play {VERSION}"
            )
        for row in document["inputs"]:
            if row["what"] == "asked":
                row["body"] = _body(row["body"])
        file = msgspec.convert(document, WorldFile)
        msgspec.convert(file.settings, Settings)
    except (msgspec.DecodeError, KeyError, TypeError) as fault:
        raise WorldFileError(f"this is no world file: {fault}") from None
    return file


def _body(row: dict[str, str]) -> str:
    """A body as msgspec takes bytes, in base64."""
    return row["base64"] if "base64" in row else base64.b64encode(row["text"].encode()).decode()
