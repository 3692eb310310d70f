"""CertificateDesk: what is done to certificates, by whom it may be done, in the audit chain.

An application has certificates for its own keys under its own name; a person issues for the
applications of their units, and with every unit for sensors and services, from their requests, and
says whom the site trusts.

Errors: ``dashboard_api.certificate.{unknown,ambiguous,key,person,exists,issuer,limit,
revoked_before,chain,anchor}``, ``dashboard_api.key.owner``, ``crypto.certificate.*``,
``crypto.request.*``, ``crypto.crl.*``, ``crypto.key.*``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from collector.state.database import Database
from crypto.errors import CryptoError
from crypto.keystore.model import Key, State, Use
from crypto.sm2 import PublicKey
from crypto.x509.certificate import Certificate
from crypto.x509.chain import DEPTH_MAX, Trust
from crypto.x509.extension import AlternativeName, KeyUsage
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest
from crypto.x509.revocation import Reason, RevocationList
from dashboard_api.applications.model import SITE
from dashboard_api.audit import Act, AuditChain
from dashboard_api.custody import certificate_rows as rows
from dashboard_api.custody.authority import SiteAuthority, Wanted, check_room
from dashboard_api.custody.certificate_rows import Filed, Kind
from dashboard_api.custody.device_desk import DeviceDesk
from dashboard_api.custody.ownership import Ownership, owner_of
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing import changes
from dashboard_api.signing.asking import Asker
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import DAY

DAYS_MAX: Final = 3650
ANCHORS_MAX: Final = 64
"""Each is tried for each chain that is checked."""
LISTS_MAX: Final = 64
_USES: Final = {
    Kind.SIGN: Use.SIGN,
    Kind.SERVER: Use.SIGN,
    Kind.TIMESTAMP: Use.SIGN,
    Kind.ENCRYPT: Use.ENCRYPT,
}
_USAGES: Final = {Use.SIGN: KeyUsage.SIGNING | KeyUsage.AUTHORITY, Use.ENCRYPT: KeyUsage.ENCRYPTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCertificate:
    """What a certificate shall say."""

    kind: Kind
    days: int
    subject: Name | None = None
    """None for the key's own name, or the request's."""
    names: tuple[AlternativeName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A chain that held."""

    path: tuple[Certificate, ...]
    revocation: Literal["checked", "no_list"]
    """``checked`` where the issuer's list was at hand, else ``no_list``."""


