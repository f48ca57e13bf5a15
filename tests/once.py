"""What every gateway makes at its start, always the same, made once for all tests of a process.

It was two thirds of what most tests of the gateway cost: certificates, tables, the OpenAPI
document and its page. Each is still made by the code itself, the first time that it is asked
for with the same things to make it from.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec
import pytest
from sqlalchemy import Connection

from gateway import app
from gateway.api import openapi
from gateway.console import reference
from gateway.storage import migrations

_TRANSACTION: Final = {"BEGIN TRANSACTION;", "COMMIT;"}
_kept: Final[dict[tuple[Any, ...], Any]] = {}


def make_once(patch: pytest.MonkeyPatch) -> None:
    """Until `patch` is undone, make each thing once."""
    patch.setattr(httpx, "create_ssl_context", _certificates(httpx.create_ssl_context))
    patch.setattr(migrations, "upgrade", _tables(migrations.upgrade))
    patch.setattr(app, "_probe", _probe(app._probe))
    patch.setattr(app, "document", _document(openapi.document))
    patch.setattr(reference, "page", _page(reference.page))


def _once(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    if key not in _kept:
        _kept[key] = make()
    return _kept[key]


def _certificates(make: Callable[..., Any]) -> Callable[..., Any]:
    def create_ssl_context(**how: Any) -> Any:
        return _once(("certificates", *sorted(how.items())), lambda: make(**how))

    return create_ssl_context


def _probe(make: Callable[..., Any]) -> Callable[..., Any]:
    def probe(handlers: Any) -> Any:
        # They are those of the code, whatever the settings.
        return _once(("probe",), lambda: make(handlers))

    return probe


def _document(make: Callable[..., Any]) -> Callable[..., Any]:
    def document(routes: Any, version: str, models: Sequence[Any]) -> Any:
        # The routes are the same ones each time, too.
        key = ("document", version, msgspec.json.encode(models))
        return _once(key, lambda: make(routes, version, models))

    return document


def _page(make: Callable[..., str]) -> Callable[..., str]:
    def page(document: Mapping[str, Any]) -> str:
        return str(_once(("page", msgspec.json.encode(document)), lambda: make(document)))

    return page


def _tables(make: Callable[..., None]) -> Callable[..., None]:
    def upgrade(connection: Connection, revision: str = "head") -> None:
        key = ("tables", revision)
        if connection.dialect.name != "sqlite":
            make(connection, revision)
            return
        empty = connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is None
        if empty and key in _kept:
            for statement in _kept[key]:
                connection.exec_driver_sql(statement)
            return
        make(connection, revision)
        if empty:
            driver: Any = connection.connection.driver_connection
            _kept[key] = [line for line in driver.iterdump() if line not in _TRANSACTION]

    return upgrade
