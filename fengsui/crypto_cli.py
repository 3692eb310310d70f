"""``fengsui crypto``: SM2, SM3 and certificates for scripts, reading and writing what OpenSSL does.

Exit codes as everywhere: 0 done or true, 1 a signature or ciphertext is not what it should be,
2 wrong use or input, 3 could not run. ``verify`` exits 0 only when the signature is true.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from fengsui.crypto_certificates import app as certificate_app
from fengsui.crypto_files import (
    checking,
    chunks,
    must_be_new,
    password,
    private_key,
    public_key,
    read,
    write,
)
from fengsui.crypto_keystore import app as keystore_app

app = typer.Typer(
    help="国密：密钥、签名、加密、证书 · SM2/SM3/SM4 for scripts", no_args_is_help=True
)
app.add_typer(certificate_app, name="cert")
app.add_typer(keystore_app, name="keystore")

# DER of the longest SM2 ciphertext: 64 KiB of text and about 120 bytes around it.
_CIPHERTEXT_BYTES_MAX: Final = 64 * 1024 + 256
_TEXT_BYTES_MAX: Final = 64 * 1024
_SIGNATURE_BYTES_MAX: Final = 256


class SignatureForm(StrEnum):
    """How a signature is written: SEQUENCE { r, s }, or r ‖ s in 64 bytes."""

    DER = "der"
    RAW = "raw"


class CiphertextForm(StrEnum):
    """How a ciphertext is written: ``crypto.sm2.Form``."""

    DER = "der"
    C1C3C2 = "c1c3c2"
    C1C2C3 = "c1c2c3"


Identity = Annotated[str, typer.Option("--id", help="签名者标识 · signer's ID")]
In = Annotated[Path, typer.Option("--in", help="输入，- 为标准输入 · input, - is stdin")]
Out = Annotated[Path, typer.Option("--out", help="输出，- 为标准输出 · output, - is stdout")]
PrivateFile = Annotated[Path, typer.Option("--key", help="私钥 · private key, PEM or DER")]
PublicFile = Annotated[
    Path, typer.Option("--key", help="公钥、证书或私钥 · public key, certificate or private key")
]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="口令文件 · file with the key's password")
]
_ID: Final = "1234567812345678"


@app.command()
def keygen(
    out: Annotated[Path, typer.Option("--out", help="私钥，0600 · private key, 0600")],
    public: Annotated[
        Path | None, typer.Option("--public", help="公钥 · public key, to be written too")
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """生成 SM2 密钥，绝不覆盖已有文件 · make an SM2 key; never overwrites a file."""
    from crypto import keys
    from crypto.sm2 import PrivateKey

    if public is not None:
        must_be_new(public)
    secret = password(password_file)
    key = PrivateKey.generate()
    keys.create(out, key.to_pem(secret))
    if public is not None:
        write(public, key.public.to_pem())
    typer.echo(f"{out}: SM2 key {key.public.key_id}")


@app.command()
def sign(
    key: PrivateFile,
    source: In,
    out: Out,
    identity: Identity = _ID,
    form: Annotated[SignatureForm, typer.Option(help="签名格式 · form")] = SignatureForm.DER,
    password_file: PasswordFile = None,
) -> None:
    """对文件签名（SM2 与 SM3） · sign a file with SM2 and SM3, however long."""
    from crypto.sm2 import signature_to_raw

    signer = private_key(key, password_file)
    signature = signer.sign_stream(chunks(source), domain=identity)
    write(out, signature_to_raw(signature) if form is SignatureForm.RAW else signature)


@app.command()
def verify(
    key: PublicFile,
    source: In,
    signature: Annotated[Path, typer.Option("--signature", help="签名 · signature")],
    identity: Identity = _ID,
    form: Annotated[SignatureForm, typer.Option(help="签名格式 · form")] = SignatureForm.DER,
    password_file: PasswordFile = None,
) -> None:
    """验证签名，仅为真时退出码为 0 · verify; exit code 0 only when true, 1 when false."""
    from crypto.sm2 import signature_from_raw

    public = public_key(key, password_file)
    given = read(signature, bytes_max=_SIGNATURE_BYTES_MAX, what="signature")
    with checking("crypto.signature."):
        der = signature_from_raw(given) if form is SignatureForm.RAW else given
        public.verify_stream(der, chunks(source), domain=identity)
    typer.echo(f"{source}: good signature of key {public.key_id}")


@app.command()
def encrypt(
    key: PublicFile,
    source: In,
    out: Out,
    form: Annotated[CiphertextForm, typer.Option(help="密文格式 · form")] = CiphertextForm.DER,
    password_file: PasswordFile = None,
) -> None:
    """用公钥加密至多 64 KiB · encrypt at most 64 KiB to a public key."""
    from crypto.sm2 import Form

    public = public_key(key, password_file)
    # One byte more than SM2 takes, so that the refusal is SM2's own.
    text = read(source, bytes_max=_TEXT_BYTES_MAX + 1, what="text for SM2")
    write(out, public.encrypt(text, form=Form(form.value)))


@app.command()
def decrypt(
    key: PrivateFile,
    source: In,
    out: Out,
    form: Annotated[CiphertextForm, typer.Option(help="密文格式 · form")] = CiphertextForm.DER,
    password_file: PasswordFile = None,
) -> None:
    """用私钥解密，输出文件为 0600 · decrypt with a private key; the output file is 0600."""
    from crypto.sm2 import Form

    private = private_key(key, password_file)
    ciphertext = read(source, bytes_max=_CIPHERTEXT_BYTES_MAX, what="SM2 ciphertext")
    with checking("crypto.ciphertext."):
        text = private.decrypt(ciphertext, form=Form(form.value))
    write(out, text, mode=0o600)


@app.command()
def digest(source: In) -> None:
    """SM3 杂凑，输出同 openssl dgst -sm3 · SM3, printed as openssl dgst -sm3 does."""
    from crypto import sm3

    name = "stdin" if source == Path("-") else source
    typer.echo(f"SM3({name})= {sm3.digest_stream(chunks(source)).hex()}")


@app.command()
def selftest() -> None:
    """列出引擎，用标准向量自检 · name the engines and run the standards' vectors on each."""
    from crypto import engines
    from crypto.status import self_test

    chosen = engines.current()
    # The chosen one first: when it fails, nothing else matters.
    others = [one for name, one in engines.available().items() if name != chosen.name]
    for engine in (chosen, *others):
        with engines.using(engine):
            status = self_test()
        used = "in use" if engine is chosen else "not in use"
        typer.echo(f"{status.backend} ({used}): {status.library}")
        for vector in status.vectors:
            typer.echo(f"  ok {vector}")
        if engine is chosen:
            typer.echo(f"  module: {status.module}")
