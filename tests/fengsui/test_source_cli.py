"""What a file becomes is shown before anybody follows it, and no number stands on the screen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from fengsui.cli import app, exit_code
from fengsui.host import places
from fengsui.own_mappings import resolve
from fengsui.settings import SensorSettings, WatchSettings
from fengsui.source_trial import Trial

CITIZEN = "350502199003071236"
MAPPING = """
name = "hall"
title = { zh = "大厅", en = "Hall" }
dataset = "hall.log"
shape = "json"
secrets = ["pwd"]

[time]
from = "ts"

[[field]]
to = "event.action"
from = "op"

[[field]]
to = "gov.cert.id_hmac"
from = "card"

[[field]]
to = "service.name"
value = "hall"
"""
LINE = (
    '{"ts":"2026-11-26T03:00:00+08:00","op":"QUERY","card":"' + CITIZEN + '",'
    '"pwd":"hunter22","desk":"\\u001b[2J7"}\n'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "mappings").mkdir(parents=True)
    (folder / "mappings" / "hall.toml").write_text(MAPPING, "utf-8")
    return folder


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["source", *arguments])
    return result.exit_code, result.output


def test_each_column_is_shown_with_its_field_and_what_would_leave(
    site: Path, tmp_path: Path
) -> None:
    log = tmp_path / "hall.log"
    log.write_text(LINE, "utf-8")
    code, out = run("try", str(log), "--map", "hall", "--data", str(site))
    assert code == 0
    assert CITIZEN not in out
    assert "hunter22" not in out
    assert "\x1b" not in out
    rows = [line.split() for line in out.splitlines()]
    assert ["op", "→", "event.action", "QUERY"] in rows
    assert any(row[:3] == ["card", "→", "gov.cert.id_hmac"] and "[已脱敏" in row for row in rows)
    assert ["·", "→", "service.name", "hall"] in rows
    assert any(row[:3] == ["desk", "→", "labels.desk"] for row in rows)
    assert "columns without a field: desk" in out


def test_a_record_that_does_not_parse_is_counted_and_tells_the_caller(
    site: Path, tmp_path: Path
) -> None:
    log = tmp_path / "hall.log"
    log.write_text(f"{LINE}no json\n{LINE}", "utf-8")
    code, out = run("try", str(log), "--map", "hall", "--data", str(site), "--show", "1", "--json")
    trial = msgspec.json.decode(out, type=Trial)
    assert code == 1
    assert (trial.records, trial.parsed, trial.unparsed, trial.masked) == (3, 2, 1, 2)
    assert trial.actions == {"QUERY": 2, "unparsed": 1}
    assert trial.labels == {"desk": 2}
    assert [record.number for record in trial.shown] == [1]
    assert CITIZEN not in out


def test_records_of_several_lines_stay_together(tmp_path: Path) -> None:
    log = tmp_path / "postgresql.log"
    log.write_text(
        "2026-11-23 13:16:22.179 UTC [7] app@app LOG:  statement: SELECT\n\t1\n", "utf-8"
    )
    _, out = run("try", str(log), "--map", "postgresql_text", "--json")
    assert msgspec.json.decode(out, type=Trial).records == 1


def test_an_empty_file_is_no_success(tmp_path: Path) -> None:
    log = tmp_path / "empty.log"
    log.touch()
    assert run("try", str(log), "--map", "nginx_access")[0] == 1


def test_names_files_and_faults_are_told(site: Path, tmp_path: Path) -> None:
    log = tmp_path / "hall.log"
    log.write_text(LINE, "utf-8")
    own = site / "mappings" / "hall.toml"
    assert run("try", str(log), "--map", str(own))[0] == 0
    assert run("try", str(tmp_path / "none.log"), "--map", "hall", "--data", str(site))[0] == 2
    for code in ("sensors.mapping.refused", "sensors.mapping.unreadable", "fengsui.source.unknown"):
        assert exit_code(code) == 2


def test_the_list_has_all_three_kinds(site: Path) -> None:
    code, out = run("list", "--data", str(site))
    assert code == 0
    assert "nginx_access" in out
    assert "mapping:hall" in out
    assert "本单位 own" in out
    _, out = run("list", "--data", str(site), "--json")
    kinds = {one["name"]: one["kind"] for one in msgspec.json.decode(out)["formats"]}
    assert kinds["mapping:hall"] == "own"
    assert kinds["nginx_access"] == "built in"


def test_settings_name_a_mapping_of_the_sites_own(site: Path) -> None:
    own = site / "mappings" / "hall.toml"
    assert resolve("mapping:hall", site) == f"mapping:{own}"
    assert resolve("mapping:other", site) == "mapping:other"
    assert resolve("nginx_access", site) == "nginx_access"
    watch = (WatchSettings(name="hall", path="/no/such.log", format="mapping:hall"),)
    assert places(SensorSettings(watch=watch), site)[0].format == f"mapping:{own}"
