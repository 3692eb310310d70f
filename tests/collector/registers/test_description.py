"""Every shipped register is described in both languages; a wrong description is refused by name."""

from pathlib import Path

import pytest

from collector.registers.description import Description, load, parse
from schema.errors import FengsuiError

SHIPPED = load().by_name
GOOD = (
    'name = "own"\ntitle = {zh = "自建", en = "Own"}\nkey = ["a"]\n'
    '[columns.a]\ntitle = {zh = "甲", en = "A"}\n'
)


@pytest.mark.parametrize("one", SHIPPED.values(), ids=SHIPPED)
def test_a_shipped_register_is_described_in_both_languages(one: Description) -> None:
    titles = [one.title, *(column.title for column in one.columns.values())]
    assert all(any(ord(char) > 0x3000 for char in title.zh) and title.en for title in titles)
    assert one.purpose is not None
    assert len({title.zh for title in titles[1:]}) == len(one.columns)


NEEDED = {
    "EC04": ("matters", "app item_code matter"),
    "EC06": ("calendar", "day working"),
    "EC13": ("catalogue", "item sensitive"),
    "ID06": ("ip_ranges", "network kind"),
    "ID09": ("systems", "system mlps_level"),
    "ID11": ("impersonations", "operator target ticket"),
    "ID15": ("leavers", "user left_on"),
    "ID22": ("cipher_policy", "service algorithms"),
    "PAY04": ("payees", "dept_code payee bank"),
    "PAY09": ("own_domains", "domain"),
    "PAY11": ("applications", "app addresses key_ids"),
    "DX01": ("grants", "requester service grant"),
    "DX05": ("grants", "quota_per_day"),
    "DX07": ("grants", "fields"),
    "DX10": ("catalogue", "item kind"),
    "DX14": ("decoys", "subject"),
    "X04": ("releases", "system sm3 ticket paths"),
    "X05": ("classified_files", "file_sm3"),
}


@pytest.mark.parametrize(("register", "columns"), NEEDED.values(), ids=NEEDED)
def test_a_use_case_finds_its_register_and_columns(register: str, columns: str) -> None:
    assert set(columns.split()) <= set(SHIPPED[register].columns)


def test_a_sites_own_register_stands_beside_the_shipped(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD, "utf-8")
    assert set(load(tmp_path).by_name) == {*SHIPPED, "own"}


WRONG = {
    "no toml": "name = ",
    "an unknown key": GOOD + 'colour = "red"\n',
    "a key without its column": GOOD.replace('key = ["a"]', 'key = ["b"]'),
    "no key": GOOD.replace('key = ["a"]', "key = []"),
    "a name with blanks": GOOD.replace('"own"', '"our own"'),
    "a taken column": GOOD + '[columns.valid_to]\ntitle = {zh = "末", en = "E"}\n',
    "a list as key": GOOD + 'type = "list"\n',
    "a pattern without linear time": GOOD + 'pattern = "(a)\\\\1"\n',
    "bytes": "\0",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_description_names_its_file(text: str) -> None:
    with pytest.raises(FengsuiError, match=r"^own\.toml: not a register's description"):
        parse(text.encode(), "own.toml")


def test_a_site_does_not_redefine_a_shipped_register(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD.replace('"own"', '"grants"'), "utf-8")
    with pytest.raises(FengsuiError, match="described already"):
        load(tmp_path)


def test_an_unknown_register_names_those_there_are() -> None:
    with pytest.raises(
        FengsuiError, match="there are: applications, approved_destinations, assets"
    ):
        load().get("nothing")
