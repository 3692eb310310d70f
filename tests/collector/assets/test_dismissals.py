"""What was set aside stays so until it shows more than it did."""

import pytest

from collector.assets import dismissals
from collector.assets.dismissals import Dismissals
from collector.assets.worklist import Entry
from collector.state.database import Database
from schema.errors import FengsuiError


@pytest.fixture
def kept(tmp_path):
    database = Database(tmp_path / "state.db")
    yield Dismissals(database)
    database.close()


def exposed(*ports):
    return Entry(finding="newly_exposed", asset="web-1", first_at=1, last_at=2, ports=ports)


def silent(last_at):
    return Entry(finding="vanished", asset="web-1", first_at=1, last_at=last_at)


def test_an_asset_that_opens_another_port_is_listed_again_with_that_port_alone(kept):
    kept.dismiss(exposed("tcp/22", "tcp/80"), reason="迁移", by="li", now=3)
    assert list(kept.left([exposed("tcp/22")])) == []
    assert list(kept.left([exposed("tcp/22", "tcp/3306")])) == [exposed("tcp/3306")]
    kept.dismiss(exposed("tcp/3306"), reason="同上", by="li", now=4)
    assert list(kept.left([exposed("tcp/22", "tcp/3306", "tcp/80")])) == []


def test_an_asset_heard_again_and_silent_anew_is_listed_again(kept):
    kept.dismiss(silent(5), reason="备机，平时关机", by="li", now=6)
    assert list(kept.left([silent(5)])) == []
    assert list(kept.left([silent(7)])) == [silent(7)]


def test_other_findings_of_the_same_asset_stay_listed(kept):
    kept.dismiss(silent(5), reason="备机", by="li", now=6)
    assert list(kept.left([exposed("tcp/22")])) == [exposed("tcp/22")]


def test_there_is_an_end_to_what_is_set_aside(kept, monkeypatch):
    monkeypatch.setattr(dismissals, "DISMISSED_MAX", 1)
    kept.dismiss(silent(5), reason="备机", by="li", now=6)
    with pytest.raises(FengsuiError, match="set aside"):
        kept.dismiss(exposed("tcp/22"), reason="备机", by="li", now=6)
