"""From file and environment to `Settings`, or to every fault at once."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from gateway.config.adapters import check_adapters
from gateway.config.database import settled_database
from gateway.config.environment import is_within, overlay, source_of
from gateway.config.faults import ConfigError, ConfigFault, Faults, step
from gateway.config.read import Kind, Reader
from gateway.config.references import resolve
from gateway.config.rules import check
from gateway.config.settings import Settings
from providers.contract import Account, Capabilities, Secret

S = TypeVar("S", bound=msgspec.Struct)

Configure: TypeAlias = Callable[[Mapping[str, Mapping[str, str]]], Mapping[str, Capabilities]]
"""The capability tables of all providers when their adapters have these settings."""

DATA: Final = "FILMGATE_DATA"
"""Names the folder of what the gateway keeps. It lies under the file, which may say otherwise."""
DEFAULT_FILE: Final = Path("filmgate.toml")
_POSITION: Final = re.compile(r"^(.*) \(at line (\d+), column (\d+)\)$", re.DOTALL)


def load(
    path: Path | None,
    environ: Mapping[str, str],
    providers: Mapping[str, Capabilities],
    *,
    configure: Configure | None = None,
    extra: Mapping[str, Any] | None = None,
    accounts_required: bool = True,
) -> Settings:
    """Read the settings: defaults, under the file, under `environ`, under `extra`.

    Relative paths start at the file's folder, or at the working directory without a file;
    those of the database and the media at `FILMGATE_DATA`, where that names a folder.

    Args:
        path: The file; None for `filmgate.toml` in the working directory, if it is there.
        environ: The environment: `FILMGATE__…` settings, and the secrets that are named.
        providers: What each provider can do, by its name.
        configure: What each provider can do once `[providers.…]` is applied, which may rename
            models: routes are checked against it. None: as `providers` says.
        extra: Settings of the caller's own in the file's shape, such as command-line options
            or mock accounts. Lists replace lists; a secret may be a `Secret`; None is "not given".
        accounts_required: Whether a configuration without any account is a fault.

    Raises:
        ConfigError: Something is wrong; it holds all that could be found.
    """
    if path is None and DEFAULT_FILE.is_file():
        path = DEFAULT_FILE
    folder = (path.parent if path else Path()).absolute()
    tree = _parse(path) if path else {}

    faults = Faults()
    sources = overlay(tree, environ, faults)
    for replaced in list(_merge(tree, extra or {}, "")):
        sources = {at: name for at, name in sources.items() if not is_within(at, replaced)}

    def secret(reference: str) -> Secret:
        return resolve(reference, environ, folder)

    read = Reader(faults, secret).table(tree, Settings, "")
    chosen = check_adapters(read.get("providers", {}), providers, faults)
    tables = configure(chosen) if configure else providers
    check(read, tables, faults, accounts_required=accounts_required)
    if faults.found:
        raise ConfigError(
            msgspec.structs.replace(fault, source=source_of(fault.where, sources))
            for fault in faults.found
        )
    return _build(Settings, _settled(read, folder / environ.get(DATA, "")))


def to_accounts(settings: Settings, providers: Mapping[str, Capabilities]) -> tuple[Account, ...]:
    """The accounts as adapters take them, each with its provider's own base URL by default."""
    return tuple(
        Account(
            name=account.name,
            provider=account.provider,
            key=account.api_key,
            base_url=account.base_url or providers[account.provider].base_url,
            max_jobs=account.max_jobs,
            email=account.email,
            exclusive=account.exclusive,
        )
        for account in settings.accounts
    )


def _parse(path: Path) -> dict[str, Any]:
    where = str(path)
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        fault = ConfigFault(where=where, problem="there is no such file")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown reason"
        fault = ConfigFault(where=where, problem=f"cannot be read: {reason}")
    except UnicodeDecodeError:
        fault = ConfigFault(where=where, problem="is not UTF-8 text, as TOML must be")
    except tomllib.TOMLDecodeError as error:
        fault = _syntax(where, str(error))
    except (ValueError, RecursionError):
        # What tomllib lets through: numbers of thousands of digits, bottomless nesting.
        fault = ConfigFault(where=where, problem="is not a reasonable TOML document")
    raise ConfigError([fault]) from None


def _syntax(where: str, message: str) -> ConfigFault:
    found = _POSITION.match(message)
    if found is None:
        return ConfigFault(where=where, problem=f"is not TOML: {message}")
    what, line, column = found.groups()
    return ConfigFault(
        where=f"{where}, line {line}, column {column}", problem=f"is not TOML: {what}"
    )


def _merge(under: dict[str, Any], over: Mapping[str, Any], where: str) -> Iterator[str]:
    """Lay `over` on `under`, in place; yields the address of each value it set."""
    for key, value in over.items():
        at = step(where, key)
        if isinstance(value, Mapping) and isinstance(under.get(key), dict):
            yield from _merge(under[key], value, at)
        elif value is not None:
            under[key] = value
            yield at


def _settled(read: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Sound values in their final form: absolute paths, URLs without slash or password."""
    media, server = read["media"], read["server"]
    read["database"] = settled_database(read["database"], folder)
    media["directory"] = folder / media["directory"]
    for holder, key in ((server, "public_url"), *((a, "base_url") for a in read["accounts"])):
        if holder[key] is not None:
            holder[key] = holder[key].rstrip("/")
    return read


def _build(struct: type[S], values: dict[str, Any]) -> S:
    """Make the tree of Structs from values that the reader has checked."""
    made = dict(values)
    for field in msgspec.structs.fields(struct):
        kind = Kind.of(field.type)
        if kind.struct:
            made[field.name] = _build(kind.struct, values[field.name])
        elif kind.items and (inner := kind.items.struct):
            made[field.name] = tuple(_build(inner, value) for value in values[field.name])
        elif (held := kind.values) and (inner := held.struct):
            made[field.name] = {
                name: _build(inner, held.as_table(value))
                for name, value in values[field.name].items()
            }
    return struct(**made)
