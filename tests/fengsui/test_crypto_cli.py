"""The cipher commands do what OpenSSL's do, both ways, and exit with 0 only for what is true."""

import io
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crypto import sm3
from crypto.sm2 import PrivateKey, signature_from_raw
from crypto.x509.request import CertificateRequest
from fengsui.cli import main

ID = "distid:1234567812345678"
TEXT = b"message digest\n" * 1000


@pytest.fixture
def run(monkeypatch, capfdbinary, tmp_path):
    """Run a command inside ``tmp_path``; returns exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["fengsui", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfdbinary.readouterr()
        return caught.value.code, out, err

    return call


@pytest.fixture
def done(run):
    """Run a command that must succeed; returns its output."""

    def call(*arguments, stdin=b""):
        code, out, err = run(*arguments, stdin=stdin)
        assert (code, err) == (0, b""), err
        return out

    return call


@pytest.fixture
def refused(run):
    """Run a command that must fail in one line; returns that line."""

    def call(code, *arguments, stdin=b""):
        got, out, err = run(*arguments, stdin=stdin)
        assert got == code, (out, err)
        assert err.count(b"\n") == 1, err
        return err.decode()

    return call


@pytest.fixture
def openssl(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("interop needs the openssl command")

    def call(*arguments, code=0):
        done = subprocess.run(
            ["openssl", *arguments], capture_output=True, cwd=tmp_path, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    return call


@pytest.fixture
def pair(done, tmp_path):
    """Our keys k.pem and p.pem, and a message m."""
    done("crypto", "keygen", "--out", "k.pem", "--public", "p.pem")
    (tmp_path / "m").write_bytes(TEXT)
    return tmp_path


@pytest.fixture
def theirs(openssl, tmp_path):
    """OpenSSL's keys ok.pem and op.pem, in DER too, and a message m."""
    openssl("ecparam", "-genkey", "-name", "SM2", "-noout", "-out", "ok.pem")
    openssl("pkey", "-in", "ok.pem", "-pubout", "-out", "op.pem")
    openssl("pkey", "-in", "ok.pem", "-outform", "DER", "-out", "ok.der")
    openssl("pkey", "-in", "ok.pem", "-pubout", "-outform", "DER", "-out", "op.der")
    (tmp_path / "m").write_bytes(TEXT)
    return tmp_path


def sign(key, *more):
    return ("crypto", "sign", "--key", key, "--in", "m", "--out", "s", *more)


def verify(key, *more):
    return ("crypto", "verify", "--key", key, "--in", "m", "--signature", "s", *more)


# keygen


def test_a_new_key_is_private_and_its_public_half_fits(pair):
    assert stat.S_IMODE((pair / "k.pem").stat().st_mode) == 0o600
    key = PrivateKey.from_pem((pair / "k.pem").read_bytes())
    assert key.public.to_pem() == (pair / "p.pem").read_bytes()


def test_no_key_is_ever_overwritten(pair, refused):
    before = (pair / "k.pem").read_bytes(), (pair / "p.pem").read_bytes()
    refused(2, "crypto", "keygen", "--out", "k.pem")
    refused(2, "crypto", "keygen", "--out", "new.pem", "--public", "p.pem")
    assert ((pair / "k.pem").read_bytes(), (pair / "p.pem").read_bytes()) == before
    assert not (pair / "new.pem").exists()


def test_a_password_seals_the_key_as_openssl_does(done, refused, openssl, tmp_path):
    (tmp_path / "pw").write_bytes(b"secret\n")
    (tmp_path / "pw").chmod(0o600)
    (tmp_path / "m").write_bytes(TEXT)
    done("crypto", "keygen", "--out", "k.pem", "--public", "p.pem", "--password-file", "pw")
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "k.pem").read_bytes()
    plain = openssl("pkey", "-in", "k.pem", "-passin", "pass:secret", "-pubout")
    assert plain == (tmp_path / "p.pem").read_bytes()
    done(*sign("k.pem", "--password-file", "pw"))
    done(*verify("p.pem"))
    assert "encrypted" in refused(2, *sign("k.pem"))
    (tmp_path / "pw").write_bytes(b"wrong")
    assert "password" in refused(2, *sign("k.pem", "--password-file", "pw"))
    (tmp_path / "pw").chmod(0o644)
    assert "chmod 600" in refused(2, *sign("k.pem", "--password-file", "pw"))


# sign and verify


