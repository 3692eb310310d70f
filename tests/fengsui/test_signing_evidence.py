"""One check of a folder covers the signing journals, and an anchor keeps their heads too."""

from pathlib import Path

import journey
import pytest

from crypto import keys
from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.ports import Mark
from fengsui import evidence
from fengsui.folder import DataFolder
from schema.errors import FengsuiError


def write(folder: DataFolder, entries: int, *, slot: int = 0, result: str = "done") -> None:
    """Entries of one application, each a group."""
    journal = FileJournal(folder.signing / str(slot), bytes(32))
    for _ in range(entries):
        journal.add(
            Mark(
                at=1_795_752_000_000_000, application="payments", credential="", operation="digest",
                key="", version=0, place="", algorithm="SM3", mode="message", result=result,
                items=1, failed=0, payload_macs=(),
            )
        )  # fmt: skip
        journal.commit()
    journal.close()


@pytest.fixture
def folder(evening_folder: Path, tmp_path: Path) -> DataFolder:
    copy = tmp_path / "data"
    journey.copied(evening_folder, copy)
    return DataFolder(copy)


def test_a_folder_nobody_signed_in_is_reported_as_before(folder: DataFolder) -> None:
    report = evidence.verify_folder(folder)
    assert (report.findings, report.journals, report.journals_keyless) == ([], 0, False)
    assert "signing" not in evidence.report_text(report)


def test_journals_are_counted_with_the_rest(folder: DataFolder) -> None:
    write(folder, 3)
    write(folder, 2, slot=1)
    report = evidence.verify_folder(folder)
    assert (report.findings, report.journals, report.journal_entries) == ([], 2, 5)
    assert "2 条审计链 journals, 5 entries" in evidence.report_text(report)


def test_a_copy_without_keys_says_what_was_not_checked(folder: DataFolder) -> None:
    write(folder, 1)
    (folder.keys / "audit.pem").unlink()
    report = evidence.verify_folder(folder)
    assert report.findings == []
    assert "no audit key here" in evidence.report_text(report)


def test_a_changed_entry_is_a_finding_and_is_not_anchored(
    folder: DataFolder, tmp_path: Path
) -> None:
    write(folder, 2)
    path = folder.signing / "0" / "journal" / "0000000000000001.log"
    path.write_bytes(path.read_bytes().replace(b"payments", b"somebody", 1))
    (finding,) = evidence.verify_folder(folder).findings
    assert (finding.code, finding.sensor) == ("proof.journal.broken", "signing/0")
    assert "entry 1" in finding.message
    with pytest.raises(FengsuiError) as caught:
        evidence.export_anchor(folder, tmp_path / "anchor.json")
    assert caught.value.code == "fengsui.anchor.unclean"


def test_a_journal_that_grew_since_the_anchor_is_sound(folder: DataFolder, tmp_path: Path) -> None:
    write(folder, 2)
    anchor = evidence.export_anchor(folder, tmp_path / "anchor.json")
    assert [(head.slot, head.n) for head in anchor.journals] == [(0, 2)]
    write(folder, 2)
    assert evidence.verify_folder(folder, tmp_path / "anchor.json").findings == []


@pytest.mark.parametrize("entries", [0, 1, 3])
def test_a_journal_written_anew_since_the_anchor_is_a_finding(
    folder: DataFolder, tmp_path: Path, entries: int
) -> None:
    write(folder, 2)
    evidence.export_anchor(folder, tmp_path / "anchor.json")
    (folder.signing / "0" / "journal" / "0000000000000001.log").unlink()
    write(folder, entries, result="crypto.key.policy")
    (finding,) = evidence.verify_folder(folder, tmp_path / "anchor.json").findings
    assert (finding.code, finding.sensor) == ("proof.journal.cut", "signing/0")


def test_a_journal_that_is_gone_since_the_anchor_is_a_finding(
    folder: DataFolder, tmp_path: Path
) -> None:
    write(folder, 2)
    evidence.export_anchor(folder, tmp_path / "anchor.json")
    folder.signing.rename(tmp_path / "away")
    (finding,) = evidence.verify_folder(folder, tmp_path / "anchor.json").findings
    assert (finding.code, finding.sensor) == ("proof.anchor.journal_missing", "signing/0")


def test_the_journals_of_an_anchor_cannot_be_taken_out(folder: DataFolder, tmp_path: Path) -> None:
    from msgspec.structs import replace

    from schema.receipt import verify_anchor

    write(folder, 1)
    anchor = evidence.export_anchor(folder, tmp_path / "anchor.json")
    verify_anchor(anchor)
    with pytest.raises(FengsuiError) as caught:
        verify_anchor(replace(anchor, journals=()))
    assert caught.value.code == "schema.anchor.invalid"
    assert keys.load(folder.keys / "receipt.pem").public.key_id == anchor.key_id
