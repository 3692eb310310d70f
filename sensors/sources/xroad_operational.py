"""X-Road operational monitoring: one JSON record a message exchanged, as a line each.

Who asked whom for what, how large, how long, and whether it succeeded. Written from the protocol's
own schema: nordic-institute/X-Road, doc/OperationalMonitoring/Protocols,
pr-opmon_x-road_operational_monitoring_protocol_Y-1096-2.md, annex C.
"""

from __future__ import annotations

from typing import Final

import msgspec

from schema import event, times
from schema.event import Fields
from sensors.sources import record
from sensors.sources.contract import Context

_LAST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
_NANOSECONDS: Final = 1_000_000
"""Of a millisecond: ``event.duration`` is in nanoseconds."""
_SIZE_MAX: Final = 2**62
_REST_ERROR: Final = range(100, 600)


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    """The members we read; a record leaves out what does not apply."""

    monitoring_data_ts: int
    succeeded: bool | None = None
    security_server_type: str = ""
    request_in_ts: int = 0
    response_out_ts: int = 0
    client_x_road_instance: str = msgspec.field(default="", name="clientXRoadInstance")
    client_member_class: str = ""
    client_member_code: str = ""
    client_subsystem_code: str = ""
    client_security_server_address: str = ""
    service_x_road_instance: str = msgspec.field(default="", name="serviceXRoadInstance")
    service_member_class: str = ""
    service_member_code: str = ""
    service_subsystem_code: str = ""
    service_security_server_address: str = ""
    service_code: str = ""
    service_version: str = ""
    represented_party_class: str = ""
    represented_party_code: str = ""
    message_id: str = ""
    message_user_id: str = ""
    message_issue: str = ""
    message_protocol_version: str = ""
    x_request_id: str = ""
    rest_method: str = ""
    rest_path: str = ""
    status_code: int = 0
    request_size: int = 0
    response_size: int = 0
    fault_code: str = ""
    fault_string: str = ""
    soap_fault_code: str = ""
    soap_fault_string: str = ""


_decoder: Final = msgspec.json.Decoder(_Record)


class XroadOperational(record.LineFormat):
    """Records of a security server's operational monitoring."""

    dataset = "xroad.operational"

    def _line(self, line: str, context: Context) -> Fields | None:
        try:
            told = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        # The message's own time; a record of a message that never came in has the record's alone.
        millis = told.request_in_ts or told.monitoring_data_ts * 1000
        if not 0 < millis <= _LAST_MS:
            return None
        self._last_time = times.to_text(millis * 1000)
        fields: Fields = {
            event.TIME: self._last_time,
            event.DATASET: self.dataset,
            event.ORIGINAL: line,
            "event.action": "share_call",
            "event.category": ["web"],
            "host.name": context.host,
        }
        if told.succeeded is not None:
            fields["event.outcome"] = "success" if told.succeeded else "failure"
        fields.update(_texts(told))
        fields.update(_numbers(told))
        return record.scrubbed(fields)


def _texts(told: _Record) -> dict[str, str]:
    found = {
        "gov.share.requester_id": "/".join(
            filter(None, (
                told.client_x_road_instance, told.client_member_class, told.client_member_code,
                told.client_subsystem_code,
            ))
        ),
        "gov.share.service_id": "/".join(
            filter(None, (
                told.service_x_road_instance, told.service_member_class,
                told.service_member_code, told.service_subsystem_code, told.service_code,
                told.service_version,
            ))
        ),
        "organization.id": told.client_member_code,
        # A person's number is replaced by the mask, as in any field.
        "user.id": told.message_user_id,
        "gov.case.no": told.message_issue,
        "http.request.id": told.message_id,
        "trace.id": told.x_request_id,
        "http.request.method": told.rest_method,
        "url.path": told.rest_path,
        "event.reason": told.fault_code or told.soap_fault_code,
        "message": told.fault_string or told.soap_fault_string,
        "observer.type": told.security_server_type.lower(),
        "network.protocol": told.message_protocol_version,
        **_address("source", told.client_security_server_address),
        **_address("destination", told.service_security_server_address),
    }  # fmt: skip
    party = "/".join(filter(None, (told.represented_party_class, told.represented_party_code)))
    found["labels.represented_party"] = party
    return {name: text for name, text in found.items() if text}


def _address(side: str, text: str) -> dict[str, str]:
    return {f"{side}.ip" if record.is_address(text) else f"{side}.domain": text} if text else {}


def _numbers(told: _Record) -> dict[str, int]:
    found = {
        "http.request.body.bytes": told.request_size,
        "http.response.body.bytes": told.response_size,
    }
    found = {name: size for name, size in found.items() if 0 < size < _SIZE_MAX}
    if told.status_code in _REST_ERROR:
        found["http.response.status_code"] = told.status_code
    took = told.response_out_ts - told.request_in_ts
    if told.request_in_ts and 0 <= took < _LAST_MS:
        found["event.duration"] = took * _NANOSECONDS
    return found
