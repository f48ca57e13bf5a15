"""`[database]`: the URL of a file or of a server, and what has to be right about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from gateway.config.faults import Faults
from gateway.config.settings import SQLITE
from gateway.config.urls import is_host
from providers.contract import Secret

POSTGRESQL: Final = "postgresql"
SCHEMES: Final = frozenset({POSTGRESQL, "postgres"})
OPTIONS: Final = frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey"})
"""What may follow a `?`: a socket's folder in place of a host, and what TLS wants."""

_WHERE: Final = "database.url"
_FILE_HINT: Final = "sqlite:///filmgate.db (relative) or sqlite:////var/lib/filmgate.db (absolute)"
_SERVER_HINT: Final = "for example postgresql://filmgate@db.example.com:5432/filmgate"
_HOST_HINT: Final = f"{_SERVER_HINT}, or ?host= and the folder of its socket"
_ASKED: Final = f"known: {', '.join(sorted(OPTIONS))}"
_APART: Final = (
    'give the password apart: password = "env:NAME"; in the URL, write characters such as '
    "@ : / ? # % as %40 and so on"
)


def check_database(database: Mapping[str, Any], faults: Faults) -> None:
    """Note what is wrong with the section. The URL is never shown: it may hold a password."""
    url = database.get("url")
    if url is None:
        return
    scheme = url.partition(":")[0].lower()
    base, plus, _ = scheme.partition("+")
    if base in SCHEMES and plus:
        faults.add(_WHERE, "names a driver; there is one only", f"begin with {POSTGRESQL}://")
    elif base in SCHEMES:
        _check_server(url, database.get("password"), faults)
    else:
        _check_file(url, database.get("password"), faults)


def settled_database(database: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The section in its final form: an absolute path, or a URL without its password."""
    url = database["url"]
    if url.startswith(SQLITE):
        return {**database, "url": f"{SQLITE}{folder / url.removeprefix(SQLITE)}"}
    parts = urlsplit(url)
    user, password, place = _credentials(parts)
    user = quote(unquote(user), safe="")
    query = f"?{parts.query}" if parts.query else ""
    return {
        **database,
        "url": f"{POSTGRESQL}://{user}@{place}{parts.path}{query}",
        "password": Secret(unquote(password)) if password else database["password"],
    }


def _check_file(url: str, password: Secret | None, faults: Faults) -> None:
    path = url.removeprefix(SQLITE)
    if not url.startswith(SQLITE):
        faults.add(
            _WHERE,
            "is not the URL of a supported database",
            f"{_FILE_HINT}; {_SERVER_HINT.removeprefix('for example ')}",
        )
    elif not path.strip() or path.startswith(":memory:"):
        faults.add(_WHERE, "names no file: jobs in memory would be lost, paid or not", _FILE_HINT)
    elif set(path) & set("?#"):
        faults.add(_WHERE, "takes no options, and a path without ? and #", _FILE_HINT)
    elif password is not None:
        faults.add("database.password", "is for PostgreSQL: a SQLite file has none", "leave it out")


def _check_server(url: str, password: Secret | None, faults: Faults) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        faults.add(_WHERE, "is not a URL that can be read", f"{_SERVER_HINT}; {_APART}")
        return
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    user, given, _ = _credentials(parts)
    host, name = parts.hostname, parts.path.removeprefix("/")
    unread = " " in url or bool(parts.fragment) or not url.partition(":")[2].startswith("//")
    problems = (
        (unread, "is not a URL that can be read", f"{_SERVER_HINT}; {_APART}"),
        (host is None and "host" not in options, "names no host", _HOST_HINT),
        (host is not None and "host" in options, "names two hosts", _HOST_HINT),
        (host is not None and not is_host(host), "names no host that there can be", _SERVER_HINT),
        (port == 0, "names a port that there cannot be", "1 to 65535; 5432 when left out"),
        (not user, "names no user", _SERVER_HINT),
        (not name or set(name) & set("/%"), "names no database, or more than one", _SERVER_HINT),
        (not options.keys() <= OPTIONS, "has an option that is none of those it may have", _ASKED),
    )
    found = next(((words, hint) for wrong, words, hint in problems if wrong), None)
    if found is not None:
        faults.add(_WHERE, *found)
    elif given and password is not None:
        faults.add("database.password", "is in database.url too", "give it in one of them")


def _credentials(parts: SplitResult) -> tuple[str, str, str]:
    """User, password (both as the URL has them) and what comes after them."""
    both, _, place = parts.netloc.rpartition("@")
    user, _, password = both.partition(":")
    return user, password, place
