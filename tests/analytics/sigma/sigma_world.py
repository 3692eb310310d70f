"""Detections, files and events in few words."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from analytics.expression import Node
from analytics.language.pipeline import IDENTITY, pipeline
from analytics.matching import plan
from analytics.matching.port import Question
from analytics.sigma import compile_detection, no_placeholder
from analytics.sigma.collection import Collection, compile_files
from analytics.sigma.modifiers import Placeholder
from schema.errors import FengsuiError

_BESIDE = Path(__file__).parents[4] / "shared" / "data"
PUBLIC = Path(os.environ.get("PUBLIC_DATA") or _BESIDE) / "sigma"
"""The public rules and events, beside the repository where a developer has them."""

HEAD = {"title": "A rule", "logsource": {"product": "windows", "service": "security"}}


def compiled(
    selection: object, condition: object = "selection", placeholder: Placeholder = no_placeholder
) -> Node:
    """A detection of one selection, with its fields under their own names."""
    detection = {"selection": selection, "condition": condition}
    return compile_detection(detection, lambda name: name, placeholder)


def holds(selection: object, event: dict, placeholder: Placeholder = no_placeholder) -> bool:
    return true(compiled(selection, placeholder=placeholder), event)


def true(node: Node, event: dict) -> bool:
    return bool(plan([Question(0, 1, node)]).match([event]))


def refusal(selection: object, **detection: object) -> FengsuiError:
    """Why the selection is refused."""
    with pytest.raises(FengsuiError) as found:
        compile_detection(
            {"selection": selection, "condition": "selection", **detection}, lambda name: name
        )
    assert found.value.code == "analytics.rule.refused"
    return found.value


def collected(*documents: dict | str, **settings: object) -> Collection:
    """The documents as one file, compiled under the identity pipeline."""
    texts = [
        document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
        for document in documents
    ]
    raw = "---\n".join(texts).encode()
    return compile_files([("file.yml", raw)], sources=pipeline(IDENTITY), **settings)


def rule(name: str, **parts: object) -> dict:
    """A rule of that name, which looks for its name in the field ``Word``."""
    detection = {"selection": {"Word": name}, "condition": "selection"}
    return {**HEAD, "name": name, "detection": detection, **parts}


def public_files() -> Iterable[tuple[str, bytes]]:
    """The public rules; skips the test where they are not there."""
    if not PUBLIC.is_dir():
        pytest.skip("the public Sigma rules are not on this machine: PUBLIC_DATA may name them")
    for folder in ("rules", "rules-other"):
        for path in sorted((PUBLIC / folder).rglob("*.yml")):
            yield path.relative_to(PUBLIC).as_posix(), path.read_bytes()
