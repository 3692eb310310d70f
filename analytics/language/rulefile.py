"""Rule file: YAML to typed parts; every refusal names its field and line.

A file is bounded before any of it is understood: bytes, values once aliases are followed, levels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeAlias, TypeVar

import msgspec
import yaml

from analytics.language.reading import RULE_BYTES_MAX, refused
from schema.errors import FengsuiError

NODES_MAX: Final = 20_000
"""Values of one file once aliases are followed: a small file cannot unfold into a huge rule."""

DEPTH_MAX: Final = 32
"""Levels of maps and lists: a detection has four; a list that holds itself has no end."""

NUMBERS: Final = range(-(2**63), 2**64)
"""Whole numbers of 64 bits, as compiled rules hold them; YAML's have no end."""

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""YAML as it was read, before any of it is understood."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_PATH: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")


def _refused_at(line: int, why: str) -> FengsuiError:
    return FengsuiError("analytics.rule.refused", f"line {line}: {why}", line=line)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml's where it is
    """The safe loader without merge keys: their copies are made before they can be counted.

    A key that stands twice is refused: of its values one would be left out unsaid. So is what
    lies too deep, before it is gone down to: libyaml would run out of its stack.
    """

    _depth = -1

    def descend_resolver(self, current_node: yaml.Node | None, current_index: object) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise refused(f"it holds more than {DEPTH_MAX} levels")
        super().descend_resolver(current_node, current_index)

    def ascend_resolver(self) -> None:
        self._depth -= 1
        super().ascend_resolver()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen = set()
        for name, _ in node.value:
            line = name.start_mark.line + 1
            if name.tag == "tag:yaml.org,2002:merge":
                raise _refused_at(line, "merge keys (<<) are not read")
            if isinstance(name, yaml.ScalarNode):
                if name.value in seen:
                    raise _refused_at(line, f"the key {name.value[:40]!r} stands there twice")
                seen.add(name.value)
        super().flatten_mapping(node)


def read(raw: bytes) -> dict[str, Plain]:
    """The YAML map of a rule file; raises ``analytics.rule.refused``."""
    if len(raw) > RULE_BYTES_MAX:
        raise refused(f"the file has more than {RULE_BYTES_MAX} bytes, which is over the limit")
    try:
        document = yaml.load(raw, Loader=_Loader)  # noqa: S506 # a safe loader, made stricter
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        # One line: errors are told in one, and editors read one for each.
        raise refused(f"it is not YAML: {' '.join(str(error).split())}") from error
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
    elif isinstance(value, int) and value not in NUMBERS:
        raise refused("a number has more than 64 bits: write it as a text")
    return before


def typed(document: dict[str, Plain], form: type[_Struct], raw: bytes) -> _Struct:
    """The document as ``form``; raises ``analytics.rule.refused`` naming field and line."""
    try:
        return msgspec.convert(document, form)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        line = line_of(raw, found["path"] if found else "", str(error))
        raise refused(f"{error} (line {line})") from error


def line_of(raw: bytes, path: str, message: str = "") -> int:
    """The line of a field, as exactly as the error's path leads."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    keys = [key for key in re.split(r"[.\[\]]+", path) if key and key != "..."]
    return line_at(raw, [*keys, *([unknown[1]] if unknown else [])])


def line_at(raw: bytes, keys: Iterable[str]) -> int:
    """The line the keys lead to, or of the deepest one on the way that is there."""
    try:
        node = yaml.compose(raw, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError, FengsuiError) as error:
        mark = getattr(error, "problem_mark", None)
        return mark.line + 1 if mark is not None else 1
    line = node.start_mark.line if node is not None else 0
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == key]
            if not found:
                break
            name, node = found[-1]
            line = name.start_mark.line
        elif isinstance(node, yaml.SequenceNode) and key.isdecimal() and int(key) < len(node.value):
            node = node.value[int(key)]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1
