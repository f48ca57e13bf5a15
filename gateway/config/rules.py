"""What the settings must mean together: rules over the values that could be read.

Each rule skips what is absent (its fault is already noted), so one mistake gives one fault.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.config.database import check_database
from gateway.config.faults import Faults, nearest, quoted
from gateway.config.money import check_money
from gateway.config.routes import check_routes
from gateway.config.settings import is_loopback
from gateway.config.urls import check_url, is_host
from gateway.config.webhooks import check_webhooks
from providers.contract import Capabilities

Tree = dict[str, Any]

MAX_PUBLIC_URL: Final = 400


def check(
    tree: Tree, providers: Mapping[str, Capabilities], faults: Faults, *, accounts_required: bool
) -> None:
    """Note every broken rule of `tree` in `faults`."""
    _server(tree.get("server", {}), faults)
    check_database(tree.get("database", {}), faults)
    check_money(tree.get("money", {}), providers, faults)
    _watch(tree.get("watch", {}), faults)
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
    check_routes(tree.get("routes", {}), providers, _served(accounts, providers), faults)


def _server(server: Tree, faults: Faults) -> None:
    host = server.get("host")
    if host is not None:
        if not is_host(host):
            faults.add(
                "server.host",
                "is neither an IP address nor a host name",
                "for example 127.0.0.1, 0.0.0.0 or ::1, without port",
            )
        elif server.get("api_keys") == server.get("operator_keys") == () and not is_loopback(host):
            faults.add(
                "server.api_keys",
                "none: only a loopback host may be bound, and server.host is not one",
                'api_keys = ["env:FILMGATE_KEY"], or host = "127.0.0.1"',
            )
    url = server.get("public_url")
    if url is not None:
        check_url(url, "server.public_url", faults, carries="callbacks")
        if len(url) > MAX_PUBLIC_URL:
            faults.add(
                "server.public_url",
                f"has {len(url)} characters, and callbacks add a path to it",
                f"at most {MAX_PUBLIC_URL}: providers take callback URLs of 500",
            )


def _watch(watch: Tree, faults: Faults) -> None:
    deadline, settle = watch.get("deadline_seconds"), watch.get("settle_seconds")
    if deadline is not None and settle is not None and deadline <= settle:
        faults.add(
            "watch.deadline_seconds",
            f"is {deadline:g}, and watch.settle_seconds is {settle:g}: every submission whose "
            "answer was lost would need attention before it can be taken as not made",
            "make deadline_seconds more than settle_seconds, with time for some searches",
        )


def _account(
    account: Tree, where: str, providers: Mapping[str, Capabilities], faults: Faults
) -> None:
    url = account.get("base_url")
    if url is not None:
        check_url(url, f"{where}.base_url", faults, carries="the API key")
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
