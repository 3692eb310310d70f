"""Correlation: a Sigma ``correlation`` document as plain data, with every rule it names found.

What the kinds mean over time is the engine's; here the document is read, checked and resolved.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, Literal, TypeAlias, cast, get_args

import msgspec

from analytics.language import truth
from analytics.language.truth import Truth
from analytics.sigma.lines import pointer, refused, within
from schema.alert import SEVERITIES
from schema.times import DAY, HOUR, MINUTE, SECOND

Kind: TypeAlias = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
]
Comparator: TypeAlias = Literal["gt", "gte", "lt", "lte", "eq", "neq"]

KINDS: Final[tuple[str, ...]] = get_args(Kind)
COMPARATORS: Final[tuple[str, ...]] = get_args(Comparator)
TEMPORAL: Final = frozenset({"temporal", "temporal_ordered"})

TIMESPAN_MAX_US: Final = 400 * DAY
"""Longest time a correlation may look back: a year and the weeks it is compared with."""

RULES_MAX: Final = 16
"""Rules one correlation names; each is a step of the engine's rule."""

GROUP_FIELDS_MAX: Final = 5
"""Fields that tell groups apart together."""

MEDIAN: Final = 50

_TIMESPAN: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_KEYS: Final = frozenset(
    {"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"}
)


