"""`filmgate mock`: the mock providers alone, for anybody's test suite."""

from copy import copy

from mockserver.cli import main

__all__ = ["command"]

command = copy(main)
command.short_help = "Run the mock providers alone."
