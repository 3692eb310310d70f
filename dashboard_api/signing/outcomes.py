"""Outcomes: what became of each item of a call, and the one answer they make together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from dashboard_api.signing.answers import Failed
from dashboard_api.signing.ports import Done
from dashboard_api.signing.problems import Refusal, problem_of

_encode = msgspec.json.Encoder().encode


class Made(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One item carried out: its answer, and what the audit entry says of it."""

    answer: msgspec.Struct
    payload: bytes
    algorithm: str
    mode: str = ""
    key: str = ""
    version: int = 0
    place: str = ""


Outcome = Made | Refusal


class _Results(msgspec.Struct, frozen=True):
    items: list[msgspec.Struct]


def done_one(made: Made) -> Done:
    """The answer to a call of one item."""
    return Done(
        body=_encode(made.answer),
        key=made.key,
        version=made.version,
        place=made.place,
        algorithm=made.algorithm,
        mode=made.mode,
        payloads=(made.payload,),
    )


def done_many(outcomes: Sequence[Outcome], languages: str) -> Done:
    """The answer to a call of many items, in their order.

    Where the items used several keys the entry names them all, joined by commas, and version 0.
    """
    answers: list[msgspec.Struct] = []
    made: list[Made] = []
    payloads: list[bytes] = []
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Made):
            answers.append(outcome.answer)
            made.append(outcome)
            payloads.append(outcome.payload)
        else:
            answers.append(Failed(error=problem_of(outcome, languages, place)))
            # Nothing was done with it; the place is kept, so that codes and items stay in step.
            payloads.append(b"")
    used = {(one.key, one.version) for one in made if one.key}
    return Done(
        body=_encode(_Results(answers)),
        key=_joined(one.key for one in made),
        version=next(iter(used))[1] if len(used) == 1 else 0,
        place=_joined(one.place for one in made),
        algorithm=_joined(one.algorithm for one in made),
        mode=_joined(one.mode for one in made),
        payloads=tuple(payloads),
        failed=len(outcomes) - len(made),
    )


def _joined(values: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(value for value in values if value))
