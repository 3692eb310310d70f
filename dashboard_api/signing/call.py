"""Call and Reply: what passes between the API process and its signing processes."""

from __future__ import annotations

from typing import Final

import msgspec

from dashboard_api.applications.model import Operation

BODY_BYTES_MAX: Final = 1024 * 1024
"""Of one call: 256 items of a few KiB. Larger data is hashed or sealed by the caller."""
ITEMS_MAX: Final = 256
"""Items of one call: what a signing process does in some milliseconds."""
TARGET_CHARS_MAX: Final = 1024


class Call(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """One request of an application, as it came, before anybody is believed.

    For a managing operation the signing process decides only whether it may be done, and answers
    with ``Admitted``.
    """

    id: int
    operation: Operation
    method: str
    target: str
    """Path and query as they stood in the request line."""
    authorization: str
    languages: str
    """Accept-Language, for the words of a refusal."""
    body: bytes
    key: str = ""
    """The key a managing operation is about, as it was named; empty for none."""
    form: str = ""
    """The interface it came by: empty for ``/v1/crypto``, ``shf`` for GM/T 0136 messages, ``svs``
    for those of a signature server."""


class Reply(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The whole answer to one call. ``retry_seconds`` 0 says nothing of when to come again."""

    id: int
    status: int
    body: bytes
    retry_seconds: int = 0


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """The body of the answer to a managing call: who asks, and with which key."""

    application: str
    unit: str
    credential: str
    key: str
    """Whole id of the key it is about; empty for none."""
