"""Problems: any refusal of a data call as the caller reads it, for a whole call or one item.

The status follows from the code, the words from the reader's language. Nothing that was sent is
repeated: an error names fields, sizes and keys only.
"""

from __future__ import annotations

import msgspec

from crypto.errors import CryptoError
from dashboard_api.details import detail_of
from dashboard_api.signing.sentences import MALFORMED, SENTENCES, ZH
from dashboard_api.statuses import status_of
from dashboard_api.titles import prefers_chinese, title_of
from schema.errors import FengsuiError

Refusal = FengsuiError | CryptoError


class ItemProblem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one item of a call."""

    code: str
    """tier.noun.reason, stable: what programs decide by."""
    title: str
    detail: str
    """What happened and what to do now, in Chinese or English by Accept-Language."""
    params: dict[str, str | int]
    """The facts of the detail as data."""


def refused(code: str, cause: str = "", **params: str | int) -> FengsuiError:
    """The error of a code with sentences here; ``cause`` tells several causes of one code apart."""
    key = f"{code}.{cause}" if cause else code
    return FengsuiError(code, SENTENCES[key].en.format_map(params), **params)


def malformed(reason: str, where: str, **params: str | int) -> FengsuiError:
    """``dashboard_api.call.malformed``: which field, what is wrong with it, what to send."""
    return refused(MALFORMED, reason, reason=reason, where=where, **params)


def problem_of(error: Refusal, languages: str, item: int | None = None) -> ItemProblem:
    """The refusal in the reader's language; ``item`` is its place among the items of a call."""
    params = dict(error.params)
    if item is not None and error.code == MALFORMED:
        params["item"] = item
        params["where"] = f"items[{item}].{params['where']}"
    return ItemProblem(
        code=error.code,
        title=title_of(status_of(error.code), languages),
        detail=_detail(error, params, languages),
        params=params,
    )


def _detail(error: Refusal, params: dict[str, str | int], languages: str) -> str:
    chinese = prefers_chinese(languages)
    cause = params.get("reason") or params.get("hint")
    both = SENTENCES.get(f"{error.code}.{cause}" if cause else error.code)
    if both is not None:
        return (both.zh if chinese else both.en).format_map(params)
    if isinstance(error, FengsuiError):
        return detail_of(error, languages)
    known = ZH.get(error.code) if chinese else None
    try:
        return known.format_map(params) if known else str(error)
    except KeyError:
        # Not every error of a code carries the same facts: then its own sentence is the exact one.
        return str(error)
