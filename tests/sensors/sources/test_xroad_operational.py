"""Records of X-Road's operational monitoring: who asked whom for what, and how it went."""

from __future__ import annotations

import json

from schema.event import Fields
from sensors.mask import Masker
from sensors.sources import Context
from sensors.sources.xroad_operational import XroadOperational

CONTEXT = Context(host="ss1", utc_offset_minutes=480, now=lambda: 1_790_000_000_000_000)
# The example of annex C.2.1 of the protocol, with the times it leaves out.
RECORD: dict[str, object] = {
    "clientMemberClass": "GOV", "clientMemberCode": "00000001",
    "clientSecurityServerAddress": "ss1.ci.kit", "clientSubsystemCode": "subsystem1",
    "clientXRoadInstance": "EE", "messageId": "1TzYhHSrJWDnFJAKYFzHZbGkDaVkzPLq",
    "messageIssue": "453465", "messageProtocolVersion": "4.0", "messageUserId": "EE37701010101",
    "monitoringDataTs": 1477633845, "requestInTs": 1477633844973, "requestOutTs": 1477633844986,
    "requestSize": 1629, "responseInTs": 1477633845133, "responseOutTs": 1477633845148,
    "responseSize": 1518, "securityServerInternalIp": "192.168.3.250",
    "securityServerType": "Client", "serviceCode": "xroadGetRandom",
    "serviceMemberClass": "GOV", "serviceMemberCode": "00000002",
    "serviceSecurityServerAddress": "192.0.2.7", "serviceXRoadInstance": "EE",
    "succeeded": True, "xRequestId": "fd83f20e-9c2f-4a4e-9c0e-e7c2a7f2c3aa",
}  # fmt: skip


def parsed(**changes: object) -> Fields:
    told = {name: value for name, value in {**RECORD, **changes}.items() if value is not None}
    (fields,) = XroadOperational().parse([json.dumps(told).encode()], CONTEXT)
    return fields


def test_the_record_of_the_protocol_is_read() -> None:
    fields = parsed()
    del fields["event.original"]
    assert fields == {
        "@timestamp": "2016-10-28T05:50:44.973000Z",
        "event.dataset": "xroad.operational",
        "event.action": "share_call",
        "event.category": ["web"],
        "event.outcome": "success",
        "event.duration": 175_000_000,
        "host.name": "ss1",
        "gov.share.requester_id": "EE/GOV/00000001/subsystem1",
        "gov.share.service_id": "EE/GOV/00000002/xroadGetRandom",
        "organization.id": "00000001",
        "user.id": "EE37701010101",
        "gov.case.no": "453465",
        "http.request.id": "1TzYhHSrJWDnFJAKYFzHZbGkDaVkzPLq",
        "trace.id": "fd83f20e-9c2f-4a4e-9c0e-e7c2a7f2c3aa",
        "network.protocol": "4.0",
        "observer.type": "client",
        "source.domain": "ss1.ci.kit",
        "destination.ip": "192.0.2.7",
        "http.request.body.bytes": 1629,
        "http.response.body.bytes": 1518,
    }


def test_a_fault_is_a_failure_with_its_code() -> None:
    fields = parsed(succeeded=False, faultCode="Server.ServerProxy.AccessDenied", faultString="no")
    assert fields["event.outcome"] == "failure"
    assert fields["event.reason"] == "Server.ServerProxy.AccessDenied"
    assert fields["message"] == "no"
    assert parsed(soapFaultCode="Client.X")["event.reason"] == "Client.X"


def test_a_rest_call_names_its_path_and_status() -> None:
    fields = parsed(restMethod="GET", restPath="/r1/pets", statusCode=404)
    assert fields["http.request.method"] == "GET"
    assert fields["url.path"] == "/r1/pets"
    assert fields["http.response.status_code"] == 404


def test_a_message_that_never_came_in_has_the_time_of_the_record() -> None:
    fields = parsed(requestInTs=None)
    assert fields["@timestamp"] == "2016-10-28T05:50:45.000000Z"
    assert "event.duration" not in fields


def test_a_person_asked_for_by_an_officers_number_stands_keyed() -> None:
    fields = parsed(messageUserId="110099198001010010")
    Masker(bytes(32)).mask([fields])
    assert "110099198001010010" not in json.dumps(fields)
    assert len(str(fields["gov.subject.id_hmac"])) == 64


def test_what_is_no_record_is_kept_as_it_is() -> None:
    form = XroadOperational()
    wrong = [b"{}", b"[]", b'{"monitoringDataTs":-1}', b'{"monitoringDataTs":"soon"}', b"x"]
    events = form.parse(wrong, CONTEXT)
    assert [fields["event.action"] for fields in events] == ["unparsed"] * len(wrong)
