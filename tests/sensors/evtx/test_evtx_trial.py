"""``fengsui source try FILE.evtx``, and the format in settings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made_evtx import made_file
from typer.testing import CliRunner

from fengsui.cli import app
from fengsui.clock import SystemClock
from fengsui.host import sources
from fengsui.settings import SensorSettings, WatchSettings
from fengsui.source_trial import Trial
from schema.errors import FengsuiError
from sensors.evtx import EvtxSource

XML = (
    "<Event><System><EventID>1102</EventID>"
    '<TimeCreated SystemTime="2026-11-20T08:00:00Z"/><Channel>Security</Channel></System></Event>'
)


def run(path: Path, *more: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["source", "try", str(path), "--json", *more])
    return result.exit_code, result.output


def test_an_evtx_file_is_tried_without_naming_a_format(tmp_path: Path) -> None:
    path = tmp_path / "Security.EVTX"
    path.write_bytes(made_file([(1, XML), (2, XML)]))
    code, out = run(path)
    trial = msgspec.json.decode(out, type=Trial)
    assert (code, trial.records, trial.parsed, trial.unparsed) == (0, 2, 2, 0)
    assert trial.actions == {"audit-log-cleared": 2}


def test_any_other_file_needs_its_format_named(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("a line\n", "utf-8")
    assert run(path)[0] == 2


def test_what_is_no_evtx_file_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "a.evtx"
    path.write_text("a line\n", "utf-8")
    result = CliRunner().invoke(app, ["source", "try", str(path)])
    assert isinstance(result.exception, FengsuiError)
    assert result.exception.code == "sensors.evtx.unsound"


def test_settings_follow_an_evtx_file(tmp_path: Path) -> None:
    path = tmp_path / "Security.evtx"
    path.write_bytes(made_file([(1, XML)]))
    watch = (WatchSettings(name="dc1", path=str(path), format="evtx"),)
    settings = SensorSettings(watch=watch, inventory=False)
    (one,) = sources(settings, SystemClock(), tmp_path)
    assert isinstance(one, EvtxSource)
    assert len(one.poll(10).events) == 1


def test_an_unknown_format_names_evtx_among_those_there_are(tmp_path: Path) -> None:
    watch = (WatchSettings(name="dc1", path="/no/such", format="evt"),)
    with pytest.raises(FengsuiError, match="evtx"):
        sources(SensorSettings(watch=watch), SystemClock(), tmp_path)
