"""Document: a rule file as it was written, in plain Sigma or in our own format ``fengsui/1``.

Our own parts are typed and an unknown key is an error that names its line. Detections stay plain
here: they are Sigma in both formats and are read by :mod:`analytics.sigma`.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec
import yaml

from analytics.rule import COUNT_MAX, SEQUENCE_UNITS_MAX, STEPS_MAX, WITHIN_MAX_US
from schema.alert import FalsePositive, RuleText
from schema.errors import FengsuiError
from schema.times import DAY, HOUR, MINUTE, SECOND

RULE_BYTES_MAX: Final = 256 * 1024
"""One rule file: the longest public Sigma rule has a tenth of it."""

NODES_MAX: Final = 20_000
"""Values of one file once aliases are followed: a small file cannot unfold into a huge rule."""

DEPTH_MAX: Final = 32
"""Levels of maps and lists: a detection has four; a list that holds itself has no end."""

Severity: TypeAlias = Literal["informational", "low", "medium", "high", "critical"]
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""YAML as it was read, before any of it is understood."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_UNITS: Final = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_PATH: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")


class LogSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the events come from, as Sigma names it."""

    product: str = ""
    category: str = ""
    service: str = ""


class Threshold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many events, or distinct values of a field, within a time."""

    within: str
    count: int
    distinct: str = ""


class SequenceStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a sequence."""

    name: str
    detection: dict[str, object]
    count: int = 1


class Sequence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps in order, within a time."""

    within: str
    steps: tuple[SequenceStep, ...]


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which hours a model scores."""

    name: Literal["entity-hour"]
    dataset: str
    entity: str
    minimum_history_hours: int
    alert_score: int


class OwnRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule in our own format."""

    format: Literal["fengsui/1"]
    id: str
    version: str
    severity: Severity
    score: int
    text: RuleText
    entity: str = ""
    suppression: str = "1h"
    techniques: tuple[str, ...] = ()
    false_positives: tuple[FalsePositive, ...] = ()
    logsource: LogSource = LogSource()
    detection: dict[str, object] | None = None
    threshold: Threshold | None = None
    sequence: Sequence | None = None
    model: Model | None = None


class SigmaExtension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the key ``fengsui`` adds to a Sigma rule."""

    id: str
    version: str
    score: int
    text: RuleText
    entity: str = ""
    suppression: str = "1h"
    false_positives: tuple[FalsePositive, ...] = ()


class SigmaHead(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of a Sigma rule ourselves; the rest is pySigma's."""

    title: str
    logsource: LogSource
    detection: dict[str, object]
    id: str = ""
    description: str = ""
    level: Severity = "medium"
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str | FalsePositive, ...] | None = None
    fengsui: SigmaExtension | None = None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml's where it is
    """The safe loader without merge keys: their copies are made before they can be counted."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for name, _ in node.value:
            if name.tag == "tag:yaml.org,2002:merge":
                raise refused(f"line {name.start_mark.line + 1}: merge keys (<<) are not read")
        super().flatten_mapping(node)


def refused(why: str) -> FengsuiError:
    """The error for a rule that cannot be used; the loader adds the file."""
    return FengsuiError("analytics.rule.refused", why)


def read(raw: bytes) -> dict[str, Plain]:
    """The YAML map of a rule file; raises ``analytics.rule.refused``."""
    if len(raw) > RULE_BYTES_MAX:
        raise refused(f"the file has {len(raw)} bytes, over the limit of {RULE_BYTES_MAX}")
    try:
        document = yaml.load(raw, Loader=_Loader)  # noqa: S506 # a safe loader, made stricter
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise refused(f"it is not YAML: {error}") from error
    _count(document, 0)
    if not isinstance(document, dict):
        raise refused("a rule file holds one map")
    return document


def _count(value: object, before: int, depth: int = 0) -> int:
    """Values up to here; raises once they are too many or lie too deep."""
    if before >= NODES_MAX or depth > DEPTH_MAX:
        raise refused(f"it holds more than {NODES_MAX} values or {DEPTH_MAX} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise refused(f"key {str(key)[:40]!r} is not a text")
            before = _count(item, before + 1, depth + 1)
    elif isinstance(value, list):
        for item in value:
            before = _count(item, before + 1, depth + 1)
    return before


def typed(document: dict[str, Plain], form: type[_Struct], raw: bytes) -> _Struct:
    """The document as ``form``; raises ``analytics.rule.refused`` naming field and line."""
    try:
        return msgspec.convert(document, form)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        line = _line(raw, found["path"] if found else "", str(error))
        raise refused(f"{error} (line {line})") from error


def _line(raw: bytes, path: str, message: str) -> int:
    """The line of a field, as exactly as the error's path leads."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    keys = [key for key in re.split(r"[.\[\]]+", path) if key and key != "..."]
    node, line = yaml.compose(raw, Loader=yaml.SafeLoader), 0
    for key in [*keys, *([unknown[1]] if unknown else [])]:
        if isinstance(node, yaml.MappingNode):
            for name, item in node.value:
                if name.value == key:
                    node, line = item, name.start_mark.line
                    break
        elif isinstance(node, yaml.SequenceNode) and key.isdecimal():
            node = node.value[int(key)]
            line = node.start_mark.line
    return line + 1


def duration_us(text: str, what: str) -> int:
    """Microseconds of ``90s``, ``5m``, ``1h``, ``7d``; raises ``analytics.rule.refused``."""
    found = _DURATION.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < length <= WITHIN_MAX_US:
        raise refused(f"{what} is {text!r}: write a number and s, m, h or d, at most 7d")
    return length


def check_count(count: int, what: str) -> int:
    """A count within its limits; raises ``analytics.rule.refused``."""
    if not 1 <= count <= COUNT_MAX:
        raise refused(f"{what} is {count}: at least 1 and at most {COUNT_MAX}")
    return count


def check_steps(steps: tuple[SequenceStep, ...]) -> None:
    """Raise ``analytics.rule.refused`` for a sequence past its limits."""
    units = sum(check_count(step.count, f"count of step {step.name}") for step in steps)
    if not 2 <= len(steps) <= STEPS_MAX or units > SEQUENCE_UNITS_MAX:
        raise refused(
            f"a sequence has 2 to {STEPS_MAX} steps with counts of at most "
            f"{SEQUENCE_UNITS_MAX} together"
        )
    if len({step.name for step in steps}) != len(steps):
        raise refused("two steps of the sequence have the same name")
