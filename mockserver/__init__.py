"""Mock providers for offline testing: Pictory AI Studio and useapi.net PixVerse, on their own wire.

In process, in virtual time:

```python
world = World(settings=Settings(clock="frozen"))
async with (
    world,
    httpx.AsyncClient(
        transport=httpx.ASGITransport(app=world.app), base_url="http://mock.test"
    ) as client,
):
    ...  # submit to /pictoryapis/v1/aistudio/videos
    await world.advance(50)  # returns when every callback has been answered
    assert world.ledger.total == {"pictory": 128}
```

Served, with a world for each API key: `python -m mockserver --port 8090 --speed 10`.

Public names: `World`, `MockServer`, `Settings`, `Account`, `create_app`, `NeverError`, and
`ReplyLost`, which a client gets in process where over a socket the connection would break.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.app import MockServer, create_app
    from mockserver.settings import Account, Settings
    from mockserver.waiting import NeverError
    from mockserver.wire.http import ReplyLost
    from mockserver.world import World
else:
    # Made when first asked for: pytest loads the plugin below this package at every start.
    HOMES = {
        "Account": "settings",
        "MockServer": "app",
        "NeverError": "waiting",
        "ReplyLost": "wire.http",
        "Settings": "settings",
        "World": "world",
        "create_app": "app",
    }

    def __getattr__(name: str) -> object:
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
        globals()[name] = found
        return found


__all__ = [
    "Account",
    "MockServer",
    "NeverError",
    "ReplyLost",
    "Settings",
    "World",
    "create_app",
]
