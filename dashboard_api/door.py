"""Door: the short way of data operations: from the guard to a signing process and back.

No router, no validation by the framework, no session: the path names the operation, the signing
process decides all the rest. What a browser carries by itself is no credential here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboard_api.applications.model import Operation
from dashboard_api.services import Signing
from dashboard_api.signing import refusal
from dashboard_api.signing.call import BODY_BYTES_MAX, Reply
from dashboard_api.signing.document import ENTRIES, ROOT
from schema.errors import FengsuiError

__all__ = ["BODY_BYTES_MAX", "Door", "Entry", "data_entries"]

_JSON: Final = b"application/json"
_PROBLEM: Final = b"application/problem+json"
_PROBLEM_START: Final = b'{"type":"urn:fengsui:problem:'
METHOD: Final = "POST"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a path asks for. ``form`` is the interface: empty for our own."""

    operation: Operation
    form: str = ""


def data_entries(*, foreign: bool = False) -> dict[str, Entry]:
    """The data operations by their path under the site's root; ``foreign`` forms where wanted."""
    own = {f"{ROOT}/{one.path}": Entry(one.operation) for one in ENTRIES}
    if not foreign:
        return own
    # Most sites want none of it: not loaded for nothing.
    from dashboard_api.signing import shf

    return own | {path: Entry(*one) for path, one in shf.PATHS.items()}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, before the security headers are put to it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Door:
    """The data operations of one site."""

    def __init__(self, signing: Signing | None, entries: Mapping[str, Entry]) -> None:
        """``signing`` is None where nobody signs: then every path here says so."""
        self._signing = signing
        self._entries = entries

    def entry(self, path: str) -> Entry | None:
        """What a path under the site's root asks for, if it is a data operation."""
        return self._entries.get(path)

    async def answer(
        self, entry: Entry, *, method: str, target: str, headers: Mapping[bytes, bytes], body: bytes
    ) -> Answer:
        """Have it carried out; ``headers`` are those of the request."""
        languages = headers.get(b"accept-language", b"").decode("latin-1")
        if method != METHOD:
            return refused(_not_post(method), languages)
        if self._signing is None:
            return refused(refusal.absent(), languages)
        authorization = headers.get(b"authorization")
        if authorization is None:
            return refused(refusal.credential_missing(), languages)
        reply = await self._signing.call(
            entry.operation,
            method=method,
            target=target,
            authorization=authorization.decode("latin-1"),
            languages=languages,
            body=body,
            form=entry.form,
        )
        answer = _answer(reply)
        if entry.form and not reply.body.startswith(_PROBLEM_START):
            # What the signing process said is in the form of the call; what was said for it is not.
            from dashboard_api.signing import shf

            media = shf.media_type(entry.form, body).encode()
            answer.headers[0] = (b"content-type", media)
        return answer


def refused(error: FengsuiError, languages: str) -> Answer:
    """A refusal that needs no signing process."""
    return _answer(refusal.reply_to(0, error, languages))


def _answer(reply: Reply) -> Answer:
    headers = [
        (b"content-type", _JSON if reply.status == 200 else _PROBLEM),
        (b"content-length", b"%d" % len(reply.body)),
        (b"cache-control", b"no-store"),
    ]
    if reply.status != 200:
        headers.append((b"vary", b"Accept-Language"))
        if reply.status == 401:
            headers.append((b"www-authenticate", b"Bearer, Fengsui-SM2"))
        elif reply.status == 405:
            headers.append((b"allow", METHOD.encode()))
        if reply.retry_seconds:
            headers.append((b"retry-after", b"%d" % reply.retry_seconds))
    return Answer(reply.status, headers, reply.body)


def _not_post(method: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.path.method",
        f"{method[:20]} is not what this path takes: send POST",
    )
