"""The system's openssl program as the second opinion on what we write, where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest
from pki import DAY, NOW, holder, key, order, refused, root, signing, sub

from crypto import _asn1, sm3
from crypto.cms import Form
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer, sign
from crypto.cms.timestamp import TimeStampRequest
from crypto.cms.timestamp_authority import respond
from crypto.sm2 import PrivateKey
from crypto.x509.authority import Authority, Profile
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust
from crypto.x509.extension import AlternativeName, NameKind
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest
from crypto.x509.revocation import Reason, Revocation, RevocationList

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")

ID = "distid:1234567812345678"
AT = str(NOW // 1_000_000)


@pytest.fixture
def openssl(tmp_path):
    def run(*arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["openssl", *arguments], cwd=tmp_path, capture_output=True, check=False
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert (done.returncode != 0) == fails, said
        return said

    for name, certificate in (
        ("root", root().certificate),
        ("sub", sub().certificate),
        ("signing", holder(Profile.SIGNING)),
        ("encryption", holder(Profile.ENCRYPTION)),
    ):
        (tmp_path / f"{name}.pem").write_bytes(certificate.to_pem())
    return run


def test_it_verifies_our_certificates_link_by_link(openssl):
    # OpenSSL 3.0 gives the ID to the first certificate only.
    at = ("-attime", AT, "-vfyopt", ID)
    openssl("verify", *at, "-CAfile", "root.pem", "root.pem")
    openssl("verify", *at, "-CAfile", "root.pem", "sub.pem")
    for name in ("signing", "encryption"):
        openssl("verify", *at, "-partial_chain", "-trusted", "sub.pem", f"{name}.pem")
        openssl("verify", *at, "-CAfile", "root.pem", f"{name}.pem", fails=True)


def test_it_reads_the_uses_and_names_we_write(openssl, tmp_path):
    names = (AlternativeName(NameKind.DNS, "a.gov.cn"), AlternativeName(NameKind.IP, "10.0.0.1"))
    made = sub().issue(Profile.SIGNING, order("signing", alternative_names=names))
    (tmp_path / "named.pem").write_bytes(made.to_pem())
    said = openssl("x509", "-in", "named.pem", "-noout", "-text")
    assert "SM2-with-SM3" in said
    assert "DNS:a.gov.cn, IP Address:10.0.0.1" in said
    assert "Digital Signature, Non Repudiation\n" in said
    said = openssl("x509", "-in", "encryption.pem", "-noout", "-text")
    assert "Key Encipherment, Data Encipherment, Key Agreement\n" in said
    said = openssl("x509", "-in", "sub.pem", "-noout", "-text")
    assert "CA:TRUE, pathlen:0" in said


def test_it_verifies_our_request_and_we_certify_its_request(openssl, tmp_path):
    subject = Name.of([("C", "CN"), ("CN", "请求")])
    made = CertificateRequest.build(
        subject, key("ask"), alternative_names=(AlternativeName(NameKind.DNS, "a.gov.cn"),)
    )
    (tmp_path / "ours.csr").write_bytes(made.to_pem())
    said = openssl("req", "-in", "ours.csr", "-noout", "-verify", "-vfyopt", ID, "-text")
    assert "verify OK" in said
    assert "DNS:a.gov.cn" in said
    openssl("ecparam", "-genkey", "-name", "SM2", "-noout", "-out", "their.key")
    openssl(
        "req", "-new", "-key", "their.key", "-sm3", "-sigopt", ID,
        "-subj", "/C=CN/CN=theirs", "-out", "their.csr",
    )  # fmt: skip
    theirs = CertificateRequest.from_pem((tmp_path / "their.csr").read_bytes())
    theirs.verify()
    ordered = order("x", subject=theirs.subject, public=theirs.public)
    (tmp_path / "issued.pem").write_bytes(sub().issue(Profile.SIGNING, ordered).to_pem())
    at = ("-attime", AT, "-vfyopt", ID)
    openssl("verify", *at, "-partial_chain", "-trusted", "sub.pem", "issued.pem")


def test_we_trust_what_its_authority_issues_while_it_is_not_revoked(openssl, tmp_path):
    openssl("ecparam", "-genkey", "-name", "SM2", "-noout", "-out", "ca.key")
    openssl(
        "req", "-x509", "-new", "-key", "ca.key", "-sm3", "-sigopt", ID,
        "-subj", "/CN=outside ca", "-days", "3650", "-out", "ca.pem",
    )  # fmt: skip
    openssl("ecparam", "-genkey", "-name", "SM2", "-noout", "-out", "leaf.key")
    openssl(
        "req", "-new", "-key", "leaf.key", "-sm3", "-sigopt", ID,
        "-subj", "/CN=leaf", "-out", "leaf.csr",
    )  # fmt: skip
    (tmp_path / "extensions").write_text("keyUsage=critical,digitalSignature\n")
    openssl(
        "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-sm3",
        "-sigopt", ID, "-vfyopt", ID, "-days", "300", "-extfile", "extensions", "-set_serial", "77",
        "-out", "leaf.pem",
    )  # fmt: skip
    ca, leaf = (Certificate.from_pem((tmp_path / f"{n}.pem").read_bytes()) for n in ("ca", "leaf"))
    leaf.check_key(PrivateKey.from_pem((tmp_path / "leaf.key").read_bytes()).public)
    checks = Trust(roots=(ca,), at_us=leaf.not_before_us)
    assert checks.check(leaf) == (leaf, ca)
    (tmp_path / "index.txt").write_text("R\t360101000000Z\t200101000000Z\t4D\tunknown\t/CN=leaf\n")
    (tmp_path / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sm3\ndefault_crl_days=30\n"
        "crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"
    )
    openssl(
        "ca", "-config", "ca.cnf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.pem",
        "-sigopt", ID, "-out", "ca.crl",
    )  # fmt: skip
    listed = RevocationList.from_pem((tmp_path / "ca.crl").read_bytes())
    checks = Trust(roots=(ca,), at_us=listed.this_update_us, revocation_lists=(listed,))
    refused("crypto.certificate.revoked", lambda: checks.check(leaf))


def test_it_verifies_the_signature_of_our_list_and_reads_its_entries(openssl, tmp_path):
    made = RevocationList.build(
        sub().certificate, key("sub"), number=3,
        this_update_us=NOW - DAY, next_update_us=NOW + DAY,
        entries=[Revocation(0xABCD, NOW - DAY, Reason.CESSATION_OF_OPERATION)],
    )  # fmt: skip
    (tmp_path / "ours.crl").write_bytes(made.to_pem())
    said = openssl("crl", "-in", "ours.crl", "-noout", "-text")
    assert "Serial Number: ABCD" in said
    assert "Cessation Of Operation" in said
    # `openssl crl -verify` takes no ID, so its signature check is asked for by itself.
    dgst_verifies(openssl, tmp_path, "sub", made.signature, made.signed)


def dgst_verifies(openssl, folder: Path, name: str, signature: bytes, covered: bytes) -> None:
    openssl("x509", "-in", f"{name}.pem", "-noout", "-pubkey", "-out", "public.pem")
    (folder / "signature").write_bytes(signature)
    (folder / "covered").write_bytes(covered)
    arguments = ("dgst", "-sm3", "-verify", "public.pem", "-sigopt", ID, "-signature", "signature")
    openssl(*arguments, "covered")
    (folder / "covered").write_bytes(covered + b".")
    openssl(*arguments, "covered", fails=True)


@pytest.mark.parametrize("signed_at_us", [None, NOW])
@pytest.mark.parametrize("form", Form)
def test_it_verifies_the_signature_of_our_message(openssl, tmp_path, form, signed_at_us):
    der = sign(b"content", [signing()], form=form, signed_at_us=signed_at_us)
    (info,) = SignedData.from_der(der).signers
    covered = info.signed_attributes or b"content"
    dgst_verifies(openssl, tmp_path, "signing", info.signature, covered)


def test_it_reads_the_structure_of_our_international_message(openssl, tmp_path):
    der = sign(b"content", [signing()], form=Form.INTERNATIONAL, signed_at_us=NOW)
    (tmp_path / "message.der").write_bytes(der)
    said = openssl("cms", "-cmsout", "-print", "-inform", "DER", "-in", "message.der")
    assert "pkcs7-signedData" in said
    assert "signingTime" in said
    (tmp_path / "national.der").write_bytes(sign(b"content", [signing()]))
    openssl("asn1parse", "-inform", "DER", "-in", "national.der")


def test_we_read_certificates_that_come_in_a_message_without_signers(openssl, tmp_path):
    openssl("crl2pkcs7", "-nocrl", "-certfile", "root.pem", "-certfile", "sub.pem",
            "-outform", "DER", "-out", "bundle.p7b")  # fmt: skip
    bundle = SignedData.from_der((tmp_path / "bundle.p7b").read_bytes())
    assert set(bundle.certificates) == {root().certificate, sub().certificate}
    refused("crypto.message.signer", lambda: bundle.verify(b"", trust=None))


def test_we_answer_its_request_for_a_stamp_and_it_reads_the_answer(openssl, tmp_path):
    (tmp_path / "data").write_bytes(b"stamped")
    openssl("ts", "-query", "-data", "data", "-sm3", "-cert", "-out", "their.tsq")
    request = TimeStampRequest.from_der((tmp_path / "their.tsq").read_bytes())
    assert request.digest == sm3.digest(b"stamped")
    assert request.nonce is not None
    service = Signer(holder(Profile.TIME_STAMPING), key(Profile.TIME_STAMPING.value))
    response = respond(
        request, service, serial=5, time_us=NOW + 250_000, policy="1.2.3.4", accuracy_us=1_000_000
    )
    (tmp_path / "ours.tsr").write_bytes(response)
    said = openssl("ts", "-reply", "-in", "ours.tsr", "-text")
    assert "Status: Granted." in said
    assert "Hash Algorithm: sm3" in said
    assert "Policy OID: 1.2.3.4" in said
    # `openssl ts -verify` takes no ID either.
    (tmp_path / "service.pem").write_bytes(service.certificate.to_pem())
    with _asn1.Reader(response) as whole, whole.inside() as body:
        body.raw()
        (info,) = SignedData.from_der(body.raw()).signers
    dgst_verifies(openssl, tmp_path, "service", info.signature, info.signed_attributes)


def test_it_reads_a_key_whose_certificate_we_issued(openssl, tmp_path):
    (tmp_path / "signing.key").write_bytes(key("signing").to_pem(b"secret", iterations=10_000))
    said = openssl("pkey", "-in", "signing.key", "-passin", "pass:secret", "-pubout")
    own = openssl("x509", "-in", "signing.pem", "-noout", "-pubkey")
    assert said == own == key("signing").public.to_pem().decode()


def test_a_certificate_under_another_id_is_verified_under_that_id_only(openssl, tmp_path):
    province = Authority.root(order("other"), key("other"), domain="province")
    (tmp_path / "other.pem").write_bytes(province.certificate.to_pem())
    leaf = province.issue(Profile.SIGNING, order("leaf"))
    (tmp_path / "leaf.pem").write_bytes(leaf.to_pem())
    at = ("verify", "-attime", AT, "-partial_chain", "-trusted", "other.pem")
    openssl(*at, "-vfyopt", "distid:province", "leaf.pem")
    openssl(*at, "-vfyopt", ID, "leaf.pem", fails=True)
