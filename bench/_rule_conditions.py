"""Conditions of public Sigma files, under the field names they were written with."""

from __future__ import annotations

from analytics import sigma
from analytics.expression import Node
from analytics.language.rulefile import read
from schema.errors import FengsuiError


def condition_of(raw: bytes) -> tuple[str, Node] | None:
    """A rule's id and condition, None where it is refused."""
    try:
        plain = read(raw)
        detection = plain["detection"]
        assert isinstance(detection, dict)
        return str(plain["id"]), sigma.compile_detection(detection, lambda field: field)
    except FengsuiError:
        return None
