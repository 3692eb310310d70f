"""The desk: carries the data calls of applications out, one item or many.

It checks the scope of every item, reads what came strictly, and says of each refusal what was wrong
and what to send instead; a refusal repeats nothing of a payload. It holds no state of its own but
what it has read of public certificates and keys.
"""

from __future__ import annotations

from typing import Any, Final

from crypto.ports import Clock, Entropy
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.bodies import Body
from dashboard_api.signing.call import Call
from dashboard_api.signing.cipher_desk import Decrypting, Encrypting
from dashboard_api.signing.envelope_desk import (
    EnvelopeOpening,
    EnvelopeSealing,
    EnvelopeSigning,
    EnvelopeVerifying,
)
from dashboard_api.signing.mac_desk import Hashing, MacChecking, MacMaking
from dashboard_api.signing.outcomes import done_many, done_one
from dashboard_api.signing.ports import Done, Keys
from dashboard_api.signing.sign_desk import Signing
from dashboard_api.signing.stamp_desk import Stamping
from dashboard_api.signing.trust import Roots
from dashboard_api.signing.verify_desk import Verifying
from dashboard_api.signing.work import Work
from schema.errors import FengsuiError

DATA: Final = frozenset(
    {
        Operation.SIGN,
        Operation.SIGN_E,
        Operation.VERIFY,
        Operation.ENCRYPT,
        Operation.DECRYPT,
        Operation.DIGEST,
        Operation.HMAC,
        Operation.HMAC_VERIFY,
        Operation.ENVELOPE_SIGN,
        Operation.ENVELOPE_VERIFY,
        Operation.ENVELOPE_SEAL,
        Operation.ENVELOPE_OPEN,
        Operation.TIMESTAMP,
    }
)
"""What a desk carries out; the rest is managing."""


class ServiceDesk:
    """The desk of one signing process; implements port ``Desk``."""

    def __init__(self, keys: Keys, *, clock: Clock, entropy: Entropy) -> None:
        roots = Roots(keys, clock)
        signing = Signing(keys)
        works: dict[Operation, Work[Any]] = {
            Operation.SIGN: signing,
            # An item with a digest is told by its field; this is for who says so beforehand.
            Operation.SIGN_E: signing,
            Operation.VERIFY: Verifying(keys, roots, clock),
            Operation.ENCRYPT: Encrypting(keys, roots),
            Operation.DECRYPT: Decrypting(keys),
            Operation.DIGEST: Hashing(),
            Operation.HMAC: MacMaking(keys),
            Operation.HMAC_VERIFY: MacChecking(keys),
            Operation.ENVELOPE_SIGN: EnvelopeSigning(keys),
            Operation.ENVELOPE_VERIFY: EnvelopeVerifying(roots),
            Operation.ENVELOPE_SEAL: EnvelopeSealing(roots),
            Operation.ENVELOPE_OPEN: EnvelopeOpening(keys),
            Operation.TIMESTAMP: Stamping(keys, clock, entropy),
        }
        self._works = {operation: (Body[Any](work.item), work) for operation, work in works.items()}

    def perform(self, application: Application, call: Call) -> Done:
        """Carry a data call out.

        Raises ``dashboard_api.call.*`` for a body that is not of the operation, and for a call of
        one item what is wrong with it; among ``items`` that item's answer says so.
        """
        found = self._works.get(call.operation)
        if found is None:
            raise FengsuiError(
                "dashboard_api.path.unknown",
                f"{call.operation.value} is no operation on data",
                operation=call.operation.value,
            )
        body, work = found
        asked = body.read(call.body)
        if isinstance(asked, list):
            return done_many(work.many(application, asked), call.languages)
        return done_one(work.one(application, asked))
