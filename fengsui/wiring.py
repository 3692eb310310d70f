"""Wiring: the only place that picks adapters and joins the parts of one data folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from analytics.engine import Engine
from analytics.judge import Judge
from collector import push as pushing
from collector.clients import Clients
from collector.control import SENSOR as CONTROL
from collector.control import ControlLog
from collector.enrolments import Enrolment, Enrolments, is_own
from collector.expiry import Expiry
from collector.geo import geography
from collector.health import SensorStatus
from collector.history import History
from collector.idindex import IdIndex
from collector.index.unavailable import IndexUnavailableError
from collector.indicators.store import IndicatorStore
from collector.intake import Intake
from collector.ownchain import OwnChain
from collector.push import Push
from collector.registers import description
from collector.registers.store import RegisterStore
from collector.removal import Removal
from collector.room import Gate
from collector.state import form as forms
from collector.state import kept
from collector.state.alerts import Alerts
from collector.state.database import Database
from collector.state.exceptions import Exceptions
from collector.state.form import Form
from collector.state.holds import Holds
from collector.state.missed import MissedTable
from collector.state.outbox import Outbox
from collector.state.switches import Switches
from crypto.status import Status as CipherStatus
from fengsui import ciphers, host, recorded
from fengsui.bus import Brokers, Bus
from fengsui.centre.centre import Centre, codecs_of, open_centre, open_judge
from fengsui.centre.distant import PENDING_MAX as DISTANT_PENDING_MAX
from fengsui.centre.hops import Hops
from fengsui.centre.layout import Layout
from fengsui.centre.watch import Watch
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.facts import Knowing, Rolls, SiteFacts
from fengsui.folder import DataFolder, Ownership, keep_realm
from fengsui.keyring import Keyring, open_keyring
from fengsui.pipeline import (
    INTAKE_BATCHES_AFAR_MAX,
    INTAKE_BATCHES_MAX,
    PENDING_MAX,
    Pipeline,
    Stages,
    note_rules,
)
from fengsui.retention import Retention, space_of
from fengsui.rulebook import Rulebook, mend
from fengsui.searching import OpenIndex, open_index
from fengsui.secondlook import SecondLook
from fengsui.settings import GeoSettings, Settings
from fengsui.standing import open_watch
from fengsui.training import ChildTrainer
from fengsui.trials import Known
from schema import log
from schema.event import Fields
from schema.ports import Clock, Entropy
from sensors.agent import Identity, Sensor
from sensors.mask import Masker
from sensors.replay import Recording
from sensors.source import Source

_logger = logging.getLogger(__name__)

DUTY: Final = "duty"
DEMONSTRATION: Final = "demonstration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The running parts of one data folder."""

    folder: DataFolder
    settings: Settings
    realm: str
    cipher: CipherStatus
    keyring: Keyring
    database: Database
    enrolments: Enrolments
    ids: IdIndex
    index: OpenIndex
    intake: Intake
    control: ControlLog
    clients: Clients
    push: Push
    alerts: Alerts
    exceptions: Exceptions
    rulebook: Rulebook
    registers: RegisterStore
    indicators: IndicatorStore
    pipeline: Pipeline
    judge: Judge
    second_look: SecondLook
    retention: Retention
    gate: Gate
    sensors: Sequence[Sensor]
    writers: Sequence[log.Writer]
    recording: Recording | None
    owner: Ownership
    clock: Clock
    entropy: Entropy
    watch: Watch
    geo: bool = False
    """Whether a geo file tells where addresses lie."""
    centre: Centre | None = None
    """What there is besides where rules run past this process."""

    def fields_of(self, event_id: str) -> Fields | None:
        """The stored fields of an event, None once redacted or expired."""
        hit = self.ids.fetch(bytes.fromhex(event_id))
        return hit.fields if hit else None

    def note_knowledge(self) -> None:
        """Seal which register versions and indicator lists are effective since when."""
        self.registers.note(self.control)
        self.indicators.note(self.control)

    def status_of(self, sensor: str) -> SensorStatus:
        """How one sensor stands; raises ``StopIteration`` for one this folder does not know."""
        return next(one for one in self.intake.status() if one.name == sensor)

    def close(self) -> None:
        """Stop the pipeline, close segments with their footers, let go of the folder.

        A disk that refuses the footers is told of; the folder is let go of all the same.
        """
        with ExitStack() as last:
            last.callback(self.owner.release)
            last.callback(self.database.close)
            last.callback(self.index.close)
            if self.centre is not None:
                last.callback(self.centre.judge.close)
                self.centre.stop()
            self.watch.stop()
            self.retention.stop()
            self.second_look.stop()
            self.pipeline.stop()
            for sensor in self.sensors:
                sensor.finish()
            for writer in self.writers:
                writer.close_segment()
            self.control.flush()
            # What is not indexed now is so by the next start.
            with suppress(IndexUnavailableError):
                self.intake.step(1024)
            self.control.close_segment()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSensor:
    """A sensor that runs inside this process: its name and how to make its sources."""

    name: str
    sources: Callable[[], Sequence[Source]]


