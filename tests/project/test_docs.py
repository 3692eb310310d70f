"""What the documents promise exists, and what exists is documented."""

import json
import re
import typing
from pathlib import Path

import msgspec
import pytest

from collector.control import Action
from fengsui.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "range" / "README.md"])


def _settings() -> list[str]:
    hints = typing.get_type_hints(Settings)
    return [
        f"{section.name}.{key.name}"
        for section in msgspec.structs.fields(Settings)
        for key in msgspec.structs.fields(hints[section.name])
    ]


@pytest.mark.parametrize("key", _settings())
def test_every_setting_has_its_line(key: str) -> None:
    assert f"| `{key}` |" in (ROOT / "docs/operator/settings.md").read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_inside_the_repository_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text("utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_map_names_files_that_exist(name: str) -> None:
    rows = re.findall(r"^\| \d+a? \| (.+?) \|", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    places = [place for row in rows for place in re.findall(r"`([^`]+)`", row)]
    assert len(rows) == 13
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_both_readmes_show_the_same_map() -> None:
    maps = [
        re.findall(r"`([\w/.]+)`", line)
        for name in ("README.md", "README.zh.md")
        for line in (ROOT / name).read_text("utf-8").splitlines()
        if re.match(r"\| \d+a? \|", line)
    ]
    half = len(maps) // 2
    assert [row[0] for row in maps[:half]] == [row[0] for row in maps[half:]]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("action", typing.get_args(Action))
def test_every_record_of_the_platform_has_a_word_on_the_page(action: str, language: str) -> None:
    words = json.loads((ROOT / f"ui/src/i18n/{language}.json").read_text("utf-8"))
    assert words[f"action.{action}"]
