"""Attacks: how each of the use cases DX01 to DX20 and X05 is carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

from district.calendar import SECOND_US
from district.deed import Deed
from district.episode import Episode, Plan
from district.sharing.evidence import Evidence
from district.sharing.intrusion import Intrusion
from district.sharing.misuse import Misuse
from district.sharing.moves import Move
from district.sharing.parties import Parties
from district.system import Attack, Occasion
from district.town import Town

__all__ = ["all_of"]

_Hours = Literal["office", "evening", "night", "off", "any"]
_Make = Callable[[Occasion], Move]


def all_of(town: Town, parties: Parties) -> tuple[Attack, ...]:
    """The attacks, each with the hours it is carried out in."""
    misuse, intrusion, evidence = (
        Misuse(town, parties), Intrusion(town, parties), Evidence(town, parties),
    )  # fmt: skip
    table: tuple[tuple[str, _Make, _Hours, int], ...] = (
        ("DX01", misuse.ended_grant, "office", 1),
        ("DX02", intrusion.bad_signatures, "any", 1),
        ("DX03", intrusion.replay, "any", 1),
        ("DX04", intrusion.stolen_key, "evening", 1),
        ("DX05", misuse.over_quota, "office", 1),
        ("DX06", misuse.number_walk, "off", 1),
        ("DX07", misuse.extra_fields, "office", 1),
        ("DX08", misuse.bulk, "office", 1),
        ("DX09", misuse.fetch_and_send, "off", 1),
        ("DX10", intrusion.hidden_interface, "any", 1),
        ("DX11", intrusion.probing, "office", 1),
        ("DX12", intrusion.injection, "any", 1),
        ("DX13", intrusion.call_back_inside, "any", 1),
        ("DX14", misuse.decoy, "office", 1),
        ("DX15", misuse.low_system, "office", 1),
        ("DX16", misuse.mosaic, "office", 8),
        ("DX17", misuse.asked_by_many, "office", 2),
        ("DX18", misuse.script, "office", 1),
        ("DX19", evidence.silence, "any", 1),
        ("DX20", evidence.broken_chain, "any", 1),
        ("X05", evidence.classified, "office", 1),
    )
    return tuple(
        Attack(use_case=use_case, plan=_plan(use_case, make), hours=hours, span_days=span)
        for use_case, make, hours, span in table
    )


def _plan(use_case: str, make: _Make) -> Callable[[Occasion], Plan]:
    def plan(occasion: Occasion) -> Plan:
        move = make(occasion)
        deeds = [Deed(at=at, system="sharing", act=act) for at, act in move.acts]
        # Logs write milliseconds, the gateway seconds: its first line may lie before the deed.
        first = min(occasion.start, *(deed.at for deed in deeds))
        return Plan(
            Episode(
                id=f"{use_case}/{occasion.id}",
                use_case=use_case,
                kind="attack" if occasion.strength >= FULL else "below",
                start=first - first % SECOND_US,
                end=max(deed.at for deed in deeds) + move.slack_us,
                strength=occasion.strength,
                entities=_names(move.entities),
            ),
            deeds,
        )

    return plan


def _names(entities: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entities))


FULL: Final = 1000
"""Permille of the threshold from which on it must be found."""
