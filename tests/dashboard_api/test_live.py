import asyncio

import pytest

from dashboard_api import live
from dashboard_api.live import LiveStream
from schema.errors import FengsuiError


@pytest.fixture
def run(site, monkeypatch):
    """Run a coroutine over a stream that polls quickly, and end it."""
    monkeypatch.setattr(live, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(live, "STATUS_SECONDS", 0.02)

    def go(script):
        async def main():
            site.stream.join()
            try:
                await site.stream.prime()
                await script(site.stream)
            finally:
                site.stream.leave()

        asyncio.run(asyncio.wait_for(main(), 5))

    return go


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


def test_changes_come_in_order_and_an_alert_only_in_its_newest_form(site, run):
    first, second = site.alerts.put("a"), site.alerts.put("b")

    async def script(stream):
        assert stream.newest == 2
        assert [row.id for row in stream.after(0)] == [first.id, second.id]
        site.alerts.put("a")
        await until(lambda: stream.newest == 3)
        assert [row.seq for row in stream.after(0)] == [2, 3]
        assert [row.id for row in stream.after(2)] == [first.id]
        assert stream.after(3) == []

    run(script)


def test_notify_wakes_the_readers_at_once(site, run, monkeypatch):
    async def script(stream):
        monkeypatch.setattr(live, "POLL_SECONDS", 3600)
        monkeypatch.setattr(live, "STATUS_SECONDS", 3600)
        await asyncio.sleep(0.05)
        ticket = stream.ticket()
        site.alerts.put("a")
        await asyncio.get_running_loop().run_in_executor(None, stream.notify)
        await asyncio.wait_for(ticket.wait(), 2)
        assert stream.newest == 1

    run(script)


def test_a_number_too_old_or_from_elsewhere_has_no_changes(site, run, monkeypatch):
    monkeypatch.setattr(live, "BEHIND_MAX", 3)
    for number in range(10):
        site.alerts.put(str(number))

    async def script(stream):
        assert stream.newest == 10
        assert stream.after(6) is None
        assert [row.seq for row in stream.after(7)] == [8, 9, 10]
        assert stream.after(11) is None

    run(script)


def test_the_status_counts_visible_sensors_only(site, run):
    async def script(stream):
        site.sensors.events["gate"] = 1003
        await until(lambda: stream.snapshot.status(None).events == 1006)
        whole, part = stream.snapshot.status(None), stream.snapshot.status(frozenset({"pay"}))
        assert (whole.sensors, whole.quarantined, whole.lag_seconds) == (2, 2, 4)
        assert whole.events_per_second > 0
        assert (part.sensors, part.events, part.events_per_second) == (1, 3, 0)

    run(script)


def test_readers_have_a_limit(site, run, monkeypatch):
    monkeypatch.setattr(live, "READERS_MAX", 1)

    async def script(stream):
        with pytest.raises(FengsuiError) as caught:
            stream.join()
        assert caught.value.code == "dashboard_api.stream.full"

    run(script)


def test_closing_ends_the_readers_waiting(site, run):
    async def script(stream):
        stream.close()
        await until(lambda: stream.ended)

    run(script)
    with pytest.raises(FengsuiError):
        site.stream.join()


def test_a_desk_that_fails_ends_the_stream_and_the_next_reader_starts_it_anew(site, run, caplog):
    async def script(stream):
        site.alerts.broken = True
        await until(lambda: stream.ended)
        site.alerts.broken = False
        stream.join()
        await stream.prime()
        assert not stream.ended
        stream.leave()

    run(script)
    assert "will reconnect" in caplog.text


def test_the_task_stops_with_the_last_reader_and_notify_is_harmless_then(site):
    stream = LiveStream(site.alerts, site.sensors)
    stream.notify()

    async def main():
        stream.join()
        await stream.prime()
        stream.leave()
        await asyncio.sleep(0)
        assert stream.ended

    asyncio.run(main())
    stream.notify()
    stream.close()
