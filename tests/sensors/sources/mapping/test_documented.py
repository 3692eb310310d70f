"""The mapping file that docs/operator/sources.md shows is one, and reads what it says it reads."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from schema import times
from sensors.sources import Context
from sensors.sources.mapping.description import read
from sensors.sources.mapping.form import MappingFormat

PAGE = Path(__file__).parents[4] / "docs/operator/sources.md"
LINES = [
    "time|clerk|window|citizen|matter|fee|sms_code|result",
    "2026-11-26 12:00:00|c000001|3|350502199003071236|M-1|12.50|884213|成功",
]


def test_the_documented_mapping_reads_a_line() -> None:
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    (body,) = [one for one in blocks if "[delimited]" in one]
    form = MappingFormat(read(textwrap.dedent(body).encode(), "sources.md"))
    context = Context(host="h", utc_offset_minutes=0, now=lambda: times.SECOND)
    header, record = form.parse([line.encode("gb18030") for line in LINES], context)
    assert header["event.action"] == "remark"
    assert record["@timestamp"] == "2026-11-26T04:00:00.000000Z"
    assert record["gov.pay.amount_fen"] == 1250
    assert record["event.outcome"] == "success"
    assert record["labels.window"] == "3"
    assert "884213" not in str(record)
