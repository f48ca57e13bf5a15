"""Schema revisions, forward only, applied by Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

HERE = Path(__file__).parent


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to `revision` on an open connection."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def found(connection: Connection) -> str | None:
    """The revision that the schema is at; None where there is none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The newest revision that this version knows."""
    head = _revisions().get_current_head()
    assert head is not None  # noqa: S101 - the folder is part of the package
    return head


def is_known(revision: str) -> bool:
    """Whether this version knows the revision: one that it does not know is a later one."""
    return revision in {script.revision for script in _revisions().walk_revisions()}


def _revisions() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
