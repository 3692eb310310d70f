"""Artefacts: rule sets, register versions and facts as bytes, named by their SM3.

A control message names the artefact; whoever holds the bytes may be anyone, for the name tells
whether they are the right ones. Stages of one process share what they have read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import msgspec

from analytics import facts
from analytics.facts import KnownFacts
from analytics.matching.port import Plan, Question
from analytics.roll import ROWS_MAX, Row, Spans, roll_of
from analytics.rule import Rule
from analytics.ruleset import ENGINE_VERSION, FILES_MAX, RuleSet
from crypto import sm3
from schema.compressed import compress, decompress
from schema.errors import FengsuiError
from schema.feed import Adopt, Control, Know, Watch

RULES_BYTES_MAX: Final = 256 * 1024 * 1024
"""Unpacked rules of one set: ten thousand files of a few kilobytes each."""

ROWS_BYTES_MAX: Final = 64 * 1024 * 1024
"""Unpacked rows of one watched register at its limit, with long keys."""

KEPT_MAX: Final = 8
"""Rule sets that are kept read: those in force, and the ones before them."""

LARGE_KEPT_MAX: Final = 2
"""Facts and rows that are kept read: stages come to the newest one after another."""

_Made = TypeVar("_Made")


class Artefacts(Protocol):
    """Holds artefacts."""

    def get(self, digest: str) -> bytes:
        """The artefact of that SM3 (hex); raises ``FengsuiError`` where it is not there."""


def name_of(raw: bytes) -> str:
    """The name of an artefact: SM3 of its bytes, hex."""
    return sm3.digest(raw).hex()


class _Rules(msgspec.Struct, frozen=True, array_like=True):
    engine_version: int
    digest: str
    rules: tuple[Rule, ...]


def rules_to_bytes(ruleset: RuleSet) -> bytes:
    """The artefact of a rule set, for ``Adopt``; raises ``analytics.stream.artefact_refused``."""
    form = _Rules(ENGINE_VERSION, ruleset.digest, ruleset.rules)
    return _written(msgspec.msgpack.encode(form), RULES_BYTES_MAX)


def rules_from_bytes(raw: bytes) -> RuleSet:
    """The rule set; raises ``analytics.stream.artefact_refused``, also for another engine's."""
    form = _read(raw, _Rules, RULES_BYTES_MAX)
    if form.engine_version != ENGINE_VERSION:
        raise _refused("the rules were compiled for another version of the engine")
    if len(form.rules) > FILES_MAX:
        raise _refused(f"{len(form.rules)} rules are over the limit of {FILES_MAX}")
    return _Shared(rules=form.rules, refused=(), digest=form.digest)


def rows_to_bytes(rows: Iterable[Row]) -> bytes:
    """The artefact of a register's version, for ``Watch``.

    Raises ``analytics.engine.register_large`` and ``analytics.stream.artefact_refused``.
    """
    some = list(rows)
    roll_of(some, 0)
    return _written(msgspec.msgpack.encode(some), ROWS_BYTES_MAX)


def rows_from_bytes(raw: bytes) -> list[Row]:
    """The rows; raises ``analytics.stream.artefact_refused``."""
    rows = _read(raw, list[Row], ROWS_BYTES_MAX)
    if len(rows) > ROWS_MAX:
        raise _refused(f"a watched register has at most {ROWS_MAX} rows")
    return rows


def _spans_from_bytes(raw: bytes) -> Mapping[str, Spans]:
    return roll_of(rows_from_bytes(raw), 0).spans


def _read(raw: bytes, form: type[_Made], size_max: int) -> _Made:
    try:
        return msgspec.msgpack.decode(decompress(raw, size_max), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise _refused(str(error)) from error


def _written(raw: bytes, size_max: int) -> bytes:
    """Packed; what no stage would read is not written: control that names it stops all of them."""
    if len(raw) > size_max:
        raise _refused(f"{len(raw)} bytes are over its limit of {size_max}")
    return compress(raw)


def _refused(why: str) -> FengsuiError:
    return FengsuiError("analytics.stream.artefact_refused", f"an artefact is refused: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared(RuleSet):
    """A rule set whose matchers are compiled once for all stages that ask the same."""

    plans: dict[tuple[tuple[int, int, int], ...], Plan] = field(
        default_factory=dict, compare=False, repr=False
    )

    def plan(self, questions: Sequence[Question]) -> Plan:
        # The conditions live as long as the rules do, so their places in memory name them.
        key = tuple((one.rule, one.bit, id(one.condition)) for one in questions)
        found = self.plans.get(key)
        if found is None:
            found = self.plans[key] = RuleSet.plan(self, questions)
        return found


NO_RULES: Final = _Shared(rules=(), refused=(), digest="")


class Library:
    """Artefacts as the stages of one process read them; for one thread."""

    def __init__(self, artefacts: Artefacts) -> None:
        self._artefacts = artefacts
        self._rules: dict[str, RuleSet] = {"": NO_RULES}
        self._facts: dict[str, KnownFacts] = {}
        self._spans: dict[str, Mapping[str, Spans]] = {}

    def fetch(self, controls: Iterable[Control]) -> None:
        """Read what control messages name, before anything follows from them.

        Raises what :class:`Artefacts` raise, and ``analytics.stream.artefact_refused``.
        """
        for control in controls:
            if isinstance(control, Adopt):
                self.rules(control.artefact)
            elif isinstance(control, Know):
                self.facts(control.artefact)
            elif isinstance(control, Watch):
                self.spans(control.artefact)

    def rules(self, name: str) -> RuleSet:
        """The rule set of an artefact."""
        return self._kept(self._rules, name, rules_from_bytes, KEPT_MAX)

    def facts(self, name: str) -> KnownFacts:
        """The registers and indicators of an artefact."""
        return self._kept(self._facts, name, facts.from_bytes, LARGE_KEPT_MAX)

    def spans(self, name: str) -> Mapping[str, Spans]:
        """Whom a register's version holds, and when."""
        return self._kept(self._spans, name, _spans_from_bytes, LARGE_KEPT_MAX)

    def _kept(
        self,
        kept: dict[str, _Made],
        name: str,
        make: Callable[[bytes], _Made],
        count_max: int,
    ) -> _Made:
        found = kept.get(name)
        if found is None:
            raw = self._artefacts.get(name)
            if name_of(raw) != name:
                raise _refused("its bytes are not those its name is made of")
            found = kept[name] = make(raw)
            for old in [one for one in kept if one][:-count_max]:
                del kept[old]
        return found
