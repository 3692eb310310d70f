"""Evidence is read from the folder alone: proofs, checks and anchors, with nothing changed."""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import journey
import msgspec
import pytest
from journey import EVENING_NAME, final_alerts, records, replayed

from collector.state.database import Database
from crypto import keys, sm3
from dashboard_api.audit import Act, AuditChain
from fengsui import evidence
from fengsui.cli import COULD_NOT_RUN, exit_code
from fengsui.clock import SystemClock
from fengsui.folder import DataFolder
from schema import batch, segment
from schema.errors import FengsuiError
from schema.receipt import Anchor


@pytest.fixture
def folder(evening_folder: Path, tmp_path: Path) -> DataFolder:
    copy = tmp_path / "data"
    journey.copied(evening_folder, copy)
    return DataFolder(copy)


def _state(root: Path) -> dict[str, str]:
    # The lock and SQLite's shared memory belong to whoever reads.
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "run" and not path.name.startswith("state.db-")
    }


def test_a_check_counts_everything_and_changes_nothing(folder: DataFolder, evening: Path) -> None:
    before = _state(folder.root)
    report = evidence.verify_folder(folder)
    assert report.findings == []
    assert report.events_of[EVENING_NAME] == records(evening)
    assert report.sensors == 2
    assert _state(folder.root) == before


def test_an_event_taken_out_without_a_sealed_record_is_named(folder: DataFolder) -> None:
    path = min((folder.segments / EVENING_NAME).glob("*.seg"))
    fresh = segment.MAGIC
    for item in segment.frames(path.read_bytes(), len(segment.MAGIC)):
        assert isinstance(item, segment.Frame)
        if item.kind == segment.BATCH:
            one = batch.from_bytes(item.payload)
            fresh += segment.batch_frame(batch.redact(one, [0]) if one.header.number == 2 else one)
    path.write_bytes(fresh + segment.frame(segment.FOOTER, sm3.digest(fresh)))
    (finding,) = evidence.verify_folder(folder).findings
    assert (finding.code, finding.sensor, finding.batch) == (
        "proof.event.removed",
        EVENING_NAME,
        2,
    )


def test_without_its_indexes_an_event_is_still_found_and_proven(folder: DataFolder) -> None:
    event_id = final_alerts(folder.root)[0].events[0]
    shutil.rmtree(folder.index)
    for path in folder.segments.rglob("*.i*"):
        path.unlink()
    proof = evidence.prove_event(folder, event_id)
    assert all(step.ok for step in proof.steps)
    assert event_id in evidence.proof_text(proof)
    assert evidence.verify_folder(folder).findings == []


def test_the_text_of_a_proof_says_what_it_proves_in_both_languages(folder: DataFolder) -> None:
    event_id = final_alerts(folder.root)[0].events[0]
    text = evidence.proof_text(evidence.prove_event(folder, event_id))
    assert "不多也不少" in text
    assert "no more, no less" in text


def test_a_folder_without_its_state_says_to_restore_it(folder: DataFolder) -> None:
    folder.state.unlink()
    with pytest.raises(FengsuiError, match="backup") as raised:
        evidence.verify_folder(folder)
    assert raised.value.code == "fengsui.folder.stateless"


def test_a_damaged_state_is_named_and_says_to_restore_it(folder: DataFolder) -> None:
    folder.state.write_bytes(b"not a database" * 100)
    with pytest.raises(FengsuiError, match="backup") as raised:
        evidence.verify_folder(folder)
    assert raised.value.code == "fengsui.folder.state_damaged"
    assert exit_code(raised.value.code) == COULD_NOT_RUN


def test_an_anchor_names_every_head_and_outlives_the_folders_growth(
    evening: Path, tmp_path: Path
) -> None:
    root = tmp_path / "data"
    replayed(root, evening)
    folder = DataFolder(root)
    anchor = evidence.export_anchor(folder, tmp_path / "anchor.json")
    assert {head.sensor for head in anchor.heads} == {EVENING_NAME, "collector"}
    replayed(root, evening)
    report = evidence.verify_folder(folder, tmp_path / "anchor.json")
    assert (report.findings, report.anchored) == ([], True)


def test_a_changed_anchor_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    target = tmp_path / "anchor.json"
    evidence.export_anchor(folder, target)
    anchor = msgspec.json.decode(target.read_bytes(), type=Anchor)
    target.write_bytes(msgspec.json.encode(msgspec.structs.replace(anchor, heads=())))
    with pytest.raises(FengsuiError) as raised:
        evidence.verify_folder(folder, target)
    assert raised.value.code == "schema.anchor.invalid"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00"])
def test_a_file_that_is_no_anchor_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anchor.json").write_bytes(content)
    with pytest.raises(FengsuiError) as raised:
        evidence.read_anchor(tmp_path / "anchor.json")
    assert raised.value.code == "fengsui.anchor.unreadable"


def test_damage_is_not_anchored(folder: DataFolder, tmp_path: Path) -> None:
    path = next((folder.segments / EVENING_NAME).glob("*.seg"))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(FengsuiError) as raised:
        evidence.export_anchor(folder, tmp_path / "anchor.json")
    assert raised.value.code == "fengsui.anchor.unclean"
    assert not (tmp_path / "anchor.json").exists()


def _audited(folder: DataFolder, acts: int) -> None:
    database = Database(folder.state)
    chain = AuditChain(database, keys.load(folder.keys / "audit.pem"), SystemClock())
    for number in range(acts):
        chain.record(Act(actor="a", action="user.add", object=str(number)), "done")
    chain.close()
    database.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("DELETE FROM audit WHERE n = 3", "ends before it"),
        ('UPDATE audit SET entry = replace(entry, \'"object":"1"\', \'"object":"9"\')', "link"),
        ('UPDATE audit SET entry = replace(entry, \'"object":"2"\', \'"object":"9"\')', "another"),
    ],
    ids=["cut", "rewritten", "last rewritten"],
)
def test_an_audit_chain_cut_or_rewritten_since_the_anchor_is_named(
    folder: DataFolder, tmp_path: Path, change: str, why: str
) -> None:
    _audited(folder, 3)
    target = tmp_path / "heads.json"
    anchor = evidence.export_anchor(folder, target)
    assert anchor.audit is not None
    assert anchor.audit.n == 3
    _audited(folder, 1)
    assert evidence.verify_folder(folder, target).findings == []
    with closing(sqlite3.connect(folder.state)) as state:
        state.executescript(
            "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;"
            "DELETE FROM audit_seals; DELETE FROM audit WHERE n > 3;" + change
        )
    (finding,) = evidence.verify_folder(folder, target).findings
    assert finding.code == "proof.anchor.audit_changed"
    assert why in finding.message
