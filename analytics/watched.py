"""Watched: the versions of the registers absence rules read, and the words they have for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from analytics.keys.state import Evaluator
from analytics.memory import NEVER, Hit
from analytics.patterns import Absence
from analytics.roll import Roll, changes, hits
from schema.errors import FengsuiError

PREFIX: Final = "register"

Word: TypeAlias = tuple[Evaluator, str, Sequence[Hit], Sequence[Hit]]
"""(rule, entity, hits that are taken back, hits that come)"""


class Watched:
    """Versions of each watched register: that in force, and those that lie ahead."""

    def __init__(self) -> None:
        self._rolls: dict[str, list[Roll]] = {}
        self._changed: dict[str, None] = {}

    @property
    def spoken_for(self) -> int:
        """When the newest of all versions takes effect."""
        return max((one[-1].effective_at for one in self._rolls.values() if one), default=-NEVER)

    def newest(self, register: str) -> int:
        """From when on the newest version watched is in force; long ago for none."""
        rolls = self._rolls.get(register)
        return rolls[-1].effective_at if rolls else -NEVER

    def watch(
        self, register: str, roll: Roll, evaluators: Sequence[Evaluator], rules_since: int
    ) -> Iterator[Word]:
        """What a version from its effective time on says to the rules that watch the register.

        Raises ``analytics.engine.register_late`` where it does not follow the one before it.
        """
        before_it = max(self.newest(register), rules_since)
        if before_it > -NEVER and roll.effective_at <= before_it:
            raise FengsuiError(
                "analytics.engine.register_late",
                f"a version of register {register} takes effect after the one before it "
                "and after the newest rules",
                register=register,
            )
        rolls = self._rolls.setdefault(register, [])
        before = rolls[-1] if rolls else None
        rolls.append(roll)
        self._changed[register] = None
        return self._words(register, before, roll, evaluators)

    @staticmethod
    def _words(
        register: str, before: Roll | None, roll: Roll, evaluators: Sequence[Evaluator]
    ) -> Iterator[Word]:
        for one in evaluators:
            pattern = one.rule.pattern
            if (
                isinstance(pattern, Absence)
                and pattern.register == register
                and one.until > roll.effective_at
            ):
                for entity, gone, found in changes(before, roll, one.since):
                    yield one, entity, gone, found

    def tell(self, fresh: Iterable[Evaluator], since: int) -> Iterator[Word]:
        """What the versions say to rules that begin at that time."""
        for one in fresh:
            pattern = one.rule.pattern
            if isinstance(pattern, Absence):
                for entity, found in hits(self._rolls.get(pattern.register, ()), since):
                    yield one, entity, (), found

    def retire(self, settled: int) -> None:
        """Let go of versions that nothing can be judged by any more."""
        for register, rolls in self._rolls.items():
            while len(rolls) > 1 and rolls[1].effective_at <= settled:
                rolls.pop(0)
                self._changed[register] = None

    def snapshot(self) -> Iterator[tuple[str, bytes]]:
        """Entries changed since last asked."""
        for register in self._changed:
            yield f"{PREFIX}/{register}", msgspec.msgpack.encode(self._rolls[register])
        self._changed.clear()

    def restore(self, register: str, raw: bytes) -> None:
        """Take over one entry; raises ``msgspec.DecodeError``."""
        self._rolls[register] = msgspec.msgpack.decode(raw, type=list[Roll])