@pytest.mark.parametrize("key", ["ok.pem", "ok.der"])
def test_openssl_verifies_ours(theirs, done, openssl, key):
    done(*sign(key))
    openssl("dgst", "-sm3", "-verify", "op.pem", "-sigopt", ID, "-signature", "s", "m")
    openssl(
        *("pkeyutl", "-verify", "-pubin", "-inkey", "op.pem", "-rawin", "-digest", "sm3"),
        *("-in", "m", "-sigfile", "s", "-pkeyopt", ID),
    )


@pytest.mark.parametrize("key", ["op.pem", "op.der", "ok.pem", "ok.der"])
def test_we_verify_openssls(theirs, done, openssl, key):
    openssl("dgst", "-sm3", "-sign", "ok.pem", "-sigopt", ID, "-out", "s", "m")
    assert b"good signature" in done(*verify(key))
    openssl(
        *("pkeyutl", "-sign", "-inkey", "ok.pem", "-rawin", "-digest", "sm3"),
        *("-in", "m", "-out", "s", "-pkeyopt", ID),
    )
    done(*verify(key))


def test_another_id_is_another_signature(theirs, done, refused, openssl):
    done(*sign("ok.pem", "--id", "张伟"))
    done(*verify("op.pem", "--id", "张伟"))
    refused(1, *verify("op.pem"))
    openssl("dgst", "-sm3", "-verify", "op.pem", "-sigopt", "distid:张伟", "-signature", "s", "m")


def test_the_raw_form_is_r_and_s(pair, done, refused):
    done(*sign("k.pem", "--form", "raw"))
    assert len((pair / "s").read_bytes()) == 64
    done(*verify("p.pem", "--form", "raw"))
    refused(1, *verify("p.pem"))
    (pair / "s").write_bytes(signature_from_raw((pair / "s").read_bytes()))
    done(*verify("p.pem"))


def test_a_false_signature_exits_with_1(pair, done, refused, tmp_path):
    done(*sign("k.pem"))
    good = (pair / "s").read_bytes()
    (pair / "m").write_bytes(TEXT + b".")
    assert "signature" in refused(1, *verify("p.pem"))
    (pair / "m").write_bytes(TEXT)
    for bad in (b"", b"x", good[:-1], good + b"\0", good[:-1] + bytes((good[-1] ^ 1,))):
        (pair / "s").write_bytes(bad)
        refused(1, *verify("p.pem"))
        refused(1, *verify("p.pem", "--form", "raw"))
    done("crypto", "keygen", "--out", "other.pem")
    (pair / "s").write_bytes(good)
    refused(1, *verify("other.pem"))


def test_wrong_input_exits_with_2_or_3_and_never_0(pair, done, refused):
    done(*sign("k.pem"))
    (pair / "junk").write_bytes(b"junk")
    refused(2, *verify("junk"))
    refused(2, *sign("p.pem"))
    refused(2, *sign("junk"))
    refused(3, *verify("absent"))
    (pair / "s").write_bytes(b"x" * 1000)
    refused(2, *verify("p.pem"))


def test_a_key_others_may_read_is_warned_of(pair, run):
    (pair / "k.pem").chmod(0o644)
    code, _, err = run(*sign("k.pem"))
    assert code == 0
    assert b"chmod 600" in err


def test_a_pipe_works_as_a_file(pair, done):
    signature = done(*("crypto", "sign", "--key", "k.pem", "--in", "-", "--out", "-"), stdin=TEXT)
    (pair / "s").write_bytes(signature)
    done("crypto", "verify", "--key", "p.pem", "--in", "-", "--signature", "s", stdin=TEXT)


def test_an_output_that_cannot_be_written_leaves_nothing(pair, refused):
    refused(3, "crypto", "sign", "--key", "k.pem", "--in", "m", "--out", "no/such/folder")
    refused(3, "crypto", "sign", "--key", "k.pem", "--in", "absent", "--out", "s")
    assert sorted(path.name for path in pair.iterdir()) == ["k.pem", "m", "p.pem"]


# encrypt and decrypt


def encrypt(key, *more):
    return ("crypto", "encrypt", "--key", key, "--in", "m", "--out", "c", *more)


def decrypt(key, *more):
    return ("crypto", "decrypt", "--key", key, "--in", "c", "--out", "d", *more)


