"""Status and usage of the national-crypto service, as operators and assessors ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from dashboard_api import examples
from dashboard_api.access.roles import Permission
from dashboard_api.applications.model import Operation
from dashboard_api.context import Site
from dashboard_api.custody.status import DeviceStatus, StatusDesk
from dashboard_api.services import present
from dashboard_api.signing.asking import Asker, Asking

router = APIRouter(tags=["signing status"])


def desk_of(services: Site) -> StatusDesk:
    """The status of the site that was asked."""
    return present(services.signing_status)


Reader = Annotated[Asker, Depends(Asking(Permission.KEYS_READ, Operation.STATUS))]
Desk = Annotated[StatusDesk, Depends(desk_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """A cryptographic device; ``failure`` is the code of why it does not answer."""

    issuer: str
    name: str
    serial: str
    failure: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """What computes, what holds keys and how the signing processes stand."""

    backend: str
    library: str
    module: str
    """Whether it is a certified module, in words an assessor asks for."""
    vectors: list[str]
    """Published vectors the self-test passed just now."""
    workers: int
    restarts: int
    waiting: int
    failures: list[str]
    device: DeviceView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageView:
    """Items of one application in one month, of one kind."""

    application: str
    """Empty where nobody was believed."""
    month: str
    operation: str
    algorithm: str
    mode: str
    place: str
    done: int
    failed: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagesView:
    """Usage by application and kind."""

    items: list[UsageView]


@router.get("/v1/crypto/status", responses=examples.answer(examples.SIGNING_STATUS))
def status(reader: Reader, desk: Desk) -> StatusView:
    """Run the self-test and say how the service stands. It fails as `crypto.selftest.failed`."""
    del reader
    found = desk.status()
    device = found.device
    return StatusView(
        backend=found.backend,
        library=found.library,
        module=found.module,
        vectors=list(found.vectors),
        workers=found.workers,
        restarts=found.restarts,
        waiting=found.waiting,
        failures=list(found.failures),
        device=None if device is None else _device(device),
    )


@router.get("/v1/crypto/usage", responses=examples.answer(examples.SIGNING_USAGE))
def usage(
    reader: Reader,
    desk: Desk,
    month: Annotated[str, Query(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$", examples=["2026-11"])],
) -> UsagesView:
    """What was done in a month (Beijing time): an application its own, a person their units'."""
    return UsagesView(
        items=[
            UsageView(
                application=one.application,
                month=one.month,
                operation=one.operation,
                algorithm=one.algorithm,
                mode=one.mode,
                place=one.place,
                done=one.done,
                failed=one.failed,
                refused=one.refused,
            )
            for one in desk.usage(reader, month)
        ]
    )


def _device(found: DeviceStatus) -> DeviceView:
    return DeviceView(
        issuer=found.issuer,
        name=found.name,
        serial=found.serial,
        failure=found.failure or None,
    )