def open_demonstration(
    folder: DataFolder,
    recording_folder: Path,
    settings: Settings | None = None,
    *,
    only: frozenset[str] | None = None,
    bus: Bus | None = None,
) -> Site:
    """The recording in a demonstration folder of its own; nothing in it is ever duty.

    ``only`` names the rules to load, where figures must not change with those added since.
    """
    recording = Recording(recording_folder)
    settings = settings or Settings()
    places = recording_folder / recorded.GEO
    if places.exists():
        settings = msgspec.structs.replace(settings, geo=GeoSettings(files=(str(places),)))
    local = LocalSensor(name=recording.labels.recording.name, sources=lambda: recording.sources)
    return _open(
        folder, settings, realm=DEMONSTRATION, local=local, clock=recording.clock,
        recording=recording, only=only, bus=bus,
    )  # fmt: skip


def open_site(
    folder: DataFolder, settings: Settings, *, watch_host: bool = True, bus: Bus | None = None
) -> Site:
    """A real site, watching this machine unless told not to.

    ``bus`` stands for the brokers of the settings, where there is one in this process.
    """
    clock = SystemClock()
    local = None
    if watch_host:
        local = LocalSensor(
            name=settings.sensor.name,
            sources=lambda: host.sources(settings.sensor, clock, folder.root),
        )
    return _open(folder, settings, realm=DUTY, local=local, clock=clock, recording=None, bus=bus)


