"""One error for the whole product, so that every border can show it the same way.

    FengsuiError(code, message, **params)
    └── code = tier.noun.reason, e.g. ``schema.batch.forked``

The message says what happened, where, and what to do now; ``params`` are the same facts as data.
"""

from __future__ import annotations


class FengsuiError(Exception):
    """A failure somebody can act on."""

    def __init__(self, code: str, message: str, **params: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        return f"{self.args[0]} [{self.code}]"
