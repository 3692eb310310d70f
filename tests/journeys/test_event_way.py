"""One line of a log, followed through README's table module by module to the signature and back."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from machine import SENSOR, Machine, now, sshd, until

from collector.proof import find_batch
from fengsui.desks import AlertDesk, ProofDesk
from fengsui.evidence import prove_event, verify_folder
from fengsui.folder import DataFolder
from fengsui.wiring import Site
from schema import batch as batches
from schema import event, ids, log, privacy
from schema.filter import parse
from schema.segment import BATCH, MAGIC, Frame, frames
from sensors.mask import Masker
from sensors.sources import FORMATS, Context
from sensors.tail import FileSource

ROOT = Path(__file__).resolve().parents[2]
RULE = "host-ssh-password-guessing"
IP = "192.0.2.66"
NUMBER = "440199198703071514"
"""Made up, of a county code that is assigned nowhere; somebody typed it as a user name."""


def test_readmes_table_names_modules_that_are_there() -> None:
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text("utf-8")
        rows = re.findall(r"^\| (\d+) \| (.+?) \|", text, re.MULTILINE)
        assert [int(number) for number, _ in rows] == list(range(1, 12)), name
        for _, where in rows:
            for place in re.findall(r"`([^`]+)`", where):
                assert (ROOT / place).exists(), f"{name} names {place}"


@pytest.fixture
def lines(machine: Machine) -> list[str]:
    """A guessing attack of thirty tries; the first line is the one that is followed."""
    names = [NUMBER, *["li.na"] * 29]
    made = [
        sshd(
            f"Failed password for {name} from {IP} port {50000 + number} ssh2",
            at=now(60) + timedelta(seconds=number),
        )
        for number, name in enumerate(names)
    ]
    machine.write("auth", *made)
    return made


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_one_line_goes_the_whole_way(machine: Machine, lines: list[str]) -> None:
    _on_the_machine(machine, lines[0])
    site = machine.open()
    try:
        until(site, lambda: any(one.rule_id == RULE for one in site.alerts.final()))
        event_id = _sealed(machine, lines[0])
        _in_the_index(site, event_id)
        _in_the_alert(site, event_id)
        _proven(site, event_id)
    finally:
        site.close()
    assert verify_folder(DataFolder(machine.data)).findings == []
    assert all(step.ok for step in prove_event(DataFolder(machine.data), event_id).steps)


def _on_the_machine(machine: Machine, line: str) -> None:
    """Steps 1 to 3: tail, source, mask."""
    context = Context(host="gate", utc_offset_minutes=480, now=lambda: 2_000_000_000_000_000)
    source = FileSource("auth", str(machine.path("auth")), form="syslog_auth", context=context)
    polled = source.poll(1)
    source.close()
    (read,) = polled.events
    assert read[event.ORIGINAL] == line
    parsed = FORMATS["syslog_auth"]().parse([line.encode()], context)[0]
    assert parsed == read
    assert (parsed["event.action"], parsed["event.outcome"]) == ("ssh_login", "failure")
    assert (parsed["user.name"], parsed["source.ip"]) == (NUMBER, IP)
    assert privacy.find(str(parsed["user.name"]))
    Masker(bytes(32)).mask([parsed])
    assert NUMBER not in str(parsed)
    assert re.fullmatch("<<id:[0-9a-f]{16}>>", str(parsed["user.name"]))


def _sealed(machine: Machine, line: str) -> str:
    """Steps 4 and 5: canonical bytes under a root and a signature, in a segment on disk."""
    folder = machine.data / "segments" / SENSOR
    (name,) = (path.name for path in folder.glob("*.seg"))
    framed = [
        one for one in frames((folder / name).read_bytes(), len(MAGIC)) if isinstance(one, Frame)
    ]
    assert framed[0].kind == BATCH
    (first, *_) = log.Reader(folder).read(1)
    assert batches.to_bytes(first) == framed[0].payload
    payload = batches.verify_body(first).payloads[0]
    assert payload is not None
    fields = event.decode(payload)
    assert event.encode(fields) == payload
    assert str(fields[event.ORIGINAL]).split("from")[1] == line.split("from")[1]
    assert NUMBER.encode() not in payload
    return ids.event_id(
        SENSOR,
        first.header.enrolment,
        str(fields[event.SOURCE]),
        str(fields[event.GENERATION]),
        int(str(fields[event.OFFSET])),
    ).hex()


def _in_the_index(site: Site, event_id: str) -> None:
    """Steps 6 and 7: taken in by the collector, found by search and by id."""
    assert site.status_of(SENSOR).events == 30
    assert site.status_of(SENSOR).quarantined == 0
    page = site.index.search(
        parse(f"source.ip:{IP} event.outcome:failure"), start=0, end=site.clock.now(), limit=100
    )
    assert len(page.hits) == 30
    assert event_id in {hit.id for hit in page.hits}
    found = site.index.get(event_id)
    assert found is not None
    assert (found.sensor, found.number, found.index) == (SENSOR, 1, 0)


def _in_the_alert(site: Site, event_id: str) -> None:
    """Steps 8 to 10: the rule's final alert, in the store and as the pages show it."""
    alert = next(one for one in site.alerts.final() if one.rule_id == RULE)
    assert (alert.entity_field, alert.entity) == ("source.ip", IP)
    assert event_id in alert.events
    condition = alert.conditions[0]
    assert condition.value >= condition.threshold
    shown = AlertDesk(site.alerts, site.rulebook.rule).get(alert.id)
    assert shown is not None
    row, reasons = shown
    assert (row.rule.id, row.entity, row.state) == (RULE, IP, "final")
    assert event_id in reasons.events
    assert reasons.triage_zh
    assert reasons.counterfactual_en


def _proven(site: Site, event_id: str) -> None:
    """Step 11: from the search hit back to the sensor's signature, while the platform runs."""
    found = site.index.get(event_id)
    assert found is not None
    placed = find_batch(site.folder.segments / found.sensor, found.number)
    assert placed is not None
    desk = ProofDesk(site.ids, site.enrolments, site.intake, site.keyring.receipt.public)
    proof = desk.prove(event_id)
    assert proof is not None
    assert proof.batch.hash == placed[1].hash
    assert proof.public_key == site.keyring.sensor.public.point
    assert [(step.name, step.ok) for step in proof.steps] == [
        ("merkle", True),
        ("signature", True),
        ("receipt", True),
    ]
