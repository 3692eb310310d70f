"""Serve: a site, or the demonstration beside a site, behind one address until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import typer

from collector.assets.dismissals import Dismissals
from collector.assets.sightings import Sightings
from collector.state.coverage import CoverageTable
from collector.state.holds import Holds
from collector.state.missed import MissedTable
from dashboard_api.access.access import Access
from dashboard_api.access.accounts import Accounts
from dashboard_api.app import create_app
from dashboard_api.audit import AuditChain
from dashboard_api.custody.status import StatusDesk
from dashboard_api.front import create_front
from dashboard_api.grants.check import GrantCheck
from dashboard_api.grants.desk import GrantDesk
from dashboard_api.grants.gateways import Gateways
from dashboard_api.grants.quota import QuotaBook
from dashboard_api.live import LiveStream
from dashboard_api.registers.assets import AssetDesk
from dashboard_api.registers.desk import RegisterDesk
from dashboard_api.server import Server
from dashboard_api.services import Measure, Services
from dashboard_api.signing.hall import Hall
from dashboard_api.troubles import Trouble
from dashboard_api.views import CipherInfo, RuleCount, Sibling, SiteInfo, SourceInfo
from fengsui import desks, host, platform_rules, searching
from fengsui.administration import ACTOR, Administration, handlers, new_token
from fengsui.applying import Applying
from fengsui.clock import SystemClock, SystemEntropy
from fengsui.demo import recording_folder, replay
from fengsui.folder import DataFolder
from fengsui.gating import Gating
from fengsui.hiding import Hiding
from fengsui.keeping import Keeping
from fengsui.knowledge import Knowledge
from fengsui.local import LocalServer
from fengsui.memory import settle
from fengsui.recorded import WARMUP
from fengsui.rule_desk import RuleDesk, known_of
from fengsui.settings import Settings
from fengsui.settings import load as load_settings
from fengsui.signing import Signing, key_room, open_signing
from fengsui.signing_hall import open_hall
from fengsui.troubles import told
from fengsui.wiring import DEMONSTRATION, Site, open_demonstration, open_site
from schema.errors import FengsuiError
from sensors.mask import Masker

SITE: Final = "site"
SITE_PREFIX: Final = "/"
DEMONSTRATION_PREFIX: Final = "/demo/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A site with its API services."""

    site: Site
    services: Services
    administration: Administration
    prefix: str
    quota: QuotaBook
    signing: Signing | None = None
    """None for a demonstration."""


def run_site(data: Path, *, port: int | None, environment: Mapping[str, str]) -> None:
    """``fengsui up``: a real site alone."""
    settings = _settings(data, port, environment)
    site = open_site(DataFolder(data), settings)
    _serve([_served(site, SITE_PREFIX, sibling=None)], settings)


def run_both(
    data: Path,
    *,
    watch_host: bool,
    port: int | None,
    recording: str,
    environment: Mapping[str, str],
) -> None:
    """``fengsui run``: the demonstration, and beside it, strictly apart, this machine.

    Each recording has a folder of its own: one that was begun goes on with what it was begun with.
    """
    recorded = recording_folder(recording)
    settings = _settings(data / SITE, port, environment)
    site = open_site(DataFolder(data / SITE), settings, watch_host=watch_host)
    beside = data / f"{DEMONSTRATION}-{recording}"
    if (recorded / WARMUP).exists() and not beside.exists():
        typer.echo("首次启动，正在读入录制之前学到的基线 · reading what was learnt before it, once")
    shown = open_demonstration(
        DataFolder(beside),
        recorded,
        Settings(index=settings.index, crypto=settings.crypto),
    )
    here = Sibling(href=SITE_PREFIX, name_zh="本机", name_en="this machine")
    there = Sibling(href=DEMONSTRATION_PREFIX, name_zh="演示数据", name_en="demonstration")
    _serve(
        [
            _served(shown, DEMONSTRATION_PREFIX, sibling=here),
            _served(site, SITE_PREFIX, sibling=there),
        ],
        settings,
    )


def _settings(folder: Path, port: int | None, environment: Mapping[str, str]) -> Settings:
    settings = load_settings(folder / "settings.toml", environment)
    if port is None:
        return settings
    server = msgspec.structs.replace(settings.server, port=port)
    return msgspec.structs.replace(settings, server=server)


