"""The mocked providers: a new one is a row here."""

from mockserver.pictory.provider import Pictory
from mockserver.pixverse.provider import Pixverse
from mockserver.provider import Provider

PROVIDERS: tuple[type[Provider], ...] = (Pictory, Pixverse)
