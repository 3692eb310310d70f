"""This machine as a watched one: where its logs lie, and which of them this user may read."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fengsui.own_mappings import resolve
from fengsui.settings import (
    PacketsSettings,
    ReceiveMappingSettings,
    SensorSettings,
    UploadSettings,
)
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import SECOND
from sensors import evtx
from sensors.inventory import ListeningSource, Machine, ProcessSource
from sensors.packets import Interface, PacketSource, View, network, system, wanted
from sensors.probe.fetch import HttpFetch
from sensors.probe.source import Ports, Prober, ProbeSource
from sensors.probe.target import Target
from sensors.receive import Listening, ReceiveSource, Route, split_address
from sensors.source import Source
from sensors.sources import FORMATS, MAPPING, Context, is_format, open_format
from sensors.tail import FileSource
from sensors.upload import Checker, Protected, UploadSource
from sensors.webroot import WebrootSource

PLACES: Final = (
    ("auth", "/var/log/auth.log", "syslog_auth"),
    ("secure", "/var/log/secure", "syslog_auth"),
    ("nginx-access", "/var/log/nginx/access.log", "nginx_access"),
    ("nginx-error", "/var/log/nginx/error.log", "nginx_error"),
)
"""Name, path and format: Debian's and Red Hat's usual places."""

POSTGRESQL_FOLDER: Final = Path("/var/log/postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A log this machine may have, and whether it can be read."""

    name: str
    path: str
    format: str
    readable: bool


def places(settings: SensorSettings, folder: Path) -> list[Place]:
    """The logs to follow: those set, else those that exist here, readable or not.

    ``folder`` is the data folder, for mapping files of the site's own.
    """
    if settings.watch:
        return [
            Place(
                name=one.name,
                path=one.path,
                format=_known_format(resolve(one.format, folder)),
                readable=not Path(one.path).exists() or os.access(one.path, os.R_OK),
            )
            for one in settings.watch
        ]
    known = list(PLACES)
    if POSTGRESQL_FOLDER.is_dir() and os.access(POSTGRESQL_FOLDER, os.R_OK | os.X_OK):
        known.extend(
            (f"postgresql-{path.stem}", str(path), "postgresql_text")
            for path in sorted(POSTGRESQL_FOLDER.glob("*.log"))
        )
    return [
        Place(name=name, path=path, format=form, readable=os.access(path, os.R_OK))
        for name, path, form in known
        if Path(path).exists()
    ]


def _known_format(name: str) -> str:
    if name == evtx.FORMAT:
        evtx.must_be_there()
        return name
    if not is_format(name):
        known = ", ".join(sorted([*FORMATS, evtx.FORMAT]))
        raise FengsuiError(
            "fengsui.settings.format",
            f"there is no format {name!r}: choose one of {known}, or "
            f"{MAPPING}NAME of a mapping file",
            format=name,
        )
    # A mapping file that is not sound is told at the start, not when its log is read.
    open_format(name)
    return name


def sources(settings: SensorSettings, clock: Clock, folder: Path) -> Sequence[Source]:
    """The sources of the local sensor."""
    offset = settings.utc_offset_minutes
    context = Context(
        host=socket.gethostname(),
        utc_offset_minutes=time.localtime().tm_gmtoff // 60 if offset is None else offset,
        now=clock.now,
    )
    found: list[Source] = [
        _followed(place, context) for place in places(settings, folder) if place.readable
    ]
    found += receivers(settings, context, folder)
    if settings.inventory:
        machine = Machine(host=context.host, boot_id=boot_id(), now=clock.now)
        found += [ProcessSource("processes", machine), ListeningSource("ports", machine)]
    if settings.web_roots:
        machine = Machine(host=context.host, boot_id=boot_id(), now=clock.now)
        found.append(WebrootSource("webroot", machine, map(Path, settings.web_roots)))
    if settings.probe:
        found.append(_probe(settings, context.host, clock))
    found += [_packets(one, context) for one in settings.packets]
    if settings.upload is not None:
        found.append(upload(settings.upload, context))
    return found


def _followed(place: Place, context: Context) -> Source:
    if place.format == evtx.FORMAT:
        return evtx.EvtxSource(place.name, place.path, context=context)
    return FileSource(place.name, place.path, form=place.format, context=context)


def _probe(settings: SensorSettings, host: str, clock: Clock) -> ProbeSource:
    targets = [
        Target(
            name=one.name,
            url=one.url,
            consent=one.consent,
            window=one.window,
            interval_us=one.every_seconds * SECOND,
            private=one.private,
            volatile=one.volatile,
        )
        for one in settings.probe
    ]
    fetch = HttpFetch(settings.probe_contact, ca=settings.probe_ca)
    ports = Ports(fetch=fetch, now=clock.now, elapsed=time.monotonic, host=host)
    return ProbeSource("probe", Prober(targets, ports), clock.now)


def _packets(one: PacketsSettings, context: Context) -> PacketSource:
    """A packet view; its socket is opened at the first poll, and failing is told as trouble."""
    terms = View(
        name=one.name,
        host=context.host,
        systems=tuple(system(known.name, known.address, known.port) for known in one.systems),
        internal=tuple(network(text) for text in one.internal),
        packets_per_second=one.packets_per_second,
    )
    program = wanted(known.address for known in terms.systems)
    return PacketSource(
        terms,
        lambda: Interface(one.interface, program, context.now),
        boot_id=boot_id(),
        now=context.now,
    )


def upload(settings: UploadSettings, context: Context) -> UploadSource:
    """The upload hook of the settings; raises ``sensors.upload.protected``."""
    checker = Checker(
        Protected(Path(settings.protected) if settings.protected else None),
        isolate=Path(settings.isolate),
        on_failure=settings.on_failure,
        folders=[Path(folder) for folder in settings.folders],
    )
    return UploadSource(
        "upload", Path(settings.socket), checker, host=context.host, now=context.now
    )


def receivers(settings: SensorSettings, context: Context, folder: Path) -> list[ReceiveSource]:
    """The receivers of the settings, listening; none of them listens where one cannot."""
    with ExitStack() as opened:
        found: list[ReceiveSource] = []
        for one in settings.receive:
            host, port = split_address(one.listen)
            terms = Listening(
                name=one.name,
                host=host,
                port=port,
                transport=one.transport,
                certificate=Path(one.tls_certificate) if one.tls_certificate else None,
                key=Path(one.tls_key) if one.tls_key else None,
                client_ca=Path(one.tls_client_ca) if one.tls_client_ca else None,
                routes=tuple(_route(mapping, folder) for mapping in one.mappings),
            )
            found.append(ReceiveSource(terms, context))
            opened.callback(found[-1].stop)
        opened.pop_all()
    return found


def _route(one: ReceiveMappingSettings, folder: Path) -> Route:
    return Route(
        format=_known_format(resolve(one.format, folder)),
        facility=one.facility,
        app=one.app,
        host=one.host,
        address=one.address,
    )


def boot_id() -> str:
    """The kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