def _served(site: Site, prefix: str, *, sibling: Sibling | None) -> Served:
    clock, entropy = SystemClock(), SystemEntropy()
    audit = AuditChain(site.database, site.keyring.audit, clock)
    access = Access(site.database, audit, clock=clock, entropy=entropy)
    accounts = Accounts(site.database, audit, clock=clock, entropy=entropy)
    alerts = desks.AlertDesk(site.alerts, site.rulebook.rule, site.exceptions)
    sensors = desks.SensorDesk(
        site.intake,
        site.enrolments,
        site.pipeline,
        CoverageTable(site.database, site.clock),
        MissedTable(site.database),
        lambda: site.rulebook.current.rules,
        site.recording,
    )
    keeping = Keeping(
        segments=site.folder.segments,
        database=site.database,
        looking=site.retention.expiry,
        run=lambda by, seconds: site.retention.run(by=by, seconds=seconds),
        changed=lambda: Holds(site.database).note(site.control),
        free_bytes=lambda: site.retention.space().free,
        audit=audit,
        actor=ACTOR,
        clock=site.clock,
        entropy=entropy,
    )
    signing, hall, signing_status = None, None, None
    if site.realm != DEMONSTRATION:
        room = key_room(site.folder, site.settings.crypto, clock, entropy)
        signing = open_signing(
            site.database,
            audit,
            room,
            clock=clock,
            entropy=entropy,
            crypto=site.settings.crypto,
            site=site.settings.site.name,
        )
        site.watch.expiring = signing.expiries
        hall = open_hall(site, signing.certificates.authority)
        signing_status = StatusDesk(
            hall,
            site.database,
            workers=site.settings.signing.workers,
            device=site.settings.crypto.device,
            ownership=signing.ownership,
            clock=clock,
        )
    grants = GrantDesk(
        database=site.database,
        registers=site.registers,
        clock=site.clock,
        entropy=entropy,
        noted=site.note_knowledge,
    )
    gateways = Gateways(site.database, clock=clock, entropy=entropy)
    quota = QuotaBook(site.database, site.clock)
    expiring = site.watch.expiring
    site.watch.expiring = lambda: (*expiring(), *grants.expiring())
    services = Services(
        site=_site_info(site, sibling),
        alerts=alerts,
        events=site.index,
        proofs=desks.ProofDesk(site.ids, site.enrolments, site.intake, site.keyring.receipt.public),
        sensors=sensors,
        rules=RuleDesk(
            lambda: site.rulebook.current.rules,
            lambda: known_of(site.judge, site.registers, geo=site.geo),
        ),
        exceptions=site.exceptions,
        door=desks.BatchDoor(site.intake, site.pipeline, site.gate),
        push=desks.PushDoor(site.clients, site.push, site.gate),
        enrolment=desks.EnrolmentDoor(site.enrolments),
        access=access,
        accounts=accounts,
        audit=audit,
        stream=LiveStream(alerts, sensors, troubles=lambda: _troubles(site, hall)),
        clock=clock,
        entropy=entropy,
        failures=lambda: _failures(site, hall),
        troubles=lambda: _troubles(site, hall),
        measures=lambda: _measures(site, hall),
        warnings=lambda: _warnings(site),
        retention=keeping.view,
        free_bytes=lambda: site.retention.space().free,
        signing=hall,
        foreign_forms=site.settings.signing.shf,
        applications=signing.registry if signing else None,
        approvals=signing.approvals if signing else None,
        idempotency=signing.idempotency if signing else None,
        keys=signing.keys if signing else None,
        certificates=signing.certificates if signing else None,
        signing_status=signing_status,
        registers=RegisterDesk(
            store=site.registers,
            mask=Masker(site.keyring.subject).mask,
            clock=site.clock,
            noted=site.note_knowledge,
        ),
        assets=AssetDesk(
            sightings=Sightings(site.database),
            dismissals=Dismissals(site.database),
            events=site.index,
            store=site.registers,
            mask=Masker(site.keyring.subject).mask,
            clock=site.clock,
        ),
        grants=grants,
        grant_check=GrantCheck(
            site.registers.view, quota, site.clock, mode=site.settings.grants.on_failure
        ),
        gateways=gateways,
    )
    administration = Administration(
        enrolments=site.enrolments,
        clients=site.clients,
        gating=Gating(gateways=gateways, audit=audit, actor=ACTOR),
        access=access,
        accounts=accounts,
        audit=audit,
        rulebook=site.rulebook,
        adopt=site.pipeline.adopt,
        replay=site.second_look.ask,
        replay_told=site.second_look.told,
        hiding=Hiding(
            alerts=site.alerts,
            exceptions=site.exceptions,
            rulebook=site.rulebook,
            audit=audit,
            actor=ACTOR,
            clock=clock,
            entropy=entropy,
        ),
        knowledge=Knowledge(
            registers=site.registers,
            indicators=site.indicators,
            events=site.index,
            audit=audit,
            actor=ACTOR,
            mask=Masker(site.keyring.subject).mask,
            clock=site.clock,
            noted=site.note_knowledge,
        ),
        keeping=keeping,
        applying=Applying(signing=signing, audit=audit, actor=ACTOR, clock=clock)
        if signing
        else None,
    )
    return Served(
        site=site,
        services=services,
        administration=administration,
        prefix=prefix,
        quota=quota,
        signing=signing,
    )


