"""Idempotency: a request repeated under its ``Idempotency-Key`` is done once and answered alike.

For a day, by caller and key. A refused request leaves nothing behind: it changed nothing and may be
sent again. Of an answer that holds a secret only the fact is kept, so that a repeat is told that it
was done and cannot be shown the secret again. What a crash interrupted is not done twice by itself:
the caller is told to look.

Errors: ``dashboard_api.idempotency.{running,conflict,given,interrupted,limit}``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Request
from starlette.responses import Response

from collector.state.database import Database
from crypto import sm3
from crypto.errors import CryptoError
from dashboard_api.access.principal import Principal
from dashboard_api.context import Site
from dashboard_api.services import present
from dashboard_api.signing.asking import Asker
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import DAY

LIFE_US: Final = DAY
"""How long a caller may not know whether its request arrived."""
RECORDS_MAX: Final = 1000
"""Of one caller within that time: keys and certificates are not made by the thousand."""
BODY_BYTES_MAX: Final = 64 * 1024
"""Of a recorded answer; of a longer one only the fact is kept."""
KEY_PATTERN: Final = r"^[\x21-\x7e]{1,64}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sending of a request; ``key`` is empty where the caller gave none."""

    key: str
    request: bytes
    """SM3 of method, path and body."""

    @classmethod
    def of(cls, key: str, *, method: str, path: str, body: bytes) -> Attempt:
        """The attempt of a request; parts are told apart by their lengths."""
        hasher = b"".join(
            len(part).to_bytes(8, "big") + part for part in (method.encode(), path.encode(), body)
        )
        return cls(key=key, request=sm3.digest(hasher))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer in JSON."""

    status: int
    body: bytes

    def response(self) -> Response:
        """As it is sent; never kept by anybody between."""
        response = Response(self.body, self.status, media_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        return response


async def attempt_of(
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(
            pattern=KEY_PATTERN,
            description="1 to 64 visible characters: within a day a repeat gets the same answer",
            examples=["3f6c1a90-b7d2-4e58"],
        ),
    ] = "",
) -> Attempt:
    """The attempt behind a request, for routes: body and path as they came."""
    return Attempt.of(
        idempotency_key,
        method=request.method,
        path=f"{request.url.path}?{request.url.query}",
        body=await request.body(),
    )


Attempted = Annotated[Attempt, Depends(attempt_of)]


def caller_of(asker: Principal | Asker) -> str:
    """Whose keys they are: a person's by the account, an application's whatever its credential."""
    if isinstance(asker, Principal):
        return f"person:{asker.id}"
    if asker.person is not None:
        return f"person:{asker.person.id}"
    return caller_of_application(asker.owner)


def caller_of_application(application: str) -> str:
    """An application as a caller."""
    return f"application:{application}"


class Idempotency:
    """Recorded answers of one site, over its state file; opened once, by the one API process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        # No other process answers: what runs now ran in one that is gone.
        database.write(
            lambda state: state.execute(
                "UPDATE idempotency SET state = 'interrupted' WHERE state = 'running'"
            )
        )

    def once(
        self, caller: str, attempt: Attempt, do: Callable[[], Answer], *, secret: bool = False
    ) -> Answer:
        """Do it, or return the answer recorded when it was done.

        ``secret`` says that the answer holds one. Raises what ``do`` raises, ``.running`` while
        the same is being done, ``.conflict`` for another request under the same key, ``.given``
        for a secret shown before, ``.interrupted`` and ``.limit``.
        """
        if not attempt.key:
            return do()
        recorded = self._database.write(lambda state: self._begin(state, caller, attempt))
        if recorded is not None:
            return recorded
        try:
            answer = do()
        except (FengsuiError, CryptoError):
            self._forget(caller, attempt)
            raise
        except BaseException:
            self._mark(caller, attempt, "interrupted")
            raise
        if secret or len(answer.body) > BODY_BYTES_MAX:
            self._mark(caller, attempt, "given")
        else:
            self._mark(caller, attempt, "done", answer)
        return answer

    def _begin(self, state: sqlite3.Connection, caller: str, attempt: Attempt) -> Answer | None:
        """Note that it runs, or return what is recorded."""
        now = self._clock.now()
        state.execute(
            "DELETE FROM idempotency WHERE begun_at <= ? AND state <> 'running'", (now - LIFE_US,)
        )
        row = state.execute(
            "SELECT * FROM idempotency WHERE caller = ? AND key = ?", (caller, attempt.key)
        ).fetchone()
        if row is not None:
            return _recorded(row, attempt)
        standing: int = state.execute(
            "SELECT count(*) FROM idempotency WHERE caller = ?", (caller,)
        ).fetchone()[0]
        if standing >= RECORDS_MAX:
            raise FengsuiError(
                "dashboard_api.idempotency.limit",
                f"{RECORDS_MAX} requests with an Idempotency-Key within a day, the most there may "
                "be: send the request without one",
                limit=RECORDS_MAX,
            )
        state.execute(
            "INSERT INTO idempotency (caller, key, request, begun_at, state) "
            "VALUES (?, ?, ?, ?, 'running')",
            (caller, attempt.key, attempt.request, now),
        )
        return None

    def _forget(self, caller: str, attempt: Attempt) -> None:
        self._database.write(
            lambda state: state.execute(
                "DELETE FROM idempotency WHERE caller = ? AND key = ?", (caller, attempt.key)
            )
        )

    def _mark(
        self, caller: str, attempt: Attempt, stands: str, answer: Answer | None = None
    ) -> None:
        status = answer.status if answer else None
        body = answer.body if answer else None
        self._database.write(
            lambda state: state.execute(
                "UPDATE idempotency SET state = ?, status = ?, body = ? "
                "WHERE caller = ? AND key = ?",
                (stands, status, body, caller, attempt.key),
            )
        )


def recorder_of(services: Site) -> Idempotency:
    """The recorded answers of the site that was asked, for routes."""
    return present(services.idempotency)


Recorder = Annotated[Idempotency, Depends(recorder_of)]


def _recorded(row: sqlite3.Row, attempt: Attempt) -> Answer:
    """The answer of a row; raises where there is none to give."""
    if row["request"] != attempt.request:
        raise FengsuiError(
            "dashboard_api.idempotency.conflict",
            "this Idempotency-Key was used for another request within a day: take a new one",
        )
    if row["state"] == "done":
        return Answer(status=row["status"], body=row["body"])
    if row["state"] == "running":
        raise FengsuiError(
            "dashboard_api.idempotency.running",
            "the same request is being done: send it again in a moment for its answer",
            retry_seconds=1,
        )
    if row["state"] == "given":
        raise FengsuiError(
            "dashboard_api.idempotency.given",
            "the same request was done, and its answer, which is given once, was sent: look what "
            "there is, and take it back if the answer was lost",
        )
    raise FengsuiError(
        "dashboard_api.idempotency.interrupted",
        "the platform stopped while it did this request: look whether it was done, and send it "
        "under a new Idempotency-Key if not",
    )