def _open(
    folder: DataFolder,
    settings: Settings,
    *,
    realm: str,
    local: LocalSensor | None,
    clock: Clock,
    recording: Recording | None,
    only: frozenset[str] | None = None,
    bus: Bus | None = None,
) -> Site:
    cipher = ciphers.start(settings.crypto.backend)
    folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = Ownership(folder)
    entropy = SystemEntropy()
    with ExitStack() as refused:
        refused.callback(owner.release)
        keep_realm(folder, realm)
        shown = recording.labels.recording if recording else None
        keyring = open_keyring(
            folder, entropy, subject=bytes.fromhex(shown.subject_key) if shown else b""
        )
        database = Database(folder.state)
        refused.callback(database.close)
        if bus is None and settings.bus.brokers:
            bus = Brokers(settings.bus, entropy)
        wanted = Form(name="embedded")
        if bus is not None:
            wanted = Form(name="distributed", prefix=settings.bus.prefix)
        form = forms.settle(database, wanted)
        refused.pop_all()
    enrolments = Enrolments(
        database,
        segments=folder.segments,
        realm=realm,
        receipt_point=keyring.receipt.public.point,
        clock=clock,
        entropy=entropy,
    )
    unit = settings.site.unit
    own = enrolments.add_local(CONTROL, unit, key=keyring.collector.public)
    control = ControlLog(
        OwnChain(folder.segments, own, key=keyring.collector, clock=clock, entropy=entropy), clock
    )
    sensors, writers, closers = _local(
        local, enrolments, folder=folder, keyring=keyring, unit=unit, realm=realm, clock=clock,
        entropy=entropy, batch_events=settings.sensor.batch_events,
    )  # fmt: skip
    masker = Masker(keyring.subject).mask

    def chain_of(unit: str) -> OwnChain:
        """The push chain of a unit, enrolled when it is first asked for."""
        name = pushing.chain_name(unit, enrolments)
        chain = OwnChain(
            folder.segments, enrolments.add_local(name, unit, key=keyring.push.public),
            key=keyring.push, clock=clock, entropy=entropy, lateness_us=pushing.LATENESS_US,
        )  # fmt: skip
        closers[name] = chain.close_segment
        return chain

    push = Push(chain_of, database, masker=masker, clock=clock)
    units = {one.unit for one in enrolments.all() if is_own(one.sensor) and one.sensor != CONTROL}
    for of in sorted({unit, *units}):
        push.open(of)
    ids = IdIndex(folder.segments)
    index = open_index(folder, settings, fetch=ids.fetch, control=control)
    kept_for, holds, gate = settings.retention.periods(), Holds(database), Gate()
    removal = Removal(folder.segments, database=database, index=index, ids=ids)
    # Before anything reads the log: what a crash left half gone is finished. Search nodes that are
    # away keep no site from starting: the next expiry finishes it.
    with suppress(IndexUnavailableError):
        removal.resume()
    holds.note(control)
    places = geography.adopt(folder.root / geography.FOLDER, settings.geo.files, since=clock.now())
    geography.note(control, places)
    intake = Intake(
        folder.root,
        database=database,
        index=index,
        ids=ids,
        enrolments=enrolments,
        receipt_key=keyring.receipt,
        control=control,
        clock=clock,
        realm=realm,
        closers=closers,
    )
    if recording is not None:
        # Recorded time goes on where this folder stands, as a machine's clock would have.
        recording.clock.reach(max((one.low_watermark for one in intake.status()), default=0))
    # People's decisions run in their own time, also beside a recording.
    exceptions = Exceptions(database, SystemClock())
    alerts = Alerts(database, lambda event_id: _sensor_of(ids, event_id), exceptions)
    mend(folder)
    rulebook = Rulebook(folder, Switches(database), clock, only=only)
    rules = rulebook.current
    registers = RegisterStore(
        database, description.load(folder.root / description.OWN_FOLDER), clock=clock
    )
    indicators = IndicatorStore(database, clock=clock)
    if recording is not None:
        recorded.take_in(
            recording.folder, registers=registers, alerts=alerts, mask=masker, control=control
        )  # fmt: skip
    registers.note(control)
    indicators.note(control)
    facts = SiteFacts(registers, indicators)
    layout = Layout(prefix=settings.bus.prefix, partitions=settings.bus.partitions)
    hops, distant = Hops(), None
    if bus is None:
        judge: Judge = Engine.restore(rules, alerts.snapshot(), required=(), since=clock.now())
        judge.know(facts)
    else:
        judge = distant = open_judge(
            bus, layout, outbox=Outbox(database), snapshot=alerts.snapshot(), rules=rules,
            since=clock.now(), codecs=codecs_of(registers, indicators), control=control, hops=hops,
        )  # fmt: skip
    stages = Stages(
        sensors=sensors,
        intake=intake,
        enrolments=enrolments,
        engine=judge,
        alerts=alerts,
        control=control,
        trainer=ChildTrainer(),
        clock=clock,
        rolls=Rolls(registers, control=control, clock=clock),
        pace=SystemClock(),
        facts=None if distant is None else Knowing(facts, registers, indicators),
        catches_up_in_rounds=distant is not None,
        prompt=distant is not None,
        intake_batches_max=INTAKE_BATCHES_MAX if distant is None else INTAKE_BATCHES_AFAR_MAX,
        decided_before=form.decided_before,
        admits=lambda: gate.admits,
        pending_max=PENDING_MAX if distant is None else DISTANT_PENDING_MAX,
    )
    pipeline = Pipeline(stages)
    note_rules(control, rules, clock.now())
    second_look = SecondLook(
        stored=History(folder.segments, database), alerts=alerts, missed=MissedTable(database),
        rulebook=rulebook, engine=judge, control=control, pace=SystemClock(),
        known=Known(registers, SiteFacts(registers, indicators)),
    )  # fmt: skip
    centre = None
    if bus is not None and distant is not None:
        centre = open_centre(
            bus, layout, distant, pipeline, intake=intake, control=control,
            hops=hops, check_room=gate.check,
        )  # fmt: skip

    def seen(sensor: str) -> int:
        """The last batch that index and rules have both taken in."""
        judged = min(index.cursor(sensor), pipeline.committed.get(sensor, 0))
        if distant is None:
            return judged
        # What the bus has for certain the workers may not have judged, nor told of, yet.
        return min(judged, kept.taken_before(database, sensor, pipeline.committed_to))

    retention = Retention(
        Expiry(
            folder.segments, database=database, periods=kept_for, needed=seen, control=control,
            key=keyring.collector, clock=clock, removal=removal, forgotten=intake.forget,
            close=intake.to_close.put,
        ),
        database=database, control=control, gate=gate, marks=settings.retention.marks(),
        space=partial(space_of, folder.root), clock=clock,
    )  # fmt: skip
    watch = open_watch(
        pipeline, judge, intake=intake, retention=retention, alerts=alerts, hops=hops,
        centre=centre, clock=clock,
    )  # fmt: skip
    return Site(
        folder=folder, settings=settings, realm=realm, cipher=cipher, keyring=keyring,
        database=database, enrolments=enrolments, ids=ids, index=index, intake=intake,
        control=control, clients=Clients(database, clock=clock, entropy=entropy), push=push,
        alerts=alerts, rulebook=rulebook, pipeline=pipeline, judge=judge, second_look=second_look,
        retention=retention, gate=gate,
        sensors=sensors, writers=writers, recording=recording, owner=owner, clock=clock,
        entropy=entropy, registers=registers, indicators=indicators, exceptions=exceptions,
        centre=centre, watch=watch, geo=bool(places and places.digest),
    )  # fmt: skip


