"""A signing process of made-up parts around the real loop, journal and frames.

Runs in a test, or as a program: ``python benchwork.py FD FOLDER HOW``. Applications are called
``app-…`` and bear a token that is their own name; a call signs its body by turning it around.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.heads import Teller
from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.ports import Caller, Done
from dashboard_api.signing.worker import Parts, Worker, serve
from schema.errors import FengsuiError

MAC_KEY = bytes(32)


class Clock:
    def __init__(self):
        self.time = None

    def now(self):
        return self.time or time.time_ns() // 1000


def application(name):
    granted = frozenset({Operation.SIGN, Operation.KEYS_MANAGE})
    return Application(id=name, name=name, unit="tax", credentials=(), grants={"*": granted})


class Directory:
    def __init__(self):
        self.refreshed = 0
        self.error = None

    def refresh(self):
        self.refreshed += 1
        if self.error:
            raise self.error

    def application(self, application_id):
        return application(application_id)


class Keys(Directory):
    pass


class Callers:
    def __init__(self):
        self.commits = 0
        self.error = None

    def identify(self, call):
        name = call.authorization.removeprefix("Bearer fsk1.").partition(".")[0]
        if not name.startswith("app-"):
            raise FengsuiError("dashboard_api.credential.unknown", "nobody we know")
        return Caller(application=application(name), credential="0" * 16)

    def commit(self):
        self.commits += 1
        if self.error:
            raise self.error


class Quota:
    def __init__(self):
        self.taken = []

    def take(self, application, operation, items):
        self.taken.append((application.id, operation, items))
        if items > 100:
            raise FengsuiError("dashboard_api.quota.exceeded", "too much", retry_seconds=7)


class Desk:
    """Does what the body says: ``die``, ``fail``, ``refuse``, ``long``; else turns it around."""

    def perform(self, application, call):
        word = call.body
        if word == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == b"fail":
            raise ZeroDivisionError("with a secret in its words")
        if word == b"refuse":
            raise FengsuiError("dashboard_api.scope.missing", "no", operation="sign", key="x")
        if word == b"long":
            return Done(body=bytes(17 * 1024 * 1024))
        if word == b"slow":
            time.sleep(0.3)
        body = b"%s:%s" % (application.id.encode(), word[::-1])
        return Done(body=body, key=f"{application.id}.k", version=1, payloads=(word,))


def parts(journal, **others):
    given = {"directory": Directory(), "keys": Keys(), "callers": Callers(), "quota": Quota(),
             "desk": Desk(), "clock": Clock()}  # fmt: skip
    return Parts(journal=journal, **(given | others))


def main():
    line = socket.socket(fileno=int(sys.argv[1]))
    folder, how = Path(sys.argv[2]), sys.argv[3]
    if how == "hang":
        time.sleep(60)
    if how == "die":
        sys.exit(3)
    if how == "babble":
        line.sendall(b"\xff" * 100)
        time.sleep(60)
    journal = FileJournal(folder, MAC_KEY)
    made = parts(journal)
    if how == "full":
        made.callers.error = OSError(28, "No space left on device")
    teller = Teller(0, journal, made.clock)
    serve(line, Worker(made), lambda closing: teller.head(closing=closing))
    journal.close()


if __name__ == "__main__":
    main()
