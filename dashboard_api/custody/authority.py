"""SiteAuthority: the site's own certification authority, made when it is first needed.

Its key is ``site.ca`` in the key store. Its certificate is a root signed by itself, unless the
chain of a licensed authority was imported for that key. It issues for the site's own sensors,
services and applications; a licensed authority it is not.

A changed key (``rotate``) begins a new root; certificates under the old one stay valid.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from typing import Final

from collector.state.database import Database
from crypto.errors import CryptoError
from crypto.keystore.model import Key, Use
from crypto.keystore.store import KeyStore
from crypto.sm2 import PublicKey
from crypto.x509.authority import Authority, Order, Profile
from crypto.x509.extension import AlternativeName
from crypto.x509.name import Name
from crypto.x509.revocation import Reason, Revocation, RevocationList
from dashboard_api.applications.model import SITE
from dashboard_api.audit import Act, AuditChain
from dashboard_api.custody import certificate_rows as rows
from dashboard_api.custody.certificate_rows import Filed, Kind
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing import changes
from schema.errors import FengsuiError
from schema.ports import Clock, Entropy
from schema.times import DAY, SECOND

CA_KEY: Final = f"{SITE}.ca"
STAMP_KEY: Final = f"{SITE}.timestamp"
ACTOR: Final = "fengsui"
ROOT_DAYS: Final = 7300
"""Twenty years: as long as records of government are usually kept verifiable."""
STAMP_DAYS: Final = 1825
LIST_LIFE_US: Final = 7 * DAY
"""After that whoever checks refuses the list: a week of a stopped platform revokes nobody."""
LIST_RENEWED_US: Final = DAY
CERTIFICATES_MAX: Final = 5000
"""Of one owner, all that ever were: a list of revocations must stay some hundred KiB."""

_SERIAL_SIZE: Final = 16
_PROFILES: Final = {
    Kind.SIGN: Profile.SIGNING,
    Kind.ENCRYPT: Profile.ENCRYPTION,
    Kind.SERVER: Profile.SERVER,
    Kind.TIMESTAMP: Profile.TIME_STAMPING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A certificate that shall be issued."""

    owner: str
    key: str = ""
    version: int = 0
    kind: Kind
    subject: Name
    public: PublicKey
    days: int
    names: tuple[AlternativeName, ...] = ()


