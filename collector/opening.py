"""Opening: everything a batch must prove before one of its events is let in. Each check raises."""

from __future__ import annotations

from typing import Final

from collector.enrolments import Enrolment, Enrolments
from collector.state.chains import ChainState
from schema import batch as batches
from schema import privacy
from schema.batch import Batch, Chain
from schema.errors import FengsuiError

_NEVER: Final = frozenset({"citizen_id", "classified"})


def admitted(batch: Batch, sensor: str, enrolments: Enrolments) -> Enrolment:
    """The enrolment under which this sensor may seal this batch.

    Raises ``collector.batch.unenrolled``, ``.revoked``, ``.superseded``, ``.names`` or
    ``schema.batch.signature_invalid``.
    """
    header = batch.header
    enrolment = enrolments.of_batch(sensor, header.enrolment)
    if enrolment.status == "revoked":
        raise FengsuiError(
            "collector.batch.revoked",
            f"{sensor} was revoked: its batch {header.number} is not let in; enrol it anew",
            sensor=sensor,
            number=header.number,
        )
    if not enrolment.current:
        following = enrolments.of_batch(sensor, header.enrolment + 1)
        if header.number > following.base_number:
            raise FengsuiError(
                "collector.batch.superseded",
                f"batch {header.number} of {sensor} is signed under enrolment {header.enrolment}, "
                f"which ended with batch {following.base_number}",
                sensor=sensor,
                number=header.number,
            )
    batches.verify_signature(batch, enrolment.key)
    _check_names(batch)
    return enrolment


def _check_names(batch: Batch) -> None:
    """A signed header cannot be redacted, so its names must be clean from the start."""
    header = batch.header
    places = (position.generation for position in header.positions.values())
    names = "\n".join((header.boot_id, *header.positions, *places))
    if any(finding.kind in _NEVER for finding in privacy.find(names)):
        raise FengsuiError(
            "collector.batch.names",
            f"batch {header.number} of {header.sensor} has a source whose name or place holds "
            "a citizen's number or a marking: rename the source or file and enrol the sensor anew",
            sensor=header.sensor,
            number=header.number,
        )


def expected_chain(enrolment: Enrolment, state: ChainState) -> Chain:
    """What the next batch under this enrolment must carry on from."""
    if state.enrolment != enrolment.number:
        if state.number != enrolment.base_number:
            raise FengsuiError(
                "schema.batch.out_of_order",
                f"enrolment {enrolment.number} of {enrolment.sensor} begins behind batch "
                f"{enrolment.base_number}, but batch {state.number} is the last one here",
                sensor=enrolment.sensor,
                expected=state.number + 1,
            )
        return enrolment.chain
    return Chain(
        realm=enrolment.realm,
        sensor=enrolment.sensor,
        enrolment=enrolment.number,
        number=state.number,
        next_sequence=state.next_sequence,
        hash=state.hash,
    )
