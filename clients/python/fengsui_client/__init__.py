"""Client of the Fengsui national-crypto service: keys stay there, signatures are checked here.

It promises: every result is typed; whatever is not done raises; nothing is done twice because a
connection broke. It needs ``cryptography`` and the standard library. Errors: ``errors``.
"""

from fengsui_client._crypto.errors import CryptoError
from fengsui_client._crypto.sm2 import (
    DEFAULT_ID,
    PrivateKey,
    PublicKey,
    signature_from_raw,
    signature_to_raw,
)
from fengsui_client._crypto.sm3 import digest as sm3
from fengsui_client.client import Client
from fengsui_client.credential import Bearer, Credential, SigningKey
from fengsui_client.errors import (
    BadAnswer,
    ClientError,
    InvalidSignature,
    ServiceError,
    Unreachable,
)
from fengsui_client.results import (
    Approval,
    Certificate,
    Ciphertext,
    Envelope,
    Key,
    KeyVersion,
    Mac,
    Message,
    Plaintext,
    Readiness,
    Signature,
    Signer,
    Stamp,
    Verified,
    VerifiedEnvelope,
)
from fengsui_client.transport import Retry

__all__ = [
    "DEFAULT_ID",
    "Approval",
    "BadAnswer",
    "Bearer",
    "Certificate",
    "Ciphertext",
    "Client",
    "ClientError",
    "Credential",
    "CryptoError",
    "Envelope",
    "InvalidSignature",
    "Key",
    "KeyVersion",
    "Mac",
    "Message",
    "Plaintext",
    "PrivateKey",
    "PublicKey",
    "Readiness",
    "Retry",
    "ServiceError",
    "Signature",
    "Signer",
    "SigningKey",
    "Stamp",
    "Unreachable",
    "Verified",
    "VerifiedEnvelope",
    "signature_from_raw",
    "signature_to_raw",
    "sm3",
]
