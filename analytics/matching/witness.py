"""Witness: for each condition a small set of atoms of which one holds wherever the condition does.

Only where a witness may hold is a condition asked at all. Which sets are small is guessed from the
rules alone: long texts are rarer than short ones, and a text that many rules name is a common one.
A wrong guess costs time, never an answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final, TypeAlias

from analytics.expression import All, Atom, Node, Not, atoms
from analytics.matching.literals import Wanted, literals

_PRESENT_COST: Final = 1e6
"""Atoms without a literal that hold for most values: the field is there, or related to another."""

_TESTED_COST: Final = 50.0
"""Networks, comparisons and expressions without a literal: rare, but each value must be tested."""

_PLACE_COST: Final = {"whole": 2.0, "start": 2.0, "end": 2.0, "anywhere": 1.0}
_SHORT_COST: Final = (400.0, 400.0, 100.0, 30.0, 8.0, 4.0, 2.0, 1.5)
"""By the length of a text that may stand anywhere. With these, about seven of 1,183 conditions are
asked of a recorded process start."""

_ORDINARY: Final = r"""
c:\windows\system32\svchost.exe -k netsvcs -p | "c:\program files (x86)\microsoft\edge\msedge.exe"
c:\windows\explorer.exe | c:\users\user\appdata\local\temp\ | cmd.exe /c | powershell.exe -command
microsoft corporation | microsoft® windows® operating system | windows | nt authority\system
nt authority\local service | administrator | -- | http://www. | https:// | .com/ | .dll | .log
/usr/bin/ | /usr/sbin/ | /bin/sh -c | /bin/bash | /etc/ | /var/log/ | /tmp/ | /home/user/ | root
md5=,sha256=,imphash= | get / http/1.1 | mozilla/5.0 (windows nt 10.0; win64; x64)
"""
"""A glance at what honest machines write. A text that stands here is a poor witness."""

_ORDINARY_COST: Final = 100.0
"""How much poorer."""

_NEVER_SMALL: Final = (math.inf, ())
Choice: TypeAlias = tuple[float, tuple[Atom, ...]]


class Witnesses:
    """Chooses witnesses by what all conditions name."""

    def __init__(self, conditions: Iterable[Node]) -> None:
        self._literals: dict[Atom, tuple[Wanted, ...]] = {}
        self._named: Counter[str] = Counter()
        self._costs: dict[Atom, float] = {}
        for condition in conditions:
            texts: set[str] = set()
            for atom in atoms(condition):
                if atom not in self._literals:
                    self._literals[atom] = literals(atom)
                texts.update(wanted.text for wanted in self._literals[atom])
            self._named.update(texts)
        self._atoms_of = Counter(atom.field for atom in self._literals)

    def literals(self, atom: Atom) -> tuple[Wanted, ...]:
        """As :func:`analytics.matching.literals.literals`."""
        return self._literals[atom]

    def of(self, condition: Node) -> tuple[Atom, ...] | None:
        """The witnesses of a condition; None where it may hold without any true atom."""
        cost, chosen = self._choose(condition, denied=False)
        return None if cost == math.inf else chosen

    def _choose(self, node: Node, *, denied: bool) -> Choice:
        if isinstance(node, Atom):
            return _NEVER_SMALL if denied else (self._cost(node), (node,))
        if isinstance(node, Not):
            return self._choose(node.item, denied=not denied)
        parts = [self._choose(item, denied=denied) for item in node.items]
        if isinstance(node, All) is not denied:
            return min(parts, key=lambda part: part[0], default=_NEVER_SMALL)
        cost = sum(part[0] for part in parts)
        return cost, tuple(atom for part in parts for atom in part[1])

    def _cost(self, atom: Atom) -> float:
        cost = self._costs.get(atom)
        if cost is None:
            cost = self._costs[atom] = sum(map(self._literal_cost, self._literals[atom]))
            if not cost:
                cost = self._costs[atom] = self._cost_without_literal(atom)
        return cost

    def _literal_cost(self, wanted: Wanted) -> float:
        cost = _PLACE_COST[wanted.place]
        if wanted.place == "anywhere" and len(wanted.text) < len(_SHORT_COST):
            cost = _SHORT_COST[len(wanted.text)]
        if wanted.text in _ORDINARY:
            cost *= _ORDINARY_COST
        return cost * self._named[wanted.text]

    def _cost_without_literal(self, atom: Atom) -> float:
        if atom.op == "number":
            return 2.0 * self._atoms_of[atom.field]
        if atom.op in ("cidr", "regex", "lt", "lte", "gt", "gte"):
            return _TESTED_COST
        return _PRESENT_COST
