"""Rules are tried before they are switched on, and changed while the platform runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from machine import HandClock, Machine, RemoteSensor, access, framed, now, until
from typer.testing import CliRunner

from collector.state.missed import MissedTable
from fengsui.administration import handlers, opened
from fengsui.clock import SystemClock
from fengsui.folder import DataFolder
from fengsui.rules_cli import app
from fengsui.serve import _served
from fengsui.wiring import Site
from schema.errors import FengsuiError
from schema.times import MINUTE, SECOND

SIGMA = """\
title: Asks for a backup of the site
id: 1c2d7a52-6d7e-4c5b-9d6f-2f2a4e6f7a10
status: test
description: Somebody asks for an archive that may hold the whole site.
author: A. Author
license: DRL-1.1
logsource: {category: webserver}
detection:
  selection: {cs-uri-stem|endswith: .tar.gz}
  condition: selection
level: medium
tags: [attack.t1595.003]
"""
RULE = "1c2d7a52-6d7e-4c5b-9d6f-2f2a4e6f7a10"
BAD = SIGMA.replace("category: webserver", "product: abacus").replace(RULE, RULE[:-1] + "1")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    (folder / "web").mkdir(parents=True)
    (folder / "web" / "backup.yml").write_text(SIGMA)
    (folder / "web" / "abacus.yaml").write_text(BAD)
    (folder / "LICENSE").write_text("the licence")
    return folder


def fengsui(*arguments: object, data: Path) -> str:
    """What a command of ``fengsui rules`` prints; an error is raised as it is."""
    words = [*map(str, arguments), "--data", str(data)]
    done = CliRunner().invoke(app, words, catch_exceptions=False, standalone_mode=False)
    return done.output


def alerts(site: Site) -> list[str]:
    return [one.rule_id for one in site.alerts.final()]


def test_an_imported_rule_is_off_until_it_was_tried(machine: Machine, tree: Path) -> None:
    site = machine.open()
    machine.write("nginx-access", access("/site.tar.gz", at=now(90)))
    until(site, lambda: site.pipeline.progress.events == 1)
    site.close()

    told = fengsui("import", tree, "--name", "public", "--licence", "DRL-1.1", data=machine.data)
    assert "可用 usable 1, 拒绝 refused 1" in told
    listed = msgspec.json.decode(fengsui("list", "--json", data=machine.data))
    (rule,) = [one for one in listed["rules"] if one["imported"]]
    assert (rule["id"], rule["enabled"]) == (RULE, False)
    assert rule["credit"] == "A. Author · DRL-1.1"
    assert rule["title_zh"].startswith("T1595.003：路径")
    (refused,) = listed["refused"]
    assert "abacus" in refused["reason"]
    assert "规则库 tree public: 2 files, DRL-1.1" in fengsui("list", data=machine.data)

    assert "no trial" in fengsui("backtest", RULE, "--since", "1s", data=machine.data)
    with pytest.raises(FengsuiError, match=r"fengsui\.rule\.untried"):
        fengsui("enable", RULE, "--reason", "试用", data=machine.data)
    told = fengsui("backtest", RULE, "--since", "1h", data=machine.data)
    assert "1 条日志 events, 1 条告警 alerts" in told
    fengsui("enable", RULE, "--reason", "试用", data=machine.data)

    site = machine.open()
    assert site.rulebook.find(RULE).enabled
    # Only what comes from now on is judged by it: what was judged stays judged.
    machine.write("nginx-access", access("/new.tar.gz", at=now(-3)))
    until(site, lambda: site.pipeline.progress.events == 1)
    site.pipeline.finish()
    assert alerts(site) == [RULE]
    site.close()


def test_a_rule_is_compared_with_another_form_of_it(
    machine: Machine, tmp_path: Path, tree: Path
) -> None:
    site = machine.open()
    paths = ("/a.tar.gz", "/b.zip", "/c.zip")
    machine.write("nginx-access", *(access(path, at=now(90)) for path in paths))
    until(site, lambda: site.pipeline.progress.events == 3)
    site.close()
    wider = tmp_path / "wider.yml"
    wider.write_text(SIGMA.replace(".tar.gz}", "[.tar.gz, .zip]}"))
    told = fengsui(
        "backtest", wider, "--since", "1h", "--against", tree / "web" / "backup.yml", "--json",
        data=machine.data,
    )  # fmt: skip
    result = msgspec.json.decode(told)
    assert (result["alerts"], result["gained_count"], result["lost_count"]) == (3, 2, 0)
    assert [(day["alerts"], day["before"]) for day in result["days"]] == [(3, 1)]


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "7w", ""])
def test_a_time_nobody_understands_is_refused(machine: Machine, since: str) -> None:
    machine.open().close()
    with pytest.raises(FengsuiError, match=r"fengsui\.time\.malformed"):
        fengsui("backtest", "host-sudo-takeover", "--since", since, data=machine.data)


def test_a_running_platform_follows_a_switch_and_loses_nothing(machine: Machine) -> None:
    site = machine.open()
    served = _served(site, "/", sibling=None)
    commands = handlers(served.administration)
    log4shell = access("/?q=${jndi:ldap://x/a}", ip="192.0.2.1", at=now(5))
    machine.write("nginx-access", log4shell)
    until(site, lambda: site.pipeline.progress.events == 1)
    told = commands["rule-switch"](
        {"rule": "gateway-log4shell", "enabled": "0", "reason": "另有设备拦截"}
    )
    assert told.startswith("gateway-log4shell is off; ")
    site.pipeline.round()
    assert site.pipeline._stages.engine.ruleset.digest == site.rulebook.current.digest
    machine.write("nginx-access", log4shell.replace("192.0.2.1", "192.0.2.2"))
    machine.write("nginx-access", access("/?q=${jndi:ldap://x/a}", ip="192.0.2.3", at=now(-3)))
    until(site, lambda: site.pipeline.progress.events == 3)
    site.pipeline.finish()
    # Judged by the time of the event: the second line is of before the switch.
    found = {one.entity for one in site.alerts.final() if one.rule_id == "gateway-log4shell"}
    assert found == {"192.0.2.1", "192.0.2.2"}
    with pytest.raises(FengsuiError, match=r"collector\.rule\.reason"):
        commands["rule-switch"]({"rule": "gateway-log4shell", "enabled": "1", "reason": " "})
    with pytest.raises(FengsuiError, match=r"fengsui\.rule\.unknown"):
        commands["rule-switch"]({"rule": "none", "enabled": "1", "reason": "x"})
    served.services.audit.close()
    site.close()


@pytest.fixture
def gap(machine: Machine) -> Iterator[tuple[Site, RemoteSensor, int]]:
    """A site whose second sensor fell silent and sends its backlog five minutes later."""
    clock = HandClock()
    site = machine.open(clock=clock)
    remote = RemoteSensor(site)
    begun = clock.now()
    site.intake.accept(framed(remote.seal(["/a"], at=begun)))
    until(site, lambda: "gateway" in site.pipeline._stages.engine.cursors)
    clock.ahead_us = 5 * MINUTE
    engine = site.pipeline._stages.engine
    engine.exclude("gateway")
    until(site, lambda: engine.settled > begun + 2 * MINUTE)
    yield site, remote, begun
    site.close()


def test_what_came_too_late_is_named_and_judged_again(
    gap: tuple[Site, RemoteSensor, int], machine: Machine
) -> None:
    site, remote, begun = gap
    paths = [f"/{number}.php" for number in range(5)] + ["/?q=${jndi:ldap://x/a}"]
    site.intake.accept(framed(remote.seal(paths, at=begun + SECOND)))
    until(site, lambda: site.intake.status()[1].last_batch == 2 or site.pipeline.round())
    site.pipeline._commit()
    assert alerts(site) == []
    table = MissedTable(site.database)
    named = {row.missed.rule_id: row.missed for row in table.newest(waiting=True)}
    # The one request that is an attack, and all six for the rule that scores an address's hour.
    assert {rule: miss.events for rule, miss in named.items()} == {
        "gateway-log4shell": 1,
        "gateway-bulk-download": 6,
    }
    assert {miss.entity for miss in named.values()} == {"192.0.2.20"}

    look = site.second_look
    assert look.look() is None, "the backlog may not be over yet"
    pace = HandClock()
    pace.ahead_us = MINUTE
    look._pace = pace
    looked = look.look()
    assert looked is not None
    assert (looked.added, looked.changed, looked.withdrawn) == (1, 0, 0)
    (alert,) = site.alerts.final()
    assert (alert.rule_id, alert.entity) == ("gateway-log4shell", "192.0.2.20")
    (revision,) = site.alerts.revisions(alert.id)
    assert revision.reason == "came too late and was judged again"
    assert look.look() is None
    told = fengsui("missed", data=machine.data)
    assert "gateway-log4shell 192.0.2.20" in told


def test_a_replay_under_other_rules_revises_what_stands(machine: Machine) -> None:
    site = machine.open()
    machine.write("nginx-access", access("/?q=${jndi:ldap://x/a}", at=now(200)))
    until(site, lambda: site.pipeline.progress.events == 1)
    engine = site.pipeline._stages.engine
    until(site, lambda: engine.settled > SystemClock().now() - 100 * SECOND)
    site.pipeline._commit()
    assert alerts(site) == ["gateway-log4shell"]
    since = SystemClock().now() - 3600 * SECOND
    assert (
        site.second_look.replay(since)
        .told()
        .endswith("新增 added 0, 修订 changed 0, 撤回 withdrawn 0")
    )
    site.rulebook.switch("gateway-log4shell", enabled=False, by="t", reason="试")
    looked = site.second_look.replay(since, site.rulebook.reload())
    assert looked.withdrawn == 0, "a rule that is off is not looked at: its alerts stand"
    assert alerts(site) == ["gateway-log4shell"]
    site.close()
    assert DataFolder(machine.data).realm() == "duty"


def test_a_replay_that_fails_says_so_and_the_next_one_runs(machine: Machine) -> None:
    site = machine.open()
    look = site.second_look
    look.ask(-(10**18))
    look._answer()
    with pytest.raises(FengsuiError, match=r"the replay failed: .*years 1 to 9999"):
        look.told()
    look.ask(SystemClock().now() - SECOND)
    assert look.told() == "正在重放 · replaying"
    look._answer()
    assert look.told().startswith("重放 0 条")
    site.close()


def test_a_replay_whose_platform_is_gone_is_not_taken_for_done(machine: Machine) -> None:
    machine.open().close()
    with (
        opened(DataFolder(machine.data)) as administration,
        pytest.raises(FengsuiError, match=r"fengsui\.replay\.stopped"),
    ):
        handlers(administration)["rule-replay-told"]({})


def test_a_rule_file_that_is_not_there_is_wrong_input(machine: Machine, tmp_path: Path) -> None:
    machine.open().close()
    with pytest.raises(FengsuiError, match=r"name a rule file.*fengsui\.rule\.unreadable"):
        fengsui("backtest", tmp_path / "none.yml", data=machine.data)


def test_a_platform_that_stops_waits_for_no_replay(machine: Machine) -> None:
    site = machine.open()
    machine.write("nginx-access", access("/?q=${jndi:ldap://x/a}", at=now(200)))
    until(site, lambda: site.pipeline.progress.events == 1)
    look = site.second_look
    look.stop()
    with pytest.raises(FengsuiError, match=r"fengsui\.replay\.stopped"):
        look.replay(SystemClock().now() - 3600 * SECOND)
    site.close()


@pytest.mark.parametrize("command", [["backtest", "host-sudo-takeover"], ["replay"]])
def test_a_time_to_come_is_no_trial(machine: Machine, command: list[str]) -> None:
    machine.open().close()
    with pytest.raises(FengsuiError, match=r"fengsui\.time\.ahead"):
        fengsui(*command, "--since", "9999-12-31", data=machine.data)
