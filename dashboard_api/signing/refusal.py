"""Refusal: the whole answer to a call that was not carried out, and how many strangers are audited.

The status follows from the code. A flood of calls by nobody we know must neither fill the disk nor
push the entries of those we know aside: so many a minute are entries, the rest are counted.
"""

from __future__ import annotations

from typing import Final

import msgspec

from crypto.errors import CryptoError
from dashboard_api.signing import problems
from dashboard_api.signing.call import Reply
from dashboard_api.statuses import status_of
from dashboard_api.titles import title_of
from schema.errors import FengsuiError
from schema.times import MINUTE

RESTARTED: Final = "dashboard_api.signing.restarted"
STOPPED: Final = "dashboard_api.signing.stopped"

STRANGERS_MAX: Final = 60
"""Refusals of callers nobody knows that get an entry each minute."""

Refusal = FengsuiError | CryptoError


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """problem+json as every other part of the API writes it."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    params: dict[str, str | int]


_PROBLEM: Final = msgspec.json.Decoder(Problem)


def reply_to(call_id: int, error: Refusal, languages: str) -> Reply:
    """The answer that refuses the call, in the reader's language."""
    status = status_of(error.code)
    said = problems.problem_of(error, languages)
    body = Problem(
        type=f"urn:fengsui:problem:{error.code}",
        title=title_of(status, languages),
        status=status,
        code=error.code,
        detail=said.detail,
        params=said.params,
    )
    retry = error.params.get("retry_seconds", 0)
    return Reply(call_id, status, msgspec.json.encode(body), int(retry))


def error_of(reply: Reply) -> FengsuiError:
    """What a refusing answer says, as the error the rest of the API is used to."""
    problem = _PROBLEM.decode(reply.body)
    return FengsuiError(problem.code, problem.detail, **problem.params)


def absent() -> FengsuiError:
    """Nobody signs here."""
    return FengsuiError(
        "dashboard_api.signing.absent",
        "this site has no signing service: a demonstration signs nothing for anybody",
    )


def credential_missing() -> FengsuiError:
    """Nobody says who they are."""
    return FengsuiError(
        "dashboard_api.credential.missing",
        "the request carries no credential: send Authorization with a bearer token or a request "
        "signature; a session in a browser is none",
    )


def busy(seconds: int) -> FengsuiError:
    """More calls wait than can be answered soon."""
    return FengsuiError(
        "dashboard_api.signing.busy",
        "too many calls wait for the signing process: nothing of this one was done; send it again "
        f"in {seconds} s, or put several items into one call",
        retry_seconds=seconds,
    )


def restarted(seconds: int) -> FengsuiError:
    """The process died with the call in its hands."""
    return FengsuiError(
        "dashboard_api.signing.restarted",
        "the signing process ended before it answered: the call may or may not have been carried "
        "out, and the audit says which; a signature may be asked for again without harm",
        retry_seconds=seconds,
    )


def stopped(seconds: int) -> FengsuiError:
    """Nothing is signed while its audit entry cannot be kept."""
    return FengsuiError(
        "dashboard_api.signing.stopped",
        "signing has stopped because audit entries cannot be written, or the signing process does "
        "not start: nothing of this call was done; the operator finds the cause at /readyz and in "
        "the log",
        retry_seconds=seconds,
    )


def failed(cause: BaseException) -> FengsuiError:
    """Something nobody foresaw went wrong with one call."""
    return FengsuiError(
        "dashboard_api.request.failed",
        "the platform failed on this request; the operator finds the cause in its log",
        cause=type(cause).__name__,
    )


class Strangers:
    """Decides which refusals of nobody we know become entries."""

    def __init__(self) -> None:
        self._minute = 0
        self._entries = 0
        self._counted = 0

    def admits(self, now: int) -> bool:
        """Whether this one becomes an entry; else it is counted."""
        minute = now // MINUTE
        if minute != self._minute:
            self._minute, self._entries = minute, 0
        if self._entries < STRANGERS_MAX:
            self._entries += 1
            return True
        self._counted += 1
        return False

    def take_counted(self, now: int) -> int:
        """How many were only counted in minutes that are over; each is told of once."""
        if now // MINUTE == self._minute:
            return 0
        counted, self._counted = self._counted, 0
        return counted
