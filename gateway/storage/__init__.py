"""The database and the media on disk: tables, statements, migrations, one writer.

A statement is a function of a connection; several of them make a transaction when they
run inside one function handed to `Database.write`.
"""

from sqlalchemy import Connection

from gateway.storage.database import Database
from gateway.storage.errors import BrokenRuleError, StorageError, UncertainError

__all__ = ["BrokenRuleError", "Connection", "Database", "StorageError", "UncertainError"]