class SiteAuthority:
    """The authority of one site."""

    def __init__(
        self,
        database: Database,
        room: KeyRoom,
        audit: AuditChain,
        *,
        site: str,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """``site`` is the site's name, as the authority's subject has it."""
        self._database = database
        self._room = room
        self._audit = audit
        self._site = site
        self._clock = clock
        self._entropy = entropy
        self._lock = threading.Lock()

    def issue(self, wanted: Wanted, *, instead_of: str = "") -> Filed:
        """Issue and file a certificate; ``instead_of`` is the fingerprint of the one it renews.

        Raises ``crypto.certificate.order`` where it would outlive the authority, and
        ``dashboard_api.certificate.limit``.
        """
        with self._lock:
            authority, filed_authority = self._opened()
            return self._issue(authority, filed_authority, wanted, instead_of)

    def revoke(self, one: Filed, reason: Reason) -> RevocationList:
        """Let a certificate count no more, and sign the list that says so.

        Raises ``dashboard_api.certificate.{issuer,revoked_before}``.
        """
        with self._lock:
            if not one.issuer:
                raise FengsuiError(
                    "dashboard_api.certificate.issuer",
                    f"certificate {one.serial} was issued elsewhere: its issuer revokes it; "
                    "import that issuer's revocation list here",
                    serial=one.serial,
                )
            issuer = self._issuer(one.issuer)

            def job(state: sqlite3.Connection) -> RevocationList:
                now = self._now()
                found = rows.named(state, one.fingerprint)
                if found and found[0].revoked_at is not None:
                    raise FengsuiError(
                        "dashboard_api.certificate.revoked_before",
                        f"certificate {one.serial} is revoked already",
                        serial=one.serial,
                    )
                rows.revoke(state, one.fingerprint, now, reason)
                return self._write_list(state, issuer, now)

            return self._database.write(job)

    def revocation_list(self) -> RevocationList:
        """The list of the authority that issues now, at most a day old."""
        with self._lock:
            return self._list_of(self._opened()[0])

    def keep_lists(self) -> None:
        """Sign the authority's lists anew where they are a day old; for the platform's upkeep.

        Does nothing where there is no authority.
        """
        if not self._room.exists:
            return
        with self._database.read() as state:
            own = [one.fingerprint for one in rows.roots(state)]
        for fingerprint in own:
            with self._lock:
                try:
                    self._list_of(self._issuer(fingerprint))
                except CryptoError as error:
                    # A key disabled or destroyed signs no list; what it issued was given up.
                    if not error.code.startswith("crypto.key."):
                        raise

    def need_stamping(self) -> None:
        """Make the time-stamping key and its certificate where there are none."""
        with self._lock:
            key = self._key(STAMP_KEY)
            with self._database.read() as state:
                if rows.newest(state, STAMP_KEY, key.latest.number) is not None:
                    return
            authority, above = self._opened()
            wanted = Wanted(
                owner=SITE,
                key=key.id,
                version=key.latest.number,
                kind=Kind.TIMESTAMP,
                subject=self._name("time stamping"),
                public=PublicKey.from_point(key.latest.public or b""),
                days=STAMP_DAYS,
            )
            with self._audit.around(Act(ACTOR, "certificate.issue.timestamp", key.id)):
                self._issue(authority, above, wanted, "")

    # Inside: called with the lock held

    def _opened(self) -> tuple[Authority, Filed]:
        """The authority that issues, made where there is none."""
        key = self._key(CA_KEY)
        signer = self._room.store.signer(CA_KEY)
        with self._database.read() as state:
            found = rows.newest(state, CA_KEY, key.latest.number)
        if found is not None:
            return Authority(found.certificate, signer), found
        now = self._now()
        order = Order(
            subject=self._name("CA"),
            public=signer.public,
            not_before_us=now,
            not_after_us=now + ROOT_DAYS * DAY,
            entropy=self._entropy.take(_SERIAL_SIZE),
        )
        authority = Authority.root(order, signer)
        filed = Filed(
            owner=SITE,
            key=CA_KEY,
            version=key.latest.number,
            kind=Kind.ROOT,
            certificate=authority.certificate,
            created_at=now,
        )

        def job(state: sqlite3.Connection) -> None:
            rows.insert(state, filed)
            self._write_list(state, authority, now)
            self._audit.append(state, Act(ACTOR, "certificate.root", filed.fingerprint), "done")

        self._database.write(job)
        return authority, filed

    def _issuer(self, fingerprint: str) -> Authority:
        """The authority of one of its certificates, with the version of the key that made it."""
        with self._database.read() as state:
            found = rows.named(state, fingerprint)[0]
        key = self._room.store.key(found.key)
        if key.latest.number != found.version:
            raise CryptoError(
                "crypto.key.version",
                f"Key {found.key} was rotated: what version {found.version} issued cannot be "
                "revoked any more. Renew those certificates and trust its root no longer.",
                {"id": found.key, "version": found.version},
            )
        return Authority(found.certificate, self._room.store.signer(found.key))

    def _issue(
        self, authority: Authority, issuer: Filed, wanted: Wanted, instead_of: str
    ) -> Filed:  # fmt: skip
        now = self._now()
        order = Order(
            subject=wanted.subject,
            public=wanted.public,
            not_before_us=now,
            not_after_us=now + wanted.days * DAY,
            entropy=self._entropy.take(_SERIAL_SIZE),
            alternative_names=wanted.names,
        )
        made = authority.issue(_PROFILES[wanted.kind], order)
        # The root is left out of what is sent along: whoever checks has it or trusts it not.
        above = () if issuer.kind is Kind.ROOT else (issuer.certificate, *issuer.above)
        filed = Filed(
            owner=wanted.owner,
            key=wanted.key,
            version=wanted.version,
            kind=wanted.kind,
            issuer=issuer.fingerprint,
            certificate=made,
            above=above,
            created_at=now,
        )

        def job(state: sqlite3.Connection) -> None:
            check_room(state, wanted.owner)
            rows.insert(state, filed)
            if instead_of:
                rows.renewed(state, instead_of, filed.fingerprint)
            changes.raise_in(state)

        self._database.write(job)
        return filed

    def _list_of(self, authority: Authority) -> RevocationList:
        now = self._now()
        with self._database.read() as state:
            found = rows.list_of(state, authority.certificate.fingerprint)
        if found is not None and now - found.this_update_us < LIST_RENEWED_US:
            return found
        return self._database.write(lambda state: self._write_list(state, authority, now))

    def _write_list(
        self, state: sqlite3.Connection, authority: Authority, now: int
    ) -> RevocationList:
        issuer = authority.certificate.fingerprint
        before = rows.list_of(state, issuer)
        entries: list[Revocation] = rows.revoked(state, issuer, now)
        made = RevocationList.build(
            authority.certificate,
            authority.key,
            number=1 if before is None else (before.number or 0) + 1,
            this_update_us=now,
            next_update_us=now + LIST_LIFE_US,
            entries=entries,
        )
        rows.put_list(state, issuer, made)
        changes.raise_in(state)
        return made

    def _key(self, key_id: str) -> Key:
        store = self._room.store
        try:
            return store.key(key_id)
        except CryptoError as error:
            if error.code != "crypto.key.unknown":
                raise
        return self._made(store, key_id)

    def _made(self, store: KeyStore, key_id: str) -> Key:
        with self._audit.around(Act(ACTOR, "key.create.sign", key_id)):
            return store.create(key_id, Use.SIGN)

    def _name(self, role: str) -> Name:
        # X.520 allows 64 characters of a common name.
        return Name.of((("C", "CN"), ("CN", f"{self._site[: 63 - len(role)]} {role}")))

    def _now(self) -> int:
        """Certificates count whole seconds."""
        return self._clock.now() // SECOND * SECOND


def check_room(state: sqlite3.Connection, owner: str) -> None:
    """Raise ``dashboard_api.certificate.limit`` where an owner has as many as there may be."""
    if rows.count(state, owner) >= CERTIFICATES_MAX:
        raise FengsuiError(
            "dashboard_api.certificate.limit",
            f"{CERTIFICATES_MAX} certificates of {owner}, the most there may be: issue them for "
            "longer, or under another application",
            limit=CERTIFICATES_MAX,
        )
