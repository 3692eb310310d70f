"""Registers and indicators from the command line: in a folder at rest, and while it runs."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journey import control_records
from machine import Machine
from typer.testing import CliRunner, Result

from dashboard_api.audit import AuditChain
from fengsui.administration import ACTOR
from fengsui.cli import app
from fengsui.knowledge import Knowledge
from fengsui.local import LocalServer
from fengsui.wiring import Site
from schema.errors import FengsuiError
from sensors.mask import Masker

PAYEES = "dept_code,payee,bank\n01,acct-1,icbc\n01,acct-2,boc\n"
LOGIN = (
    "Nov 25 10:00:0{} gate sshd[4242]: Failed password for invalid user oracle from {} "
    "port 51234 ssh2"
)
BY = ("--by", "zhang")
BOTH = (*BY, "--approved-by", "li")
BAD = "198.51.100.7"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    with closing(machine.open()):
        pass
    return machine


def run(machine: Machine, *arguments: str) -> str:
    result = asked(machine, *arguments)
    assert result.exit_code == 0, result.exception
    return result.output


def asked(machine: Machine, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(machine.data)])


def file(machine: Machine, name: str, text: str) -> str:
    path = machine.data.parent / name
    path.write_text(text, "utf-8")
    return str(path)


@pytest.fixture
def running(machine: Machine) -> Iterator[Site]:
    """The folder with its platform, answering local commands."""
    with closing(machine.open()) as site:
        audit = AuditChain(site.database, site.keyring.audit, site.clock)
        knowledge = Knowledge(
            registers=site.registers, indicators=site.indicators, events=site.index, audit=audit,
            actor=ACTOR, mask=Masker(site.keyring.subject).mask, clock=site.clock,
            noted=site.note_knowledge,
        )  # fmt: skip
        with closing(LocalServer(site.folder, knowledge.handlers())):
            yield site
        audit.close()


def test_a_register_is_imported_shown_compared_and_ended(machine: Machine) -> None:
    told = run(machine, "register", "import", "payees", file(machine, "p.csv", PAYEES), *BOTH)
    assert "payees version 1 approved" in told
    assert "+2 ~0 -0 from p.csv" in told
    assert "01/acct-1  bank=icbc" in run(machine, "register", "show", "payees")
    changed = PAYEES.replace("icbc", "abc").replace("01,acct-2,boc\n", "")
    difference = run(machine, "register", "diff", "payees", file(machine, "q.csv", changed))
    assert difference.splitlines() == [
        "~ 01/acct-1  bank=icbc → bank=abc",
        "- 01/acct-2  bank=boc → -",
    ]
    key = ("--key", "01", "--key", "acct-1")
    assert "version 1" in run(machine, "register", "show", "payees", *key)
    run(machine, "register", "end", "payees", *key, *BOTH)
    assert "no such row" in run(machine, "register", "show", "payees", *key)
    assert "version 2 approved" in run(machine, "register", "list")


def test_a_proposal_waits_for_its_approval(machine: Machine) -> None:
    path = file(machine, "p.csv", PAYEES)
    told = run(machine, "register", "import", "payees", path, *BY)
    assert "fengsui register apply payees 1" in told
    assert "no rows" in run(machine, "register", "show", "payees")
    run(machine, "register", "apply", "payees", "1", "--by", "li")
    assert "acct-2" in run(machine, "register", "show", "payees")


def test_nobody_approves_what_they_proposed(machine: Machine) -> None:
    path = file(machine, "p.csv", PAYEES)
    at_once = asked(machine, "register", "import", "payees", path, *BY, "--approved-by", "Ｚhang ")
    run(machine, "register", "import", "payees", path, *BY)
    later = asked(machine, "register", "apply", "payees", "1", "--by", "ZHANG")
    for result in (at_once, later):
        assert isinstance(result.exception, FengsuiError)
        assert result.exception.code == "collector.register.self"
    assert "no rows" in run(machine, "register", "show", "payees")


def test_a_refused_proposal_is_told_and_cannot_be_approved(machine: Machine) -> None:
    run(machine, "register", "import", "payees", file(machine, "p.csv", PAYEES), *BY)
    told = run(machine, "register", "refuse", "payees", "1", "--by", "li")
    assert "version 1 refused" in told
    assert "refused by li" in run(machine, "register", "list")
    late = asked(machine, "register", "apply", "payees", "1", "--by", "wang")
    assert isinstance(late.exception, FengsuiError)
    assert late.exception.code == "collector.register.no_proposal"


def test_an_export_imports_again_as_what_it_says(machine: Machine) -> None:
    run(machine, "register", "import", "payees", file(machine, "p.csv", PAYEES), *BOTH)
    text = run(machine, "register", "export", "payees")
    same = file(machine, "q.csv", text)
    assert "no difference" in run(machine, "register", "diff", "payees", same, "--only-these")
    assert "acct-1" in text


def test_rows_may_hold_since_a_date_and_be_shown_as_of_one(machine: Machine) -> None:
    path = file(machine, "p.csv", PAYEES)
    run(machine, "register", "import", "payees", path, *BOTH, "--valid-from", "2026-01-01")
    assert "acct-1" in run(machine, "register", "show", "payees", "--at", "2026-01-02")
    assert "no rows" in run(machine, "register", "show", "payees", "--at", "2025-12-31")
    assert "no rows" in run(
        machine, "register", "show", "payees", "--at", "2026-01-02", "--known", "2026-01-02"
    )


def test_a_faulty_file_changes_nothing(machine: Machine) -> None:
    path = file(machine, "p.csv", PAYEES + "01\n")
    result = asked(machine, "register", "import", "payees", path, *BOTH)
    assert isinstance(result.exception, FengsuiError)
    assert "p.csv line 4" in str(result.exception)
    assert "no rows" in run(machine, "register", "show", "payees")


def test_a_change_in_a_folder_at_rest_is_sealed_when_it_runs_again(machine: Machine) -> None:
    run(machine, "register", "import", "payees", file(machine, "p.csv", PAYEES), *BOTH)
    run(machine, "indicator", "import", file(machine, "i.csv", BAD), "--source", "feed")
    assert control_records(machine.data, "register_changed") == []
    for _ in range(2):
        with closing(machine.open()):
            pass
    (register,) = control_records(machine.data, "register_changed")
    (indicators,) = control_records(machine.data, "indicators_changed")
    assert (register["labels.register"], register["labels.version"]) == ("payees", "1")
    assert register["labels.effective_at"] == register["@timestamp"]
    assert (indicators["labels.source"], indicators["gov.batch.events"]) == ("feed", 1)


def test_a_running_platform_takes_a_change_and_seals_it_at_once(
    machine: Machine, running: Site
) -> None:
    before = running.registers.view()
    run(machine, "register", "import", "payees", file(machine, "p.csv", PAYEES), *BOTH)
    now = running.clock.now()
    assert before.lookup("payees", ("01", "acct-1"), now) is None
    assert running.registers.view().lookup("payees", ("01", "acct-1"), now) is not None
    assert len(control_records(machine.data, "register_changed")) == 1
    run(machine, "indicator", "import", file(machine, "i.csv", BAD), "--source", "feed")
    assert running.indicators.view().find("address", BAD, running.clock.now()) is not None


def test_indicators_are_imported_found_allowed_and_listed(machine: Machine) -> None:
    path = file(machine, "i.csv", f"value,note\n{BAD},made up\n*.bad.example,\n!!,\n")
    told = run(machine, "indicator", "import", path, "--source", "feed", "--confidence", "70")
    assert "feed: 2 indicators" in told
    assert "malformed value 1" in told
    assert "confidence 70 (of 70)" in run(machine, "indicator", "find", BAD)
    assert "bad.example and below from feed" in run(machine, "indicator", "find", "www.bad.example")
    assert "not listed" in run(machine, "indicator", "find", "203.0.113.9")
    run(machine, "indicator", "allow", BAD, "--reason", "ours", "--owner", "li")
    assert "allowed by 198.51.100.7: ours (li)" in run(machine, "indicator", "find", BAD)
    listed = run(machine, "indicator", "list")
    assert "feed                     2 indicators" in listed
    assert "198.51.100.7: ours (li)" in listed
    run(machine, "indicator", "disallow", BAD)
    assert "from feed" in run(machine, "indicator", "find", BAD)


def test_a_list_without_anything_usable_leaves_the_one_before(machine: Machine) -> None:
    run(machine, "indicator", "import", file(machine, "i.csv", BAD), "--source", "feed")
    result = asked(
        machine, "indicator", "import", file(machine, "j.csv", "!!\n"), "--source", "feed"
    )
    assert isinstance(result.exception, FengsuiError)
    assert "from feed" in run(machine, "indicator", "find", BAD)


def test_a_new_list_is_hunted_in_what_was_stored_before(machine: Machine) -> None:
    lines = [LOGIN.format(at, BAD if at % 2 else "203.0.113.9") for at in range(6)]
    machine.write("auth", *lines)
    with closing(machine.open()) as site:
        while site.pipeline.round():
            pass
    run(machine, "indicator", "import", file(machine, "i.csv", BAD), "--source", "feed")
    hunted = run(machine, "indicator", "hunt", "--since", "2020-01-01").splitlines()
    assert [line for line in hunted if f"source.ip={BAD} ×3" in line] == hunted[:-1]
    assert hunted[-1].endswith("1 处命中 matches")


def test_assets_are_told_of_from_the_command_line(machine: Machine) -> None:
    assert "nothing to be done" in run(machine, "register", "assets")
    result = asked(machine, "register", "assets", "--accept", "gone", *BY)
    assert isinstance(result.exception, FengsuiError)
    assert result.exception.code == "collector.register.unknown_asset"
