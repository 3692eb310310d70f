"""The local commands on registers and indicators answer within a line and refuse what is odd."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from machine import Machine

from fengsui.administration import opened
from fengsui.folder import DataFolder
from fengsui.knowledge import ANSWER_CHARS_MAX, Handler
from fengsui.local import LINE_BYTES_MAX, Reply
from schema.errors import FengsuiError


@pytest.fixture
def handlers(tmp_path: Path) -> Iterator[dict[str, Handler]]:
    machine = Machine(tmp_path)
    with closing(machine.open()):
        pass
    with opened(DataFolder(machine.data)) as administration:
        yield administration.knowledge.handlers()


def test_a_long_answer_fits_its_line_and_says_there_is_more(
    handlers: dict[str, Handler], tmp_path: Path
) -> None:
    path = tmp_path / "u.csv"
    rows = "".join(f"u{number},{'単位' * 200}\n" for number in range(500))
    path.write_text("unit,name\n" + rows, "utf-8")
    handlers["register-import"](
        {"name": "units", "file": str(path), "by": "zhang", "approved_by": "li"}
    )
    told = handlers["register-show"]({"name": "units"})
    assert told.endswith("more is not shown: ask for one key")
    assert len(told) < ANSWER_CHARS_MAX + 100
    assert len(msgspec.json.encode(Reply(text=told))) < LINE_BYTES_MAX


WRONG = {
    "a time": ("register-show", {"name": "units", "at": "soon"}, "no date or time"),
    "a number": ("register-apply", {"name": "units", "number": "one"}, "no whole number"),
    "a proposal nobody made": (
        "register-apply",
        {"name": "units", "number": "1", "by": "li"},
        "no open",
    ),
    "a register": ("register-show", {"name": "nothing"}, "there is no register"),
    "a file": (
        "register-import",
        {"name": "units", "file": "/none", "by": "zhang"},
        "cannot be read",
    ),
    "a value": ("indicator-find", {"value": "!!"}, "is no address"),
}


@pytest.mark.parametrize(("command", "arguments", "why"), WRONG.values(), ids=WRONG)
def test_what_is_odd_is_refused_in_one_line(
    handlers: dict[str, Handler], command: str, arguments: dict[str, str], why: str
) -> None:
    with pytest.raises(FengsuiError, match=why):
        handlers[command](arguments)


def test_every_act_stands_in_the_audit_chain(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with closing(machine.open()):
        pass
    path = tmp_path / "u.csv"
    path.write_text("unit,name\nu1,x\n", "utf-8")
    with opened(DataFolder(machine.data)) as administration:
        own = administration.knowledge.handlers()
        own["register-import"](
            {"name": "units", "file": str(path), "by": "zhang", "approved_by": "li"}
        )
        own["indicator-allow"]({"value": "a.example", "reason": "ours", "owner": "li"})
        with administration.accounts._database.read() as state:
            entries = [row["entry"] for row in state.execute("SELECT entry FROM audit")]
    for action in ("register.propose", "register.apply", "indicator.allow"):
        assert [f'"{action}"' in entry for entry in entries].count(True) == 2
