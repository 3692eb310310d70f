"""Hall: hands each call to its application's signing process, in the event loop of the API process.

An application always meets the same process, so that its nonces and its quota have one keeper.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Final

from crypto import sm3
from dashboard_api.applications.model import Operation
from dashboard_api.services import Measure
from dashboard_api.signing.authorization import application_of
from dashboard_api.signing.call import Call, Reply
from dashboard_api.signing.heads import Head
from dashboard_api.signing.slot import Child, Slot

CLAIMS_MAX: Final = 4096
"""Names callers claim whose slot is remembered: they need not be true."""


class Hall:
    """Hands calls to signing processes. All of it belongs to one event loop but ``failures``."""

    def __init__(
        self,
        *,
        workers: int,
        start: Callable[[int], Child],
        sign: Callable[[int, Head], object],
    ) -> None:
        """``start`` makes the process of a slot, ``sign`` signs where its journal stands.

        Both wait for the disk, and run in threads; for one slot never two at a time.
        """
        self._slots = [Slot(number, start, sign) for number in range(workers)]
        self._of_claims: dict[str, Slot] = {}
        self._ids = itertools.count(1)

    async def call(
        self,
        operation: Operation,
        *,
        method: str,
        target: str,
        authorization: str,
        languages: str,
        body: bytes,
        key: str = "",
        form: str = "",
    ) -> Reply:
        """The answer of the caller's signing process, or why there is none; never raises."""
        slot = self._slot(authorization)
        call = Call(
            next(self._ids), operation, method, target, authorization, languages, body, key, form
        )
        return await slot.answer(call)

    def failures(self) -> Sequence[str]:
        """Codes of what stands still: signing that has stopped, a process that dies again."""
        return list(dict.fromkeys(code for slot in self._slots if (code := slot.failure)))

    def measures(self) -> Sequence[Measure]:
        """How many calls wait, and how many processes died that nobody had stopped."""
        return [
            Measure("fengsui_dashboard_api_signing_waiting", self.waiting, {}),
            Measure("fengsui_dashboard_api_signing_restarts_total", self.restarts, {}),
        ]

    @property
    def restarts(self) -> int:
        """How many processes died that nobody had stopped."""
        return sum(slot.restarts for slot in self._slots)

    @property
    def waiting(self) -> int:
        """How many calls wait for an answer."""
        return sum(slot.waiting for slot in self._slots)

    async def close(self) -> None:
        """Let every process finish what it has, and end; returns once none is left."""
        await asyncio.gather(*(slot.close() for slot in self._slots))

    def _slot(self, authorization: str) -> Slot:
        claim = application_of(authorization)
        slot = self._of_claims.get(claim)
        if slot is None:
            number = int.from_bytes(sm3.digest(claim.encode())[:8], "big") % len(self._slots)
            slot = self._slots[number]
            if len(self._of_claims) >= CLAIMS_MAX:
                self._of_claims.clear()
            self._of_claims[claim] = slot
        return slot