def _sensor_of(ids: IdIndex, event_id: str) -> str | None:
    found = ids.find(bytes.fromhex(event_id))
    return found.sensor if found else None


def _local(
    local: LocalSensor | None,
    enrolments: Enrolments,
    *,
    folder: DataFolder,
    keyring: Keyring,
    unit: str,
    realm: str,
    clock: Clock,
    entropy: Entropy,
    batch_events: int,
) -> tuple[list[Sensor], list[log.Writer], dict[str, Callable[[], None]]]:
    """The sensor of this process, its writer, and how its open segment is closed."""
    if local is None:
        return [], [], {}
    enrolment = enrolments.add_local(local.name, unit, key=keyring.sensor.public)
    writer = log.Writer(folder.segments / local.name)
    sensor = Sensor(
        _identity(enrolment, realm),
        key=keyring.sensor,
        writer=writer,
        sources=local.sources(),
        masker=Masker(keyring.subject).mask,
        clock=clock,
        entropy=entropy,
        batch_events_max=batch_events,
    )
    return [sensor], [writer], {local.name: writer.close_segment}


def _identity(enrolment: Enrolment, realm: str) -> Identity:
    return Identity(
        realm=realm,
        sensor=enrolment.sensor,
        enrolment=enrolment.number,
        boot_id=host.boot_id(),
        base_number=enrolment.base_number,
    )
