"""Results: what each call gives back; bytes are bytes, times are RFC 3339 texts in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, TypeAlias, cast

from fengsui_client._crypto.sm2 import PublicKey
from fengsui_client.fields import Fields

SignatureForm: TypeAlias = Literal["der", "raw"]
"""``der``: SEQUENCE { r, s }; ``raw``: r ‖ s, 64 bytes."""
CipherForm: TypeAlias = Literal["der", "c1c3c2", "c1c2c3", "fengsui-seal/1"]
"""The last one is a sealing key's: SM4-GCM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature, and which version of which key made it."""

    signature: bytes
    form: SignatureForm
    key: str
    version: int
    id: str
    mode: Literal["message", "digest"]

    @classmethod
    def of(cls, said: Fields, id: str) -> Self:  # noqa: A002 - the standard's word
        return cls(
            signature=said.binary("signature"),
            form=cast("SignatureForm", said.text("form")),
            key=said.text("key"),
            version=said.whole("version"),
            id=id,
            mode="digest" if said.text("mode") == "digest" else "message",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """It is valid; by a key of the service, which one."""

    key: str | None
    version: int | None

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(key=said.text_or_none("key"), version=said.whole_or_none("version"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ciphertext:
    """A ciphertext; a foreign public key has neither name nor version."""

    ciphertext: bytes
    form: CipherForm
    algorithm: str
    key: str | None
    version: int | None

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            ciphertext=said.binary("ciphertext"),
            form=cast("CipherForm", said.text("form")),
            algorithm=said.text("algorithm"),
            key=said.text_or_none("key"),
            version=said.whole_or_none("version"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plaintext:
    """What was encrypted."""

    plaintext: bytes
    key: str
    version: int

    def __repr__(self) -> str:
        """Show no plaintext."""
        return f"<Plaintext of {self.key} version {self.version}>"

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            plaintext=said.binary("plaintext"), key=said.text("key"), version=said.whole("version")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac:
    """An HMAC-SM3, 32 bytes."""

    mac: bytes
    key: str
    version: int

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(mac=said.binary("mac"), key=said.text("key"), version=said.whole("version"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """SignedData or EnvelopedData in DER."""

    envelope: bytes
    key: str | None
    version: int | None

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            envelope=said.binary("envelope"),
            key=said.text_or_none("key"),
            version=said.whole_or_none("version"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed an envelope; ``serial`` and ``key_id`` in hexadecimal."""

    subject: str
    serial: str
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEnvelope:
    """Every signature is valid; ``message`` is None for a detached one."""

    signers: tuple[Signer, ...]
    message: bytes | None

    @classmethod
    def of(cls, said: Fields) -> Self:
        signers = tuple(
            Signer(
                subject=one.text("subject"), serial=one.text("serial"), key_id=one.text("key_id")
            )
            for one in said.list_of("signers")
        )
        message = said.binary("message") if said.has("message") else None
        return cls(signers=signers, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a sealed envelope held."""

    message: bytes
    key: str
    version: int

    def __repr__(self) -> str:
        """Show no message."""
        return f"<Message for {self.key} version {self.version}>"

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            message=said.binary("message"), key=said.text("key"), version=said.whole("version")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A TimeStampToken in DER and what it says."""

    token: bytes
    time: str
    serial: str
    policy: str

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            token=said.binary("token"),
            time=said.text("time"),
            serial=said.text("serial"),
            policy=said.text("policy"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersion:
    """One generation of a key; a symmetric one has no public half."""

    version: int
    created_at: str
    public_key: PublicKey | None

    @classmethod
    def of(cls, said: Fields) -> Self:
        point = said.text_or_none("public_key")
        return cls(
            version=said.whole("version"),
            created_at=said.text("created_at"),
            public_key=PublicKey.from_point(bytes.fromhex(point)) if point else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of the service, without its secret; versions oldest first."""

    key: str
    use: str
    state: str
    module: str
    created_at: str
    expires_at: str | None
    versions: tuple[KeyVersion, ...]

    def public_key(self, version: int | None = None) -> PublicKey:
        """The public half of a version, the newest one's unless said; ``KeyError`` for none."""
        for one in reversed(self.versions):
            if one.public_key is not None and version in (None, one.version):
                return one.public_key
        raise KeyError(f"{self.key} has no public key of version {version or 'any'}")

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            key=said.text("key"),
            use=said.text("use"),
            state=said.text("state"),
            module=said.text("module"),
            created_at=said.text("created_at"),
            expires_at=said.text_or_none("expires_at"),
            versions=tuple(KeyVersion.of(one) for one in said.list_of("versions")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What waits for a second person, and what became of it."""

    id: str
    kind: str
    key: str
    state: str
    expires_at: str

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            id=said.text("id"),
            kind=said.text("kind"),
            key=said.text("key"),
            state=said.text("state"),
            expires_at=said.text("expires_at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate the service holds; ``pem`` is followed by those above it in ``above``."""

    serial: str
    subject: str
    issuer: str
    key: str | None
    not_before: str
    not_after: str
    revoked_at: str | None
    pem: str
    above: str

    @classmethod
    def of(cls, said: Fields) -> Self:
        return cls(
            serial=said.text("serial"),
            subject=said.text("subject"),
            issuer=said.text("issuer"),
            key=said.text_or_none("key"),
            not_before=said.text("not_before"),
            not_after=said.text("not_after"),
            revoked_at=said.text_or_none("revoked_at"),
            pem=said.text("certificate"),
            above=said.text("above"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether the service takes calls; ``failures`` are codes."""

    ready: bool
    failures: tuple[str, ...]
