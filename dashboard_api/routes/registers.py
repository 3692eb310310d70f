"""Registers: what a site knows of its units, grants and payees, changed by two persons.

A file is checked and kept as a proposal with its difference; somebody else approves it, and rules
judge by it from then on.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from dashboard_api import examples, paths
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.problem import languages_of
from dashboard_api.registers import examples as shown
from dashboard_api.registers.desk import REASON_CHARS_MAX, Import, RegisterDesk
from dashboard_api.registers.views import (
    PreviewView,
    ProposalView,
    RegisterRowsView,
    RegistersView,
    RegisterVersionsView,
    RegisterVersionView,
)
from dashboard_api.wire import time_of
from schema.errors import FengsuiError

router = paths.router("registers")

PAGE_MAX: Final = 500
"""Rows of one page: each may have 64 cells."""


def desk_of(services: Site) -> RegisterDesk:
    """The registers of the site that was asked."""
    if services.registers is None:
        raise FengsuiError("dashboard_api.registers.absent", "this site keeps no registers")
    return services.registers


Reader = Annotated[Principal, Depends(require(Permission.REGISTERS_READ))]
Proposer = Annotated[Principal, Depends(require(Permission.REGISTERS_PROPOSE))]
Approver = Annotated[Principal, Depends(require(Permission.REGISTERS_APPROVE))]
Desk = Annotated[RegisterDesk, Depends(desk_of)]
Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,62}$", examples=["payees"])]
Number = Annotated[int, Path(ge=1, le=2**31, examples=[2])]
Moment = Annotated[str, Query(max_length=40, description="RFC 3339; now where left out")]


@router.get("/v1/registers", responses=examples.answer(shown.REGISTERS))
def registers(reader: Reader, desk: Desk) -> RegistersView:
    """Every register with its columns and newest versions."""
    _ = reader
    return desk.all()


@router.get("/v1/registers/{name:plain}/versions", responses=examples.answer(shown.VERSIONS))
def versions(reader: Reader, desk: Desk, name: Name) -> RegisterVersionsView:
    """The history of a register, newest first."""
    _ = reader
    return desk.versions(name)


@router.get("/v1/registers/{name:plain}/rows", responses=examples.answer(shown.ROWS))
def rows(
    reader: Reader,
    desk: Desk,
    name: Name,
    at: Moment = "",
    known: Moment = "",
    cursor: Annotated[str, Query(max_length=2048, description="next_cursor before")] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 100,
    text: Annotated[str, Query(max_length=200, description="words each row has, any case")] = "",
) -> RegisterRowsView:
    """The rows that held at a time, as they were known at a time."""
    reader.must_hold(EVERY_UNIT)
    return desk.rows(
        name,
        at=time_of(at, absent=0) if at else None,
        known=time_of(known, absent=0) if known else None,
        after=cursor,
        limit=limit,
        text=text,
    )


@router.get(
    "/v1/registers/{name:plain}:export",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "dept_code,payee\r\n01,ACCT\r\n",
                }
            }
        }
    },
)
def export(
    services: Site, reader: Reader, desk: Desk, name: Name, at: Moment = ""
) -> StreamingResponse:
    """The rows that held at a time as CSV, which imports again."""
    with services.audit.around(Act(reader.name, "register.export", name)):
        reader.must_hold(EVERY_UNIT)
        lines = desk.export(name, at=time_of(at, absent=0) if at else None)
    return StreamingResponse(
        lines,
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="{name}.csv"'},
    )


_FILE_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "dept_code,payee,bank\n01,ACCT,icbc\n",
            }
        },
    }
}
Named = Annotated[str, Query(pattern="^[a-z][a-z0-9_]{0,62}$", examples=["payees"])]
FileName = Annotated[
    str,
    Query(
        pattern=r"^[^/\\\x00-\x1f\x7f]{1,200}$",
        description="its name; the end tells CSV, XLSX or JSON lines",
        examples=["payees.csv"],
    ),
]
OnlyThese = Annotated[bool, Query(description="rows left out do not end")]
ValidFrom = Annotated[str, Query(max_length=40, description="of rows without a date")]


@router.post(
    "/v1/registers:preview",
    responses=examples.answer(shown.PREVIEW),
    openapi_extra=_FILE_BODY,
)
async def preview(
    request: Request,
    proposer: Proposer,
    desk: Desk,
    register: Named,
    file: FileName,
    only_these: OnlyThese = False,
    valid_from: ValidFrom = "",
) -> PreviewView:
    """What a file (at most 16 MiB) would change, or its first hundred faults; keeps nothing."""
    data = await request.body()

    def do() -> PreviewView:
        proposer.must_hold(EVERY_UNIT)
        given = Import(
            register=register, file=file, data=data, whole=not only_these,
            valid_from=time_of(valid_from, absent=0) if valid_from else None,
        )  # fmt: skip
        return desk.preview(given, languages=languages_of(request))

    return await run_in_threadpool(do)


@router.post(
    "/v1/registers:import",
    status_code=201,
    responses=examples.answer(shown.PROPOSAL, 201),
    openapi_extra=_FILE_BODY,
)
async def propose(
    request: Request,
    services: Site,
    proposer: Proposer,
    desk: Desk,
    register: Named,
    file: FileName,
    only_these: OnlyThese = False,
    valid_from: ValidFrom = "",
    reason: Annotated[str, Query(max_length=REASON_CHARS_MAX, description="why it changes")] = "",
) -> ProposalView:
    """Check a file (at most 16 MiB) and keep what it would change; nothing holds yet.

    A register has one open proposal: this one takes the place of the one before.
    """
    data = await request.body()

    def do() -> ProposalView:
        with services.audit.around(Act(proposer.name, "register.propose", register)):
            proposer.must_hold(EVERY_UNIT)
            since = time_of(valid_from, absent=0) if valid_from else None
            given = Import(
                register=register, file=file, data=data, whole=not only_these,
                valid_from=since, reason=reason.strip(),
            )  # fmt: skip
            return desk.propose(given, by=proposer.name)

    return await run_in_threadpool(do)


@router.get(
    "/v1/registers/{name:plain}/versions/{number:plain}/difference",
    responses=examples.answer(shown.PROPOSAL),
)
def difference(reader: Reader, desk: Desk, name: Name, number: Number) -> ProposalView:
    """What an open proposal changes: the first hundred rows of each kind."""
    reader.must_hold(EVERY_UNIT)
    return desk.proposal(name, number)


@router.post(
    "/v1/registers/{name:plain}/versions/{number:plain}:approve",
    responses=examples.answer(shown.VERSION),
)
def approve(
    services: Site, approver: Approver, desk: Desk, name: Name, number: Number
) -> RegisterVersionView:
    """Approve what somebody else proposed: rules judge by it from now on."""
    with services.audit.around(Act(approver.name, "register.apply", f"{name} {number}")):
        approver.must_hold(EVERY_UNIT)
        return desk.approve(name, number, by=approver.name)


@router.post(
    "/v1/registers/{name:plain}/versions/{number:plain}:refuse",
    responses=examples.answer(shown.REFUSED),
)
def refuse(
    services: Site, approver: Approver, desk: Desk, name: Name, number: Number
) -> RegisterVersionView:
    """Refuse a proposal; its rows go, its line stays in the history."""
    with services.audit.around(Act(approver.name, "register.refuse", f"{name} {number}")):
        approver.must_hold(EVERY_UNIT)
        return desk.refuse(name, number, by=approver.name)
