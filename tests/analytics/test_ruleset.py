"""A rule set is its files: the same digest everywhere, compiled once, every refusal named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from analytics_world import FAILURE, TEXT, detection

from analytics.ruleset import SHIPPED, load
from schema.errors import FengsuiError


def write(folder: Path, name: str, **parts: object) -> Path:
    document = {
        "format": "fengsui/1",
        "id": name,
        "version": "1.0.0",
        "severity": "low",
        "score": 20,
        "logsource": {"product": "linux", "service": "auth"},
        "text": TEXT,
        "detection": detection(**FAILURE),
        **parts,
    }
    path = folder / "host" / name / "rule.yml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(document))
    return path


def test_rules_come_in_id_order_with_the_system_of_their_folder(tmp_path: Path) -> None:
    write(tmp_path, "b")
    write(tmp_path, "a")
    found = load([tmp_path])
    assert [(rule.id, rule.system) for rule in found.rules] == [("a", "host"), ("b", "host")]
    assert [rule.kind for rule in found.listing()] == ["event", "event"]
    assert found.require_all() is found


def test_a_refused_file_is_named_and_the_others_load(tmp_path: Path) -> None:
    write(tmp_path, "good")
    write(tmp_path, "bad", score=1000)
    found = load([tmp_path])
    assert [rule.id for rule in found.rules] == ["good"]
    (refusal,) = found.refused
    assert refusal.path == "host/bad/rule.yml"
    with pytest.raises(FengsuiError, match=r"host/bad/rule\.yml") as error:
        found.require_all()
    assert error.value.code == "analytics.rule.refused"


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "long.yml").write_bytes(b"")
    os.truncate(tmp_path / "long.yml", 1 << 40)
    assert "over the limit" in load([tmp_path]).refused[0].reason


def test_folders_and_odd_names_among_the_files_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "a.yml").mkdir()
    (tmp_path / os.fsdecode(b"\xff.yml")).write_text("no rule")
    assert [one.path for one in load([tmp_path]).refused] == ["\ufffd.yml"]


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yml").symlink_to(tmp_path / "gone")
    with pytest.raises(FengsuiError, match=r"a\.yml cannot be read") as error:
        load([tmp_path])
    assert error.value.code == "analytics.ruleset.unreadable"


def test_an_id_is_given_once(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two", id="one")
    assert "another file" in load([tmp_path]).refused[0].reason


def test_the_digest_follows_contents_and_places_only(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    write(one, "a")
    path = write(two, "a")
    assert load([one]).digest == load([two]).digest
    path.write_bytes(path.read_bytes() + b"# a comment\n")
    assert load([one]).digest != load([two]).digest


def test_a_cached_rule_set_is_the_compiled_one(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fresh = load([SHIPPED], cache)
    assert load([SHIPPED], cache) == fresh
    (kept,) = cache.iterdir()
    kept.write_bytes(b"damaged")
    assert load([SHIPPED], cache) == fresh


def test_one_file_more_is_all_that_is_compiled(tmp_path: Path) -> None:
    rules, cache = tmp_path / "rules", tmp_path / "cache"
    write(rules, "a")
    load([rules], cache)
    (kept,) = cache.iterdir()
    # What comes from the cache shows by a mark that no file has.
    marked = kept.read_bytes().replace("标题".encode(), "记号".encode())
    kept.write_bytes(marked)
    write(rules, "b")
    found = load([rules], cache).rules
    assert [(rule.id, rule.text.title_zh) for rule in found] == [("a", "记号"), ("b", "标题")]


def test_a_cached_rule_set_needs_neither_pysigma_nor_yaml(tmp_path: Path) -> None:
    load([SHIPPED], tmp_path)
    program = (
        "import sys; from pathlib import Path; from analytics import ruleset;"
        f"found = ruleset.load([ruleset.SHIPPED], Path({str(tmp_path)!r}));"
        "from analytics.engine import Engine; Engine(found);"
        "print([name for name in ('sigma', 'yaml', 'sklearn', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match=r"analytics\.ruleset\.unreadable"):
        load([tmp_path / "none"])


def test_a_set_cut_to_some_rules_holds_them_only_under_another_digest() -> None:
    whole = load([SHIPPED])
    first, second, *_ = (rule.id for rule in whole.rules)
    cut = whole.only({first, second})
    assert [rule.id for rule in cut.rules] == [first, second]
    assert cut.digest != whole.digest
    assert whole.only({rule.id for rule in whole.rules}) is whole
    with pytest.raises(FengsuiError, match="no-such-rule"):
        whole.only({first, "no-such-rule"})
