"""Local administration: commands are answered one after the other, whatever one of them meets."""

import errno
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from fengsui.folder import DataFolder
from fengsui.local import LocalServer, call
from schema.errors import FengsuiError


def _full(_: Mapping[str, str]) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")


def _name(arguments: Mapping[str, str]) -> str:
    return arguments["name"]


def test_a_command_that_fails_is_told_and_the_next_one_answered(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.run.mkdir()
    with closing(LocalServer(folder, {"full": _full, "name": _name})):
        for command, why in (("full", "No space"), ("name", "KeyError")):
            with pytest.raises(FengsuiError, match=why) as raised:
                call(folder, command)
            assert raised.value.code == "fengsui.command.failed"
        assert call(folder, "name", name="zhang") == "zhang"
