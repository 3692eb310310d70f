"""Public Sigma rules and Windows events for the rule benchmarks, read where they lie.

They lie beside the checkout, in ``../shared/data``, or where ``PUBLIC_DATA`` says; they are
never copied here. Where they are absent a benchmark has no figures, and says so.
"""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from schema.errors import FengsuiError

ROOT = Path(__file__).resolve().parent.parent
Plain: TypeAlias = dict[str, str | int | bool]

_LABELS = ("_src", "_tactic")
_LOGS = ("Apache_2k", "OpenSSH_2k", "Thunderbird_2k")
_PROCESS_CREATION = re.compile(r"^\s+category:\s*process_creation\s*$", re.MULTILINE)


class RuleFile(NamedTuple):
    """One Sigma file."""

    path: Path
    process_creation: bool
    """Whether it is one of the Windows process-creation rules."""


def folder() -> Path:
    """Where the public data lies; raises ``fengsui.bench.data_absent``."""
    named = os.environ.get("PUBLIC_DATA")
    found = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (found / "sigma" / "rules").is_dir():
        raise FengsuiError(
            "fengsui.bench.data_absent",
            f"no public rules and events at {found}: set PUBLIC_DATA to the folder that holds them",
            path=str(found),
        )
    return found


def rule_files() -> list[RuleFile]:
    """Every Sigma rule, in path order; raises ``fengsui.bench.data_absent``."""
    windows = folder() / "sigma" / "rules" / "windows"
    return [
        RuleFile(
            path,
            path.is_relative_to(windows)
            and _PROCESS_CREATION.search(path.read_text(encoding="utf-8")) is not None,
        )
        for path in sorted((folder() / "sigma" / "rules").rglob("*.yml"))
    ]


def events() -> list[Plain]:
    """Windows events under attack, flat, without labels; raises ``fengsui.bench.data_absent``."""
    data = folder()
    decode = msgspec.json.Decoder(Plain).decode
    with gzip.open(data / "evtx-attack" / "atk.jsonl.gz", "rb") as file:
        found = [decode(line) for line in file]
    cases = (data / "sigma" / "regression" / "cases.jsonl").read_bytes().splitlines()
    for case in cases:
        found += msgspec.json.decode(case, type=_Case).events
    for event in found:
        for label in _LABELS:
            event.pop(label, None)
    return found


class _Case(msgspec.Struct):
    events: list[Plain]


def is_process_creation(event: Plain) -> bool:
    """Sysmon's event 1, whose field names are those of the rules."""
    return event.get("EventID") == 1 and "Sysmon" in str(event.get("Provider_Name"))


def raw_logs() -> dict[str, list[str]]:
    """The lines of the public raw logs by name; raises ``fengsui.bench.data_absent``."""
    return {
        name: (folder() / "loghub" / f"{name}.log").read_text(encoding="utf-8").splitlines()
        for name in _LOGS
    }
