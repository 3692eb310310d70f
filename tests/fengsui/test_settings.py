"""Settings say what is wrong and where; the environment wins over the file."""

from pathlib import Path

import pytest

from fengsui import settings
from schema.errors import FengsuiError


def _file(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, "utf-8")
    return path


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert settings.load(tmp_path / "none.toml", {}) == settings.Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "[server]\nport = 9000\n")
    assert settings.load(path, {"FENGSUI_SERVER_PORT": "9001"}).server.port == 9001


def test_a_list_comes_from_the_environment_with_commas_between_its_items(tmp_path: Path) -> None:
    variables = {"FENGSUI_BUS_BROKERS": "a:9092, b:9092,", "FENGSUI_BUS_PARTITIONS": "32"}
    bus = settings.load(tmp_path / "none.toml", variables).bus
    assert bus.brokers == ("a:9092", "b:9092")
    assert bus.partitions == 32


def test_watched_files_are_read_from_the_file(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        '[[sensor.watch]]\nname = "gate"\npath = "/logs/gate.log"\nformat = "nginx_access"\n',
    )
    assert settings.load(path, {}).sensor.watch[0].name == "gate"


@pytest.mark.parametrize(
    "text", ["[server]\nprot = 1\n", "[servers]\n", "port = 1\n", "[server\n", "[server]\nport='x'"]
)
def test_an_unknown_or_wrong_key_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(FengsuiError) as raised:
        settings.load(path, {})
    assert raised.value.code == "fengsui.settings.invalid"
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["FENGSUI_SERVER_PROT", "FENGSUI_PORT", "FENGSUI_X_Y"])
def test_an_unknown_variable_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(FengsuiError, match=name):
        settings.load(tmp_path / "none.toml", {name: "1"})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[sensor]\nbatch_events = 0\n", "sensor.batch_events"),
        ("[sensor]\nbatch_events = 100000\n", "sensor.batch_events"),
        ("[sensor]\nname = '../up'\n", "sensor.name"),
        ("[sensor]\nutc_offset_minutes = 5000\n", "sensor.utc_offset_minutes"),
        ("[index]\nmemory_mb = 0\n", "index.memory_mb"),
        ("[server]\nport = 70000\n", "server.port"),
        ("[server]\nport = -1\n", "server.port"),
        ("[site]\nunit = ''\n", "site.unit"),
        ("[crypto]\nbackend = 'fast'\n", "crypto.backend"),
        ("[bus]\npartitions = 24\n", "bus"),
        ("[bus]\nprefix = 'a.b'\n", "bus.prefix"),
        ("[bus]\nseal = 'aes'\n", "bus.seal"),
        ("[bus]\nseal = 'sm4-gcm'\n", "bus"),
        ("[bus]\nscram_user = 'centre'\nscram_password_file = 'f'\n", "bus"),
        ("[bus]\ntls_key = 'k.pem'\n", "bus"),
    ],
)
def test_a_value_out_of_range_is_an_error_that_names_its_key(
    tmp_path: Path, text: str, key: str
) -> None:
    with pytest.raises(FengsuiError) as raised:
        settings.load(_file(tmp_path, text), {})
    assert raised.value.code == "fengsui.settings.invalid"
    assert f"$.{key}" in str(raised.value)