class CertificateDesk:
    """The certificates of one site."""

    def __init__(
        self,
        database: Database,
        room: KeyRoom,
        audit: AuditChain,
        *,
        authority: SiteAuthority,
        ownership: Ownership,
        clock: Clock,
        devices: DeviceDesk,
    ) -> None:
        self._devices = devices
        self._database = database
        self._room = room
        self._audit = audit
        self.authority = authority
        self._ownership = ownership
        self._clock = clock

    # Looking

    def page(self, asking: Asker) -> list[Filed]:
        """The certificates the asker may see, by owner, newest first."""
        with self._database.read() as state:
            found = rows.by_owner(state)
        return [one for one in found if self._ownership.holds(asking, one.owner)]

    def get(self, asking: Asker, name: str) -> Filed:
        """One of them, by serial number or fingerprint.

        Raises ``dashboard_api.certificate.unknown`` also where it is another's.
        """
        with self._database.read() as state:
            found = rows.named(state, name)
        seen = [one for one in found if self._ownership.holds(asking, one.owner)]
        if not seen:
            raise FengsuiError(
                "dashboard_api.certificate.unknown", f"there is no certificate {name}", serial=name
            )
        if len(seen) > 1:
            raise FengsuiError(
                "dashboard_api.certificate.ambiguous",
                f"{len(seen)} certificates of different issuers have the number {name}: name one "
                "by its fingerprint",
                serial=name,
            )
        return seen[0]

    def check(
        self, certificate: Certificate, *, others: Sequence[Certificate] = (),
        usage: KeyUsage | None = None,
    ) -> Checked:  # fmt: skip
        """Check its chain, revocation and, with ``usage``, what it is for; raises what is wrong."""
        with self._database.read() as state:
            roots = tuple(Certificate.from_der(one) for one in rows.anchors(state))
            lists = tuple(RevocationList.from_der(one) for one in rows.lists(state))
        trust = Trust(roots=roots, at_us=self._clock.now(), revocation_lists=lists)
        path = trust.check(certificate, usage=usage, others=others)
        at_hand = all(any(one.is_of(issuer) for one in lists) for issuer in path[1:])
        return Checked(path=path, revocation="checked" if at_hand else "no_list")

    # Changing

    def issue_for_key(self, asking: Asker, key_name: str, new: NewCertificate) -> Filed:
        """Issue for a key of the store."""
        key_id = asking.application.key if asking.application is not None else key_name
        with self._audit.around(Act(asking.actor, f"certificate.issue.{new.kind}", key_id)):
            key = self._own_key(asking, key_id)
            if asking.application is not None and (
                new.subject or new.names or new.kind not in (Kind.SIGN, Kind.ENCRYPT)
            ):
                raise _for_people("certificates of other names than the key's, and of servers")
            self._check_use(key, new.kind)
            return self.authority.issue(self._wanted(key, new))

    def issue_for_request(
        self, asking: Asker, request: CertificateRequest, owner: str, new: NewCertificate
    ) -> Filed:
        """Issue what a request (PKCS#10) asks for; names the request has are taken over."""
        subject = str(new.subject or request.subject)
        with self._audit.around(Act(asking.actor, f"certificate.issue.{new.kind}", subject)):
            if asking.application is not None:
                raise _for_people("certificates from requests")
            self._check_owner(asking, owner)
            request.verify()
            return self.authority.issue(
                Wanted(
                    owner=owner,
                    kind=new.kind,
                    subject=new.subject or request.subject,
                    public=request.public,
                    days=new.days,
                    names=new.names or request.extensions.alternative_names,
                )
            )

    def import_chain(self, asking: Asker, key_name: str, chain: Sequence[Certificate]) -> Filed:
        """Take in the certificate a licensed authority issued for a key here, and those above."""
        key_id = asking.application.key if asking.application is not None else key_name
        with self._audit.around(Act(asking.actor, "certificate.import", key_id)):
            key = self._own_key(asking, key_id)
            leaf, above = _checked_chain(chain, self._clock.now())
            version = next(
                (one for one in reversed(key.versions) if one.public == leaf.public.point), None
            )
            if version is None:
                leaf.check_key(PublicKey.from_point(key.latest.public or b""))
            leaf.check_usage(_USAGES.get(key.use, KeyUsage(0)))
            filed = Filed(
                owner=owner_of(key_id),
                key=key_id,
                version=version.number if version else 0,
                kind=Kind.IMPORTED,
                certificate=leaf,
                above=tuple(one for one in above if not one.is_self_issued),
                created_at=self._clock.now(),
            )
            self._database.write(lambda state: _file(state, filed))
            return filed

    def import_anchor(self, asking: Asker, root: Certificate) -> None:
        """Trust a root from now on; for a person in charge of every unit."""
        with self._audit.around(Act(asking.actor, "certificate.trust", root.fingerprint)):
            self._check_site(asking)
            if not root.extensions.authority or not root.is_self_issued:
                raise FengsuiError(
                    "dashboard_api.certificate.anchor",
                    f"{root.subject} is no root: it names another issuer, or may not issue",
                )
            root.verify(root.public)
            root.check_time(self._clock.now())
            self._database.write(lambda state: _trust(state, root, self._clock.now()))

    def import_list(self, asking: Asker, found: RevocationList) -> None:
        """Keep the list of an authority the site knows; an older one than at hand is refused."""
        with self._audit.around(Act(asking.actor, "certificate.list", str(found.issuer))):
            self._check_site(asking)
            with self._database.read() as state:
                known = [Certificate.from_der(one) for one in rows.anchors(state)]
                known += [above for one in rows.by_owner(state) for above in one.above]
            issuer = next((one for one in known if found.is_of(one)), None)
            if issuer is None:
                raise FengsuiError(
                    "dashboard_api.certificate.anchor",
                    f"the issuer {found.issuer} is not known here: import its certificate first",
                )
            found.verify(issuer, at_us=self._clock.now())
            self._database.write(lambda state: _keep(state, issuer, found))

    def renew(self, asking: Asker, name: str, days: int | None) -> Filed:
        """Issue the same again from now on; for a key here, of its latest version."""
        old = self.get(asking, name)
        with self._audit.around(Act(asking.actor, "certificate.renew", old.fingerprint)):
            _must_be_ours(old)
            if old.revoked_at is not None:
                raise old.certificate.refused("revoked", "it is revoked, and not renewed")
            key = self._own_key(asking, old.key) if old.key else None
            certificate = old.certificate
            period = certificate.not_after_us - certificate.not_before_us
            wanted = Wanted(
                owner=old.owner,
                key=old.key,
                version=key.latest.number if key else 0,
                kind=old.kind,
                subject=certificate.subject,
                public=PublicKey.from_point(key.latest.public or b"")
                if key
                else certificate.public,
                days=days or max(1, period // DAY),
                names=certificate.extensions.alternative_names,
            )
            return self.authority.issue(wanted, instead_of=old.fingerprint)

    def revoke(self, asking: Asker, name: str, reason: Reason) -> Filed:
        """Let a certificate count no more; the list that says so is signed at once."""
        found = self.get(asking, name)
        with self._audit.around(Act(asking.actor, "certificate.revoke", found.fingerprint)):
            self.authority.revoke(found, reason)
        return self.get(asking, found.fingerprint)

    # Inside

    def _own_key(self, asking: Asker, key_id: str) -> Key:
        self._check_owner(asking, owner_of(key_id), key_id)
        key: Key | None = self._devices.find(key_id)
        if key is None and not self._room.exists and owner_of(key_id) != SITE:
            raise CryptoError("crypto.key.unknown", f"Key {key_id} is not here.", {"id": key_id})
        key = key or self._room.store.key(key_id)
        if key.state is not State.ACTIVE:
            raise CryptoError(
                f"crypto.key.{key.state.value}",
                f"Key {key_id} is {key.state.value}: it gets no certificate.",
                {"id": key_id},
            )
        if not key.use.is_pair:
            raise _wrong_key(key, "has no public half")
        return key

    def _check_owner(self, asking: Asker, owner: str, what: str = "") -> None:
        if not self._ownership.holds(asking, owner):
            raise FengsuiError(
                "dashboard_api.key.owner",
                f"{what or owner} is not yours to manage: it belongs to another application or "
                "unit",
                key=what or owner,
            )

    def _check_site(self, asking: Asker) -> None:
        if asking.application is not None:
            raise _for_people("whom the site trusts")
        self._check_owner(asking, SITE)

    def _check_use(self, key: Key, kind: Kind) -> None:
        if _USES[kind] is not key.use:
            raise _wrong_key(key, f"is for {key.use.value}")

    def _wanted(self, key: Key, new: NewCertificate) -> Wanted:
        return Wanted(
            owner=owner_of(key.id),
            key=key.id,
            version=key.latest.number,
            kind=new.kind,
            subject=new.subject or Name.of((("C", "CN"), ("OU", owner_of(key.id)), ("CN", key.id))),
            public=PublicKey.from_point(key.latest.public or b""),
            days=new.days,
            names=new.names,
        )


def _checked_chain(
    chain: Sequence[Certificate], now: int
) -> tuple[Certificate, Sequence[Certificate]]:
    """A chain from the leaf up, each link checked; raises what is wrong with it."""
    if not 1 <= len(chain) <= DEPTH_MAX:
        raise FengsuiError(
            "dashboard_api.certificate.chain",
            f"send the key's own certificate first, and up to {DEPTH_MAX - 1} above it",
            limit=DEPTH_MAX,
        )
    leaf = chain[0]
    path = Trust(roots=(chain[-1],), intermediates=tuple(chain[1:]), at_us=now).check(leaf)
    return leaf, path[1:]


def _file(state: sqlite3.Connection, filed: Filed) -> None:
    check_room(state, filed.owner)
    if rows.named(state, filed.fingerprint):
        raise FengsuiError(
            "dashboard_api.certificate.exists", f"certificate {filed.serial} is here already"
        )
    rows.insert(state, filed)
    changes.raise_in(state)


def _trust(state: sqlite3.Connection, root: Certificate, now: int) -> None:
    if len(rows.anchors(state)) >= ANCHORS_MAX:
        raise FengsuiError(
            "dashboard_api.certificate.limit",
            f"{ANCHORS_MAX} roots are trusted, the most there may be",
            limit=ANCHORS_MAX,
        )
    rows.add_anchor(state, root, now)
    changes.raise_in(state)


def _keep(state: sqlite3.Connection, issuer: Certificate, found: RevocationList) -> None:
    before = rows.list_of(state, issuer.fingerprint)
    if before is None and len(rows.lists(state)) >= LISTS_MAX:
        raise FengsuiError(
            "dashboard_api.certificate.limit",
            f"{LISTS_MAX} revocation lists, the most there may be",
            limit=LISTS_MAX,
        )
    if before is not None and before.this_update_us > found.this_update_us:
        raise CryptoError(
            "crypto.crl.stale",
            f"A newer revocation list of {found.issuer} is here already.",
            {"issuer": str(found.issuer)},
        )
    rows.put_list(state, issuer.fingerprint, found)
    changes.raise_in(state)


def _must_be_ours(one: Filed) -> None:
    if not one.issuer:
        raise FengsuiError(
            "dashboard_api.certificate.issuer",
            f"certificate {one.serial} was not issued by this site's authority: its issuer renews "
            "it; import what they send",
            serial=one.serial,
        )


def _for_people(what: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.certificate.person", f"{what}: only a person in charge decides that"
    )


def _wrong_key(key: Key, why: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.certificate.key",
        f"key {key.id} {why}: such a certificate takes another key",
        key=key.id,
    )
