"""Settings: one TOML file under the environment, checked as a whole before anything starts.

    ConfigError
    └── faults: every `ConfigFault` found, not only the first

`load` reads and checks, `effective` prints what holds, `to_accounts` makes what adapters take.
"""

from gateway.config.faults import ConfigError, ConfigFault
from gateway.config.load import DEFAULT_FILE, Configure, load, to_accounts
from gateway.config.settings import (
    AccountSettings,
    DatabaseSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    MediaSettings,
    MoneySettings,
    Network,
    NetworkSettings,
    RetentionSettings,
    RouteSettings,
    ServerSettings,
    Settings,
    WatchSettings,
    WebhookSettings,
    is_loopback,
)
from gateway.config.show import effective, settings_table

__all__ = [
    "DEFAULT_FILE",
    "AccountSettings",
    "ConfigError",
    "ConfigFault",
    "Configure",
    "DatabaseSettings",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "MediaSettings",
    "MoneySettings",
    "Network",
    "NetworkSettings",
    "RetentionSettings",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "WatchSettings",
    "WebhookSettings",
    "effective",
    "is_loopback",
    "load",
    "settings_table",
    "to_accounts",
]
