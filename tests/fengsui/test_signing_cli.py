"""Signing journals are checked, listed and searched offline, by commands that say what they did."""

import json
import sys
from pathlib import Path

import pytest

from collector.state.database import Database
from crypto import keys
from dashboard_api.signing import usage
from dashboard_api.signing.heads import Heads, Teller
from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.ports import Mark
from fengsui.cli import main
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.folder import DataFolder, Ownership
from fengsui.keyring import journal_key
from schema.errors import FengsuiError

NOON = 1_795_752_000_000_000
"""2026-11-27T04:00:00Z: noon in Beijing."""


def write(folder: DataFolder, slot: int, calls: list[tuple[str, str, bytes]]) -> None:
    """Calls of applications, with their keys and messages, an hour apart; a head at the end."""
    audit = keys.load_or_create(folder.keys / "audit.pem")
    place = folder.signing / str(slot)
    database = Database(folder.state)
    heads = Heads(slot, place, audit, SystemClock(), database)
    journal = FileJournal(place, journal_key(folder, SystemEntropy()), heads.newest())
    teller = Teller(slot, journal, SystemClock())
    for hour, (application, key, message) in enumerate(calls):
        journal.add(
            Mark(
                at=NOON + hour * 3_600_000_000, application=application, credential="c0ffee",
                operation="sign", key=key, version=1, place="software", algorithm="SM2-SM3",
                mode="message", result="done", items=1, failed=0,
                payload_macs=journal.mac([message]),
            )
        )  # fmt: skip
        journal.commit()
    head = teller.head(closing=True)
    assert head is not None
    heads.sign(head)
    journal.close()
    database.close()


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    """Two signing processes that served three applications."""
    made = DataFolder(tmp_path / "data")
    made.root.mkdir(mode=0o700)
    journal_key(made, SystemEntropy())
    write(made, 0, [("payments", "payments.receipt", b"a receipt"), ("tax", "tax.form", b"a form")])
    write(made, 1, [("gate", "gate.pass", b"a receipt")])
    return made


class Run:
    """Runs a command on the folder; ``code``, ``out`` and ``err`` are the last one's."""

    def __init__(
        self, folder: DataFolder, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self._folder, self._patch, self._capture = folder, patch, capture
        self.code, self.out, self.err = 0, "", ""

    def __call__(self, *words: object) -> list[str]:
        arguments = ["fengsui", "signing", *map(str, words), "--data", str(self._folder.root)]
        self._patch.setattr(sys, "argv", arguments)
        self._capture.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        self.code = int(str(caught.value.code))
        self.out, self.err = self._capture.readouterr()
        return self.out.splitlines()


@pytest.fixture
def run(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    return Run(folder, monkeypatch, capsys)


def test_sound_journals_verify_and_say_what_was_not_shown(run: Run) -> None:
    lines = run("verify")
    assert run.code == 0
    assert ["2 条 entries" in lines[0], "1 条 entries" in lines[1]] == [True, True]
    assert "heads kept outside" in lines[-1]


def test_a_check_for_machines_is_one_line(run: Run) -> None:
    (line,) = run("verify", "--json")
    found = json.loads(line)
    assert [(one["slot"], one["entries"], one["signed"], one["error"]) for one in found] == [
        (0, 2, 2, ""), (1, 1, 1, "")
    ]  # fmt: skip


def test_the_first_bad_entry_is_named_and_other_journals_are_checked_too(
    run: Run, folder: DataFolder
) -> None:
    path = folder.signing / "0" / "journal" / "0000000000000001.log"
    path.write_bytes(path.read_bytes().replace(b"tax.form", b"tax.fund"))
    lines = run("verify")
    assert run.code == 1
    assert "broken at entry 2" in lines[0]
    assert lines[1].startswith("✓")
    (line,) = run("verify", "--json")
    assert run.code == 1
    assert json.loads(line)[0]["error"] == "dashboard_api.journal.broken"


def test_a_journal_that_was_put_back_to_an_older_state_is_found(
    run: Run, folder: DataFolder
) -> None:
    path = folder.signing / "0" / "journal" / "0000000000000001.log"
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.index(b"group ", 1)])
    assert "ends with entry 1" in run("verify")[0]
    assert run.code == 1


def test_heads_are_checked_against_the_key_that_is_named(
    run: Run, folder: DataFolder, tmp_path: Path
) -> None:
    public, other = tmp_path / "audit.pub", tmp_path / "other.pem"
    public.write_bytes(keys.load(folder.keys / "audit.pem").public.to_pem())
    keys.load_or_create(other)
    (folder.keys / "audit.pem").unlink()
    run("verify", "--key", public)
    assert run.code == 0
    run("verify", "--key", other)
    assert run.code == 1
    assert "not signed by the audit key" in run.out
    run("verify")
    assert run.code != 0


