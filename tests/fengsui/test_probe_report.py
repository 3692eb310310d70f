"""The probe report counts stored probes against the register of releases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine
from typer.testing import CliRunner

from fengsui.administration import opened
from fengsui.cli import app
from fengsui.folder import DataFolder
from fengsui.probe_report import PAGE_EVENTS, ProbeReport
from schema import times
from schema.errors import FengsuiError
from schema.event import Fields
from schema.filter import Term
from schema.ports import Bucketed, EventHit, EventPage
from schema.registers import RegisterView

NOW = times.from_text("2026-11-26T04:00:00.000000Z")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class Stored:
    """Events in memory, a few to a page."""

    def __init__(self, events: Sequence[Fields]) -> None:
        self._events = events

    def now(self) -> int:
        return NOW

    def search(
        self, terms: Sequence[Term], *, start: int, end: int, limit: int, after: str = "",
        sensors: Sequence[str] | None = None,
    ) -> EventPage:  # fmt: skip
        assert list(terms) == [Term(field="event.dataset", match="equals", value="probe.http")]
        assert limit == PAGE_EVENTS
        assert sensors is None
        found = [e for e in self._events if start <= times.from_text(str(e["@timestamp"])) < end]
        at = int(after or 0)
        hits = [
            EventHit(id="", sensor="s", number=1, index=0, fields=one) for one in found[at : at + 2]
        ]
        return EventPage(hits=hits, next_cursor=str(at + 2) if at + 2 < len(found) else "")

    def count_by(
        self, terms: Sequence[Term], field: str, *, start: int, end: int, limit: int,
        sensors: Sequence[str] | None = None,
    ) -> Sequence[Bucketed]:  # fmt: skip
        raise NotImplementedError

    def get(self, event_id: str) -> EventHit | None:
        raise NotImplementedError


def probe(minutes_ago: int, outcome: str) -> Fields:
    return {
        "@timestamp": times.to_text(NOW - minutes_ago * times.MINUTE),
        "event.dataset": "probe.http",
        "event.outcome": outcome,
        "event.hash": "h",
        "url.domain": "a.example",
        "url.full": "https://a.example/",
    }


def told(*events: Fields, since: str = "2026-11-26T11:00:00") -> str:
    stored = Stored(events)
    report = ProbeReport(events=stored, view=lambda: RegisterView({}), clock=stored)
    return report.handlers()["probe-report"]({"since": since})


def test_all_pages_of_stored_events_are_counted() -> None:
    text = told(
        probe(60, "success"), probe(50, "failure"), probe(45, "success"), probe(35, "success"),
        probe(30, "failure"),
    )  # fmt: skip

    assert "https://a.example/  中断 down 20 min  被改 defaced 0 min" in text
    assert "正常 up 25 min  未知 unknown 15 min" in text
    assert "nothing compared" in text


def test_a_time_without_probes_says_so() -> None:
    assert "no probes in that time" in told()


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(FengsuiError, match="no date or time"):
        told(since="soon")


def test_a_page_that_is_not_released_is_defaced(machine: Machine) -> None:
    releases = machine.data.parent / "r.csv"
    releases.write_text("system,sm3,ticket\na.example,good,FB-1\n", "utf-8")
    with closing(machine.open()):
        pass
    with opened(DataFolder(machine.data)) as administration:
        knowledge = administration.knowledge
        knowledge.handlers()["register-import"](
            {"name": "releases", "file": str(releases), "by": "zhang", "approved_by": "li",
             "valid_from": "2026-11-01"}
        )  # fmt: skip
        stored = Stored(
            [probe(60, "success") | {"event.hash": "good"}, probe(50, "success"),
             probe(45, "success") | {"event.hash": "good"}]
        )  # fmt: skip
        report = ProbeReport(events=stored, view=knowledge.registers.view, clock=stored)
        text = report.handlers()["probe-report"]({"since": "2026-11-26T11:00:00"})

    assert "被改 defaced 5 min  正常 up 25 min" in text
    assert "nothing compared" not in text


def test_the_command_reads_the_folder(machine: Machine) -> None:
    with closing(machine.open()):
        pass
    result = CliRunner().invoke(app, ["probe", "report", "--data", str(machine.data)])

    assert result.exit_code == 0
    assert "no probes in that time" in result.output
