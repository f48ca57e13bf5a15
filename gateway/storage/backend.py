"""What each kind of database does in its own way; `Database` does the rest."""

from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

from sqlalchemy import Connection, Engine

Dialect: TypeAlias = Literal["sqlite", "postgresql"]


class Backend(Protocol):
    """One kind of database, opened."""

    dialect: Dialect
    name: str
    """What to call it before people; holds no password."""
    writer: Engine
    """Each transaction on it holds the right to write, of which there is one, from its start."""
    reader: Engine
    """Each transaction on it sees the database as it was at one moment."""

    @property
    def outdated_library(self) -> str | None:
        """The version of the library where it is one to warn about."""

    @property
    def holds_life(self) -> bool:
        """Whether the proof that this replica lives is held, as far as is known here."""

    def live(self, replica: str) -> None:
        """Begin to hold the proof that `replica`, this process, lives.

        Raises:
            StorageError: Somebody else holds it, or the database is away.
        """

    def lives(self, connection: Connection, replica: str) -> bool:
        """Whether somebody holds the proof that `replica` lives."""

    def time(self, connection: Connection) -> int:
        """Microseconds since 1970, UTC, by the clock that all replicas share."""

    def version(self, connection: Connection) -> str:
        """Name and version of the engine."""

    def faults(self, connection: Connection, *, quick: bool) -> list[str]:
        """What is damaged, as far as the engine can find it out."""

    def migrating(self) -> AbstractContextManager[Connection]:
        """A connection with the right to write, and the time that changes of tables take."""

    def is_whole(self, connection: Connection) -> bool:
        """Whether all that its transaction did so far can still be committed."""

    def translated(self, error: Exception) -> Exception:
        """An error of the driver's as one of ours, without statement, values and password."""

    def may_be_stored(self, error: Exception) -> bool:
        """Whether a commit that ended with this error may have been made all the same."""

    def close(self) -> None:
        """Let everything go."""
