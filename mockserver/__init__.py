"""Mock providers for offline testing: Pictory AI Studio and useapi.net PixVerse, on their own wire.

In process, in virtual time:

```python
mock = MockServer(Settings(clock="manual"))
async with (
    mock,
    httpx.AsyncClient(
        transport=httpx.ASGITransport(app=mock.app), base_url="http://mock.test"
    ) as client,
):
    ...  # submit to /pictoryapis/v1/aistudio/videos
    await mock.advance(50)  # returns when every callback has been answered
    assert mock.ledger.total == {"pictory": 128}
```

Served: `python -m mockserver --port 8090 --speed 10`.

Public names: `MockServer` (`app`, `advance`, `accounts`, `reset`, `aclose`, `clock`, `jobs`,
`ledger`, `journal`, `media`), `Settings`, `Account`, `create_app`, and `ReplyLost`, which a client
gets in process where over a socket the connection would break.

What goes wrong is scripted by triggers, all in `mockserver.triggers`; what is documented and what
is not stands in the OpenAPI documents under `/__mock/openapi/`.
"""

from mockserver.app import MockServer, create_app
from mockserver.http import ReplyLost
from mockserver.settings import Account, Settings

__all__ = ["Account", "MockServer", "ReplyLost", "Settings", "create_app"]
