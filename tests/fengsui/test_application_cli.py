"""Applications from the command line: in a folder at rest, and while it runs."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine
from typer.testing import CliRunner, Result

from crypto import sm3
from crypto.sm2 import PrivateKey, signature_to_raw
from dashboard_api.applications.approval import Asker
from dashboard_api.applications.model import DEFAULT, OFF_BY_DEFAULT, Operation
from dashboard_api.audit import AuditChain
from fengsui.administration import ACTOR
from fengsui.applying import COMMANDS, Applying, handlers_of
from fengsui.cli import app, exit_code
from fengsui.local import LocalServer
from fengsui.signing import Signing, key_room, open_signing
from schema.errors import FengsuiError

ADD = ("add", "payments", "--name", "支付平台", "--unit", "finance")
DOMAIN = "fengsui/credential/1"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    with closing(machine.open()):
        pass
    return machine


@pytest.fixture
def running(machine: Machine) -> Iterator[Signing]:
    """The folder with its platform, answering local commands."""
    with closing(machine.open()) as site:
        audit = AuditChain(site.database, site.keyring.audit, site.clock)
        parts = {"clock": site.clock, "entropy": site.entropy}
        room = key_room(site.folder, site.settings.crypto, site.clock, site.entropy)
        signing = open_signing(site.database, audit, room, **parts)
        applying = Applying(signing=signing, audit=audit, actor=ACTOR, clock=site.clock)
        with closing(LocalServer(site.folder, applying.handlers())):
            yield signing
        audit.close()


def asked(machine: Machine, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["application", *arguments, "--data", str(machine.data)])


def run(machine: Machine, *arguments: str) -> str:
    result = asked(machine, *arguments)
    assert result.exit_code == 0, result.exception
    return result.output


def refused(machine: Machine, *arguments: str) -> str:
    """The code of a refusal; all of these are wrong input, exit code 2."""
    result = asked(machine, *arguments)
    assert isinstance(result.exception, FengsuiError), result.output
    assert exit_code(result.exception.code) == 2
    return result.exception.code


def test_an_application_is_let_in_and_shown_in_a_folder_at_rest(machine: Machine) -> None:
    assert "没有应用" in run(machine, "list")
    assert "payments 启用 enabled  finance 支付平台" in run(machine, *ADD)
    token = run(machine, "token", "payments", "--until", "90d").strip()
    assert token.startswith("fsk1.payments.")
    credential = sm3.digest(token.encode()).hex()[:16]
    shown = run(machine, "show", "payments")
    assert f"{credential} token 至 until" in shown
    assert "不限 unlimited/d" in shown
    assert token not in shown
    assert "1 个凭据 credentials  finance  支付平台" in run(machine, "list")
    assert f"{credential} token 已吊销 revoked" in run(machine, "revoke", "payments", credential)


def test_json_is_one_line_with_everything(machine: Machine) -> None:
    run(machine, *ADD)
    token = json.loads(run(machine, "token", "payments", "--json"))
    assert token["credential"]["id"] == sm3.digest(token["token"].encode()).hex()[:16]
    shown = run(machine, "show", "payments", "--json")
    assert shown.count("\n") == 1
    told = json.loads(shown)
    assert (told["id"], told["unit"], told["disabled_at"]) == ("payments", "finance", None)
    assert told["grants"] == {"*": sorted(DEFAULT), "-": sorted(DEFAULT)}
    assert json.loads(run(machine, "list", "--json")) == [told]
    assert json.loads(run(machine, "approvals", "--json")) == []


@pytest.mark.parametrize("form", ["der", "raw", "base64"])
def test_a_key_is_enrolled_by_signing_the_text_that_is_printed(
    machine: Machine, tmp_path: Path, form: str
) -> None:
    run(machine, *ADD)
    private = PrivateKey.generate()
    public, proof = tmp_path / "public.pem", tmp_path / "proof"
    public.write_bytes(private.public.to_pem())
    text = run(machine, "key", "payments", "--public", str(public))
    signature = private.sign(text.encode(), domain=DOMAIN)
    if form != "der":
        signature = signature_to_raw(signature)
    proof.write_bytes(base64.encodebytes(signature) if form == "base64" else signature)
    given = ("--public", str(public), "--proof", str(proof))
    assert run(machine, "key", "payments", *given).strip() == private.public.key_id
    assert "sm2   长期 without end" in run(machine, "show", "payments")
    assert refused(machine, "key", "payments", *given) == "dashboard_api.credential.exists"


def test_a_proof_in_base64_may_begin_with_any_letter(machine: Machine, tmp_path: Path) -> None:
    private = PrivateKey.generate()
    public, proof = tmp_path / "public.pem", tmp_path / "proof"
    public.write_bytes(private.public.to_pem())
    run(machine, *ADD)
    text = run(machine, "key", "payments", "--public", str(public))
    while True:
        told = base64.b64encode(signature_to_raw(private.sign(text.encode(), domain=DOMAIN)))
        # The byte that a SEQUENCE of DER begins with.
        if told.startswith(b"0"):
            break
    proof.write_bytes(told)
    given = ("--public", str(public), "--proof", str(proof))
    assert run(machine, "key", "payments", *given).strip() == private.public.key_id


def test_the_way_of_the_document_leads_to_an_enrolled_key(machine: Machine, tmp_path: Path) -> None:
    run(machine, *ADD)
    private, public, text, proof = (
        str(tmp_path / name) for name in ("k.pem", "p.pem", "text", "proof")
    )

    def crypto(*arguments: str) -> None:
        assert CliRunner().invoke(app, ["crypto", *arguments]).exit_code == 0

    crypto("keygen", "--out", private, "--public", public)
    Path(text).write_text(run(machine, "key", "payments", "--public", public))
    crypto("sign", "--key", private, "--id", DOMAIN, "--in", text, "--out", proof)
    run(machine, "key", "payments", "--public", public, "--proof", proof)
    assert "sm2   长期 without end" in run(machine, "show", "payments")


def test_the_document_names_what_is_granted_at_first_and_what_by_name_only() -> None:
    text = (ROOT / "docs/operator/applications.md").read_text("utf-8")
    (first,) = re.findall(r"does no harm: (.*?)\. Only by name: (.*?)\. At most", text)
    at_first, by_name = (set(re.findall(r"`([a-z_]+)`", part)) for part in first)
    assert at_first == DEFAULT - {Operation.STATUS}
    assert by_name - {"opens_per_minute"} == OFF_BY_DEFAULT


def test_a_signature_over_something_else_enrols_nothing(machine: Machine, tmp_path: Path) -> None:
    run(machine, *ADD)
    private = PrivateKey.generate()
    public, proof = tmp_path / "public.pem", tmp_path / "proof"
    public.write_bytes(private.public.to_pem())
    given = ("key", "payments", "--public", str(public), "--proof", str(proof))
    proof.write_bytes(private.sign(b"something else", domain=DOMAIN))
    assert refused(machine, *given) == "dashboard_api.credential.proof_invalid"
    proof.write_text("no signature!", "utf-8")
    assert refused(machine, *given) == "fengsui.application.proof"


def test_grants_are_added_or_set_exactly(machine: Machine) -> None:
    run(machine, *ADD)
    told = run(machine, "grant", "payments", "--key", "payments.seal", "--operation", "decrypt")
    assert "payments.seal: decrypt" in told
    told = run(machine, "grant", "payments", "--key", "*", "--operation", "sign_e")
    assert f"*: {' '.join(sorted(DEFAULT | {Operation.SIGN_E}))}" in told
    told = run(
        machine, "grant", "payments", "--key", "*", "--operation", "hmac", "--operation", "sign",
        "--only",
    )  # fmt: skip
    assert "*: hmac sign\n" in told
    assert "*:" not in run(machine, "grant", "payments", "--key", "*", "--only")
    for arguments, code in (
        (("--key", "*"), "fengsui.application.usage"),
        (("--key", "*", "--operation", "fly"), "fengsui.application.operation"),
        (("--key", "seal", "--operation", "sign"), "dashboard_api.grant.key"),
        (("--key", "ghost.seal", "--operation", "sign"), "dashboard_api.grant.unknown"),
    ):
        assert refused(machine, "grant", "payments", *arguments) == code


def test_one_limit_is_set_and_the_others_stay(machine: Machine) -> None:
    run(machine, *ADD)
    assert "1000/s, 50/d" in run(machine, "quota", "payments", "--per-day", "50")
    assert "7/s, 50/d" in run(machine, "quota", "payments", "--per-second", "7")
    assert "不限 unlimited/d" in run(machine, "quota", "payments", "--per-day", "0")
    assert refused(machine, "quota", "payments") == "fengsui.application.usage"
    wrong = ("quota", "payments", "--per-second", "0")
    assert refused(machine, *wrong) == "dashboard_api.quota.malformed"


def test_a_running_platform_takes_a_change_at_once_and_audits_it(
    machine: Machine, running: Signing
) -> None:
    run(machine, *ADD)
    assert running.registry.get("payments").unit == "finance"
    assert "停用 disabled" in run(machine, "disable", "payments")
    assert refused(machine, "disable", "payments") == "dashboard_api.application.state"
    run(machine, "enable", "payments")
    acts = [
        (entry.actor, entry.action, entry.result)
        for entry, _ in reversed(running.registry._audit.page(0, 100))
        if entry.object == "payments"
    ]
    assert acts == [
        (ACTOR, "application.register", "done"),
        (ACTOR, "application.disable", "done"),
        (ACTOR, "application.disable", "refused"),
        (ACTOR, "application.enable", "done"),
    ]


def test_what_waits_is_listed_and_cannot_be_approved_from_here(
    machine: Machine, running: Signing
) -> None:
    run(machine, *ADD)
    assert "没有待批准的请求" in run(machine, "approvals")
    asker = Asker.application("payments")
    approval = running.approvals.ask("export", "payments.seal", asked_by=asker, params={})
    told = run(machine, "approvals").splitlines()
    assert told[0].startswith(
        f"{approval.id} waiting  export  payments.seal application:payments 20"
    )
    assert "the command line cannot" in told[1]
    assert asked(machine, "approve", approval.id).exit_code == 2
    assert not [name for name in COMMANDS if "approve" in name]
    assert json.loads(run(machine, "approvals", "--all", "--json"))[0]["id"] == approval.id


def test_a_demonstration_signs_for_nobody() -> None:
    for command in handlers_of(None).values():
        with pytest.raises(FengsuiError) as caught:
            command({})
        assert caught.value.code == "dashboard_api.signing.absent"
