"""What the settings must mean together: rules over the values that could be read.

Each rule skips what is absent (its fault is already noted), so one mistake gives one fault.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.config.faults import Faults, nearest, quoted, step
from gateway.config.money import check_money
from gateway.config.settings import SQLITE, is_loopback
from gateway.config.webhooks import check_webhooks
from providers.contract import Capabilities

Tree = dict[str, Any]

MAX_PUBLIC_URL: Final = 400

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def check(
    tree: Tree, providers: Mapping[str, Capabilities], faults: Faults, *, accounts_required: bool
) -> None:
    """Note every broken rule of `tree` in `faults`."""
    _server(tree.get("server", {}), faults)
    _database(tree.get("database", {}).get("url"), faults)
    check_money(tree.get("money", {}), providers, faults)
    check_webhooks(tree.get("webhooks", {}), faults)
    accounts = tree.get("accounts")
    if accounts is not None:
        if accounts_required and not accounts:
            faults.add(
                "accounts",
                "is empty: no provider to make videos with",
                "add an [[accounts]] table with name, provider and api_key to filmgate.toml "
                "(or the file of --config); to try it without any: filmgate serve --mock",
            )
        for number, account in enumerate(accounts):
            _account(account, f"accounts[{number}]", providers, faults)
        _unique_names(accounts, faults)
    served = _served(accounts, providers)
    for name, targets in tree.get("routes", {}).items():
        _route(name, targets, providers, served, faults)


def _server(server: Tree, faults: Faults) -> None:
    host = server.get("host")
    if host is not None:
        if not _is_host(host):
            faults.add(
                "server.host",
                "is neither an IP address nor a host name",
                "for example 127.0.0.1, 0.0.0.0 or ::1, without port",
            )
        elif server.get("api_keys") == () and not is_loopback(host):
            faults.add(
                "server.api_keys",
                "none: only a loopback host may be bound, and server.host is not one",
                'api_keys = ["env:FILMGATE_KEY"], or host = "127.0.0.1"',
            )
    url = server.get("public_url")
    if url is not None:
        _url(url, "server.public_url", faults, carries="callbacks")
        if len(url) > MAX_PUBLIC_URL:
            faults.add(
                "server.public_url",
                f"has {len(url)} characters, and callbacks add a path to it",
                f"at most {MAX_PUBLIC_URL}: providers take callback URLs of 500",
            )


def _database(url: str | None, faults: Faults) -> None:
    where = "database.url"
    hint = "sqlite:///filmgate.db (relative) or sqlite:////var/lib/filmgate.db (absolute)"
    if url is None:
        return
    if url.split(":")[0].split("+")[0].lower() in {"postgres", "postgresql"}:
        faults.add(where, "PostgreSQL support is not part of this version", hint)
    elif not url.startswith(SQLITE):
        faults.add(where, "is not the URL of a supported database", hint)
    elif not (path := url.removeprefix(SQLITE)).strip() or path.startswith(":memory:"):
        faults.add(where, "names no file: jobs in memory would be lost, paid or not", hint)
    elif set(path) & set("?#"):
        faults.add(where, "takes no options, and a path without ? and #", hint)


def _account(
    account: Tree, where: str, providers: Mapping[str, Capabilities], faults: Faults
) -> None:
    url = account.get("base_url")
    if url is not None:
        _url(url, f"{where}.base_url", faults, carries="the API key")
    email = account.get("email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        faults.add(f"{where}.email", "is not an e-mail address")
    provider = account.get("provider")
    if provider is None:
        return
    able = providers.get(provider)
    if able is None:
        faults.add(
            f"{where}.provider",
            f"there is no provider {quoted(provider)}",
            nearest(provider, providers),
        )
        return
    if able.needs_email and "email" in account and email is None:
        faults.add(f"{where}.email", f"is missing: {able.title} accounts need one")
    limit, jobs = able.max_jobs_limit, account.get("max_jobs")
    if limit is not None and jobs is not None and jobs > limit:
        faults.add(
            f"{where}.max_jobs",
            f"is {jobs}, more than {able.title} runs at once",
            f"1 to {limit}",
        )


def _unique_names(accounts: tuple[Tree, ...], faults: Faults) -> None:
    first: dict[str, int] = {}
    for number, account in enumerate(accounts):
        name = account.get("name")
        if name is None:
            continue
        if name in first:
            faults.add(
                f"accounts[{number}].name",
                f"{quoted(name)} is the name of accounts[{first[name]}] too",
            )
        first.setdefault(name, number)


def _served(
    accounts: tuple[Tree, ...] | None, providers: Mapping[str, Capabilities]
) -> set[str] | None:
    """The providers with an account; None while that cannot be known."""
    named: set[str] = {account.get("provider", "") for account in accounts or ()}
    return named if named and named <= providers.keys() else None


def _route(
    name: str,
    targets: tuple[str, ...],
    providers: Mapping[str, Capabilities],
    served: set[str] | None,
    faults: Faults,
) -> None:
    where = step("routes", name)
    if not name.strip() or name != name.strip() or not name.isprintable():
        faults.add(where, "a route needs a name, without blanks around it")
    elif "/" in name:
        faults.add(where, "a route's name may not hold a /: that marks a target")
    if not targets:
        faults.add(where, "is empty", 'list at least one target, "provider/model"')
    for number, target in enumerate(targets):
        at = f"{where}[{number}]"
        if target in targets[:number]:
            faults.add(at, f"{quoted(target)} is in this route twice")
        else:
            _target(target, at, providers, served, faults)


def _target(
    target: str,
    where: str,
    providers: Mapping[str, Capabilities],
    served: set[str] | None,
    faults: Faults,
) -> None:
    provider, slash, model = target.partition("/")
    if not slash or not provider or not model:
        faults.add(where, f"{quoted(target)} is not a target", 'write "provider/model"')
        return
    able = providers.get(provider)
    if able is None:
        faults.add(where, f"there is no provider {quoted(provider)}", nearest(provider, providers))
        return
    models = {offer.model for offer in able.offers}
    if model not in models:
        hint = nearest(model, models)
        faults.add(where, f"{able.title} has no model {quoted(model)}", hint)
    if served is not None and provider not in served:
        faults.add(
            where,
            f"no account for the provider {provider}",
            f'add an [[accounts]] table with provider = "{provider}"',
        )


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return bool(_HOST_NAME.fullmatch(host))
    return True


def _url(url: str, where: str, faults: Faults, *, carries: str) -> None:
    """Check an http(s) URL. Never shown again: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not host or " " in url:
        faults.add(where, "is not an http or https URL", "for example https://gate.example.com")
        return
    if parts.username is not None or parts.password is not None:
        faults.add(where, "holds a user name or password", "leave them out")
    if "?" in url or "#" in url:
        faults.add(where, "holds a query or a fragment", "end it with the path")
    if parts.scheme == "http" and not _is_near(host):
        faults.add(
            where,
            f"must be https: {carries} would travel in the clear",
            "plain http only for this machine, private addresses and names without a dot",
        )


def _is_near(host: str) -> bool:
    """Whether a host can only be on this machine or in this network, as in a compose file."""
    try:
        address = ip_address(host)
    except ValueError:
        return is_loopback(host) or "." not in host
    return address.is_loopback or (address.is_private and not address.is_link_local)
