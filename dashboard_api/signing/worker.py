"""Worker: what one signing process does with the calls that wait: nothing is told unaudited.

All calls that wait are one group. Each is carried out for itself; then the nonces they used up and
their audit entries go to the disk, once for all of them, and only then the answers leave. Where
that fails every answer is withheld, those of this group and of every later one, until the process
is opened anew.
"""

from __future__ import annotations

import logging
import socket
import struct
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

import msgspec

from crypto.errors import CryptoError
from dashboard_api.applications.model import MANAGING, Application, Operation
from dashboard_api.signing import frames, refusal, scopes
from dashboard_api.signing.call import Admitted, Call, Reply
from dashboard_api.signing.frames import Ready, Stopped, Told
from dashboard_api.signing.heads import Head
from dashboard_api.signing.ports import Caller, Callers, Desk, Directory, Done, Journal, Keys, Mark
from dashboard_api.signing.problems import refused
from dashboard_api.signing.sentences import TOO_MANY
from schema.errors import FengsuiError
from schema.ports import Clock

_logger = logging.getLogger(__name__)

GROUP_CALLS_MAX: Final = 512
"""More share one wait for the disk no better, and the first of them would wait for the last."""
READ_BYTES: Final = 256 * 1024
"""What waits in a socket at once, and so a group's bytes but for one long call."""
IDLE_SECONDS: Final = 1
"""So often it tells where its journal stands when nobody calls."""
_IDLE: Final = struct.pack("@ll", IDLE_SECONDS, 0)
"""As the system's ``timeval``."""
RETRY_SECONDS: Final = 5
"""When to come again where signing has stopped."""
COUNTED: Final = "dashboard_api.refusals.counted"
"""Result of an entry that stands for many strangers refused in the minutes before."""


