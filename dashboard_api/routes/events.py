"""Events: search, counts, one event, and its proof back to the sensor's signature."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Response

from collector.proof import EventProof
from dashboard_api import examples, scoped
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.evidence import (
    CountsView,
    CountView,
    EventsView,
    EventView,
    HeadView,
    ProofView,
    ReceiptView,
    StepView,
)
from dashboard_api.routes.alerts import Cursor, Filter
from dashboard_api.scoped import Window
from dashboard_api.wire import TIME_MAX, TIME_MIN, time_of
from schema import filter as filters
from schema.errors import FengsuiError
from schema.ports import EventHit
from schema.receipt import Receipt

router = APIRouter(tags=["events"])

MEANS_ZH: Final = "证明的是：该事件离开探针时即如此，此后未被改动；不多也不少。不证明探针所见为真。"
MEANS_EN: Final = (
    "It left the sensor so, and nothing changed it since; no more and no less. "
    "It does not prove that the sensor saw the truth."
)
_JSON: Final = "application/json"

Reader = Annotated[Principal, Depends(require(Permission.EVENTS_READ))]
Prover = Annotated[Principal, Depends(require(Permission.EVENTS_PROVE))]
EventId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=[examples.EVENT["id"]])]
When = Annotated[
    str, Query(max_length=40, description="RFC 3339 time with a zone; start included, end not")
]
Limit = Annotated[int, Query(ge=1, le=500)]


def _window(start: str, end: str, limit: int) -> Window:
    return Window(
        start=time_of(start, absent=TIME_MIN), end=time_of(end, absent=TIME_MAX), limit=limit
    )


def _view(hit: EventHit) -> EventView:
    return EventView(
        id=hit.id, sensor=hit.sensor, number=hit.number, index=hit.index, fields=hit.fields
    )


@router.get("/v1/events", response_model=EventsView, responses=examples.answer(examples.EVENTS))
def events(
    services: Site,
    reader: Reader,
    filter: Filter = "",  # noqa: A002 - the query's public name
    start: When = "",
    end: When = "",
    cursor: Cursor = "",
    limit: Limit = 100,
) -> Response:
    """Events newest first, of the units you may see."""
    page = scoped.search(
        services,
        filters.parse(filter),
        principal=reader,
        window=_window(start, end, limit),
        after=cursor,
    )
    view = EventsView(items=[_view(hit) for hit in page.hits], next_cursor=page.next_cursor or None)
    # Encoded by msgspec: five hundred events of forty fields are most of this request's time.
    return Response(msgspec.json.encode(view), media_type=_JSON)


@router.get("/v1/events/count", responses=examples.answer(examples.COUNTS))
def count(
    services: Site,
    reader: Reader,
    field: Annotated[str, Query(max_length=128, examples=["source.ip", "@timestamp/3600"])],
    filter: Filter = "",  # noqa: A002 - the query's public name
    start: When = "",
    end: When = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> CountsView:
    """How many events have each value of a field; ``@timestamp/3600`` counts by hour."""
    found = scoped.count_by(
        services,
        filters.parse(filter),
        field,
        principal=reader,
        window=_window(start, end, limit),
    )
    return CountsView(items=[CountView(key=one.key, count=one.count) for one in found])


@router.get(
    "/v1/events/{event_id}", response_model=EventView, responses=examples.answer(examples.EVENT)
)
def event(services: Site, reader: Reader, event_id: EventId) -> Response:
    """One event with all its fields."""
    hit = scoped.get(services.events, event_id, scoped.visible_to(services, reader))
    return Response(msgspec.json.encode(_view(hit)), media_type=_JSON)


@router.get("/v1/events/{event_id}/proof", responses=examples.answer(examples.PROOF))
def proof(services: Site, prover: Prover, event_id: EventId) -> ProofView:
    """The path from the stored event to its sensor's signature, carried out step by step."""
    visible = scoped.visible_to(services, prover)
    if visible is not None:
        scoped.get(services.events, event_id, visible)
    with services.audit.around(Act(prover.name, "event.prove", event_id)):
        found = services.proofs.prove(event_id)
        if found is None:
            raise FengsuiError(
                "dashboard_api.event.unknown", f"there is no event {event_id}", id=event_id
            )
    return proof_view(found)


def proof_view(proof: EventProof) -> ProofView:
    """A proof as it is sent."""
    header = proof.batch.header
    return ProofView(
        event_id=proof.event_id,
        sensor=header.sensor,
        enrolment=header.enrolment,
        batch=header.number,
        segment=proof.segment,
        index=proof.index,
        count=header.count,
        leaf=proof.leaf.hex(),
        path=[step.hex() for step in proof.path],
        root=header.root,
        header=proof.batch.header_bytes.decode(),
        header_hash=proof.batch.hash,
        signature=proof.batch.signature.hex(),
        key_id=header.key_id,
        public_key=proof.public_key.hex(),
        receipt=receipt_view(proof.receipt) if proof.receipt else None,
        steps=[
            StepView(name=step.name, ok=step.ok, zh=step.zh, en=step.en) for step in proof.steps
        ],
        means_zh=MEANS_ZH,
        means_en=MEANS_EN,
    )


def receipt_view(receipt: Receipt) -> ReceiptView:
    """A receipt as it is sent; its numbers as they were signed."""
    head = receipt.head
    return ReceiptView(
        head=HeadView(
            sensor=head.sensor,
            enrolment=head.enrolment,
            number=head.number,
            events=head.events,
            hash=head.hash,
        ),
        received_at=receipt.received_at,
        key_id=receipt.key_id,
        signature=receipt.signature,
    )
