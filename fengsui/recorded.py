"""Recorded: what a recording brings with it besides its lines, taken in at the first start.

``registers/<name>.jsonl`` are the town's registers as they were approved; ``warmup.zst`` is what a
hundred ordinary days before taught the rules (see :mod:`analytics.warmup`); ``geo.mmdb`` tells
where the made-up addresses lie. What comes in is sealed in the control log as it is of a duty site,
so that alerts stay a function of what was sealed.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from analytics import warmup
from collector.control import ControlLog
from collector.registers import importer
from collector.registers.importer import Mask
from collector.registers.store import RegisterStore
from collector.state.alerts import Alerts
from crypto import sm3
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

REGISTERS: Final = "registers"
WARMUP: Final = "warmup.zst"
GEO: Final = "geo.mmdb"
_PROPOSER: Final = "recording"
_APPROVER: Final = "town"
"""The town's own offices approved them; the recording only hands them on."""


def take_in(
    folder: Path,
    *,
    registers: RegisterStore,
    alerts: Alerts,
    mask: Mask,
    control: ControlLog,
) -> None:
    """Registers and warm-up of the recording, each once.

    A warm-up of another engine is left out and said: rules then learn from the recording alone.
    """
    _registers(folder / REGISTERS, registers, mask)
    path = folder / WARMUP
    if not path.exists() or alerts.snapshot():
        return
    raw = path.read_bytes()
    try:
        entries = alerts.adopt(warmup.unpack(raw))
    except FengsuiError as error:
        _logger.warning("the rules begin without a past: %s", error)
        return
    control.add("warmup_adopted", digest=sm3.digest(raw).hex(), events=entries)


def _registers(folder: Path, registers: RegisterStore, mask: Mask) -> None:
    known = registers.view().tables
    for path in sorted(folder.glob("*.jsonl")):
        name = path.stem
        if name in known:
            continue
        drafts = importer.read_file(registers.descriptions.get(name), path, mask=mask)
        version = registers.propose(name, drafts, whole=True, source=path.name, by=_PROPOSER)
        registers.apply(name, version.number, by=_APPROVER)
