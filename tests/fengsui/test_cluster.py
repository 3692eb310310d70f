"""``fengsui cluster`` makes what is missing, changes nothing, and tells what differs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.bus import rights, topics
from collector.bus.access import Access
from collector.bus.admin import Admin
from collector.bus.sealed import load_key
from deploy.services import Kafka
from fengsui.cli import app
from fengsui.cluster import Users, check, init
from fengsui.settings import BusSettings

RUN = CliRunner()


class Set:
    """A clock that is wrong by so much."""

    def __init__(self, ahead_us: int = 0) -> None:
        self._ahead_us = ahead_us

    def now(self) -> int:
        from fengsui.clock import SystemClock

        return SystemClock().now() + self._ahead_us


@pytest.fixture
def access(kafka: Kafka) -> Access:
    return Access(brokers=tuple(kafka.address.split(",")))


@pytest.fixture
def settings(own_prefix: str) -> BusSettings:
    return BusSettings(prefix=own_prefix, partitions=4)


@pytest.fixture
def data(tmp_path: Path, access: Access, settings: BusSettings) -> Path:
    (tmp_path / "settings.toml").write_text(
        f'[bus]\nbrokers = ["{access.brokers[0]}"]\nprefix = "{settings.prefix}"\npartitions = 4\n'
    )
    return tmp_path


def wrong(lines: object) -> dict[str, str]:
    return {line.what: line.found for line in lines if line.ok is False}  # type: ignore[attr-defined]


def test_a_fresh_layout_is_as_the_check_wants_it(access: Access, settings: BusSettings) -> None:
    made = init(access, settings, Users())
    assert made.topics == tuple(one.full_name(settings.prefix) for one in topics.TOPICS)
    checked = check(access, settings, Users(), Set())
    assert wrong(checked.lines) == {}
    assert checked.ok


def test_a_second_run_makes_nothing(access: Access, settings: BusSettings) -> None:
    init(access, settings, Users())
    again = init(access, settings, Users())
    assert again.topics == ()
    assert len(again.kept) == len(topics.TOPICS)
    assert again.differences == ()


def test_what_differs_is_told_with_what_to_do_and_left_as_it_is(
    access: Access, settings: BusSettings
) -> None:
    name = f"{settings.prefix}.batches"
    config = {**topics.BATCHES.config(1), "retention.ms": "1000", "cleanup.policy": "compact"}
    with Admin(access) as admin:
        admin.create(name, partitions=2, replication=1, config=config)
    made = init(access, settings, Users())
    expected = {
        f"topic {name} partitions": "2",
        f"topic {name} cleanup.policy": "compact",
        f"topic {name} retention.ms": "1000",
    }
    assert wrong(made.differences) == expected
    assert all(line.todo for line in made.differences)
    checked = check(access, settings, Users(), Set())
    assert wrong(checked.lines) == expected


def test_an_absent_topic_is_told(access: Access, settings: BusSettings) -> None:
    checked = check(access, settings, Users(), Set())
    assert wrong(checked.lines) == {
        f"topic {one.full_name(settings.prefix)}": "absent" for one in topics.TOPICS
    }


@pytest.mark.parametrize("ahead_us", [-5_000_000, 5_000_000])
def test_a_clock_that_is_off_is_told(access: Access, settings: BusSettings, ahead_us: int) -> None:
    init(access, settings, Users())
    checked = check(access, settings, Users(), Set(ahead_us))
    assert list(wrong(checked.lines)) == ["broker 1 clock"]


def test_the_commands_say_it_in_one_line_of_json_and_by_exit_code(data: Path) -> None:
    before = RUN.invoke(app, ["cluster", "check", "--data", str(data), "--json"])
    assert before.exit_code == 1
    assert json.loads(before.stdout)["ok"] is False
    made = RUN.invoke(app, ["cluster", "init", "--data", str(data)])
    assert made.exit_code == 0
    assert made.stdout.count("已建立主题 made topic") == len(topics.TOPICS)
    after = RUN.invoke(app, ["cluster", "check", "--data", str(data)])
    assert after.exit_code == 0
    assert "全部符合要求" in after.stdout


def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "bus.key"
    assert RUN.invoke(app, ["cluster", "key", str(path)]).exit_code == 0
    key = load_key(path)
    assert RUN.invoke(app, ["cluster", "key", str(path)]).exit_code != 0
    assert load_key(path) == key


def test_three_brokers_hold_three_copies_and_one_that_is_down_is_told(
    kafka3: Kafka, own_prefix: str
) -> None:
    access = Access(brokers=tuple(kafka3.address.split(",")))
    settings = BusSettings(prefix=own_prefix, partitions=2)
    init(access, settings, Users())
    checked = check(access, settings, Users(), Set())
    assert wrong(checked.lines) == {}
    clocks = [line for line in checked.lines if line.what.endswith("clock")]
    assert len(clocks) >= 2
    kafka3.kill(3)
    down = wrong(check(access, settings, Users(), Set()).lines)
    assert any(what == f"address {access.brokers[2]}" for what in down)


def test_rights_that_lack_and_rights_too_many_are_told(
    kafka_secure: Kafka, own_prefix: str, tmp_path: Path
) -> None:
    chief = kafka_secure.super_user
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text(chief.password)
    access = Access(
        brokers=tuple(kafka_secure.address.split(",")),
        ca=chief.identity.authority,
        certificate=chief.identity.certificate,
        key=chief.identity.key,
        user=chief.user,
        password_file=password,
    )
    settings = BusSettings(prefix=own_prefix, partitions=1)
    users = Users(sensors=("gate",))
    init(access, settings, Users())
    lacking = wrong(check(access, settings, users, Set()).lines)
    assert set(lacking) == {f"right {one.told}" for one in rights.of_sensor("gate", own_prefix)}
    assert set(init(access, settings, users).rights) == {
        one.told for one in rights.of_sensor("gate", own_prefix)
    }
    assert wrong(check(access, settings, users, Set()).lines) == {}
    extra = rights.Right("User:gate", "topic", f"{own_prefix}.accepted", False, "WRITE")
    with Admin(access) as admin:
        admin.grant([extra])
    found = wrong(check(access, settings, users, Set()).lines)
    assert list(found) == [f"right {extra.told}"]