class Comparison(msgspec.Struct, frozen=True):
    """One bound on the number that is measured."""

    op: Comparator
    value: int | float


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A name under which events are told apart, and its field in the events of each rule."""

    name: str
    fields: dict[str, str]
    """By id of the rule. For a correlation among the rules it is the name of a group of its own."""


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation document. Times in microseconds; rules by id."""

    id: str
    name: str = ""
    title: str
    description: str = ""
    level: str = ""
    status: str = ""
    author: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    kind: Kind
    rules: tuple[str, ...]
    """In the order they are written, which ``temporal_ordered`` asks for."""
    group_by: tuple[Group, ...] = ()
    timespan_us: int
    comparisons: tuple[Comparison, ...] = ()
    """All must hold. Of temporal kinds: how many of the rules must have fired."""
    fields: dict[str, tuple[str, ...]] = {}
    """What is measured, by id of the rule; of ``value_count`` several fields are one value."""
    percentile: float | None = None
    """Which one; None for the specification's own reading, the share of a value in percent."""
    condition: Truth | None = None
    """Of temporal kinds, a condition over the rules instead of how many."""
    generate: bool = False
    """Whether the rules it names fire alone as well."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that a correlation may name."""

    id: str
    name: str
    correlation: bool
    field_name: Callable[[str], str | None]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation document before the rules it names are found."""

    id: str
    name: str
    wanted: tuple[str, ...]
    plain: dict[str, object]


Find: TypeAlias = Callable[[str], Named]
"""The rule of an id or name; raises ``analytics.rule.refused``."""


def head(plain: Mapping[str, object]) -> Head:
    """Who it is and which rules it names; raises ``analytics.rule.refused``."""
    section = _section(plain)
    wanted = section.get("rules")
    if wanted is None and isinstance(section.get("condition"), str):
        with within("correlation", "condition"):
            names = dict.fromkeys(truth.rules(truth.parse(str(section["condition"]))))
        wanted = list(names)
    names_given = [wanted] if isinstance(wanted, str) else wanted
    listed = _texts(names_given, "rules", pointer("correlation", "rules"))
    if not 1 <= len(listed) <= RULES_MAX or len(set(listed)) != len(listed):
        raise refused(
            f"a correlation names 1 to {RULES_MAX} rules, each once",
            pointer("correlation", "rules"),
        )
    if not isinstance(plain.get("title"), str):
        raise refused("a correlation needs a title", pointer("title"))
    if plain.get("level") not in (None, *SEVERITIES):
        raise refused(f"a level is one of {', '.join(SEVERITIES)}", pointer("level"))
    name, identity = str(plain.get("name") or ""), str(plain.get("id") or "")
    if not (identity or name):
        raise refused("a correlation needs an id or a name", pointer("title"))
    return Head(id=identity or name, name=name, wanted=listed, plain=dict(plain))


def compile_correlation(head: Head, find: Find) -> Correlation:
    """The correlation with its rules found; raises ``analytics.rule.refused`` with a pointer."""
    plain, section = head.plain, _section(head.plain)
    kind = section.get("type")
    if kind not in KINDS:
        raise refused(f"a correlation's type is one of {', '.join(KINDS)}", _p("type"))
    unknown = section.keys() - _KEYS
    if unknown:
        first = sorted(unknown)[0]
        raise refused(f"unknown key {first!r} in a correlation", _p(first))
    found: dict[str, Named] = {}
    for place, reference in enumerate(head.wanted):
        with within("correlation", "rules", place):
            found[reference] = find(reference)
    measure = _Measure(section, cast("Kind", kind), found)
    return Correlation(
        id=head.id,
        name=head.name,
        title=str(plain["title"]),
        description=str(plain.get("description") or ""),
        level=str(plain.get("level") or ""),
        status=str(plain.get("status") or ""),
        author=str(plain.get("author") or ""),
        license=str(plain.get("license") or ""),
        tags=_texts(plain.get("tags") or [], "tags", pointer("tags")),
        falsepositives=_texts(
            _listed(plain.get("falsepositives")), "falsepositives", "/falsepositives"
        ),
        kind=cast("Kind", kind),
        rules=tuple(rule.id for rule in found.values()),
        group_by=_groups(section, found),
        timespan_us=_timespan(section.get("timespan")),
        comparisons=measure.comparisons(),
        fields=measure.fields(),
        percentile=measure.percentile(),
        condition=measure.condition(),
        generate=_generate(plain, section),
    )


class _Measure:
    """The ``condition``: what is measured, and its bounds."""

    def __init__(self, section: dict[str, object], kind: Kind, found: dict[str, Named]) -> None:
        self._kind, self._found = kind, found
        given = section.get("condition")
        if given is None and kind not in TEMPORAL:
            raise refused(f"a correlation of type {kind} needs a condition", _p("type"))
        if isinstance(given, str) and kind not in TEMPORAL:
            raise refused("only temporal kinds have a condition over rules", _p("condition"))
        if given is not None and not isinstance(given, str | dict):
            raise refused("a condition is a map or, over rules, a text", _p("condition"))
        self._text = given if isinstance(given, str) else None
        self._map: dict[str, object] = given if isinstance(given, dict) else {}
        for key in self._map:
            if key not in COMPARATORS and key not in ("field", "percentile"):
                raise refused(f"unknown key {key!r} in a condition", _p("condition", key))
        if isinstance(given, dict) and not self._map.keys() & set(COMPARATORS):
            raise refused(f"a condition needs one of {', '.join(COMPARATORS)}", _p("condition"))

    def comparisons(self) -> tuple[Comparison, ...]:
        bounds = []
        for key, value in self._map.items():
            if key in COMPARATORS:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                if not number or not math.isfinite(cast("float", value)):
                    raise refused(f"{key} is no number", _p("condition", key))
                bounds.append(Comparison(cast("Comparator", key), cast("float", value)))
        if self._kind in TEMPORAL and self._text is None and not bounds:
            return (Comparison("gte", len(self._found)),)
        return tuple(bounds)

    def fields(self) -> dict[str, tuple[str, ...]]:
        given = self._map.get("field")
        at = _p("condition", "field")
        if not self._kind.startswith("value_"):
            if given is not None:
                raise refused(f"a correlation of type {self._kind} measures no field", at)
            return {}
        names = _texts(_listed(given), "field", at)
        if not names:
            raise refused(f"a correlation of type {self._kind} needs a field", _p("condition"))
        if len(names) > 1 and self._kind != "value_count":
            raise refused(f"a correlation of type {self._kind} measures one field", at)
        return {
            rule.id: tuple(_field(rule, name, at) for name in names)
            for rule in self._found.values()
        }

    def percentile(self) -> float | None:
        given = self._map.get("percentile")
        at = _p("condition", "percentile")
        if self._kind == "value_median":
            if given not in (None, MEDIAN):
                raise refused(f"a median is the percentile {MEDIAN}", at)
            return float(MEDIAN)
        if given is None:
            return None
        if self._kind != "value_percentile":
            raise refused(f"a correlation of type {self._kind} has no percentile", at)
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 100:
            raise refused("a percentile is a number between 0 and 100", at)
        return float(given)

    def condition(self) -> Truth | None:
        if self._text is None:
            return None
        with within("correlation", "condition"):
            tree = truth.parse(self._text)
            named = set(truth.rules(tree))
            odd = sorted(named ^ self._found.keys())
            if odd:
                raise refused(f"rules and condition differ in {', '.join(odd)}")
            return truth.named(tree, {name: rule.id for name, rule in self._found.items()})


def _groups(section: dict[str, object], found: dict[str, Named]) -> tuple[Group, ...]:
    at = _p("group-by")
    names = _texts(_listed(section.get("group-by")), "group-by", at)
    if len(names) > GROUP_FIELDS_MAX or len(set(names)) != len(names):
        raise refused(f"group-by has at most {GROUP_FIELDS_MAX} fields, each once", at)
    aliases = _aliases(section, found)
    for alias in aliases:
        if alias not in names:
            raise refused(f"alias {alias!r} is not in group-by", _p("aliases", alias))
    groups = []
    for name in names:
        fields = {}
        for reference, rule in found.items():
            field = aliases.get(name, {}).get(reference)
            if name in aliases and field is None:
                raise refused(
                    f"alias {name!r} says nothing of rule {reference!r}", _p("aliases", name)
                )
            fields[rule.id] = _field(rule, field or name, at)
        groups.append(Group(name=name, fields=fields))
    return tuple(groups)


def _aliases(section: dict[str, object], found: dict[str, Named]) -> dict[str, dict[str, str]]:
    given = section.get("aliases") or {}
    if not isinstance(given, dict):
        raise refused("aliases is a map of maps", _p("aliases"))
    by_any = {key: ref for ref, rule in found.items() for key in (ref, rule.id, rule.name) if key}
    aliases: dict[str, dict[str, str]] = {}
    for alias, fields in given.items():
        if not isinstance(fields, dict):
            raise refused(f"alias {alias!r} is a map of rules to fields", _p("aliases", alias))
        aliases[alias] = {}
        for rule, field in fields.items():
            at = _p("aliases", alias, str(rule))
            if rule not in by_any:
                raise refused(f"rule {rule!r} is not one of the correlation's", at)
            if not isinstance(field, str) or not field:
                raise refused("an alias leads to a field's name", at)
            aliases[alias][by_any[rule]] = field
    return aliases


def _field(rule: Named, name: str, at: str) -> str:
    found = rule.field_name(name)
    if found is None:
        raise refused(f"no field {name!r} for rule {rule.name or rule.id}", at)
    return found


def _timespan(given: object) -> int:
    found = _TIMESPAN.fullmatch(given) if isinstance(given, str) else None
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < length <= TIMESPAN_MAX_US:
        raise refused(
            f"timespan is {given!r}: write a number and s, m, h or d, at most "
            f"{TIMESPAN_MAX_US // DAY}d",
            _p("timespan"),
        )
    return length


def _generate(plain: Mapping[str, object], section: dict[str, object]) -> bool:
    # The specification has it beside the correlation, pySigma inside.
    for given, at in (
        (plain.get("generate"), pointer("generate")),
        (section.get("generate"), _p("generate")),
    ):
        if given is not None:
            if not isinstance(given, bool):
                raise refused("generate is true or false", at)
            return given
    return False


def _section(plain: Mapping[str, object]) -> dict[str, object]:
    section = plain.get("correlation")
    if not isinstance(section, dict):
        raise refused("correlation is a map", pointer("correlation"))
    return section


def _listed(given: object) -> object:
    return [] if given is None else given if isinstance(given, list) else [given]


def _texts(given: object, what: str, at: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise refused(f"{what} is a list of texts", at)
    return tuple(given)


def _p(*keys: str | int) -> str:
    return pointer("correlation", *keys)
