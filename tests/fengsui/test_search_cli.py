"""The index on search nodes is copied, taken away, brought back and built anew by one command."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import RemoteSensor, framed, until
from typer.testing import CliRunner

from fengsui.cli import app
from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder
from fengsui.settings import load
from fengsui.wiring import Site, open_site
from schema.filter import parse

END = 2**52


def _run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["search", *arguments])
    return done.exit_code, done.output + repr(getattr(done.exception, "code", ""))


def _paths(site: Site) -> list[str]:
    page = site.index.search(parse("url.path:/*"), start=0, end=END, limit=50)
    return sorted(str(hit.fields["url.path"]) for hit in page.hits)


def test_a_site_whose_index_is_in_its_folder_is_told_what_to_do(tmp_path: Path) -> None:
    open_site(DataFolder(tmp_path), load(tmp_path / "settings.toml", {}), watch_host=False).close()
    code, output = _run("snapshot", "list", "--data", str(tmp_path))
    assert (code, "fengsui.search.embedded" in output) != (0, False)


@pytest.fixture
def folder(tmp_path: Path, elasticsearch) -> Iterator[DataFolder]:
    prefix = f"t{uuid.uuid4().hex[:12]}"
    hosts = ", ".join(f'"{url}"' for url in elasticsearch.urls)
    (tmp_path / "settings.toml").write_text(
        f'[search]\nhosts = [{hosts}]\nprefix = "{prefix}"\nreplicas = 0\nrefresh_seconds = 0\n'
    )
    yield DataFolder(tmp_path)
    _run("rebuild", "--data", str(tmp_path))


@pytest.mark.service
def test_a_snapshot_is_brought_back_and_what_came_since_follows_from_the_log(
    folder: DataFolder, elasticsearch
) -> None:
    data = ("--data", str(folder.root))
    settings = load(folder.settings, {})
    repository = ("--repository", settings.search.prefix)
    with closing(open_site(folder, settings, watch_host=False)) as site:
        sensor = RemoteSensor(site)
        site.intake.accept(framed(sensor.seal(["/1"], at=site.clock.now())))
        until(site, lambda: _paths(site) == ["/1"])
        place = str(elasticsearch.snapshots / settings.search.prefix)
        assert _run("snapshot", "create", "one", "--location", place, *repository, *data)[0] == 0
        site.intake.accept(framed(sensor.seal(["/2"], at=site.clock.now())))
        until(site, lambda: _paths(site) == ["/1", "/2"])
        # Not under a platform that writes.
        assert "fengsui.folder.in_use" in _run("rebuild", *data)[1]
    assert "one" in _run("snapshot", "list", *repository, *data)[1]
    assert "fengsui.search.filled" in _run("snapshot", "restore", "one", *repository, *data)[1]
    assert _run("rebuild", *data)[0] == 0
    assert _run("snapshot", "restore", "one", *repository, *data)[0] == 0
    with closing(open_site(folder, settings, watch_host=False)) as site:
        assert _paths(site) == ["/1"]
        until(site, lambda: _paths(site) == ["/1", "/2"])
    assert _run("rebuild", *data)[0] == 0
    with closing(open_site(folder, settings, watch_host=False)) as site:
        assert _paths(site) == []
        until(site, lambda: _paths(site) == ["/1", "/2"])
    assert not verify_folder(folder).findings
