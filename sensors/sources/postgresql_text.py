"""PostgreSQL's text log (``log_destination = stderr``) under two prefixes.

``%m [%p] %q%u@%d/%a %h `` (ours: says who and from where) and ``%m [%p] %q%u@%d `` (Debian's).
The server indents the further lines of an entry by a tab.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from schema.event import Fields
from sensors.sources import postgresql, record
from sensors.sources.contract import Context

_HEAD: Final = re.compile(
    r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))? ([^\s\[\]]{1,8}) \[(\d{1,10})\] ", re.ASCII
)
_WHO: Final = re.compile(
    r"([^@]{0,256})@([^/]{0,256}?)(?:/(.{0,256}) (\[local\]|[0-9A-Fa-f.:]{2,45}|\S{1,255}))? \Z",
    re.DOTALL,
)
_LEVEL_TRIES: Final = 8
"""An application may be named like a level; after so many the line is nobody's."""
_PREFIX_CHARS_MAX: Final = 1100
"""User, database, application and host, 256 characters at most each."""


class PostgresqlText(record.LineFormat):
    """PostgreSQL log on standard error."""

    dataset = "postgresql.log"

    def begins(self, line: bytes) -> bool:
        """Lines that do not start with a tab."""
        return line[:1] != b"\t"

    def _line(self, line: str, context: Context) -> Fields | None:
        found = _HEAD.match(line)
        if not found:
            return None
        date, clock_text, fraction, zone, pid = found.groups("")
        time = postgresql.time_of(
            date, clock_text, fraction, zone, default=context.utc_offset_minutes
        )
        parts = time and _split(line, found.end())
        if not parts:
            return None
        (user, database, application, host), level, message = parts
        self._last_time = time
        entry = postgresql.Entry(
            time=time,
            level=postgresql.LEVELS[level],
            code="",
            message=message.replace("\n\t", "\n"),
            user=user,
            database=database,
            application=application,
            host=host,
            port="",
            pid=pid,
            statement="",
        )
        return postgresql.fields_of(entry, line, context.host)


def _split(line: str, start: int) -> tuple[tuple[str, str, str, str], str, str] | None:
    """Who, level and message behind the process id.

    The first level word with a whole prefix before it: names are the client's to choose, and
    ``LOG:  `` inside an application's name must not begin the message.
    """
    at = start
    for _ in range(_LEVEL_TRIES):
        end = line.find(":  ", at, start + _PREFIX_CHARS_MAX)
        if end < 0:
            return None
        word = max(line.rfind(" ", start, end) + 1, start)
        level = line[word:end]
        at = end + 1
        if level in postgresql.LEVELS:
            if word == start:
                return ("", "", "", ""), level, line[end + 3 :]
            who = _who(line[start:word])
            if who:
                return who, level, line[end + 3 :]
    return None


@lru_cache(maxsize=record.CACHE_MAX)
def _who(prefix: str) -> tuple[str, str, str, str] | None:
    found = _WHO.match(prefix)
    if not found:
        return None
    user, database, application, host = found.groups(default="")
    return user, database, application, host
