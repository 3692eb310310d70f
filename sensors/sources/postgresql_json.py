"""PostgreSQL's json log (``log_destination = jsonlog``), from version 15: an object a line."""

from __future__ import annotations

from typing import Final

import msgspec

from schema.event import Fields
from sensors.sources import postgresql, record
from sensors.sources.contract import Context


class _Line(msgspec.Struct, frozen=True):
    """The keys we read; the server leaves out what does not apply."""

    timestamp: str
    error_severity: str
    message: str = ""
    user: str = ""
    dbname: str = ""
    pid: int = 0
    remote_host: str = ""
    remote_port: int = 0
    state_code: str = ""
    application_name: str = ""
    statement: str = ""


_decoder: Final = msgspec.json.Decoder(_Line)


class PostgresqlJson(record.LineFormat):
    """PostgreSQL json log; line ends inside values are escaped."""

    dataset = "postgresql.log"

    def _line(self, line: str, context: Context) -> Fields | None:
        try:
            told = _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        level = postgresql.LEVELS.get(told.error_severity)
        time = postgresql.time_of_text(told.timestamp, default=context.utc_offset_minutes)
        if not time or not level:
            return None
        self._last_time = time
        entry = postgresql.Entry(
            time=time,
            level=level,
            code=told.state_code,
            message=told.message,
            user=told.user,
            database=told.dbname,
            application=told.application_name,
            host=told.remote_host,
            port=str(told.remote_port or ""),
            pid=str(told.pid or ""),
            statement=told.statement,
        )
        return record.scrubbed(postgresql.fields_of(entry, line, context.host))
