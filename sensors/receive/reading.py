"""Reading: what a syslog message becomes, by its head and by the format its route names.

A message nobody routes has the dataset ``syslog.message`` and its text in ``message``; CEF is read
as such. Whose format reads it, the whole message stands in ``event.original``, and its head in
``log.syslog.*``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from schema import event, times
from schema.event import Fields
from sensors.receive import head as heads
from sensors.receive.head import Head
from sensors.receive.terms import Listening
from sensors.receive.waiting import Message
from sensors.sources import Context, Format, open_format, record

DATASET: Final = "syslog.message"
_CEF: Final = b"CEF:"
_CEF_FORMAT: Final = "mapping:cef"
_OWN_HEAD: Final = frozenset({"syslog_auth"})
"""Formats whose lines begin with a head of syslog: it is written for them again."""
_LABEL_CHARS_MAX: Final = 96


class Reader:
    """The formats of one receiver."""

    def __init__(self, terms: Listening, context: Context) -> None:
        self._terms = terms
        self._context = context
        self._routes = tuple((one, one.format, open_format(one.format)) for one in terms.routes)
        self._cef = open_format(_CEF_FORMAT)

    def read(self, message: Message) -> Fields:
        """The event of a message, for any bytes."""
        zone = self._context.utc_offset_minutes
        head = heads.read(message.raw, utc_offset_minutes=zone, now=message.received_at)
        fields = self._parsed(message, head)
        self._tell(fields, message, head)
        if len(message.raw) > record.PLAIN_BYTES_MAX:
            record.fit(fields, message.raw)
        return fields

    def _parsed(self, message: Message, head: Head) -> Fields:
        text = message.raw[head.text_at :]
        for route, name, form in self._routes:
            if route.takes(head, message.peer):
                if name in _OWN_HEAD:
                    return self._whole(message, head, form)
                return self._by(form, text, message, head)
        if text.startswith(_CEF):
            return self._by(self._cef, text, message, head)
        said, escaped = record.decode(text)
        whole, _ = record.decode(message.raw)
        fields: Fields = {
            event.TIME: head.time or times.to_text(message.received_at),
            event.DATASET: DATASET,
            event.ORIGINAL: whole,
            "event.action": "logged",
            "host.name": head.host or message.peer,
            "message": said,
        }
        if escaped:
            fields["gov.line.undecodable"] = True
        if not head.time:
            fields["gov.time.assumed"] = True
        return fields

    def _by(self, form: Format, text: bytes, message: Message, head: Head) -> Fields:
        """Read by a format; the head is put before its original again."""
        fields = form.parse([text], self._context_of(message, head))[0]
        before, _ = record.decode(message.raw[: head.text_at])
        fields[event.ORIGINAL] = before + str(fields[event.ORIGINAL])
        if fields.get("event.action") == "unparsed":
            fields[event.TIME] = head.time or times.to_text(message.received_at)
        return fields

    def _whole(self, message: Message, head: Head, form: Format) -> Fields:
        time = head.time or times.to_text(message.received_at)
        process = f"[{head.process_id}]" if head.process_id.isdecimal() else ""
        begin = f"{time} {head.host or message.peer} {head.app or '-'}{process}: "
        line = begin.encode() + message.raw[head.text_at :]
        fields = form.parse([line], self._context_of(message, head))[0]
        fields[event.ORIGINAL], _ = record.decode(message.raw)
        return fields

    def _context_of(self, message: Message, head: Head) -> Context:
        moment = times.from_text(head.time) if head.time else message.received_at
        return replace(self._context, host=head.host or message.peer, now=_fixed(moment))

    def _tell(self, fields: Fields, message: Message, head: Head) -> None:
        fields["gov.transit.authenticated"] = self._terms.authenticated
        fields["gov.transit.protocol"] = self._terms.transport
        if record.is_address(message.peer):
            fields["gov.transit.peer"] = message.peer
        told = (
            ("log.syslog.appname", head.app),
            ("log.syslog.facility.name", head.facility),
            ("log.syslog.hostname", head.host),
            ("log.syslog.msgid", head.message_id),
            ("log.syslog.procid", head.process_id),
            ("log.syslog.severity.name", head.severity),
        )
        fields.update((name, value) for name, value in told if value)
        for name, value in head.parameters:
            fields.setdefault(f"labels.{name[:_LABEL_CHARS_MAX]}", value)
        record.scrubbed(fields)


def _fixed(moment: int) -> Callable[[], int]:
    return lambda: moment


def read_all(reader: Reader, messages: Sequence[Message]) -> list[Fields]:
    """The events of messages, in order."""
    return [reader.read(one) for one in messages]
