"""Keys in memory, a clock that stands, dice that count, and applications: behind the ports.

The keys are real; only where they come from is made up. ``site()`` has one of every kind.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crypto.keystore.handles import MacKey, SealingKey
from crypto.keystore.model import refused
from crypto.sm2 import Policy, PrivateKey
from crypto.x509.authority import Authority, Order, Profile
from crypto.x509.certificate import Certificate
from crypto.x509.name import Name
from dashboard_api.applications.model import DEFAULT, NO_KEY, OWN_KEYS, Application, Operation
from dashboard_api.signing.call import Call
from dashboard_api.signing.desk import ServiceDesk
from dashboard_api.signing.ports import (
    Done,
    HeldDecrypter,
    HeldMac,
    HeldPublic,
    HeldSealer,
    HeldSigner,
)

SECOND = 1_000_000
DAY = 86_400 * SECOND
NOW = 1_795_000_000 * SECOND  # 2026-11-18

ALL = frozenset(Operation)


@dataclass
class FakeClock:
    """Stands until it is moved."""

    at: int = NOW

    def now(self) -> int:
        return self.at


@dataclass
class FakeEntropy:
    """Counts: no two takes are alike."""

    count: int = 0

    def take(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


@dataclass
class FakeKeys:
    """Keys by whole id; each list of versions is oldest first."""

    pairs: dict[str, tuple[str, list[PrivateKey]]] = field(default_factory=dict)
    secrets: dict[str, tuple[str, list[bytes]]] = field(default_factory=dict)
    chains: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    roots: list[bytes] = field(default_factory=list)
    lists: list[bytes] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Ids that are refused, with the reason: ``disabled``, ``expired``…"""
    entropy: FakeEntropy = field(default_factory=FakeEntropy)
    refreshed: int = 0

    # Making

    def add_pair(
        self, key_id: str, use: str, *, versions: int = 1, sign_e: bool = False
    ) -> PrivateKey:
        policy = Policy(sign=use == "sign", sign_e=sign_e, decrypt=use == "encrypt", exchange=False)
        made = [PrivateKey.generate(policy) for _ in range(versions)]
        self.pairs[key_id] = use, made
        return made[-1]

    def add_secret(self, key_id: str, use: str, *, versions: int = 1) -> None:
        size = 16 if use == "seal" else 32
        made = [bytes([0x50 + n]) * size for n in range(1, versions + 1)]
        self.secrets[key_id] = use, made

    # Port ``Keys``

    def refresh(self) -> None:
        self.refreshed += 1

    def use(self, key_id: str) -> str:
        self._check(key_id)
        return (self.pairs.get(key_id) or self.secrets[key_id])[0]

    def signer(self, key_id: str) -> HeldSigner:
        made = self._pair(key_id, "sign")
        return HeldSigner(
            id=key_id,
            version=len(made),
            place="software",
            key=made[-1],
            chain=self.chains.get(key_id, ()),
        )

    def verifiers(self, key_id: str) -> Sequence[HeldPublic]:
        made = self._pair(key_id, "sign")
        return [
            HeldPublic(id=key_id, version=n, place="software", key=made[n - 1].public)
            for n in range(len(made), 0, -1)
        ]

    def encrypter(self, key_id: str) -> HeldPublic:
        made = self._pair(key_id, "encrypt")
        return HeldPublic(id=key_id, version=len(made), place="software", key=made[-1].public)

    def decrypters(self, key_id: str) -> Sequence[HeldDecrypter]:
        made = self._pair(key_id, "encrypt")
        return [
            HeldDecrypter(id=key_id, version=n, place="software", key=made[n - 1])
            for n in range(len(made), 0, -1)
        ]

    def sealer(self, key_id: str) -> HeldSealer:
        made = self._secret(key_id, "seal")
        key = SealingKey(key_id, lambda v, _: self._taken(key_id, made, v), self.entropy)
        return HeldSealer(id=key_id, version=len(made), place="software", key=key)

    def mac(self, key_id: str) -> HeldMac:
        made = self._secret(key_id, "mac")
        key = MacKey(key_id, lambda v, _: self._taken(key_id, made, v))
        return HeldMac(id=key_id, version=len(made), place="software", key=key)

    def anchors(self) -> Sequence[bytes]:
        return self.roots

    def revocation_lists(self) -> Sequence[bytes]:
        return self.lists

    # Inside

    def _check(self, key_id: str) -> None:
        if key_id not in self.pairs and key_id not in self.secrets:
            raise refused("unknown", key_id, "is not here")
        if key_id in self.broken:
            raise refused(self.broken[key_id], key_id, f"is {self.broken[key_id]}")

    def _pair(self, key_id: str, use: str) -> list[PrivateKey]:
        self._check(key_id)
        if self.use(key_id) != use:
            raise refused("use", key_id, f"is for {self.use(key_id)}, not for {use}")
        return self.pairs[key_id][1]

    def _secret(self, key_id: str, use: str) -> list[bytes]:
        self._check(key_id)
        if self.use(key_id) != use:
            raise refused("use", key_id, f"is for {self.use(key_id)}, not for {use}")
        return self.secrets[key_id][1]

    def _taken(
        self, key_id: str, made: Sequence[bytes], version: int | None
    ) -> tuple[int, bytearray]:
        number = len(made) if version is None else version
        if not 1 <= number <= len(made):
            raise refused("version", key_id, f"has no version {number}", version=number)
        return number, bytearray(made[number - 1])


