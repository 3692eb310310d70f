"""Migrate: a folder from rules in its process to rules on workers, or back, with nothing lost.

Evidence, index, alerts and all that people decided stay as they are. What the rules remember is
made anew by the other form: its first start reads the log again from the oldest batch kept, with
the receipts, watermarks and control recorded then. Alerts the form before had decided stand and
are not decided again; sensors keep what the platform has not receipted, whichever way they ship.

    FengsuiError
    ├── fengsui.migrate.same     the folder has that form already
    ├── fengsui.migrate.bus      no brokers in the settings to go to, or still there to go from
    ├── fengsui.migrate.topics   the topics hold another time's stream
    ├── fengsui.migrate.damaged  the evidence does not verify: nothing is changed
    └── fengsui.folder.in_use    a platform runs on it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from analytics import engine
from analytics.memory import NEVER
from collector.bus.reading import BEGINNING as OLDEST
from collector.control import SENSOR as CONTROL
from collector.idindex import IdIndex
from collector.state import chains
from collector.state import form as forms
from collector.state.alerts import Alerts
from collector.state.database import Database
from collector.state.form import Form, Name
from fengsui.bus import Brokers, Bus
from fengsui.centre import decided
from fengsui.centre.layout import Layout
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder, Ownership
from fengsui.settings import Settings
from schema import log
from schema.alert import Alert
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.times import MINUTE, to_text

READ_EVENTS_PER_SECOND: Final = 20_000
"""About what one core reads again and judges, with the shipped rules; only tells how long."""

FRESH_SECONDS: Final = 2.0
"""Brokers that hold a record give it out within milliseconds of being reached."""

REASON: Final = "the rules moved to another form: shown again if it still holds"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a migration does, and how long the first start takes after it."""

    form: str
    to: str
    sensors: int
    events: int
    """Read again by the first start."""
    seconds: int
    """About so long until the rules are where they were; the pages are there meanwhile."""
    alerts: int
    """Final alerts, which stand."""
    decided_before: str
    """Event time up to which they are not decided again; empty where nothing is settled yet."""
    done: bool
    steps: Sequence[str]
    """What is for a person to do."""

    def told(self) -> str:
        """For people."""
        what = "完成 done" if self.done else "仅预演 dry run"
        lines = [
            f"{self.form} → {self.to}: {what}",
            f"告警保留 alerts that stand        {self.alerts}",
            f"首次启动重读 events read again     {self.events} (≈ {self.seconds} s)",
            f"此前不再重判 settled before        {self.decided_before or '-'}",
        ]
        return "\n".join([*lines, *(f"→ {step}" for step in self.steps)])


def migrate(
    folder: DataFolder,
    settings: Settings,
    to: Name,
    *,
    dry_run: bool = False,
    bus: Bus | None = None,
) -> Plan:
    """Make a folder ready to be opened in the other form; with ``dry_run`` only say what it does.

    Raises what the module's head lists. A crash leaves the folder in one form or the other.
    """
    folder.must_exist()
    owner = Ownership(folder)
    database = Database(folder.state)
    try:
        found = forms.of(database) or Form(name="embedded")
        target = _target(found, settings, to, decided_before=_settled(found, database))
        if to == "distributed":
            _must_be_fresh(bus or Brokers(settings.bus, SystemEntropy()), _layout(settings))
        if damage := verify_folder(folder).findings:
            raise FengsuiError(
                "fengsui.migrate.damaged",
                f"the evidence does not verify ({len(damage)} findings): look at `fengsui verify "
                "--all` first; nothing was changed",
            )
        plan = _plan(database, found, target)
        if not dry_run:
            _withdraw_early(database, _ids(folder, database))
            forms.keep(database, target, counted_from=_oldest(folder))
            plan = msgspec.structs.replace(plan, done=True)
    finally:
        database.close()
        owner.release()
    return plan


def _settled(found: Form, database: Database) -> int:
    """Before which event time the alerts of the form before stand; 0 where nothing is settled."""
    snapshot = Alerts(database).snapshot()
    of = engine.settled_in if found.name == "embedded" else decided.settled_in
    return max(found.decided_before, of(snapshot), 0)


def _target(found: Form, settings: Settings, to: Name, *, decided_before: int) -> Form:
    prefix = settings.bus.prefix if to == "distributed" else ""
    if (found.name, found.prefix) == (to, prefix):
        raise FengsuiError("fengsui.migrate.same", f"the folder is {to} already")
    if to == "distributed" and not settings.bus.brokers:
        raise FengsuiError(
            "fengsui.migrate.bus",
            "there are no brokers in the settings: set [bus] brokers, then run `fengsui cluster "
            "init` and this again",
        )
    return Form(name=to, prefix=prefix, decided_before=decided_before)


def _must_be_fresh(bus: Bus, layout: Layout) -> None:
    """Workers count by what they heard first: a stream of before would be taken for this one."""
    places = [*layout.all_of("accepted"), layout.only("decided")]
    reader = bus.reader(dict.fromkeys(places, OLDEST))
    try:
        held = reader.read(records_max=1, wait_seconds=FRESH_SECONDS) or any(reader.lag().values())
    finally:
        reader.close()
    if held:
        raise FengsuiError(
            "fengsui.migrate.topics",
            f"the topics {layout.prefix}.* hold the stream of an earlier time: set another [bus] "
            "prefix, run `fengsui cluster init`, then this again",
            prefix=layout.prefix,
        )


def _layout(settings: Settings) -> Layout:
    return Layout(prefix=settings.bus.prefix, partitions=settings.bus.partitions)


def _plan(database: Database, found: Form, target: Form) -> Plan:
    states = [one for name, one in chains.load(database).items() if name != CONTROL]
    events = sum(one.events for one in states)
    before = target.decided_before
    steps = (
        ("fengsui worker run", "fengsui up")
        if target.name == "distributed"
        else ("[bus] brokers = []", "fengsui up")
    )
    return Plan(
        form=found.name,
        to=target.name,
        sensors=len(states),
        events=events,
        seconds=-(-events // READ_EVENTS_PER_SECOND),
        alerts=len(Alerts(database).final()),
        decided_before="" if not before else "end" if before >= NEVER else to_text(before),
        done=False,
        steps=steps,
    )


def _ids(folder: DataFolder, database: Database) -> IdIndex:
    ids = IdIndex(folder.segments)
    for sensor, state in chains.load(database).items():
        ids.resume(sensor, state.number)
    return ids


def _withdraw_early(database: Database, ids: IdIndex) -> None:
    """What was shown early is withdrawn: the form that showed it would have, had it not held."""
    with database.read() as state:
        rows = state.execute("SELECT body FROM alerts WHERE state = 'provisional'").fetchall()
    early = [msgspec.json.decode(row[0], type=Alert) for row in rows]

    def sensor_of(event_id: str) -> str | None:
        found = ids.find(bytes.fromhex(event_id))
        return found.sensor if found else None

    Alerts(database, sensor_of).commit(
        [msgspec.structs.replace(one, state="withdrawn") for one in early],
        (),
        snapshot={},
        received_at=SystemClock().now(),
        reason=REASON,
    )


def _oldest(folder: DataFolder) -> int:
    """The minute of the oldest event that is read again; none where nothing is kept."""
    found: list[int] = []
    for sensor in log.sensors(folder.segments, PosixDisk()):
        if sensor != CONTROL:
            found += [one.header.min_time for one in log.Reader(folder.segments / sensor).read(1)]
    oldest = min(found, default=0)
    return oldest - oldest % MINUTE
