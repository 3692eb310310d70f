"""What the local commands print says what to do with it and leaves nothing out."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from machine import Machine

from dashboard_api.access.access import FIRST_USERS
from fengsui.administration import Administration, handlers, new_token, opened
from fengsui.clock import SystemEntropy
from fengsui.folder import DataFolder


@pytest.fixture
def administration(tmp_path: Path) -> Iterator[Administration]:
    machine = Machine(tmp_path)
    with closing(machine.open()):
        pass
    with opened(DataFolder(machine.data)) as administration:
        administration.access.first_link(new_token(SystemEntropy()))
        yield administration


def test_a_link_without_a_running_platform_says_where_it_belongs(
    administration: Administration,
) -> None:
    name = FIRST_USERS[0][0]
    fragment, advice = handlers(administration)["user-link"]({"name": name}).splitlines()
    assert fragment.startswith("#token=")
    assert "start the platform" in advice


def test_a_closed_account_is_listed_as_closed(administration: Administration) -> None:
    (first, *_) = administration.accounts.everyone()
    administration.accounts._database.write(
        lambda state: state.execute("UPDATE users SET disabled_at = 1 WHERE id = ?", (first.id,))
    )
    lines = handlers(administration)["user-list"]({}).splitlines()
    assert [line.split()[0] for line in lines if "closed" in line] == [first.name]