def test_openssl_decrypts_ours_and_we_decrypt_openssls(theirs, done, openssl):
    (theirs / "m").write_bytes(b"secret")
    done(*encrypt("op.pem"))
    openssl("pkeyutl", "-decrypt", "-inkey", "ok.pem", "-in", "c", "-out", "d")
    assert (theirs / "d").read_bytes() == b"secret"
    (theirs / "d").unlink()
    openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", "op.pem", "-in", "m", "-out", "c")
    done(*decrypt("ok.pem"))
    assert (theirs / "d").read_bytes() == b"secret"
    assert stat.S_IMODE((theirs / "d").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["der", "c1c3c2", "c1c2c3"])
def test_each_form_opens_as_itself_only(pair, done, refused, form):
    (pair / "m").write_bytes(b"secret of some length, longer than c3")
    done(*encrypt("p.pem", "--form", form))
    done(*decrypt("k.pem", "--form", form))
    assert (pair / "d").read_bytes() == (pair / "m").read_bytes()
    (pair / "d").unlink()
    for other in {"der", "c1c3c2", "c1c2c3"} - {form}:
        refused(1, *decrypt("k.pem", "--form", other))
    assert not (pair / "d").exists()


def test_a_changed_ciphertext_exits_with_1(pair, done, refused):
    done("crypto", "digest", "--in", "m")
    done(*encrypt("p.pem"))
    content = (pair / "c").read_bytes()
    (pair / "c").write_bytes(content[:-1] + bytes((content[-1] ^ 1,)))
    refused(1, *decrypt("k.pem"))
    (pair / "c").write_bytes(b"")
    refused(1, *decrypt("k.pem"))
    assert not (pair / "d").exists()


@pytest.mark.parametrize("size", [0, 64 * 1024 + 1, 64 * 1024 + 2])
def test_texts_have_a_size(pair, refused, size):
    (pair / "m").write_bytes(bytes(size))
    refused(2, *encrypt("p.pem"))


def test_the_longest_text_comes_back(pair, done):
    (pair / "m").write_bytes(os.urandom(64 * 1024))
    done(*encrypt("p.pem"))
    done(*decrypt("k.pem"))
    assert (pair / "d").read_bytes() == (pair / "m").read_bytes()


# digest and self-test


def test_digests_are_printed_as_openssl_prints_them(pair, done, openssl):
    assert done("crypto", "digest", "--in", "m") == openssl("dgst", "-sm3", "m")
    expected = f"SM3(stdin)= {sm3.digest(b'abc').hex()}\n".encode()
    assert done("crypto", "digest", "--in", "-", stdin=b"abc") == expected


def test_a_long_file_is_read_in_parts(pair, done):
    with (pair / "m").open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    before = time.process_time()
    done(*sign("k.pem"))
    done(*verify("p.pem"))
    assert time.process_time() - before < 20


def test_the_self_test_names_engines_and_vectors(done):
    shown = done("crypto", "selftest").decode()
    assert "(in use)" in shown
    assert "not a certified module" in shown
    assert "ok sm2/GB-T-32918.5-A.2-verify" in shown


# certificates


@pytest.fixture
def ca(pair, done):
    """A root ca.pem of k.pem, a holder's key h.pem with its certificate h.crt."""
    done(
        "crypto",
        "cert",
        "self-sign",
        "--key",
        "k.pem",
        "--subject",
        "/C=CN/O=市/CN=ca",
        "--out",
        "ca.pem",
    )
    done("crypto", "keygen", "--out", "h.pem")
    done(
        *("crypto", "cert", "request", "--key", "h.pem", "--subject", "/C=CN/CN=a.example"),
        *("--dns", "a.example", "--out", "h.csr"),
    )
    done(*issue("h.csr", "h.crt"))
    return pair


def self_signed(key, subject, out):
    return ("crypto", "cert", "self-sign", "--key", key, "--subject", subject, "--out", out)


def issue(request, out, *more, ca="ca.pem", key="k.pem"):
    return (
        *("crypto", "cert", "issue", "--ca", ca, "--key", key, "--request", request),
        *("--out", out, *more),
    )


def trusted(leaf, *more, root="ca.pem"):
    return ("crypto", "cert", "verify", "--in", leaf, "--root", root, *more)


def test_openssl_believes_what_we_issue(ca, openssl, done):
    openssl("verify", "-vfyopt", ID, "-CAfile", "ca.pem", "ca.pem")
    openssl("verify", "-vfyopt", ID, "-CAfile", "ca.pem", "h.crt")
    openssl("req", "-in", "h.csr", "-verify", "-vfyopt", ID, "-noout")
    assert b"CN=a.example" in done(*trusted("h.crt"))


