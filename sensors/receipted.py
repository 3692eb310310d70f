"""Receipted: how far the platform has stored a sensor's chain, kept over restarts, and what that
frees here. The newest segment and the newest receipt are never freed: they are the sensor's own
proof of where its chain stands.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec

from crypto import sm2
from schema import log, segment
from schema.batch import Batch
from schema.disk import PosixDisk, replace_file
from schema.errors import FengsuiError
from schema.receipt import Receipt, verify_receipt


class Receipted:
    """The newest receipt of one enrolment, and the spool it is about."""

    def __init__(
        self,
        spool: Path,
        receipt_file: Path,
        *,
        enrolment: int,
        base_number: int,
        receipt_key: sm2.PublicKey,
    ) -> None:
        """``base_number`` is the last batch before the enrolment; ``spool`` the chain's folder."""
        self._spool = spool
        self._file = receipt_file
        self._enrolment = enrolment
        self._base_number = base_number
        self._key = receipt_key
        self._disk = PosixDisk()
        self.newest = self._kept()
        """None before the first."""

    @property
    def number(self) -> int:
        """Number of the last batch known to be stored by the platform."""
        return self.newest.head.number if self.newest else self._base_number

    def verify(self, receipt: Receipt) -> None:
        """Raise ``schema.receipt.invalid`` unless the platform's receipt key signed it."""
        verify_receipt(receipt, self._key)

    def concerns(self, receipt: Receipt) -> bool:
        """Whether it is of this enrolment; one of an earlier one says nothing about this chain."""
        return receipt.head.enrolment == self._enrolment

    def take(self, receipt: Receipt) -> None:
        """Keep a receipt that was verified and found to be over our batch, if it is newer."""
        if receipt.head.number > self.number or self.newest is None:
            replace_file(self._file, msgspec.json.encode(receipt))
            self.newest = receipt

    def free(self) -> int:
        """Unlink closed segments all of whose batches lie before the newest receipt's."""
        freed = 0
        names = log.segment_names(self._spool, self._disk)
        for name, following in pairwise(names):
            if segment.first_number(following) > self.number:
                break
            (self._spool / name).unlink()
            freed += 1
        return freed

    def _kept(self) -> Receipt | None:
        """The receipt of an earlier run; an unusable one costs a repeated request, no more."""
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=Receipt)
            verify_receipt(kept, self._key)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, FengsuiError):
            return None
        return kept if kept.head.enrolment == self._enrolment else None


def is_of(batch: Batch, receipt: Receipt) -> bool:
    """Whether the receipt is over this very header."""
    header, head = batch.header, receipt.head
    return (header.sensor, header.enrolment, header.number, batch.hash) == (
        head.sensor,
        head.enrolment,
        head.number,
        head.hash,
    )


def foreign(receipt: Receipt) -> FengsuiError:
    """The error for a receipt over another header than ours of that number."""
    head = receipt.head
    return FengsuiError(
        "schema.receipt.foreign",
        f"the receipt for batch {head.number} of {head.sensor} is over another header than the "
        "one sent",
        number=head.number,
    )
