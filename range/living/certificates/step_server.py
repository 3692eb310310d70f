"""Step server: a real step-ca, and the town's applications asking it."""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from district.certificates.step_ca import HOST, PORT
from district.certificates.surface import ServerWish
from district.town import Application

from living.certificates.step_client import Asking, StepClient
from living.certificates.step_log import StepLog
from living.certificates.step_pki import set_up
from living.ground import Ground

__all__ = ["StepServer"]


STATUS: Final[dict[ServerWish, int]] = {"sign": 201, "renew": 201, "refused": 401}


class StepServer:
    """:class:`district.certificates.surface.ServerCa` on the real product."""

    def __init__(
        self, ground: Ground, program: Path, dice: random.Random, *, host: str = HOST
    ) -> None:
        """Set it up and start it; raises RuntimeError when it does not answer."""
        folder = ground.scratch / "step-ca"
        path = ground.scratch / "logs" / "step-ca.log"
        pki = set_up(folder, address=host, port=PORT, now=dt.datetime.now(dt.UTC))
        # UTC as its containers have it; it looks for a home that it does not need.
        environment = {"TZ": "UTC", "HOME": str(folder)}
        command = (str(program), str(pki.settings))
        ground.run("step-ca", command, env=environment, log=path)
        ground.wait(host, PORT)
        self.log = StepLog(path)
        self._client = StepClient(pki, host=host, port=PORT, folder=folder / "clients")
        self._dice = dice

    def equip(self, applications: Iterable[Application]) -> None:
        """Give every server a first certificate; these requests are not recorded."""
        for app in applications:
            self._ask(app, "sign", recorded=False)

    def ask(self, now: int, app: Application, wish: ServerWish) -> None:
        """Raises RuntimeError where step-ca answers otherwise than it should."""
        del now
        self._ask(app, wish, recorded=True)

    def _ask(self, app: Application, wish: ServerWish, *, recorded: bool) -> None:
        true_s = time.time()
        asking = Asking(
            name=f"{app.app}.gov.example",
            source=app.addresses[0],
            agent=app.agent,
            request_id=str(uuid.UUID(int=self._dice.getrandbits(128), version=4)),
            token=f"{self._dice.getrandbits(256):064x}",
            now_s=int(true_s),
        )
        if recorded:
            self.log.asked(asking.request_id, true_s)
        status = self._client.ask(wish, asking)
        if status != STATUS[wish]:
            raise RuntimeError(f"step-ca: {wish} of {asking.name} answered {status}")
