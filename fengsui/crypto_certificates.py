"""``fengsui crypto cert``: requests, certificates of our own authority, and whom to trust."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fengsui.crypto_files import KEY_BYTES_MAX, checking, private_key, read, write
from schema.errors import FengsuiError

if TYPE_CHECKING:
    from crypto.sm2 import PublicKey
    from crypto.x509.authority import Order
    from crypto.x509.certificate import Certificate
    from crypto.x509.extension import AlternativeName
    from crypto.x509.name import Name
    from crypto.x509.request import CertificateRequest

app = typer.Typer(help="证书：申请、签发、查看、核验 · certificates", no_args_is_help=True)

_DAY_US: Final = 86_400_000_000
_DAYS_MAX: Final = 36_500
_ID: Final = "1234567812345678"
_SERIAL_ENTROPY: Final = 16

Identity = Annotated[str, typer.Option("--id", help="签名者标识 · signer's ID")]
Key = Annotated[Path, typer.Option("--key", help="私钥 · private key")]
Subject = Annotated[str, typer.Option("--subject", help="主体 · such as /C=CN/O=市数据局/CN=ca")]
Out = Annotated[Path, typer.Option("--out", help="输出，- 为标准输出 · output, - is stdout")]
Days = Annotated[int, typer.Option("--days", min=1, max=_DAYS_MAX, help="有效天数 · days valid")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="口令文件 · file with the key's password")
]
Dns = Annotated[list[str] | None, typer.Option("--dns", help="域名，可重复 · host name, repeat")]


class Kind(StrEnum):
    """What a certificate is issued for: ``crypto.x509.authority.Profile``."""

    SIGNING = "signing"
    ENCRYPTION = "encryption"
    INTERMEDIATE = "intermediate"
    TIME_STAMPING = "time-stamping"


@app.command()
def request(
    key: Key,
    subject: Subject,
    out: Out,
    dns: Dns = None,
    identity: Identity = _ID,
    password_file: PasswordFile = None,
) -> None:
    """生成证书申请（PKCS#10） · write a request for a licensed authority."""
    from crypto.x509.request import CertificateRequest

    made = CertificateRequest.build(
        _name(subject),
        private_key(key, password_file),
        alternative_names=_names(dns),
        domain=identity,
    )
    write(out, made.to_pem())


@app.command("self-sign")
def self_sign(
    key: Key,
    subject: Subject,
    out: Out,
    days: Days = 3650,
    identity: Identity = _ID,
    password_file: PasswordFile = None,
) -> None:
    """生成自签名根证书 · write a root certificate, signed by itself."""
    from crypto.x509.authority import Authority

    private = private_key(key, password_file)
    order = _order(_name(subject), private.public, days, ())
    made = Authority.root(order, private, domain=identity)
    write(out, made.certificate.to_pem())


@app.command()
def issue(
    ca: Annotated[Path, typer.Option("--ca", help="颁发者证书 · issuer's certificate")],
    key: Annotated[Path, typer.Option("--key", help="颁发者私钥 · issuer's private key")],
    source: Annotated[Path, typer.Option("--request", help="证书申请 · request")],
    out: Out,
    kind: Annotated[Kind, typer.Option("--for", help="用途 · what for")] = Kind.SIGNING,
    days: Days = 365,
    identity: Identity = _ID,
    password_file: PasswordFile = None,
) -> None:
    """按申请签发证书，主体与域名取自申请 · issue what a request asks for, names included."""
    from crypto.x509.authority import Authority, Profile

    wish = _request(source)
    with checking("crypto.request."):
        wish.verify(domain=identity)
    authority = Authority(_certificate(ca), private_key(key, password_file), identity)
    order = _order(wish.subject, wish.public, days, wish.extensions.alternative_names)
    made = authority.issue(Profile(kind.value), order)
    write(out, made.to_pem())
    if str(out) != "-":
        typer.echo(f"{out}: {made.subject}, serial {made.serial:x}")