def test_entries_are_one_a_line(run: Run) -> None:
    lines = run("entries")
    assert run.code == 0
    assert lines[0] == (
        "0:1 2026-11-27T04:00:00.000000Z payments c0ffee sign payments.receipt/1 software SM2-SM3 "
        "message done 1/1"
    )
    assert len(lines) == 3


def test_entries_are_chosen_by_application_and_time(run: Run) -> None:
    assert [line.split()[0] for line in run("entries", "--application", "tax")] == ["0:2"]
    # In Beijing time where the time names no zone.
    assert len(run("entries", "--since", "2026-11-27T12:30:00")) == 1
    assert len(run("entries", "--since", "2026-11-27T04:30:00+00:00")) == 1
    assert len(run("entries", "--since", "2026-11-27")) == 3
    run("entries", "--since", "yesterday")
    assert run.code == 2


def test_entries_for_machines_are_what_stands_in_the_file(run: Run) -> None:
    found = json.loads(run("entries", "--json", "--application", "gate")[0])
    assert (found["slot"], found["n"], found["key"]) == (1, 1, "gate.pass")


def test_damage_ends_a_listing_with_exit_code_1(run: Run, folder: DataFolder) -> None:
    path = folder.signing / "0" / "journal" / "0000000000000001.log"
    path.write_bytes(path.read_bytes().replace(b"tax.form", b"tax.fund"))
    assert len(run("entries")) == 1
    assert run.code == 1
    assert "dashboard_api.journal.broken" in run.err


def test_a_message_finds_the_calls_that_signed_it(run: Run, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(b"a receipt")
    assert [line.split()[0] for line in run("find", "--message", message)] == ["0:1", "1:1"]
    found = run("find", "--message", message, "--key", "gate.pass")
    assert [line.split()[0] for line in found] == ["1:1"]
    message.write_bytes(b"a receipt\n")
    assert run("find", "--message", message) == []
    assert run.code == 1


def test_finding_needs_the_journals_key(run: Run, folder: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "message").touch()
    path = folder.keys / "journal.key"
    path.chmod(0o644)
    run("find", "--message", tmp_path / "message")
    assert "has mode 0644" in run.err
    path.unlink()
    run("find", "--message", tmp_path / "message")
    assert run.code == 2
    assert "There is no key file" in run.err


def test_the_journals_key_is_made_once_and_is_for_its_owner_only(folder: DataFolder) -> None:
    path = folder.keys / "journal.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert journal_key(folder, SystemEntropy()) == path.read_bytes()
    path.write_bytes(b"short")
    with pytest.raises(FengsuiError) as caught:
        journal_key(folder, SystemEntropy())
    assert caught.value.code == "fengsui.key.malformed"


def test_a_damaged_journal_is_set_aside_and_begins_anew(run: Run, folder: DataFolder) -> None:
    place = folder.signing / "0"
    path = place / "journal" / "0000000000000001.log"
    path.write_bytes(path.read_bytes()[:200])
    (place / "nonces").mkdir()
    lines = run("begin-anew", 0)
    assert run.code == 0
    assert [Path(line.split()[0]).exists() for line in lines[:-1]] == [True, True]
    assert (place / "nonces").exists()
    write(folder, 0, [("tax", "tax.form", b"another")])
    assert run("verify")[0].startswith("✓ 审计链 journal 0: 1 条")
    database = Database(folder.state)
    with database.read() as state:
        # What was counted stays counted.
        assert usage.daily_items(state, "payments", "2026-11-27") == 1
        assert usage.daily_items(state, "tax", "2026-11-27") == 2
        assert usage.counted(state, 0) == 1
        acts = [row[0] for row in state.execute("SELECT entry FROM audit ORDER BY n")]
    database.close()
    assert ["signing.begin_anew" in acts[0], len(acts)] == [True, 2]


def test_a_journal_in_use_is_not_set_aside(run: Run, folder: DataFolder) -> None:
    owner = Ownership(folder)
    run("begin-anew", 0)
    owner.release()
    assert run.code == 3
    assert "fengsui.folder.in_use" in run.err
    assert run("verify")[0].startswith("✓")


def test_a_folder_without_journals_is_wrong_input(run: Run, folder: DataFolder) -> None:
    folder.signing.rename(folder.root / "elsewhere")
    for words in (("verify",), ("entries",)):
        run(*words)
        assert run.code == 2
        assert "fengsui.signing.absent" in run.err
