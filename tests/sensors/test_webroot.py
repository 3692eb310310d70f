"""Changes below a web root become events; what cannot be read is never taken for deleted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from crypto import sm3
from schema import event, times
from schema.event import Fields
from schema.fields import catalogue
from sensors import webroot
from sensors.proc import Machine
from sensors.webroot import WebrootSource

START = times.from_text("2026-11-20T12:00:00.000000Z")


class World:
    """A web root, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "www"
        self.root.mkdir()
        self.now = START

    def source(self, **given: int) -> WebrootSource:
        machine = Machine(
            host="h", boot_id="boot-1", now=lambda: self.now, user_of=lambda uid: f"u{uid}"
        )
        return WebrootSource("web", machine, [self.root], **given)

    def look(self, source: WebrootSource) -> Sequence[Fields]:
        self.now += webroot.INTERVAL_US
        return source.poll(10_000).events

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(events: Sequence[Fields]) -> list[tuple[object, object]]:
    return [(one["event.action"], one["file.name"]) for one in events]


def test_what_stood_there_at_the_start_is_no_event(world: World) -> None:
    world.write("index.html", "welcome")
    source = world.source()
    assert world.look(source) == []
    assert world.look(source) == []


def test_a_new_file_is_told_with_its_owner_size_and_sm3(world: World) -> None:
    source = world.source()
    world.look(source)
    path = world.write("upload/shell.PHP", "<?php")
    (found,) = world.look(source)
    assert found == {
        "@timestamp": times.to_text(world.now),
        "event.action": "file_created",
        "event.dataset": "host.file",
        "file.extension": "php",
        "file.hash.sm3": sm3.digest(b"<?php").hex(),
        "file.name": "shell.PHP",
        "file.owner": f"u{os.getuid()}",
        "file.path": str(path),
        "file.size": 5,
        "host.name": "h",
    }
    assert set(found) <= set(catalogue())
    event.encode(found)


def test_a_change_and_a_deletion_are_told_once(world: World) -> None:
    path = world.write("index.html", "welcome")
    source = world.source()
    world.look(source)
    world.write("index.html", "defaced")
    assert told(world.look(source)) == [("file_changed", "index.html")]
    path.unlink()
    assert told(world.look(source)) == [("file_deleted", "index.html")]
    assert world.look(source) == []


def test_the_same_content_written_again_is_no_change(world: World) -> None:
    path = world.write("index.html", "welcome")
    source = world.source()
    world.look(source)
    os.utime(path, ns=(1, 1))
    assert world.look(source) == []


def test_a_file_that_moved_is_one_deleted_and_one_created_with_the_same_sm3(world: World) -> None:
    path = world.write("a.txt", "x")
    source = world.source()
    world.look(source)
    path.rename(world.root / "b.jsp")
    found = world.look(source)
    assert told(found) == [("file_created", "b.jsp"), ("file_deleted", "a.txt")]
    assert found[0]["file.hash.sm3"] == found[1]["file.hash.sm3"]


def test_a_root_that_is_gone_has_lost_no_file_and_is_told_as_trouble(world: World) -> None:
    world.write("index.html", "welcome")
    source = world.source()
    world.look(source)
    world.root.rename(world.root.with_name("away"))
    world.now += webroot.INTERVAL_US
    found = source.poll(10)
    assert (found.events, dict(found.troubles)) == ([], {"unreadable": 1})
    assert str(world.root) in found.problem
    world.root.with_name("away").rename(world.root)
    assert world.look(source) == []


def test_links_are_not_followed_and_pipes_not_waited_for(world: World, tmp_path: Path) -> None:
    source = world.source()
    world.look(source)
    (tmp_path / "secret").write_text("x")
    (world.root / "link").symlink_to(tmp_path / "secret")
    (world.root / "out").symlink_to(tmp_path)
    os.mkfifo(world.root / "pipe")
    assert world.look(source) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_hides_only_what_is_below(world: World) -> None:
    gone, kept = world.write("a.html", "x"), world.write("closed/b.html", "x")
    source = world.source()
    world.look(source)
    kept.parent.chmod(0)
    gone.unlink()
    found = told(world.look(source))
    kept.parent.chmod(0o700)
    assert found == [("file_deleted", "a.html")]


def test_what_is_past_the_limit_is_told_and_nothing_counts_as_deleted(world: World) -> None:
    for number in range(3):
        world.write(f"{number}.html", "x")
    source = world.source(files_max=2)
    world.now += webroot.INTERVAL_US
    assert dict(source.poll(9).troubles) == {"unreadable": 1}
    (world.root / "0.html").unlink()
    world.write("3.html", "x")
    assert [one for one in told(world.look(source)) if one[0] == "file_deleted"] == []


def test_more_than_one_look_can_read_waits_for_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webroot, "LOOK_BYTES_MAX", 10)
    source = world.source()
    world.look(source)
    for number in range(3):
        world.write(f"{number}.html", "x" * 8)
    found = [name for _ in range(4) for name in told(world.look(source))]
    assert found == [("file_created", f"{number}.html") for number in range(3)]


def test_a_name_that_is_no_text_is_escaped(world: World) -> None:
    source = world.source()
    world.look(source)
    Path(os.fsdecode(os.fsencode(str(world.root)) + b"/\xff.php")).touch()
    (found,) = world.look(source)
    assert found["file.name"] == "\\udcff.php"
    event.encode(found)
