"""A site finds the same on search nodes as in its folder, and again after their indices went."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from machine import RemoteSensor, framed, until

from collector.index.elastic_nodes import Connection, IndexUnavailableError, Nodes
from fengsui import demo
from fengsui.folder import DataFolder
from fengsui.searching import measures, open_index
from fengsui.serve import _failures
from fengsui.settings import SearchSettings, Settings
from fengsui.wiring import Site, open_demonstration, open_site
from schema.filter import parse

END = 2**52
FILTERS = [
    "", "口令", "Failed", "-Failed", "event.outcome:failure", "event.severity:low..", "source.ip:*",
    "user.name:*a*", "url.path:/*", "http.response.status_code:400..499", "related.ip:192.*",
    "gov.sensor.source:*", "labels.source:*", "event.category:authentication", "sensor:collector",
]  # fmt: skip
PAGES = 3
FIELDS = ["source.ip", "event.dataset", "event.category", "@timestamp/3600", "event.severity"]


def answers(site: Site) -> list[object]:
    """What the site's index says to everything asked here, without what the wall clock says."""
    sensors = sorted(set(site.intake.sensors()) - {"collector"})
    found: list[object] = []
    for text in FILTERS:
        terms, cursor = parse(text), ""
        for _ in range(PAGES):
            page = site.index.search(
                terms, start=0, end=END, limit=200, after=cursor, sensors=sensors
            )
            found += [
                (hit.id, hit.number, hit.index, hit.fields["@timestamp"]) for hit in page.hits
            ]
            cursor = page.next_cursor
            if not cursor:
                break
        for field in FIELDS:
            counts = site.index.count_by(terms, field, start=0, end=END, limit=50, sensors=sensors)
            found += [(text, field, one.key, one.count) for one in counts]
    return found


def replayed(folder: Path, recording: Path, settings: Settings) -> Site:
    site = open_demonstration(DataFolder(folder), recording, settings)
    demo.replay(site, site.pipeline.round)
    return site


def forget(urls: Sequence[str], prefix: str) -> None:
    with closing(Nodes(Connection(hosts=urls))) as nodes:
        for name in nodes.ask("GET", f"/{prefix}-*", params={"filter_path": "*.aliases"}):
            nodes.ask("DELETE", f"/{name}", missing=True)


@pytest.mark.service
def test_a_site_on_search_nodes_finds_what_a_site_in_a_folder_finds(
    tmp_path: Path, evening: Path, elasticsearch
) -> None:
    prefix = f"t{uuid.uuid4().hex[:12]}"
    search = SearchSettings(
        hosts=tuple(elasticsearch.urls), prefix=prefix, replicas=0, refresh_seconds=0
    )
    with closing(replayed(tmp_path / "one", evening, Settings())) as one:
        expected = answers(one)
    with closing(replayed(tmp_path / "two", evening, Settings(search=search))) as two:
        assert not (tmp_path / "two" / "index").exists()
        assert answers(two) == expected
        stored = {one.labels["outcome"]: one.value for one in measures(two.index)}
        assert stored["created"] == sum(one.events for one in two.intake.status())
    forget(elasticsearch.urls, prefix)
    again = open_demonstration(DataFolder(tmp_path / "two"), evening, Settings(search=search))
    with closing(again) as two:
        while two.intake.reindex(64):
            continue
        assert answers(two) == expected
    forget(elasticsearch.urls, prefix)


def test_a_site_starts_and_closes_without_its_nodes_and_goes_on_once_they_come(
    tmp_path: Path,
) -> None:
    embedded, away = Settings(), Settings(search=SearchSettings(hosts=("http://127.0.0.1:9",)))
    folder = DataFolder(tmp_path)
    site = open_site(folder, embedded, watch_host=False)
    sensor = RemoteSensor(site)
    with closing(site):
        site.intake.accept(framed(sensor.seal(["/1"], at=site.clock.now())))
        until(site, lambda: site.status_of(sensor.name).events == 1)
    with closing(open_site(folder, away, watch_host=False)) as site:
        # What sensors send is stored, receipted and provable meanwhile.
        site.intake.accept(framed(sensor.seal(["/2"], at=site.clock.now())))
        assert site.pipeline.steady_round()
        assert _failures(site) == ["collector.index.unavailable"]
        assert site.status_of(sensor.name).events == 1
        assert site.alerts.final() == []
    with closing(open_site(folder, embedded, watch_host=False)) as site:
        until(site, lambda: site.status_of(sensor.name).events == 2)
        assert _failures(site) == []
        page = site.index.search(parse("url.path:/*"), start=0, end=END, limit=10)
        assert sorted(str(hit.fields["url.path"]) for hit in page.hits) == ["/1", "/2"]


def test_nothing_new_is_indexed_before_what_the_index_lacks(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with closing(open_site(folder, Settings(), watch_host=False)) as site:
        sensor = RemoteSensor(site)
        site.intake.accept(framed(sensor.seal(["/1"], at=site.clock.now())))
        until(site, lambda: site.status_of(sensor.name).events == 1)
    shutil.rmtree(folder.index)
    # It ends before its first round: closing takes in what came, and must not pass over the lost.
    with closing(open_site(folder, Settings(), watch_host=False)) as site:
        site.intake.accept(framed(sensor.seal(["/2"], at=site.clock.now())))
    with closing(open_site(folder, Settings(), watch_host=False)) as site:
        until(site, lambda: site.status_of(sensor.name).events == 2)
        page = site.index.search(parse("url.path:/*"), start=0, end=END, limit=10)
        assert sorted(str(hit.fields["url.path"]) for hit in page.hits) == ["/1", "/2"]


def test_nodes_that_are_gone_are_told_of_with_what_becomes_of_the_events(tmp_path: Path) -> None:
    settings = Settings(search=SearchSettings(hosts=("http://127.0.0.1:9",)))
    with (
        closing(open_index(DataFolder(tmp_path), settings)) as index,
        pytest.raises(IndexUnavailableError, match="waits in the log"),
    ):
        index.cursor("gate")