def test_we_believe_what_openssl_issues(theirs, openssl, done):
    openssl(
        *("req", "-x509", "-new", "-key", "ok.pem", "-sm3", "-sigopt", ID, "-days", "30"),
        *("-subj", "/C=CN/O=x/CN=ca", "-out", "oca.pem"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    done(*trusted("oca.pem", root="oca.pem"))
    openssl(
        *("req", "-new", "-key", "ok.pem", "-sm3", "-sigopt", ID, "-subj", "/C=CN/CN=h"),
        *("-out", "o.csr"),
    )
    done("crypto", "keygen", "--out", "k.pem")
    done(
        "crypto", "cert", "self-sign", "--key", "k.pem", "--subject", "/CN=root", "--out", "ca.pem"
    )
    done(*issue("o.csr", "o.crt"))
    done(*trusted("o.crt"))


def test_a_certificate_verifies_signatures(ca, done):
    done(*sign("h.pem"))
    done(*verify("h.crt"))


def test_an_intermediate_leads_to_the_root(ca, done, refused):
    done("crypto", "keygen", "--out", "i.pem")
    done("crypto", "cert", "request", "--key", "i.pem", "--subject", "/CN=middle", "--out", "i.csr")
    done(*issue("i.csr", "i.crt", "--for", "intermediate"))
    done(*issue("h.csr", "h2.crt", "--days", "30", ca="i.crt", key="i.pem"))
    shown = done(*trusted("h2.crt", "--chain", "i.crt")).decode()
    assert shown.splitlines()[:3] == ["0 CN=a.example,C=CN", "1 CN=middle", "2 CN=ca,O=市,C=CN"]
    assert "revocation was not checked" in shown
    refused(1, *trusted("h2.crt"))
    refused(1, *trusted("h2.crt", "--chain", "i.crt", "--crl-needed"))


def test_an_untrusted_certificate_exits_with_1_and_a_broken_one_with_2(ca, done, refused):
    done(*self_signed("h.pem", "/CN=ca", "no.pem"))
    refused(1, *trusted("h.crt", root="no.pem"))
    (ca / "junk").write_bytes(b"junk")
    refused(2, *trusted("junk"))
    refused(2, *trusted("h.crt", root="junk"))


def test_what_does_not_fit_is_not_issued(ca, refused):
    assert not (ca / "x.crt").exists()
    refused(2, *issue("h.csr", "x.crt", "--days", "3651"))
    refused(2, *issue("h.csr", "x.crt", key="h.pem"))
    refused(2, *issue("h.csr", "x.crt", ca="h.crt", key="h.pem"))
    der = CertificateRequest.from_pem((ca / "h.csr").read_bytes()).der
    (ca / "bad.csr").write_bytes(der[:-1] + bytes((der[-1] ^ 1,)))
    assert "not signed by the key" in refused(1, *issue("bad.csr", "x.crt"))
    assert not (ca / "x.crt").exists()


@pytest.mark.parametrize("subject", ["CN=x", "", "/", "/CN", "/XX=y", "/C=CHN", "/CN="])
def test_a_subject_is_written_in_one_way(pair, refused, subject):
    refused(2, "crypto", "cert", "request", "--key", "k.pem", "--subject", subject, "--out", "r")


def test_a_certificate_is_shown(ca, done):
    shown = done("crypto", "cert", "show", "--in", "h.crt").decode()
    for words in ("CN=a.example,C=CN", "CN=ca,O=市,C=CN", "DNS:a.example", "not after"):
        assert words in shown


# The document


def commands(document):
    text = (Path(__file__).resolve().parents[2] / "docs" / document).read_text("utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]


def test_every_line_of_the_integrators_document_runs(done, openssl, tmp_path):
    (tmp_path / "message.txt").write_bytes(TEXT)
    (tmp_path / "secret.txt").write_bytes(b"secret")
    lines = commands("integrator/crypto-cli.md")
    assert len(lines) == 17
    for program, *arguments in lines:
        (done if program == "fengsui" else openssl)(*arguments)
        if program == "openssl" and "-sign" in arguments:
            done(*arguments_of_ours())
    assert (tmp_path / "secret.out").read_bytes() == b"secret"


def arguments_of_ours():
    return (
        *("crypto", "verify", "--key", "pub.pem", "--in", "message.txt"),
        *("--signature", "message.sig"),
    )


def test_without_distid_openssls_signature_is_another(theirs, openssl, refused):
    # What the document warns of.
    openssl("dgst", "-sm3", "-sign", "ok.pem", "-out", "s", "m")
    refused(1, *verify("op.pem"))
