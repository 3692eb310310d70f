"""A trial of a log format on a file: what each record becomes, and how many do not fit.

Nothing is stored or sent. Records are masked as a sensor would, under a key of this one run: so
the marks show that something is hidden and fit nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Literal, TypeAlias

import msgspec

from fengsui.own_mappings import OWN_FOLDER, resolve
from schema.errors import FengsuiError
from schema.event import TIME, Fields
from schema.ports import Entropy
from sensors import evtx
from sensors.mask import Masker
from sensors.sources import FORMATS, MAPPING, Context, Format, is_format, open_format
from sensors.sources.mapping.description import Description, read_file, shipped
from sensors.sources.mapping.form import MappingFormat
from sensors.sources.windows_xml import WindowsXml

RECORDS_MAX: Final = 100_000
"""Records of one trial: enough to meet rare ones, and over in half a minute."""
LINE_BYTES_MAX: Final = 1024 * 1024
RECORD_LINES_MAX: Final = 1000
_STEP: Final = 256
_OWN_FIELDS: Final = frozenset({"event.dataset", "event.original", "host.name"})
"""The same in every record, or the record itself: not shown with the others."""


Mask: TypeAlias = Literal["", "hidden", "added"]
"""What the mask did to a field."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One field: where in the file it came from, and what would leave the machine."""

    column: str
    """Empty for constants and for what the format works out."""
    field: str
    value: str
    mask: Mask = ""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the file."""

    number: int
    action: str
    line: str
    """After masking."""
    rows: tuple[Row, ...]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a file became."""

    format: str
    records: int
    parsed: int
    unparsed: int
    remarks: int
    masked: int
    """Records in which something was hidden."""
    cut: bool
    """Whether the file goes on behind what was read."""
    actions: dict[str, int]
    labels: dict[str, int]
    """Columns without a field, and in how many records."""
    shown: tuple[Record, ...]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One format there is."""

    name: str
    """As the settings name it."""
    dataset: str
    kind: str
    """``built in``, ``shipped`` or ``own``."""
    zh: str = ""
    en: str = ""


def named(name: str, folder: Path) -> str:
    """The format that a person means: a format's or a mapping's name, or a mapping file's path.

    Raises ``fengsui.source.unknown``.
    """
    if name == evtx.FORMAT:
        return name
    if is_format(name):
        return resolve(name, folder)
    if name.endswith(".toml") or "/" in name:
        return f"{MAPPING}{name}"
    found = resolve(f"{MAPPING}{name}", folder)
    if found == f"{MAPPING}{name}" and name not in shipped():
        raise FengsuiError(
            "fengsui.source.unknown",
            f"there is no format or mapping {name!r}: `fengsui source list` names them all, or "
            "give the path of a mapping file",
            name=name,
        )
    return found


def formats(folder: Path) -> list[Listed]:
    """Every format: built in, shipped mappings, and those of the data folder."""
    found = [
        Listed(name=name, dataset=make().dataset, kind="built in")
        for name, make in sorted(FORMATS.items())
    ]
    found.append(Listed(name=evtx.FORMAT, dataset=WindowsXml.dataset, kind="built in"))
    found += [_listed(one, "shipped") for one in shipped().values()]
    own = sorted((folder / OWN_FOLDER).glob("*.toml")) if folder.is_dir() else []
    return [*found, *(_listed(read_file(path), "own", path.stem) for path in own)]


def _listed(one: Description, kind: str, name: str = "") -> Listed:
    return Listed(
        name=f"{MAPPING}{name or one.name}", dataset=one.dataset, kind=kind, zh=one.title.zh,
        en=one.title.en,
    )  # fmt: skip


def attempt(file: BinaryIO, form: str, *, context: Context, entropy: Entropy, show: int) -> Trial:
    """Read the file's records, mask them, and show the first ``show``.

    Raises what opening the format raises.
    """
    if form == evtx.FORMAT:
        evtx.must_be_there()
        with evtx.EvtxFile(Path(file.name)) as opened:
            told = (one.xml for one in opened.after(0))
            return _tried(told, WindowsXml(), form, context=context, entropy=entropy, show=show)
    reader = open_format(form)
    lines = _records(file, reader)
    return _tried(lines, reader, form, context=context, entropy=entropy, show=show)


def _tried(
    lines: Iterator[bytes], reader: Format, form: str, *, context: Context, entropy: Entropy,
    show: int,
) -> Trial:  # fmt: skip
    masker = Masker(entropy.take(32))
    actions: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    masked, shown = 0, list[Record]()
    for raw in _steps(islice(lines, RECORDS_MAX)):
        events = reader.parse(raw, context)
        before = [dict(fields) for fields in events]
        masker.mask(events)
        for at, fields in enumerate(events):
            actions[str(fields.get("event.action", ""))] += 1
            labels.update(name[7:] for name in fields if name.startswith("labels."))
            masked += fields != before[at]
            if len(shown) < show:
                origins = reader.origins(raw[at]) if isinstance(reader, MappingFormat) else {}
                shown.append(_record(len(shown) + 1, before[at], fields, origins))
    cut = next(lines, None) is not None
    unparsed, remarks = actions["unparsed"], actions["remark"]
    return Trial(
        format=form, records=actions.total(), parsed=actions.total() - unparsed - remarks,
        unparsed=unparsed, remarks=remarks, masked=masked, cut=cut,
        actions=dict(actions.most_common()), labels=dict(labels.most_common()), shown=tuple(shown),
    )  # fmt: skip


def _record(number: int, before: Fields, after: Fields, origins: dict[str, str]) -> Record:
    rows = [
        Row(
            column=origins.get(name, ""),
            field=name,
            value=_text(after[name]),
            mask=_masked(name, before, after),
        )
        for name in sorted(after, key=lambda name: (name != TIME, name))
        if name not in _OWN_FIELDS
    ]
    return Record(
        number=number, action=_text(after.get("event.action", "")),
        line=_text(after.get("event.original", "")), rows=tuple(rows),
    )  # fmt: skip


def _masked(name: str, before: Fields, after: Fields) -> Mask:
    if name not in before:
        return "added"
    return "hidden" if before[name] != after[name] else ""


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _records(file: BinaryIO, form: Format) -> Iterator[bytes]:
    """Whole records: a line that begins one, and the lines that go on."""
    lines: list[bytes] = []
    while line := file.readline(LINE_BYTES_MAX):
        line = line.rstrip(b"\r\n")
        if lines and (form.begins(line) or len(lines) >= RECORD_LINES_MAX):
            yield b"\n".join(lines)
            lines = []
        elif not lines:
            form.begins(line)
        lines.append(line)
    if lines:
        yield b"\n".join(lines)


def _steps(records: Iterator[bytes]) -> Iterator[Sequence[bytes]]:
    while step := list(islice(records, _STEP)):
        yield step
