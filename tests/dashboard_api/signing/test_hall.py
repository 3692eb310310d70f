"""The hall with real signing processes: ``benchwork`` as a program."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import benchwork
import psutil
import pytest

from dashboard_api.applications.model import Operation
from dashboard_api.signing import slot as slots
from dashboard_api.signing.hall import Hall
from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.journal_file import Place, Reader, entries, files
from dashboard_api.signing.slot import Child

PROGRAM = Path(benchwork.__file__)


class Starter:
    """Starts the processes of a test; ``how`` says how those to come behave."""

    def __init__(self, folder):
        self.folder = folder
        self.how = "well"
        self.children = []
        self.slots = []
        self.heads = []

    def start(self, number):
        if self.how == "not":
            raise OSError("no more processes")
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(theirs.fileno()),
                 str(self.folder / str(number)), self.how],
                pass_fds=[theirs.fileno()], start_new_session=True, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self.children.append(process)
        self.slots.append(number)
        return Child(process=process, line=ours)

    def sign(self, number, head):
        self.heads.append((number, head.n))


@pytest.fixture
def starter(tmp_path):
    made = Starter(tmp_path)
    yield made
    for child in made.children:
        assert child.poll() is not None, "a process was left behind"


def scenario(starter, story, *, workers=1):
    """Run a story in an event loop with a hall, which is closed behind it."""

    async def run():
        hall = Hall(workers=workers, start=starter.start, sign=starter.sign)
        try:
            return await asyncio.wait_for(story(hall), 40)
        finally:
            await asyncio.wait_for(hall.close(), 10)

    return asyncio.run(run())


def ask(hall, body=b"abc", name="app-a"):
    return hall.call(
        Operation.SIGN, method="POST", target="/v1/crypto/sign", languages="en", body=body,
        authorization=f"Bearer fsk1.{name}.{'x' * 43}",
    )  # fmt: skip


def code(reply):
    return reply.status, json.loads(reply.body)["code"]


def entries_of(folder):
    found = []
    place = Place()
    paths = [path for _, path in files(folder / "journal")]
    for path in paths:
        for group in Reader(path, place, last=path == paths[-1]).groups():
            found.extend(entries(group, path))
    return found


RESTARTED = (503, "dashboard_api.signing.restarted")
STOPPED = (503, "dashboard_api.signing.stopped")


def test_no_process_before_the_first_call_and_none_after_the_close(starter):
    async def story(hall):
        assert starter.children == []
        assert (await ask(hall)).body == b"app-a:cba"
        assert [child.poll() for child in starter.children] == [None]
        assert hall.failures() == []

    scenario(starter, story)
    assert starter.children[0].returncode == 0


def test_a_hall_nobody_called_closes(starter):
    async def story(hall):
        pass

    scenario(starter, story)
    assert starter.children == []


def test_answers_find_their_own_callers(starter):
    async def story(hall):
        bodies = [b"%d" % number for number in range(300)]
        replies = await asyncio.gather(*(ask(hall, body) for body in bodies))
        assert [reply.body for reply in replies] == [b"app-a:" + body[::-1] for body in bodies]

    scenario(starter, story)
    assert len(entries_of(starter.folder / "0")) == 300


def test_an_application_always_meets_the_same_process(starter):
    async def story(hall):
        names = [f"app-{n}" for n in range(12)]
        for _ in range(2):
            await asyncio.gather(*(ask(hall, name=name) for name in names))

    scenario(starter, story, workers=2)
    assert sorted(starter.slots) == [0, 1]
    one, other = ({entry.application for entry in entries_of(starter.folder / str(number))}
                  for number in (0, 1))  # fmt: skip
    assert not one & other
    assert len(one | other) == 12


def test_heads_are_signed_last_ones_too(starter):
    async def story(hall):
        for _ in range(3):
            await ask(hall)

    scenario(starter, story)
    assert starter.heads[-1] == (0, 3)


def test_a_killed_process_loses_no_answer_that_was_given_and_no_entry(starter):
    given, lost = [], []

    async def caller(hall, number):
        for turn in range(100):
            reply = await ask(hall, b"%d-%d" % (number, turn))
            if reply.status == 200:
                given.append(reply.body)
            else:
                assert code(reply) == RESTARTED
                assert reply.retry_seconds > 0
                lost.append(number)

    async def story(hall):
        callers = [asyncio.create_task(caller(hall, number)) for number in range(16)]
        for _ in range(3):
            before = len(given)
            while len(given) < before + 20:
                await asyncio.sleep(0.005)
            starter.children[-1].send_signal(signal.SIGKILL)
        await asyncio.gather(*callers)
        assert hall.restarts >= 3
        assert (await ask(hall, b"end")).status == 200

    scenario(starter, story)
    journal = FileJournal(starter.folder / "0", benchwork.MAC_KEY)
    macs = {mac for entry in entries_of(starter.folder / "0") for mac in entry.payload_macs}
    wanted = journal.mac([body.partition(b":")[2][::-1] for body in given])
    journal.close()
    assert given
    assert set(wanted) <= macs


def test_the_call_that_kills_its_process_is_told_so_and_the_next_is_served(starter):
    async def story(hall):
        assert code(await ask(hall, b"die")) == RESTARTED
        assert (await ask(hall)).status == 200

    scenario(starter, story)


def test_calls_not_given_to_a_dead_process_wait_for_its_successor(starter):
    async def story(hall):
        await ask(hall)
        starter.children[0].kill()
        starter.children[0].wait()
        reply = await ask(hall)
        # It was given to the dead one, or not: never silence.
        assert reply.status == 200 or code(reply) == RESTARTED
        assert (await ask(hall)).status == 200

    scenario(starter, story)


def test_more_than_can_wait_are_told_to_come_again(starter, monkeypatch):
    monkeypatch.setattr(slots, "WAITING_MAX", 5)

    async def story(hall):
        replies = await asyncio.gather(*(ask(hall) for _ in range(8)))
        refused = [reply for reply in replies if reply.status != 200]
        assert [code(reply) for reply in refused] == [(503, "dashboard_api.signing.busy")] * 3
        assert refused[0].retry_seconds == 1

    scenario(starter, story)


@pytest.mark.parametrize("how", ["not", "die", "babble"])
def test_a_process_that_does_not_start_refuses_calls_until_one_does(starter, how):
    starter.how = how

    async def story(hall):
        assert code(await ask(hall)) == STOPPED
        assert hall.failures() == ["dashboard_api.signing.stopped"]
        starter.how = "well"
        while hall.failures():
            await asyncio.sleep(0.02)
        assert (await ask(hall)).status == 200

    scenario(starter, story)


def test_a_process_that_hangs_at_its_start_is_given_up(starter, monkeypatch):
    monkeypatch.setattr(slots, "START_SECONDS_MAX", 0.5)
    monkeypatch.setattr(slots, "CLOSE_SECONDS_MAX", 0.2)
    starter.how = "hang"

    async def story(hall):
        assert code(await ask(hall)) == STOPPED

    scenario(starter, story)


def test_a_process_that_dies_again_and_again_is_told_of(starter):
    async def story(hall):
        for _ in range(slots.DEATHS_TOLD):
            assert code(await ask(hall, b"die")) == RESTARTED
        while not hall.failures():
            await asyncio.sleep(0.02)
        assert hall.failures() == ["dashboard_api.signing.restarted"]

    scenario(starter, story)


def test_a_full_disk_stops_signing_and_room_lets_it_go_on(starter, monkeypatch):
    monkeypatch.setattr(slots, "STOPPED_SECONDS", 0.3)
    starter.how = "full"

    async def story(hall):
        assert code(await ask(hall)) == STOPPED
        assert code(await ask(hall)) == STOPPED
        assert hall.failures() == ["dashboard_api.signing.stopped"]
        starter.how = "well"
        while hall.failures():
            await asyncio.sleep(0.02)
        assert (await ask(hall)).status == 200

    scenario(starter, story)
    assert [entry.result for entry in entries_of(starter.folder / "0")] == ["done"]


def test_calls_in_hand_are_answered_before_the_close(starter):
    async def story(hall):
        await ask(hall)
        task = asyncio.create_task(ask(hall, b"slow"))
        await asyncio.sleep(0.05)
        return task

    task = scenario(starter, story)
    assert task.result().status == 200


def test_a_signing_process_ends_when_the_api_process_is_killed(tmp_path):
    code = (
        "import socket, subprocess, sys, time\n"
        "ours, theirs = socket.socketpair()\n"
        f"child = subprocess.Popen([sys.executable, {str(PROGRAM)!r}, str(theirs.fileno()), "
        f"{str(tmp_path)!r}, 'well'], pass_fds=[theirs.fileno()], start_new_session=True)\n"
        "theirs.close()\n"
        "ours.recv(10)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        child.wait(5)


def test_a_terminal_interrupt_of_the_platform_does_not_reach_a_signing_process(starter):
    async def story(hall):
        await ask(hall)
        assert os.getsid(starter.children[0].pid) != os.getsid(0)

    scenario(starter, story)


def test_a_call_that_no_frame_can_hold_is_refused_and_harms_no_other(starter):
    async def story(hall):
        replies = await asyncio.gather(ask(hall), ask(hall, bytes(17 << 20)), ask(hall, b"x"))
        assert [reply.status for reply in replies] == [200, 500, 200]

    scenario(starter, story)


def test_failures_may_be_asked_from_any_thread(starter):
    async def story(hall):
        found = []
        thread = threading.Thread(target=lambda: found.append(hall.failures()))
        thread.start()
        await ask(hall)
        thread.join()
        assert found == [[]]

    scenario(starter, story)