def _failures(site: Site, hall: Hall | None = None) -> Sequence[str]:
    failures = [site.pipeline.failure]
    troubles = [one for one in site.watch.troubles if one in platform_rules.BUS_RULES]
    if site.centre is not None:
        failures.append(site.centre.arrivals.failure)
    codes = [
        one.code if isinstance(one, FengsuiError) else type(one).__name__
        for one in failures
        if one is not None
    ]
    # A full disk stops more than one of them, and is told of once.
    signing = hall.failures() if hall is not None else ()
    return list(dict.fromkeys([*site.retention.failures(), *codes, *troubles, *signing]))


def _measures(site: Site, hall: Hall | None) -> Sequence[Measure]:
    """The hops of this site beside those every site has."""
    of_bus = () if site.centre is None else site.centre.measures()
    return [*searching.measures(site.index), *of_bus, *(hall.measures() if hall else ())]


def _warnings(site: Site) -> Sequence[str]:
    """Codes of what needs a person, though the site does its work."""
    told = [one for one in site.watch.troubles if one not in platform_rules.TOLD_ELSEWHERE]
    return [*site.retention.warnings(), *told]


def _troubles(site: Site, hall: Hall | None = None) -> Sequence[Trouble]:
    return told(_failures(site, hall), _warnings(site))


def _site_info(site: Site, sibling: Sibling | None) -> SiteInfo:
    if site.recording is not None:
        sources = tuple(
            SourceInfo(name=one.name, kind=one.kind, path=one.name, readable=True)
            for one in site.recording.sources
        )
        name = f"演示区县 {site.recording.labels.recording.name}"
    else:
        sources = _watched(site)
        name = site.settings.site.name
    rules = site.rulebook.current
    return SiteInfo(
        name=name,
        realm="demonstration" if site.realm == DEMONSTRATION else "duty",
        version=version("fengsui"),
        sibling=sibling,
        sources=sources,
        cipher=CipherInfo(backend=site.cipher.backend, module=site.cipher.module),
        rules=RuleCount(count=len(rules.rules), digest=rules.digest),
    )


def _watched(site: Site) -> tuple[SourceInfo, ...]:
    """What the local sensor reads, and where devices send to."""
    if not site.sensors:
        return ()
    settings = site.settings.sensor
    files = (
        SourceInfo(name=place.name, kind=place.format, path=place.path, readable=place.readable)
        for place in host.places(settings, site.folder.root)
    )
    received = (
        SourceInfo(name=one.name, kind=f"syslog_{one.transport}", path=one.listen, readable=True)
        for one in settings.receive
    )
    return (*files, *received)


def _serve(all_served: Sequence[Served], settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; then stop in order and leave nothing behind."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        for served in all_served:
            stack.callback(served.site.close)
            stack.callback(served.services.audit.close)
            stack.callback(served.quota.close)
            if served.signing is not None:
                stack.callback(served.signing.close)
        apps = {
            served.prefix: create_app(
                served.services, root_path=served.prefix, host_names=settings.server.names
            )
            for served in all_served
        }
        server = Server(
            create_front(apps),
            host=settings.server.host,
            port=settings.server.port,
            certificate=settings.server.certificate,
            key=settings.server.key,
        )
        base = server.start()
        stack.callback(server.stop)
        _announce(all_served, base, stack)
        settle()
        for served in all_served:
            _start(served)
        stop.wait()
        typer.echo("正在停止 · stopping")


def _start(served: Served) -> None:
    """Let events flow: as logs grow, or through the recording to its end."""
    site = served.site
    site.pipeline.on_change = served.services.stream.notify
    work = partial(replay, site, site.pipeline.steady_round) if site.recording else None
    site.pipeline.start(work)
    if site.centre is not None:
        site.centre.start()
    site.second_look.start()
    if site.centre is not None or site.realm != DEMONSTRATION:
        site.watch.start()
    if site.realm != DEMONSTRATION:
        # A recording's times are its own: the calendar says nothing of them.
        site.retention.start()
    if served.signing is not None:
        served.signing.start()


def _login_url(page: str, token: str) -> str:
    """What a person opens; the fragment never reaches a server or its logs."""
    return f"{page}#token={token}"


def _announce(all_served: Sequence[Served], base: str, stack: ExitStack) -> None:
    """Print one URL with one one-time link, good once for each site, and what is read.

    Without the link where the officer's account was closed.
    """
    token = new_token(SystemEntropy())
    links = [served.administration.access.first_link(token) for served in all_served]
    for served in all_served:
        local = LocalServer(
            served.site.folder,
            handlers(served.administration, partial(_login_url, f"{base}{served.prefix}")),
        )
        stack.callback(local.close)
        typer.echo(f"数据目录 data folder    {served.site.folder.root} ({served.site.realm})")
    for served in all_served:
        for source in served.services.site.sources:
            mark = "读取 reads     " if source.readable else "无权读取 no right"
            typer.echo(f"{mark} {source.kind:18} {source.path}")
    page = base + all_served[0].prefix
    typer.echo(f"打开 open    {_login_url(page, token) if links[0] else page}")
    typer.echo("按 Ctrl-C 停止 · Ctrl-C stops all of it")
