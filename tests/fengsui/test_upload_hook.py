"""The upload hook of the settings, its command, and what becomes of an answer in the sensor."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from crypto import sm2, sm3
from fengsui import host, settings
from fengsui.cli import app
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.settings import SensorSettings, UploadSettings
from schema import batch as batches
from schema import event, log
from schema.errors import FengsuiError
from sensors.agent import Identity, Sensor
from sensors.mask import Masker
from sensors.upload import UploadSource

MARKED = "关于某事的报告\n机密★20年\n"


def hook(folder: Path) -> UploadSettings:
    (folder / "uploads").mkdir()
    (folder / "list").write_text(f"file_sm3\n{sm3.digest(b'drawing').hex()}\n", "utf-8")
    return UploadSettings(
        socket=str(folder / "s"), isolate=str(folder / "isolated"),
        folders=(str(folder / "uploads"),), protected=str(folder / "list"),
    )  # fmt: skip


def run(*words: str) -> tuple[int, dict[str, object]]:
    said = ["sensor", "upload-check", *words, "--user", "c1", "--app", "portal", "--json"]
    result = CliRunner().invoke(app, said)
    return result.exit_code, msgspec.json.decode(result.stdout)


def test_the_settings_name_the_hook(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        '[sensor.upload]\nsocket = "/run/s"\nisolate = "/isolated"\nfolders = ["/data"]\n', "utf-8"
    )
    assert settings.load(path, {}).sensor.upload == UploadSettings(
        socket="/run/s", isolate="/isolated", folders=("/data",), on_failure="closed"
    )
    path.write_text('[sensor.upload]\nsocket = "/s"\nisolate = "/i"\nfolders = []\n', "utf-8")
    with pytest.raises(FengsuiError, match="folders"):
        settings.load(path, {})


def test_an_application_is_answered_and_the_sensor_seals_no_text(tmp_path: Path) -> None:
    clock = SystemClock()
    found = host.sources(SensorSettings(inventory=False, upload=hook(tmp_path)), clock, tmp_path)
    (source,) = (one for one in found if isinstance(one, UploadSource))
    sensor = Sensor(
        Identity(realm="duty", sensor="web", enrolment=1, boot_id="boot"),
        key=sm2.PrivateKey.generate(),
        writer=log.Writer(tmp_path / "segments" / "web"), sources=[source],
        masker=Masker(bytes(32)).mask, clock=clock, entropy=SystemEntropy(),
    )  # fmt: skip
    file = tmp_path / "uploads" / "a.txt"
    file.write_text(MARKED, "utf-8")
    try:
        sensor.step()
        code, answer = run(str(file), "--socket", str(tmp_path / "s"))
        sensor.step()
    finally:
        source.stop()
    assert (code, answer["allow"], answer["reason"]) == (1, False, "classified_marking")
    assert not file.exists()
    payloads = [
        payload
        for one in log.Reader(tmp_path / "segments" / "web").read(1000)
        for payload in batches.verify_body(one).payloads
        if payload is not None
    ]
    assert not any("机密".encode() in one or "报告".encode() in one for one in payloads)
    (scan,) = (
        fields for fields in map(event.decode, payloads)
        if fields["event.dataset"] == "upload.scan"
    )  # fmt: skip
    assert scan["event.action"] == "file_refused"
    assert scan["gov.mask.rule"] == "classified-marking/1"
    assert scan["user.id"] == "c1"


def test_a_list_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    given = hook(tmp_path)
    (tmp_path / "list").write_text("no hash", "utf-8")
    with pytest.raises(FengsuiError, match="does not begin with an SM3 hash"):
        host.sources(SensorSettings(inventory=False, upload=given), SystemClock(), tmp_path)


def test_a_file_can_be_checked_without_a_sensor(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("通知", "utf-8")
    assert run(str(file)) == (0, {"allow": True, "sm3": sm3.digest("通知".encode()).hex()})
    file.write_text(MARKED, "utf-8")
    assert run(str(file))[0] == 1
    assert file.exists()
    run(str(file), "--isolate", str(tmp_path / "isolated"))
    assert not file.exists()


def test_a_protected_file_and_one_that_cannot_be_checked_are_told(tmp_path: Path) -> None:
    listed = hook(tmp_path).protected
    file = tmp_path / "a"
    file.write_bytes(b"drawing")
    code, answer = run(str(file), "--protected", listed)
    assert (code, answer["reason"]) == (1, "protected_file")
    file.write_bytes(b"PK\x03\x04")
    assert run(str(file))[1]["reason"] == "not_checked:damaged"
    assert run(str(file), "--fail-open")[0] == 0


def test_people_read_the_answer_in_words(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(MARKED, "utf-8")
    result = CliRunner().invoke(
        app, ["sensor", "upload-check", str(file), "--user", "c1", "--app", "portal"]
    )
    assert "拒绝 refused; 含密级标志 · bears a classified marking" in result.stdout
    assert "机密" not in result.stdout
