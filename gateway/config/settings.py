"""The settings tree: every setting with its type, bounds, default and meaning.

The annotations are the one source: the loader takes types and bounds from them, and the
table in the README is printed from them.
"""

from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from providers.contract import Secret

Network: TypeAlias = IPv4Network | IPv6Network
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "json", "pretty"]

GIB: Final = 1024**3
SQLITE: Final = "sqlite:///"
TIB: Final = 1024**4


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway listens, and who may use it."""

    host: Annotated[
        str,
        Meta(description="Address to listen on. Any but a loopback address needs `api_keys`."),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port to listen on.")] = 8080
    public_url: Annotated[
        str | None,
        Meta(
            description="Where providers reach this gateway with callbacks, at most 400 "
            "characters; https unless it is a loopback address. Without it the gateway only polls."
        ),
    ] = None
    api_keys: Annotated[
        tuple[Secret, ...],
        Meta(description="Bearer keys that clients use. None: open, and loopback only."),
    ] = ()


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where jobs are kept."""

    url: Annotated[str, Meta(description="`sqlite:///` and the path of the database file.")] = (
        "sqlite:///filmgate.db"
    )

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix(SQLITE))


class MediaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where inputs and finished videos are kept."""

    directory: Annotated[
        Path, Meta(description="Folder for input pictures and finished videos.")
    ] = Path("filmgate-media")
    max_bytes: Annotated[
        int,
        Meta(ge=1, le=TIB, description="Largest file that is fetched or kept, in bytes."),
    ] = 2 * GIB


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials at one provider."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="Your name for the account, in logs and job records; unique.",
        ),
    ]
    provider: Annotated[str, Meta(description="The provider it is with.")]
    api_key: Annotated[Secret, Meta(description="The provider's key for this account.")]
    email: Annotated[
        str | None,
        Meta(description="The account's e-mail address, for providers that ask for it."),
    ] = None
    base_url: Annotated[
        str | None,
        Meta(description="Root of the provider's API; the provider's own when left out."),
    ] = None
    max_jobs: Annotated[
        int,
        Meta(ge=1, le=10_000, description="How many jobs the account may have in flight."),
    ] = 3


class MoneySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What providers' credits cost, so that prices are told and limited in money."""

    currency: Annotated[
        str | None,
        Meta(description="The currency you pay in, as three letters: `USD`. None: credits only."),
    ] = None
    credit: Annotated[
        dict[str, Decimal],
        Meta(
            description="What one credit of a provider costs you, in that currency: "
            '`pictory = "0.04"`. A string, as binary fractions are not exact.'
        ),
    ] = {}


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How clients are told of finished videos."""

    secret: Annotated[
        Secret | None,
        Meta(
            description="What webhooks are signed with (Standard Webhooks): `whsec_` and 24 to 64 "
            "bytes in base64. None: they are not signed."
        ),
    ] = None


class NetworkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which addresses may be reached."""

    allow_private: Annotated[
        tuple[Network, ...],
        Meta(
            description="Private networks that inputs and webhooks may use as well, there over "
            'plain http too; `["127.0.0.0/8"]` for local tests.'
        ),
    ] = ()


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How running jobs and accounts are followed."""

    poll_seconds: Annotated[
        float | None,
        Meta(
            gt=0, le=86_400, description="Seconds between looks; the provider's pace when left out."
        ),
    ] = None
    deadline_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86_400,
            description="Seconds after which a job that is still running needs attention.",
        ),
    ] = 1800.0
    rest_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="Seconds that an account gets no jobs after its key, its credits or its "
            "provider failed.",
        ),
    ] = 300.0


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to the log, and how."""

    level: Annotated[LogLevel, Meta(description="The least important level that is written.")] = (
        "info"
    )
    format: Annotated[
        LogFormat,
        Meta(description="`json` lines, `pretty` text, or `auto`: pretty on a terminal."),
    ] = "auto"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gateway was told. Made by `load`, which checks; the constructor does not."""

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    media: MediaSettings = MediaSettings()
    accounts: tuple[AccountSettings, ...] = ()
    routes: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="A name for an ordered list of targets, each `provider/model`."),
    ] = {}
    money: MoneySettings = MoneySettings()
    providers: Annotated[
        dict[str, dict[str, str]],
        Meta(
            description="Something of a provider's own that may change on its side, by the "
            "provider's name."
        ),
    ] = {}
    webhooks: WebhookSettings = WebhookSettings()
    network: NetworkSettings = NetworkSettings()
    watch: WatchSettings = WatchSettings()
    log: LogSettings = LogSettings()


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without port) can only mean this machine."""
    name = host.lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
