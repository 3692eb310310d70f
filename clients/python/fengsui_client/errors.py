"""Errors: what a call ends with when it has no result.

ClientError
  ServiceError       the service refused: code, status, detail, params
    InvalidSignature   what was verified is not valid; ``hint`` is the likeliest cause
  Unreachable        nothing answered in time, after every attempt
  BadAnswer          something answered that is not this service
A local check raises ``CryptoError``, which has ``code`` and ``params`` as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["BadAnswer", "ClientError", "InvalidSignature", "ServiceError", "Unreachable"]

INVALID: Final = frozenset({"crypto.signature.invalid", "crypto.mac.invalid"})


class ClientError(Exception):
    """A call without a result."""


class ServiceError(ClientError):
    """The service refused a call or one item of it; programs decide by ``code``."""

    def __init__(
        self, status: int, code: str, title: str, detail: str, params: Mapping[str, str | int]
    ) -> None:
        """``status`` 0 is one item's of a call that was carried out."""
        super().__init__(status, code, title, detail, dict(params))
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.params = dict(params)

    def __str__(self) -> str:
        """What happened and what to do now, and the code."""
        return f"{self.detail} [{self.code}]"


class InvalidSignature(ServiceError):  # noqa: N818 - it is what the caller asked about
    """A signature or code that does not verify."""

    @property
    def hint(self) -> str:
        """The likeliest cause, such as ``no_z``; ``none`` where no mix-up was found."""
        return str(self.params.get("hint", "none"))


class Unreachable(ClientError):  # noqa: N818
    """No answer: refused, broken off or too slow, as ``__cause__`` says."""


class BadAnswer(ClientError):  # noqa: N818
    """An answer this client cannot read: a proxy's page, or a service of another version."""


def refusal(
    status: int, code: str, title: str, detail: str, params: Mapping[str, str | int]
) -> ServiceError:
    """The error of a problem."""
    kind = InvalidSignature if code in INVALID else ServiceError
    return kind(status, code, title, detail, params)
