"""Gateways of a history: the engine as it is, on the doubles of what surrounds it."""

import asyncio
import base64
import math
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
from PIL import Image

from gateway.config.settings import RouteSettings
from gateway.engine.links import Links
from gateway.engine.loop import Engine
from gateway.engine.tools import Pace, Tools
from gateway.model.job import Job
from gateway.model.parse import Parsed, parse_create
from gateway.model.request import CreateVideo
from gateway.routing.money import money
from gateway.routing.routes import Routes
from gateway.storage.media import MediaStore
from mockserver.pictory import EXAMPLE_KEY
from mockserver.pixverse import EXAMPLE_TOKEN
from providers.contract import Account, Secret
from providers.registry import ADAPTERS
from tests.simulation.disk import Disk, SimDatabase
from tests.simulation.loop import Process
from tests.simulation.plan import Plan
from tests.simulation.wires import GATE, MOCK, Net, Wires

EMAIL: Final = "ops@example.com"
SETTLE: Final = 120.0
"""Longer than any request of the mock's is late, and than a gateway may wait before it sends."""
DEADLINE: Final = 250.0


def _picture() -> str:
    out = BytesIO()
    Image.new("RGB", (64, 36), "orange").save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


PICTURE: Final = _picture()
ACCOUNTS: Final[Mapping[str, dict[str, Any]]] = {
    "pictory": {"key": Secret(EXAMPLE_KEY), "base_url": f"{MOCK}/pictoryapis"},
    "useapi-pixverse": {
        "key": Secret(EXAMPLE_TOKEN),
        "base_url": f"{MOCK}/v2/pixverse",
        "email": EMAIL,
    },
}


class Clock:
    """Everybody's clock: the database's."""

    def __init__(self, disk: Disk) -> None:
        self.now = disk.now


class Gateway:
    """One process with an engine in it."""

    def __init__(self, plan: Plan, disk: Disk, net: Net, folder: Path, number: int) -> None:
        self.process = Process(f"gateway {number}")
        self.database = SimDatabase(disk, self.process)
        media = MediaStore(folder)
        media.sweep(0.0 if plan.shared else math.inf)
        rng = Random(f"gateway {plan.seed} {number}")
        accounts = _accounts(tuple((name, most) for name, (most, _) in plan.limits.items()))
        self.tools = Tools(
            database=self.database.typed(),
            media=media,
            upstream=Wires(net, self.process).typed(),
            clock=Clock(disk),
            rng=rng,
            sleep=asyncio.sleep,
            adapters=ADAPTERS,
            accounts={account.name: account for account in accounts},
            routes=routes(tuple(plan.limits)),
            links=links(),
            pace=Pace(
                poll_seconds=25.0,
                deadline_seconds=DEADLINE,
                rest_seconds=60.0,
                stalled_seconds=200.0,
                settle_seconds=SETTLE,
                lease_seconds=300.0 if plan.shared else 400.0,
                retention_seconds=plan.retention_seconds,
            ),
            render=_render,
            host="here",
        )
        self.engine = Engine(self.tools)


def _render(job: Job, history: object) -> bytes:
    del history
    return msgspec.json.encode({"id": job.id, "phase": job.phase.value})


@lru_cache
def _accounts(limits: tuple[tuple[str, int], ...]) -> tuple[Account, ...]:
    return tuple(
        Account(name=f"{name}-a", provider=name, max_jobs=most, **ACCOUNTS[name])
        for name, most in limits
    )


def links() -> Links:
    """Where a gateway says it can be called back."""
    return Links(base=GATE, key="key")


@lru_cache
def routes(providers: tuple[str, ...]) -> Routes:
    """One way to all that these providers make."""
    tables = {name: ADAPTERS[name].capabilities for name in providers}
    made = Routes(
        providers=tables,
        routes={},
        public_url=True,
        money=money("USD", {}, tables),
        known=tuple(ADAPTERS),
    )
    every = RouteSettings(targets=made.targets())
    return msgspec.structs.replace(made, routes={"default": every})


def request_of(body: dict[str, object]) -> CreateVideo:
    """A request as the API would read it; "picture" is one that comes with it."""
    if body.get("first_frame") == "picture":
        body = {**body, "first_frame": PICTURE}
    parsed = parse_create(body, plain_http=lambda _: True)
    assert isinstance(parsed, Parsed), parsed
    return parsed.request
