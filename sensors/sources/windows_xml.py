"""Windows events as XML, as Windows itself renders and forwards them: ``<Event>…</Event>`` each.

Layout after the Windows event schema (namespace .../win/2004/08/events/event): ``System`` tells
provider, number, time, record, channel and computer; ``EventData`` holds named texts, ``UserData``
elements of the provider's own. Each text stands as ``winlog.event_data.<name>``, and where ECS has
a name for it also under that. The dataset follows from the channel.

Limits: a declaration of a document type or an entity makes the record unparsed, as do more than
:data:`VALUES_MAX` texts, elements deeper than :data:`DEPTH_MAX`, or more than one event in it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from xml.parsers import expat

from schema.event import Fields, Value
from sensors.sources import record
from sensors.sources.clock import in_zone
from sensors.sources.contract import Context

DEPTH_MAX: Final = 16
"""Elements inside elements: events are three or four deep."""
VALUES_MAX: Final = 256
"""Texts of one event: the longest of Windows has some forty."""

_CHANNELS: Final = {
    "Application": "application",
    "Security": "security",
    "System": "system",
    "Windows PowerShell": "powershell_classic",
    "DNS Server": "dns_server",
    "Microsoft-Windows-Bits-Client/Operational": "bits_client",
    "Microsoft-Windows-PowerShell/Operational": "powershell",
    "Microsoft-Windows-Sysmon/Operational": "sysmon",
    "Microsoft-Windows-TaskScheduler/Operational": "taskscheduler",
    "Microsoft-Windows-Windows Defender/Operational": "windefend",
    "Microsoft-Windows-WMI-Activity/Operational": "wmi",
    "Microsoft-Windows-CodeIntegrity/Operational": "codeintegrity_operational",
    "Microsoft-Windows-NTLM/Operational": "ntlm",
    "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall": "firewall_as",
    "OpenSSH/Operational": "openssh",
    "PowerShellCore/Operational": "powershell",
}
"""Datasets that rules are routed to by analytics/pipelines/windows.toml; others by their name."""

_ACTIONS: Final = {
    "1102": "audit-log-cleared", "4624": "logged-in", "4625": "logon-failed",
    "4634": "logged-out", "4688": "created-process", "4719": "changed-audit-config",
    "4720": "added-user-account", "4728": "added-member-to-group",
    "4732": "added-member-to-group", "4756": "added-member-to-group",
}  # fmt: skip
"""Of the security log, as Winlogbeat names them."""
_GROUPS: Final = frozenset({"4728", "4732", "4756"})
_SUCCESS, _FAILURE = 0x20000000000000, 0x10000000000000
"""Keywords of the security log (winmeta.xml)."""

_SECURITY: Final = {
    "CommandLine": "process.command_line", "IpAddress": "source.ip", "IpPort": "source.port",
    "NewProcessId": "process.pid", "NewProcessName": "process.executable",
    "ParentProcessName": "process.parent.executable", "SubjectUserName": "user.name",
    "TargetUserName": "user.target.name",
}  # fmt: skip
_SYSMON: Final = {
    "CommandLine": "process.command_line", "CurrentDirectory": "process.working_directory",
    "Image": "process.executable", "ProcessGuid": "process.entity_id", "ProcessId": "process.pid",
    "Company": "process.pe.company", "Description": "process.pe.description",
    "FileVersion": "process.pe.file_version",
    "OriginalFileName": "process.pe.original_file_name",
    "ParentCommandLine": "process.parent.command_line",
    "ParentImage": "process.parent.executable",
    "ParentProcessGuid": "process.parent.entity_id", "ParentProcessId": "process.parent.pid",
    "Product": "process.pe.product", "TargetFilename": "file.path", "ImageLoaded": "dll.path",
    "TargetObject": "registry.path", "PipeName": "file.name", "QueryName": "dns.question.name",
    "DestinationHostname": "destination.domain", "DestinationIp": "destination.ip",
    "DestinationPort": "destination.port", "Protocol": "network.transport",
    "SourceHostname": "source.domain", "SourceIp": "source.ip", "SourcePort": "source.port",
    "SourceImage": "process.executable", "SourceProcessGUID": "process.entity_id",
    "SourceProcessGuid": "process.entity_id", "SourceProcessId": "process.pid",
    "User": "user.name",
}  # fmt: skip
_NAMES: Final = {"windows.security": _SECURITY, "windows.sysmon": _SYSMON}
_HASHES: Final = {
    "MD5": "process.hash.md5", "SHA1": "process.hash.sha1", "SHA256": "process.hash.sha256",
    "IMPHASH": "process.pe.imphash",
}  # fmt: skip
_INTEGERS: Final = frozenset(
    {"process.pid", "process.parent.pid", "source.port", "destination.port"}
)
_ADDRESSES: Final = frozenset({"source.ip", "destination.ip"})
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")
_END: Final = "</Event>"


class WindowsXml(record.LineFormat):
    """One event a record; the lines of an indented one belong together."""

    dataset = "windows.event"

    def begins(self, line: bytes) -> bool:
        """Lines that open an event."""
        return line.lstrip().startswith((b"<Event ", b"<Event>", b"<Events", b"<?xml"))

    def _line(self, line: str, context: Context) -> Fields | None:
        # A file of many events closes its own element behind the last one.
        document = line[: line.rfind(_END) + len(_END)] if _END in line else line
        told = _read(document)
        if told is None:
            return None
        time = _moment(told.system.get("SystemTime", ""))
        channel, number = told.system.get("Channel", ""), told.system.get("EventID", "")
        if not time or not channel or not number:
            return None
        self._last_time = time
        dataset = f"windows.{_CHANNELS.get(channel) or _own(channel)}"
        computer = told.system.get("Computer", "")
        fields: Fields = {
            "@timestamp": time,
            "event.dataset": dataset,
            "event.code": number,
            "event.original": line,
            "host.name": computer or context.host,
            "winlog.channel": channel,
            "winlog.event_id": number,
        }
        texts = {
            "event.provider": told.system.get("Provider", ""),
            "winlog.computer_name": computer,
            "winlog.provider_name": told.system.get("Provider", ""),
            "winlog.record_id": told.system.get("EventRecordID", ""),
        }
        for name, text in told.data.items():
            if text and text != "-":
                texts[f"winlog.event_data.{name}"] = text
                ecs = _NAMES.get(dataset, {}).get(name)
                value = _typed(ecs, text) if ecs else None
                if ecs and value is not None:
                    fields[ecs] = value
        if dataset == "windows.security":
            texts.update(_security(number, told))
        if dataset == "windows.sysmon":
            texts.update(_hashes(told.data.get("Hashes", "")))
        fields.update({name: text for name, text in texts.items() if text})
        return record.scrubbed(fields)


def _security(number: str, told: _Reader) -> dict[str, str]:
    """Action, outcome and group of an event of the security log."""
    try:
        keywords = int(told.system.get("Keywords", "0"), 16)
    except ValueError:
        keywords = 0
    outcome = "success" if keywords & _SUCCESS else "failure" if keywords & _FAILURE else ""
    group = told.data.get("TargetUserName", "") if number in _GROUPS else ""
    return {
        "event.action": _ACTIONS.get(number, ""),
        "event.outcome": outcome,
        "group.name": group,
    }


def _hashes(text: str) -> dict[str, str]:
    """Sysmon's ``SHA1=…,MD5=…``."""
    pairs = (one.partition("=") for one in text.split(",", 8))
    return {_HASHES[kind]: value.lower() for kind, _, value in pairs if kind in _HASHES}


