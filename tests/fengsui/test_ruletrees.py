"""Imported trees: whatever their words, files and crashes are, the rules of a site stay usable."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine
from typer.testing import CliRunner

from analytics import ruleset
from collector.state.switches import Switches
from fengsui.clock import SystemClock
from fengsui.folder import DataFolder
from fengsui.rulebook import TREE_FILE, Prepared, Rulebook, prepare
from fengsui.rules_cli import app
from fengsui.wiring import Site
from schema.errors import FengsuiError

RULE = """\
title: Asks for a backup of the site
id: 1c2d7a52-6d7e-4c5b-9d6f-2f2a4e6f7a10
logsource: {category: webserver}
detection:
  selection: {cs-uri-stem|endswith: .tar.gz}
  condition: selection
"""
OTHER = RULE.replace("7a10", "7a11")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def site(machine: Machine) -> Iterator[Site]:
    with closing(machine.open()) as site:
        yield site


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    folder.mkdir()
    (folder / "backup.yml").write_text(RULE)
    return folder


def prepared(folder: DataFolder, upstream: Path, **words: str) -> Prepared:
    said = {"name": "public", "origin": "", "licence": "DRL-1.1", **words}
    return prepare(folder, upstream, clock=SystemClock(), **said)


def book(site: Site) -> Rulebook:
    return Rulebook(site.folder, Switches(site.database), SystemClock())


@pytest.mark.parametrize("licence", ["", "DRL\x7f", "DRL\n1.1", "x" * 201])
def test_words_nobody_could_read_are_refused_and_nothing_is_left(
    site: Site, upstream: Path, licence: str
) -> None:
    with pytest.raises(FengsuiError, match="licence"):
        prepared(site.folder, upstream, licence=licence)
    assert not site.folder.rules.exists()


def test_a_folder_of_any_name_is_an_origin(site: Site, tmp_path: Path, upstream: Path) -> None:
    odd = upstream.rename(tmp_path / 'up\x7f"stream')
    site.rulebook.take_tree(prepared(site.folder, odd).path, "public")
    assert [tree.origin for tree in book(site).trees()] == [str(odd)]


def test_a_damaged_tree_file_takes_no_rules_away(site: Site, upstream: Path) -> None:
    site.rulebook.take_tree(prepared(site.folder, upstream).path, "public")
    (site.folder.rules / "public" / TREE_FILE).write_bytes(b"licence = \xff")
    assert sum(one.imported for one in book(site).everything()) == 1


def test_a_tree_is_the_same_wherever_the_platform_was_started(
    site: Site, upstream: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder.root.parent)
    incoming = prepared(DataFolder(Path(site.folder.root.name)), upstream)
    monkeypatch.chdir("/")
    site.rulebook.take_tree(incoming.path, "public")
    assert len(book(site).trees()) == 1


def test_a_crash_between_two_trees_brings_the_old_one_back(
    machine: Machine, upstream: Path
) -> None:
    site = machine.open()
    site.rulebook.take_tree(prepared(site.folder, upstream).path, "public")
    rules = site.folder.rules
    (rules / "public").rename(rules / ".old-public")
    (upstream / "other.yml").write_text(OTHER)
    site.close()
    with closing(machine.open()) as again:
        assert [(tree.name, tree.files) for tree in again.rulebook.trees()] == [("public", 1)]
        again.rulebook.take_tree(prepared(again.folder, upstream).path, "public")
        assert [path.name for path in rules.iterdir()] == ["public"]
        assert [tree.files for tree in again.rulebook.trees()] == [2]


def test_links_are_left_out_and_counted_and_twins_are_both_kept(
    site: Site, upstream: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (upstream / "linked.yml").symlink_to(tmp_path / "secret")
    (upstream / "LICENSE").symlink_to(tmp_path / "secret")
    (upstream / "LICENSES").mkdir()
    (upstream / "backup.yaml").write_text(OTHER)
    incoming = prepared(site.folder, upstream)
    assert (incoming.skipped, len(incoming.rules.rules)) == (1, 2)
    assert not (incoming.path / "LICENSE").exists()


def test_a_refused_import_leaves_nothing_behind(site: Site, upstream: Path) -> None:
    words = ["import", upstream, "--name", "public", "--licence", "x", "--data", site.folder.root]
    site.folder.segments.mkdir(exist_ok=True)
    # The folder is this process's own: the command is told so.
    with pytest.raises(FengsuiError, match=r"fengsui\.folder\.in_use"):
        CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False, standalone_mode=False)
    assert list(site.folder.rules.iterdir()) == []


def test_a_rule_that_is_off_still_explains_its_alerts(site: Site) -> None:
    site.rulebook.switch("gateway-log4shell", enabled=False, by="t", reason="试")
    in_force = {rule.id for rule in site.rulebook.reload().rules}
    rule = site.rulebook.rule("gateway-log4shell")
    assert rule is not None
    assert rule.id not in in_force


def test_a_rule_with_the_id_of_a_shipped_one_is_refused_by_name(site: Site, upstream: Path) -> None:
    shipped = ruleset.SHIPPED / "gateway" / "gateway-log4shell" / "rule.yml"
    (upstream / "twin.yml").write_bytes(shipped.read_bytes())
    site.rulebook.take_tree(prepared(site.folder, upstream).path, "public")
    (refusal,) = book(site).refused()
    assert (refusal.path, "shipped rule" in refusal.reason) == ("gateway-log4shell", True)