@app.command()
def show(
    source: Annotated[Path, typer.Option("--in", help="证书 · certificate, PEM or DER")],
) -> None:
    """显示证书内容，不作核验 · show what a certificate says; it proves nothing."""
    from schema.times import to_text

    one = _certificate(source)
    extensions = one.extensions
    usage = extensions.usage
    rows = {
        "subject": one.subject,
        "issuer": one.issuer,
        "serial": f"{one.serial:x}",
        "not before": to_text(one.not_before_us),
        "not after": to_text(one.not_after_us),
        "key": f"SM2 {one.public.key_id} {one.public.point.hex()}",
        "authority": extensions.authority,
        "usage": None if usage is None else usage.name,
        "purposes": ", ".join(extensions.extended or ()),
        "names": ", ".join(f"{n.kind.name}:{n.value}" for n in extensions.alternative_names),
        "critical, unknown": ", ".join(extensions.not_understood),
        "SM3": one.fingerprint,
    }
    for name, value in rows.items():
        if value not in (None, ""):
            typer.echo(f"{name:18} {value}")


@app.command()
def verify(
    source: Annotated[Path, typer.Option("--in", help="证书 · certificate, PEM or DER")],
    root: Annotated[Path, typer.Option("--root", help="可信根证书 · trusted roots, PEM")],
    chain: Annotated[
        Path | None, typer.Option("--chain", help="中间证书 · intermediates, PEM")
    ] = None,
    crl: Annotated[
        list[Path] | None, typer.Option("--crl", help="吊销列表，可重复 · revocation list, repeat")
    ] = None,
    crl_needed: Annotated[
        bool,
        typer.Option("--crl-needed", help="缺少吊销列表即不通过 · refuse without a fresh list"),
    ] = False,
    identity: Identity = _ID,
) -> None:
    """核验证书到可信根，仅为真时退出码为 0 · check a path to a root; exit code 0 only when true."""
    from crypto.x509.certificate import load_all
    from crypto.x509.chain import Trust
    from crypto.x509.revocation import RevocationList
    from fengsui.clock import SystemClock

    trust = Trust(
        roots=tuple(load_all(_content(root))),
        intermediates=tuple(load_all(_content(chain))) if chain else (),
        revocation_lists=tuple(RevocationList.from_pem(_content(one)) for one in crl or ()),
        revocation_needed=crl_needed,
        at_us=SystemClock().now(),
        domain=identity,
    )
    leaf = _certificate(source)
    with checking("crypto.certificate.", "crypto.crl."):
        path = trust.check(leaf)
    for depth, one in enumerate(path):
        typer.echo(f"{depth} {one.subject}")
    if not crl:
        typer.echo("revocation was not checked: no list was given")


def _order(
    subject: Name, public: PublicKey, days: int, names: tuple[AlternativeName, ...]
) -> Order:
    from crypto.x509.authority import Order
    from fengsui.clock import SystemClock, SystemEntropy

    # Certificates count whole seconds.
    now = SystemClock().now() // 1_000_000 * 1_000_000
    return Order(
        subject=subject,
        public=public,
        not_before_us=now,
        not_after_us=now + days * _DAY_US,
        entropy=SystemEntropy().take(_SERIAL_ENTROPY),
        alternative_names=names,
    )


def _name(text: str) -> Name:
    """Return the name of OpenSSL's form ``/C=CN/O=x/CN=y``, where ``\\/`` is a slash."""
    from crypto.x509.name import Name

    parts = text.replace("\\/", "\0").split("/")
    pairs = [part.replace("\0", "/").partition("=") for part in parts[1:]]
    if parts[0] or not pairs or not all(sign for _, sign, _ in pairs):
        raise FengsuiError(
            "fengsui.crypto.subject", f"{text!r} is no subject: write it as /C=CN/O=unit/CN=name"
        )
    return Name.of([(kind.strip().upper(), value) for kind, _, value in pairs])


def _names(dns: list[str] | None) -> tuple[AlternativeName, ...]:
    from crypto.x509.extension import AlternativeName, NameKind

    return tuple(AlternativeName(NameKind.DNS, name) for name in dns or ())


def _content(path: Path) -> bytes:
    return read(path, bytes_max=4 * KEY_BYTES_MAX, what="certificate")


def _certificate(path: Path) -> Certificate:
    from crypto.x509.certificate import Certificate, load_all

    content = _content(path)
    if b"-----BEGIN " in content:
        return load_all(content)[0]
    return Certificate.from_der(content)


def _request(path: Path) -> CertificateRequest:
    from crypto.x509.request import CertificateRequest

    content = _content(path)
    if b"-----BEGIN " in content:
        return CertificateRequest.from_pem(content)
    return CertificateRequest.from_der(content)
