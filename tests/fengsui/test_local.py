"""Local administration: commands are answered one after the other, whatever one of them meets."""

import errno
import socket
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from fengsui.folder import DataFolder
from fengsui.local import SOCKET_NAME, LocalServer, call, call_within
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


def test_a_long_answer_comes_whole(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.run.mkdir()
    with closing(LocalServer(folder, {"much": lambda _: "例外" * 200_000})):
        assert len(call(folder, "much")) == 400_000


def test_a_platform_that_ends_before_its_answer_is_told(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.run.mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(folder.run / SOCKET_NAME))
        listener.listen()
        ending = threading.Thread(target=lambda: listener.accept()[0].close())
        ending.start()
        with pytest.raises(FengsuiError, match="ended before") as raised:
            call(folder, "rule-replay-told")
        ending.join()
    assert raised.value.code == "fengsui.command.unanswered"


def test_in_a_folder_without_its_mark_nothing_is_made_up(tmp_path: Path) -> None:
    (tmp_path / "segments").mkdir()
    with pytest.raises(FengsuiError, match=r"fengsui\.folder\.absent"):
        call(DataFolder(tmp_path), "register-list")
    assert [path.name for path in tmp_path.iterdir()] == ["segments"]


def test_a_busy_platform_is_named_as_such(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.run.mkdir()
    done = threading.Event()

    def long(_: Mapping[str, str]) -> str:
        done.wait(10)
        return ""

    with closing(LocalServer(folder, {"long": long})):
        with pytest.raises(FengsuiError, match=r"busy.*unanswered"):
            call_within(folder, "long", {}, seconds=0.1)
        done.set()
