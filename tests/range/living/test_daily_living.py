"""The machines alive: the same deeds leave the same events as from templates, and what is truer."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from district.daily import make
from district.run import District
from district.stream import EVENTS

from schema.event import Fields
from schema.times import from_text
from sensors.sources import Context, open_format

pytestmark = pytest.mark.service
SEED, VOLUME = 5, 0.3
LONGEST_S = 300
NEEDED = ("nginx", "unshare", "nsenter", "setpriv", "setsid", "sudo", "/usr/sbin/sshd", "ip")
"""Budget: 10 ms a deed and 100 ms a login; this machine may be doing other things."""
FROM_TEMPLATES = ("firewall", "vpn", "bastion", "windows-security")
WHO = ("host.name", "event.action", "event.outcome", "source.ip", "user.name", "user.target.name")
TOLD = {
    "ssh_login": (*WHO, "gov.auth.method", "event.reason", "process.name"),
    "ssh_invalid_user": WHO,
    "sudo_command": (*WHO, "process.command_line"),
    "group_member_added": (*WHO, "group.name"),
    "cron_session": (*WHO, "process.command_line"),
    "http_request": (
        *WHO, "http.request.method", "http.response.status_code", "url.path", "user_agent.original",
        "http.request.referrer",
    ),
    "file_created": ("host.name", "file.path", "file.owner", "file.extension", "file.name"),
    "process_started": (
        "host.name", "process.name", "process.parent.name", "process.command_line", "user.name",
    ),
    "port_opened": (
        "host.name", "destination.ip", "destination.port", "process.name", "network.protocol",
    ),
    "port_closed": ("host.name", "destination.ip", "destination.port"),
    "dns_query": ("source.ip", "destination.ip", "dns.question.name", "dns.question.type"),
    "flow": ("source.ip", "destination.ip", "destination.port", "network.transport"),
}  # fmt: skip
"""By action, what generated and living events have in common."""
MORE = {
    "dns_answer", "session_opened", "session_closed", "ssh_disconnect", "ssh_connection_closed",
    "pam_auth", "log",
}  # fmt: skip
"""What real programs tell besides."""


class Seen(NamedTuple):
    stream: str
    at: int
    episode: str
    fields: Fields


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    missing += [] if Path("/usr/lib/postgresql/15/bin/initdb").exists() else ["PostgreSQL 15"]
    missing += [name for name in ("paramiko", "pg8000") if importlib.util.find_spec(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"living machines need Linux, root and {' '.join(missing) or NEEDED}")
    out = tmp_path_factory.mktemp("daily") / "told.json"
    script = Path(__file__).with_name("_daily_town.py")
    command = (sys.executable, str(script), str(out), str(SEED), str(VOLUME))
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_S, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(out.read_text("utf-8"))
    return found


def read(lines: object) -> list[Seen]:
    """What the product's own formats make of them."""
    streams = {one.name: one for one in District([make], seed=SEED, measured=1).streams}
    forms = {name: open_format(one.form) for name, one in streams.items() if one.form != EVENTS}
    assert isinstance(lines, list)
    found = []
    for at, name, text, episode in lines:
        if isinstance(text, dict):
            found.append(Seen(name, at, episode, text))
            continue
        context = Context(host=streams[name].host, utc_offset_minutes=480, now=lambda at=at: at)
        (fields,) = forms[name].parse([str(text).encode()], context)
        found.append(Seen(name, at, episode, fields))
    return found


@pytest.fixture(scope="module")
def generated(facts: dict[str, object]) -> list[Seen]:
    return read(facts["generated"])


@pytest.fixture(scope="module")
def living(facts: dict[str, object]) -> list[Seen]:
    return read(facts["living"])


def common(seen: list[Seen], action: str) -> Counter[tuple[object, ...]]:
    return Counter(
        (one.stream, one.episode, *(one.fields.get(name) for name in TOLD[action]))
        for one in seen
        if one.fields["event.action"] == action and one.stream not in FROM_TEMPLATES
    )


def test_every_deed_was_carried_out(facts: dict[str, object]) -> None:
    assert facts["failures"] == {}


@pytest.mark.parametrize("action", TOLD)
def test_the_same_deeds_leave_the_same_events(
    generated: list[Seen], living: list[Seen], action: str
) -> None:
    made = common(generated, action)
    assert made
    lived = common(living, action)
    assert (made - lived, lived - made) == (Counter(), Counter())


def test_real_programs_tell_more_and_nothing_else(living: list[Seen]) -> None:
    actions = {
        one.fields["event.action"] for one in living if one.stream not in FROM_TEMPLATES
    }  # fmt: skip
    assert actions - set(TOLD) <= MORE
    assert actions & MORE


def test_no_program_complains_of_its_machine(living: list[Seen]) -> None:
    told = [str(one.fields.get("message", "")) for one in living]
    assert [text for text in told if "permission" in text or "Could not" in text] == []


def test_devices_lines_are_their_templates(facts: dict[str, object]) -> None:
    def of(lines: object) -> list[object]:
        assert isinstance(lines, list)
        return [line for line in lines if line[1] in FROM_TEMPLATES]

    assert of(facts["generated"]) == of(facts["living"])


def test_an_event_s_time_is_its_line_s(living: list[Seen]) -> None:
    for one in living:
        # Access logs tell whole seconds.
        assert 0 <= one.at - from_text(str(one.fields["@timestamp"])) < 1_000_000


def test_a_flow_has_as_many_bytes_as_the_town_says(
    generated: list[Seen], living: list[Seen]
) -> None:
    made, lived = (
        sorted(int(str(one.fields["network.bytes"])) for one in seen
               if one.fields["event.action"] == "flow")
        for seen in (generated, living)
    )  # fmt: skip
    assert made == lived


def test_a_program_under_a_name_is_what_it_is(living: list[Seen]) -> None:
    run = {
        str(one.fields["process.name"]): str(one.fields["process.executable"])
        for one in living
        if one.fields["event.action"] == "process_started" and one.stream not in FROM_TEMPLATES
    }
    assert run["sh"] in {"/usr/bin/dash", "/usr/bin/sh", "/usr/bin/bash"}


def test_it_is_said_of_each_stream_how_it_was_made(facts: dict[str, object]) -> None:
    made = facts["made"]
    assert isinstance(made, dict)
    assert {name for name, by in made.items() if by == "synthetic"} == set(FROM_TEMPLATES)
    assert {name for name, by in made.items() if by == "mixed"} == {
        name for name in made if name.startswith("auth-")
    }
