"""Rule file: YAML to typed parts; every refusal names its field and line.

A file is bounded before any of it is understood: bytes, values once aliases are followed, levels.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias, TypeVar

import msgspec
import yaml

from analytics.reading import refused
from schema.errors import FengsuiError

RULE_BYTES_MAX: Final = 512 * 1024
"""One rule file: the longest public Sigma rule, a list of drivers by hash, has 288 KiB."""

NODES_MAX: Final = 20_000
"""Values of one file once aliases are followed: a small file cannot unfold into a huge rule."""

DEPTH_MAX: Final = 32
"""Levels of maps and lists: a detection has four; a list that holds itself has no end."""

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""YAML as it was read, before any of it is understood."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_PATH: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`")


def _refused_at(line: int, why: str) -> FengsuiError:
    return FengsuiError("analytics.rule.refused", f"line {line}: {why}", line=line)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # libyaml's where it is
    """The safe loader without merge keys: their copies are made before they can be counted.

    A key that stands twice is refused: of its values one would be left out unsaid.
    """

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
        raise refused(f"the file has {len(raw)} bytes, over the limit of {RULE_BYTES_MAX}")
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