def _own(channel: str) -> str:
    """A channel we have no word for, by its own name."""
    plain = channel.removeprefix("Microsoft-Windows-").removesuffix("/Operational")
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()[:64]).strip("_") or "event"


def _typed(name: str, text: str) -> Value | None:
    """The text as the catalogue has the field, None where it is no such thing."""
    if name in _ADDRESSES:
        return text if record.is_address(text) else None
    if name not in _INTEGERS:
        return text
    try:
        number = int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return None
    return number if 0 <= number < 2**32 else None


def _moment(text: str) -> str:
    """RFC 3339 with up to nine digits, as UTC; nothing for what is no time."""
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", text[:64]))
        if moment.tzinfo is None:
            return ""
        return in_zone(moment.astimezone(UTC).replace(tzinfo=None), 0)
    except (ValueError, OverflowError):
        return ""


class _RefusedError(Exception):
    """The record is no event that we read."""


class _Reader:
    """What one document tells, gathered while it is parsed."""

    def __init__(self) -> None:
        self.system: dict[str, str] = {}
        self.data: dict[str, str] = {}
        self._path: list[str] = []
        self._name = ""
        self._text: list[str] = []
        self._unnamed = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if len(self._path) >= DEPTH_MAX or (not self._path and name != "Event"):
            raise _RefusedError
        self._path.append(name)
        self._name, self._text = attributes.get("Name", ""), []
        if self._path[1:2] == ["System"]:
            if name == "Provider":
                self.system["Provider"] = attributes.get("Name", "")
            elif name == "TimeCreated":
                self.system["SystemTime"] = attributes.get("SystemTime", "")

    def text(self, part: str) -> None:
        self._text.append(part)

    def end(self, tag: str) -> None:
        name, text = tag.rpartition(":")[2], "".join(self._text).strip()
        section, depth = self._path[1:2], len(self._path)
        if section == ["System"] and depth == 3 and text:
            self.system[name] = text
        elif section == ["EventData"] and depth == 3 and text:
            if not self._name:
                # Classic events have texts without a name: counted, as Winlogbeat does.
                self._unnamed += 1
            self._put(self._name or f"param{self._unnamed}", text)
        elif section == ["UserData"] and depth > 3 and text:
            self._put(name, text)
        self._path.pop()
        self._name, self._text = "", []

    def _put(self, name: str, text: str) -> None:
        if _NAME.match(name):
            if len(self.data) >= VALUES_MAX:
                raise _RefusedError
            self.data.setdefault(name, text)


def _refuse(*_: object) -> None:
    raise _RefusedError


def _read(document: str) -> _Reader | None:
    """What the document tells, None where it is no event or declares anything."""
    parser = expat.ParserCreate()
    reader = _Reader()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(document.encode("utf-8", "replace"), True)
    except (expat.ExpatError, _RefusedError, ValueError):
        return None
    return reader
