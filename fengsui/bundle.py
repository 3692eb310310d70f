"""Bundle: check, install and pin what a publisher signed for sites without a network.

The signature is SM2 over the manifest's bytes in its own domain; the manifest holds the SM3 of
every member. A site knows one publisher, pinned at its first installation by a fingerprint that a
person compared; no other key, and no key inside a bundle, counts.
Raises ``fengsui.bundle.unsigned``, ``.no_key``, ``.other_key``, ``.invalid``, ``.data_newer``, and
what ``bundle_file`` and ``bundle_install`` raise.
"""

from __future__ import annotations

import hmac
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.state.database import newest_migration
from crypto import sm2, sm3
from crypto.errors import CryptoError
from fengsui import bundle_file
from fengsui.backup import backup
from fengsui.bundle_file import Manifest, Signed
from fengsui.bundle_install import Installation, Place, check_order, run
from fengsui.folder import DataFolder
from schema.errors import FengsuiError
from schema.times import to_text

DOMAIN: Final = "fengsui/bundle/1"
KEPT_ASIDE: Final = "before-updates"


def fingerprint(key: sm2.PublicKey) -> str:
    """What people compare: SM3 of the point, 64 hexadecimal digits."""
    return sm3.digest(key.point).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose bundles count: the pinned key, else one given by file or fingerprint."""

    place: Place
    key: Path | None = None
    fingerprint: str | None = None

    def key_for(self, signed: Signed) -> sm2.PublicKey:
        """The one key this bundle must be signed by."""
        if self.place.publisher.exists():
            known = sm2.PublicKey.from_pem(self.place.publisher.read_bytes())
        elif self.key is not None:
            known = sm2.PublicKey.from_pem(self.key.read_bytes())
        elif self.fingerprint is not None:
            known = _named(signed)
        else:
            raise FengsuiError(
                "fengsui.bundle.no_key",
                f"{self.place.root} knows no publisher yet: give the fingerprint you were told "
                "(--fingerprint) or the publisher's key file (--key)",
            )
        if self.fingerprint is not None and not hmac.compare_digest(
            fingerprint(known).encode(), "".join(self.fingerprint.lower().split()).encode()
        ):
            raise FengsuiError(
                "fengsui.bundle.other_key",
                "the publisher's key does not have the fingerprint given: do not use this bundle",
            )
        return known


def _named(signed: Signed) -> sm2.PublicKey:
    try:
        return sm2.PublicKey.from_point(bytes.fromhex(signed.point))
    except (CryptoError, ValueError) as error:
        raise FengsuiError("fengsui.bundle.invalid", "the bundle's key is no key") from error


def check_signature(signed: Signed, key: sm2.PublicKey) -> None:
    """Raise ``fengsui.bundle.other_key`` or ``.invalid`` unless this key signed the manifest."""
    if signed.point != key.point.hex():
        raise FengsuiError(
            "fengsui.bundle.other_key",
            "the bundle is signed by another key than this site's publisher",
        )
    try:
        key.verify(bytes.fromhex(signed.signature), signed.payload, domain=DOMAIN)
    except (CryptoError, ValueError) as error:
        raise FengsuiError(
            "fengsui.bundle.invalid", "the signature of the bundle does not hold: do not use it"
        ) from error


def verify(bundle: Path, trust: Trust, *, allow_same: bool = False) -> tuple[Signed, sm2.PublicKey]:
    """Check signature, order of versions, and SM3 of every member, in this order."""
    with bundle.open("rb") as file:
        signed = bundle_file.read_head(file)
        key = trust.key_for(signed)
        check_signature(signed, key)
        check_order(signed.manifest, trust.place.installed(), allow_same=allow_same)
        members = bundle_file.read_members(file, signed.manifest, digest=sm3.new, proof="sm3")
        for _, chunks in members:
            for _ in chunks:
                pass
    return signed, key


def install(
    bundle: Path,
    trust: Trust,
    *,
    data: DataFolder | None,
    now: int,
    tell: Callable[[str], None],
    allow_same: bool = False,
) -> Path:
    """Verify, install beside what runs, keep the state aside, switch; the new version's folder.

    ``data`` is the data folder whose state is kept aside and tried with the new version first.
    """
    signed, key = verify(bundle, trust, allow_same=allow_same)
    if data is not None:
        data.must_exist()
        _check_data(data, signed.manifest)

    def prove(folder: Path) -> None:
        (folder / "publisher.pem").write_bytes(key.to_pem())

    def before_switch(folder: Path) -> None:
        if data is not None:
            _keep_aside(data, signed.manifest, now)
            _rehearse(data, folder)

    installation = Installation(bundle=bundle, place=trust.place, tell=tell, allow_same=allow_same)
    return installation.run(signed, prove=prove, before_switch=before_switch)


def _check_data(data: DataFolder, manifest: Manifest) -> None:
    with closing(sqlite3.connect(f"file:{data.state}?mode=ro", uri=True)) as state:
        found: int = state.execute("PRAGMA user_version").fetchone()[0]
    if found > manifest.state:
        raise FengsuiError(
            "fengsui.bundle.data_newer",
            f"{data.state} is state {found}, the bundle knows {manifest.state}: this version could "
            "not open the site's data",
            state=found,
        )


def _keep_aside(data: DataFolder, manifest: Manifest, now: int) -> None:
    folder = data.root / KEPT_ASIDE
    folder.mkdir(exist_ok=True, mode=0o700)
    stamp = to_text(now).replace(":", "").replace("-", "")[:15]
    backup(data, folder / f"{manifest.version}-{stamp}.tar.gz", now)


def _rehearse(data: DataFolder, folder: Path) -> None:
    """Let the new version bring a copy of the state up to date before it meets the state."""
    # Not in the data folder: what root leaves there the service's user may not touch.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".rehearsal-") as scratch:
        copy = Path(scratch) / "state.db"
        with closing(sqlite3.connect(data.state)) as state:
            state.execute("VACUUM INTO ?", (str(copy),))
        run([str(folder / "bin" / "fengsui"), "bundle", "rehearse", str(copy)])


def rehearse(state: Path) -> int:
    """Migrate a copy of a state; returns the number it has then. Raises what opening it raises."""
    from collector.state.database import Database

    Database(state).close()
    return newest_migration()