@dataclass
class FakeSite:
    """A desk over keys of every kind, and the authority that certified them."""

    keys: FakeKeys
    clock: FakeClock
    desk: ServiceDesk
    authority: Authority
    application: Application

    def perform(
        self,
        operation: Operation,
        body: bytes | dict[str, Any],
        *,
        application: Application | None = None,
        languages: str = "en",
    ) -> Done:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.desk.perform(
            application or self.application, call(operation, raw, languages=languages)
        )

    def ask(self, operation: Operation, **item: Any) -> dict[str, Any]:
        """The answer for one item."""
        answer: dict[str, Any] = json.loads(self.perform(operation, item).body)
        return answer

    def ask_many(self, operation: Operation, items: Sequence[dict[str, Any]]) -> list[Any]:
        """The answers for many, in order."""
        answers: list[Any] = json.loads(self.perform(operation, {"items": items}).body)["items"]
        return answers

    def certificate(self, name: str, profile: Profile, key: PrivateKey, days: int = 365) -> bytes:
        """A certificate of the site's own authority."""
        return self.authority.issue(profile, order(name, key, self.keys.entropy, days)).der


def call(operation: Operation, body: bytes, *, languages: str = "en") -> Call:
    """A call as it reaches the desk."""
    return Call(
        id=1,
        operation=operation,
        method="POST",
        target="/v1/crypto/sign",
        authorization="",
        languages=languages,
        body=body,
    )


def application(
    name: str = "payments", own: frozenset[Operation] = ALL, **grants: frozenset[Operation]
) -> Application:
    """An application; more grants by key id, dots written as two underscores."""
    named = {key.replace("__", "."): operations for key, operations in grants.items()}
    return Application(
        id=name,
        name=name,
        unit="u1",
        credentials=(),
        grants={OWN_KEYS: own, NO_KEY: DEFAULT, **named},
    )


def order(name: str, key: PrivateKey, entropy: FakeEntropy, days: int = 365) -> Order:
    """An order for a certificate around NOW."""
    return Order(
        subject=Name.of([("C", "CN"), ("O", "示例省大数据局"), ("CN", name)]),
        public=key.public,
        not_before_us=NOW - DAY,
        not_after_us=NOW + days * DAY,
        entropy=entropy.take(16),
    )


def site() -> FakeSite:
    """``payments`` with keys receipt (3 versions), hashes (sign_e), letters, vault, tag, bare."""
    keys, clock = FakeKeys(), FakeClock()
    root_key = PrivateKey.generate()
    root = Authority.root(order("root", root_key, keys.entropy, 3650), root_key)
    keys.roots.append(root.certificate.der)
    made = FakeSite(
        keys=keys,
        clock=clock,
        desk=ServiceDesk(keys, clock=clock, entropy=keys.entropy),
        authority=root,
        application=application(),
    )
    for name, profile in (("payments.receipt", Profile.SIGNING), ("payments.hashes", None)):
        key = keys.add_pair(name, "sign", versions=3, sign_e=name.endswith("hashes"))
        if profile:
            keys.chains[name] = (made.certificate(name, profile, key), root.certificate.der)
    keys.add_pair("payments.bare", "sign")
    keys.add_pair("payments.letters", "encrypt", versions=2)
    keys.add_secret("payments.vault", "seal", versions=2)
    keys.add_secret("payments.tag", "mac", versions=2)
    keys.add_pair("tax.receipt", "sign")
    keys.add_pair("tax.letters", "encrypt")
    stamp = keys.add_pair("site.timestamp", "sign")
    keys.chains["site.timestamp"] = (
        made.certificate("site.timestamp", Profile.TIME_STAMPING, stamp),
        root.certificate.der,
    )
    return made


def pem(certificate: bytes) -> str:
    """A certificate in PEM."""
    return Certificate.from_der(certificate).to_pem().decode()
