"""What a signing process is told at its start: no secret, for the command line shows it."""

from __future__ import annotations

import msgspec

from dashboard_api.signing.heads import SignedHead
from fengsui.settings import CryptoSettings


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where its files are, and how it computes."""

    root: str
    """The data folder."""
    slot: int
    crypto: CryptoSettings
    newest: SignedHead | None
    """The newest signed head of its journal."""
    floor: int
    """No signed request of this second (unix time) or one before is believed: until then other
    processes may have kept its nonce."""
    shf: bool = False
