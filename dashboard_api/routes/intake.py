"""What programs hand in: sealed batches and heartbeats of sensors, events of business systems.

Sensors are known by their signatures, business systems by their bearer token. Their acts stand in
the collector's own sealed chain, not in the audit chain of people.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from dashboard_api import examples
from dashboard_api.audit import NOBODY, Act
from dashboard_api.context import Site, context_of
from dashboard_api.evidence import ReceiptsView
from dashboard_api.routes.sensors import NAME
from dashboard_api.services import Enrolled, PushAnswer
from schema import heartbeat
from schema.errors import FengsuiError
from schema.event import Fields
from schema.receipt import Receipt

router = APIRouter(tags=["intake"])
T = TypeVar("T")
EVENTS_MAX: Final = 1000
"""Events of one push: they become one sealed batch."""
_JSON: Final = "application/json"


class Enrol(BaseModel):
    """A sensor that asks to be let in; key and proof are hex."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "token": examples.ENROLMENT_TOKEN["token"],
                "name": "gateway-1",
                "unit": "social-security",
                "public_key": examples.ENROLLED["receipt_public_key"],
                "proof": "3045022100c0ffee",
            }
        },
    )
    token: str = Field(min_length=1, max_length=128)
    name: str = Field(pattern=NAME)
    unit: str = Field(min_length=1, max_length=64)
    public_key: str = Field(pattern="^04[0-9a-f]{128}$")
    proof: str = Field(pattern="^[0-9a-f]{8,160}$")


class Receipts(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt for each batch."""

    receipts: list[Receipt]


class Push(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events of a business system under an id of its own choice."""

    batch_id: str
    events: list[dict[str, str | int | bool | list[str]]]


_push_decoder: Final = msgspec.json.Decoder(Push)
_beat_decoder: Final = msgspec.json.Decoder(heartbeat.Signed)


def _body(schema: dict[str, Any], example: Any, media_type: str = _JSON) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The request body of a raw route in the API document."""
    content = {"schema": schema, "example": example}
    return {"requestBody": {"required": True, "content": {media_type: content}}}


@router.post(
    "/v1/batches",
    response_model=ReceiptsView,
    responses=examples.answer(examples.RECEIPTS),
    openapi_extra=_body(
        {"type": "string", "format": "binary"},
        "u32 little-endian length, then the batch in wire form; again for each batch",
        "application/octet-stream",
    ),
)
async def batches(request: Request, services: Site) -> Response:
    """Hand in sealed batches, at most 8 MiB. A receipt is given once a batch is on the disk.

    409 `schema.batch.out_of_order` names the expected number: send again from there.
    """
    raw = await request.body()
    context_of(request).metrics.add("fengsui_collector_received_bytes_total", len(raw))
    receipts = await run_in_threadpool(services.door.accept, raw)
    return Response(msgspec.json.encode(Receipts(receipts=list(receipts))), media_type=_JSON)


@router.post(
    "/v1/heartbeats",
    status_code=204,
    openapi_extra=_body(
        {
            "type": "object",
            "properties": {"payload": {"type": "string"}, "signature": {"type": "string"}},
            "required": ["payload", "signature"],
        },
        {"payload": "eyJyZWFsbSI6ImR1dHkifQ==", "signature": "MEUCIQDA/+4="},
    ),
)
async def heartbeats(request: Request, services: Site) -> Response:
    """Hand in an idle sensor's signed heartbeat; both parts are base64."""
    signed = _decoded(_beat_decoder, await request.body())
    await run_in_threadpool(services.door.heartbeat, signed)
    return Response(status_code=204)


@router.post(
    "/v1/events:batch",
    response_model=PushAnswer,
    responses=examples.answer(examples.PUSHED),
    openapi_extra={
        "security": [{"client": []}],
        **_body(
            {
                "type": "object",
                "properties": {
                    "batch_id": {"type": "string", "maxLength": 128},
                    "events": {
                        "type": "array",
                        "maxItems": EVENTS_MAX,
                        "items": {"type": "object"},
                    },
                },
                "required": ["batch_id", "events"],
            },
            {
                "batch_id": "2026-11-20-0001",
                "events": [{"@timestamp": "2026-11-20T08:00:00.000000Z", "event.action": "pay"}],
            },
        ),
    },
)
async def push(request: Request, services: Site) -> Response:
    """Push events as a registered business system (bearer token); sealed on arrival.

    A repeated batch id gets the recorded answer and stores nothing.
    """
    token = bearer(request)
    client = await run_in_threadpool(services.push.client, token)
    body = _decoded(_push_decoder, await request.body())
    if len(body.events) > EVENTS_MAX:
        raise FengsuiError(
            "dashboard_api.push.too_many", f"push at most {EVENTS_MAX} events at once"
        )
    events: list[Fields] = list(body.events)
    answer = await run_in_threadpool(services.push.push, client, body.batch_id, events)
    return Response(msgspec.json.encode(answer), media_type=_JSON)


@router.post("/v1/enrolments", status_code=201, responses=examples.answer(examples.ENROLLED, 201))
def enrol(services: Site, body: Enrol) -> Enrolled:
    """Let a sensor in by its one-time token; it proves that it holds its key."""
    act = Act(NOBODY, "sensor.enrol", body.name)
    with services.audit.refusals(act):
        enrolled = services.enrolment.enrol(
            body.token, body.name, unit=body.unit, public_key=body.public_key, proof=body.proof
        )
    services.audit.record(act, "done")
    return enrolled


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FengsuiError(
            "dashboard_api.request.malformed", "the body is not JSON of the form this asks for"
        ) from error


def bearer(request: Request) -> str:
    """The token of a business system; raises ``dashboard_api.session.missing``."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= 256:
        raise FengsuiError(
            "dashboard_api.session.missing", "send Authorization: Bearer with the client's token"
        )
    return token