class Quota(Protocol):
    """How much each application may still ask for."""

    def take(self, application: Application, operation: Operation, items: int) -> None:
        """Count the items; raises ``dashboard_api.quota.exceeded`` or ``.opens.limited``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a signing process is made of."""

    directory: Directory
    keys: Keys
    callers: Callers
    quota: Quota
    desk: Desk
    journal: Journal
    clock: Clock
    refuse: Callable[[Call, refusal.Refusal], Reply] = lambda call, error: refusal.reply_to(
        call.id, error, call.languages
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """One call as it ended: its answer, and what its entry says."""

    call: Call
    reply: Reply
    caller: Caller | None
    result: str
    items: int
    done: Done | None = None


class Worker:
    """Answers groups of calls."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._strangers = refusal.Strangers()
        self.stopped = ""
        """Why entries cannot be written; empty while they can."""

    def answer(self, calls: Sequence[Call]) -> list[Reply]:
        """The answers to a group, in its order, once its entries are on stable storage."""
        if self.stopped:
            return self._withheld(calls)
        trouble = self._refresh()
        ended = [self._carry_out(call, trouble) for call in calls]
        try:
            self._note(ended)
            self._parts.callers.commit()
            self._parts.journal.commit()
        except Exception as error:
            # Whatever it was: an answer without its entry must not leave.
            self.stopped = str(error) or type(error).__name__
            _logger.exception("audit entries cannot be written: signing has stopped")
            return self._withheld(calls)
        return [one.reply for one in ended]

    def _withheld(self, calls: Sequence[Call]) -> list[Reply]:
        error = refusal.stopped(RETRY_SECONDS)
        return [self._parts.refuse(call, error) for call in calls]

    def _refresh(self) -> refusal.Refusal | None:
        """What keeps every call of the group from being carried out."""
        try:
            self._parts.directory.refresh()
            self._parts.keys.refresh()
        except (FengsuiError, CryptoError) as error:
            return error
        except Exception as error:  # noqa: BLE001  # told without its words, which may hold data
            _log("what applications and keys there are could not be read", error)
            return refusal.failed(error)
        return None

    def _carry_out(self, call: Call, trouble: refusal.Refusal | None) -> _Ended:
        caller: Caller | None = None
        items = 1
        try:
            if trouble is not None:
                raise trouble
            caller = self._parts.callers.identify(call)
            items = items_of(call)
            self._parts.quota.take(caller.application, call.operation, items)
            done = self._perform(caller, call)
        except (FengsuiError, CryptoError) as error:
            return self._refused(call, caller, error, items)
        except Exception as error:  # noqa: BLE001  # one call must not end the others
            _log("a call failed", error)
            return self._refused(call, caller, refusal.failed(error), items)
        reply = Reply(call.id, done.status, done.body, done.retry_seconds)
        return _Ended(
            call=call, reply=reply, caller=caller, result="done", items=items, done=done
        )  # fmt: skip

    def _perform(self, caller: Caller, call: Call) -> Done:
        if call.operation in MANAGING:
            return _admit(caller, call)
        done = self._parts.desk.perform(caller.application, call)
        if len(done.body) > frames.BODY_BYTES_MAX:
            raise refused(TOO_MANY, limit=f"{frames.BODY_BYTES_MAX} bytes of answer")
        return done

    def _refused(
        self, call: Call, caller: Caller | None, error: refusal.Refusal, items: int
    ) -> _Ended:
        reply = self._parts.refuse(call, error)
        return _Ended(call=call, reply=reply, caller=caller, result=error.code, items=items)

    def _note(self, ended: Sequence[_Ended]) -> None:
        """Note the group's entries; the payloads' codes are made for all of them at once."""
        journal, now = self._parts.journal, self._parts.clock.now()
        counted = self._strangers.take_counted(now)
        if counted:
            journal.add(_stranger_mark(now, operation="", result=COUNTED, items=counted))
        macs = iter(journal.mac([one for end in ended if end.done for one in end.done.payloads]))
        for one in ended:
            if one.caller is None:
                if self._strangers.admits(now):
                    operation = one.call.operation.value
                    journal.add(
                        _stranger_mark(now, operation=operation, result=one.result, items=1)
                    )
                continue
            taken = tuple(islice(macs, len(one.done.payloads))) if one.done else ()
            journal.add(_mark(now, one, one.caller, taken))


def items_of(call: Call) -> int:
    """How many items a body holds, before anybody has read them; 1 for what has no list."""
    if b'"items"' not in call.body:
        return 1
    try:
        return max(1, len(_ITEMS.decode(call.body).items))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What is wrong with it the desk says.
        return 1


class _Items(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] = []


_ITEMS: Final = msgspec.json.Decoder(_Items)


def _admit(caller: Caller, call: Call) -> Done:
    """A managing call is only looked at here: the API process carries it out."""
    key = ""
    if call.key:
        key = scopes.key_of(caller.application, call.operation, call.key)
    else:
        scopes.keyless(caller.application, call.operation)
    admitted = Admitted(
        application=caller.application.id,
        unit=caller.application.unit,
        credential=caller.credential,
        key=key,
    )
    return Done(body=msgspec.json.encode(admitted), key=key, mode="admitted")


def _mark(at: int, one: _Ended, caller: Caller, macs: tuple[bytes, ...]) -> Mark:
    done = one.done
    return Mark(
        at=at,
        application=caller.application.id,
        credential=caller.credential,
        operation=one.call.operation.value,
        key=done.key if done else "",
        version=done.version if done else 0,
        place=done.place if done else "",
        algorithm=done.algorithm if done else "",
        mode=done.mode if done else "",
        result=one.result,
        items=one.items,
        failed=done.failed if done else 0,
        payload_macs=macs,
    )


def _stranger_mark(at: int, *, operation: str, result: str, items: int) -> Mark:
    return Mark(
        at=at, application="", credential="", operation=operation, key="", version=0, place="",
        algorithm="", mode="", result=result, items=items, failed=0, payload_macs=(),
    )  # fmt: skip


def _log(what: str, error: Exception) -> None:
    """Where it happened and of what kind, but not the error's words: they may repeat a payload."""
    frames_of = traceback.extract_tb(error.__traceback__)
    last = frames_of[-1] if frames_of else None
    _logger.error(
        "%s: %s at %s:%s", what, type(error).__name__,
        last.filename if last else "", last.lineno if last else 0,
    )  # fmt: skip


def serve(line: socket.socket, worker: Worker, head: Callable[[bool], Head | None]) -> None:
    """Answer what comes over the line until its end; whoever wants that shuts the line down.

    ``head`` tells where the journal stands, where that is worth telling; True asks for the last.
    Raises ``dashboard_api.frame.malformed``.
    """
    # Not settimeout: that would ask the system twice for every reading.
    line.settimeout(None)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _IDLE)
    # An API process that is gone needs no answers; what they say is in the journal.
    with suppress(BrokenPipeError, ConnectionResetError):
        line.sendall(frames.pack([Ready()]))
        _serve(line, worker, head)
        if not worker.stopped:
            _tell(line, head(True))


def _serve(line: socket.socket, worker: Worker, head: Callable[[bool], Head | None]) -> None:
    incoming = frames.calls()
    waiting: deque[Call] = deque()
    view = memoryview(bytearray(READ_BYTES))
    while True:
        if not waiting:
            try:
                size = line.recv_into(view)
            except BlockingIOError:
                _tell(line, head(False))
                continue
            if not size:
                return
            waiting.extend(incoming.take(bytes(view[:size])))
            continue
        group = [waiting.popleft() for _ in range(min(len(waiting), GROUP_CALLS_MAX))]
        told: list[Told] = [*worker.answer(group)]
        if worker.stopped:
            told.append(Stopped(worker.stopped))
        elif (found := head(False)) is not None:
            told.append(found)
        line.sendall(frames.pack(told))


def _tell(line: socket.socket, head: Head | None) -> None:
    if head is not None:
        line.sendall(frames.pack([head]))
