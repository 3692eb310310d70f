"""ATT&CK: the techniques and tactics a rule's tags name, under the ids of today.

Withdrawn ids lead to their successors (``attack.toml``); an unknown one is kept and shown.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final

import msgspec

_TECHNIQUE: Final = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_OBJECT: Final = re.compile(r"attack\.(?:g|s|ds|m|a|ta|c)\d{4}", re.IGNORECASE)
"""Groups, software, data sources, mitigations, assets, campaigns: kept among the other tags."""

_TACTIC: Final = re.compile(r"attack\.([a-z][a-z_-]*)", re.IGNORECASE)

REDIRECTS_MAX: Final = 8
"""Successors of successors: there are three at most today, and a circle must end."""


class Redirects(msgspec.Struct, frozen=True, kw_only=True):
    """What became of withdrawn ids."""

    version: str
    tactics: dict[str, str]
    techniques: dict[str, str]
    impairment: Impairment


class Impairment(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a withdrawn tactic that went elsewhere, known by its techniques."""

    tactic: str
    techniques: tuple[str, ...]


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's tags, told apart."""

    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    redirected: tuple[tuple[str, str], ...] = ()
    """(as the rule has it, as it is called today)"""


@cache
def redirects() -> Redirects:
    """The shipped table."""
    raw = resources.files("analytics").joinpath("sigma", "attack.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(raw), Redirects)


def technique(name: str) -> str:
    """The id of today; an unknown one as it is, in capitals."""
    current = name.upper()
    for _ in range(REDIRECTS_MAX):
        following = redirects().techniques.get(current)
        if following is None:
            break
        current = following
    return current


def normalise(tags: Iterable[str]) -> Tags:
    """The tags of a rule under the names of today."""
    techniques: dict[str, None] = {}
    tactics: list[str] = []
    others: list[str] = []
    changed: dict[tuple[str, str], None] = {}
    for tag in tags:
        if found := _TECHNIQUE.fullmatch(tag):
            current = technique(found[1])
            techniques[current] = None
            if current != found[1].upper():
                changed[found[1].upper(), current] = None
        elif not _OBJECT.fullmatch(tag) and (found := _TACTIC.fullmatch(tag)):
            tactics.append(found[1].lower().replace("_", "-"))
        else:
            others.append(tag)
    named: dict[str, None] = {}
    for tactic in tactics:
        for current in _tactic(tactic, techniques):
            named[current] = None
            if current != tactic:
                changed[tactic, current] = None
    return Tags(
        techniques=tuple(techniques),
        tactics=tuple(named),
        others=tuple(others),
        redirected=tuple(changed),
    )


def _tactic(name: str, techniques: Iterable[str]) -> tuple[str, ...]:
    """A withdrawn tactic by what the rule's techniques say; all it became where they are mixed."""
    table = redirects()
    current = table.tactics.get(name)
    if current is None:
        return (name,)
    kinds = {
        table.impairment.tactic if one.split(".")[0] in table.impairment.techniques else current
        for one in techniques
    }
    return tuple(sorted(kinds)) if table.impairment.tactic in kinds else (current,)
