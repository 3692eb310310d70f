"""Settings: one TOML file and ``FENGSUI_*`` variables; an unknown key is an error.

``FENGSUI_SERVER_PORT=8443`` sets ``[server] port``; a list is its items with commas between
them. Secrets never stand here, only paths to them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from collector.room import FULL_FREE_MB, LOW_FREE_MB, MIB, Marks
from schema import ids, limits
from schema.errors import FengsuiError
from schema.retention import GIVEN, LOG, MONTHS_MAX, Periods, periods

PREFIX: Final = "FENGSUI_"
_OTHER_VARIABLES: Final = frozenset({"FENGSUI_NATIVE"})


Named: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class SiteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who this platform is for."""

    name: Named = "本机"
    unit: Named = "local"
    """Unit the local sensor belongs to; people see events of their own units."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the pages and the API are served."""

    host: str = "127.0.0.1"
    """Anything else than a loopback address needs a certificate."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8750
    """0 takes a free port."""
    certificate: str = ""
    key: str = ""
    names: tuple[str, ...] = ()
    """Host names people use for this server, besides localhost."""


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One log file to follow."""

    name: str
    path: str
    format: str


class ReceiveMappingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which received messages one format reads; an empty condition always holds."""

    format: str
    facility: str = ""
    app: str = ""
    host: str = ""
    address: str = ""


class ReceiveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address where devices send syslog to."""

    name: Named
    listen: str
    """``0.0.0.0:514``; named here, it may be no loopback address without TLS."""
    transport: Literal["udp", "tcp", "tls"]
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    """With it senders must show a certificate of this authority: only then are they known."""
    mappings: tuple[ReceiveMappingSettings, ...] = ()
    """The first whose conditions hold counts."""


class PacketSystemSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server of the site, as a packet view names it."""

    name: Named
    address: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]


class PacketsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One interface whose handshakes, name questions and connections are watched."""

    name: Named
    interface: Annotated[str, msgspec.Meta(min_length=1, max_length=15)]
    systems: tuple[PacketSystemSettings, ...] = ()
    """With any, only TCP of their addresses is looked at."""
    internal: tuple[str, ...] = ()
    """Networks that lie inside; without any no direction is told."""
    packets_per_second: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2000


class UploadSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where applications ask before they accept an upload."""

    socket: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    """Path of the Unix socket; the kernel takes no longer one."""
    isolate: Annotated[str, msgspec.Meta(min_length=1)]
    """Folder that refused files are moved to."""
    folders: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Folders whose files may be asked for: nobody else's file is read or moved."""
    protected: str = ""
    """SM3 hashes, as the register ``classified_files`` is exported."""
    on_failure: Literal["closed", "open"] = "closed"
    """Whether a file that cannot be looked through is refused or allowed."""


class ProbeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page whose owner agreed that it is asked from outside."""

    name: Named
    url: str
    consent: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    """Who agreed."""
    window: str = "00:00-24:00"
    every_seconds: Annotated[int, msgspec.Meta(ge=60, le=86400)] = 300
    private: bool = False
    """It lies on an address that is not public."""
    volatile: tuple[str, ...] = ()
    """Expressions (RE2) of what changes by itself and is left out of the fingerprint."""


class SensorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the local sensor reads."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")] = "host"
    utc_offset_minutes: Annotated[int, msgspec.Meta(ge=-12 * 60, le=14 * 60)] | None = None
    """Zone of logs that name none; the machine's own where absent."""
    watch: tuple[WatchSettings, ...] = ()
    """Empty means the well-known places in fengsui.host, as far as they can be read."""
    receive: tuple[ReceiveSettings, ...] = ()
    """Where devices send syslog to."""
    inventory: bool = True
    """Watch process starts and listening ports too."""
    web_roots: tuple[str, ...] = ()
    """Folders of web servers whose files are watched."""
    packets: tuple[PacketsSettings, ...] = ()
    """Interfaces looked at; needs CAP_NET_RAW."""
    upload: UploadSettings | None = None
    """The upload hook; absent means none."""
    probe: tuple[ProbeSettings, ...] = ()
    """Registered pages that are asked from outside; nothing else ever is."""
    probe_contact: Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[ -~]*$")] = ""
    """Whom an asked site may call: a mail address or telephone number, in its access log."""
    probe_ca: str = ""
    """Further authorities of probed pages: a PEM file, in place of the system's."""
    batch_events: Annotated[int, msgspec.Meta(ge=1, le=limits.BATCH_EVENTS_MAX)] = 1024


class IndexSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The event index."""

    memory_mb: Annotated[int, msgspec.Meta(ge=16, le=65536)] = 32
    """Below the least the index cannot open a day; the most is a slip of the pen."""


class GeoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where addresses lie, by files the site brings."""

    files: tuple[str, ...] = ()
    """Of ip2region (.xdb) or MaxMind (.mmdb); what the first does not tell the next may."""


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long things are kept: the law's floor or longer, in calendar months."""

    log_months: Annotated[int, msgspec.Meta(ge=LOG.floor_months, le=MONTHS_MAX)] = LOG.floor_months
    given_months: Annotated[int, msgspec.Meta(ge=GIVEN.floor_months, le=MONTHS_MAX)] = (
        GIVEN.floor_months
    )
    """Records of personal or important data given to others."""
    given_datasets: tuple[str, ...] = ()
    """Datasets of such records, beside events with ``gov.share.*`` fields; shell patterns."""
    low_free_mb: Annotated[int, msgspec.Meta(ge=1)] = LOW_FREE_MB
    """Free space under which people are told."""
    full_free_mb: Annotated[int, msgspec.Meta(ge=1)] = FULL_FREE_MB
    """Free space under which nothing new is taken in, unless something may go."""

    def periods(self) -> Periods:
        """The checked periods; raises ``schema.retention.below_floor``."""
        return periods(
            log_months=self.log_months,
            given_months=self.given_months,
            given_datasets=self.given_datasets,
        )

    def marks(self) -> Marks:
        """The marks of the disk; the full one never lies above the low one."""
        full = min(self.full_free_mb, self.low_free_mb)
        return Marks(low=self.low_free_mb * MIB, full=full * MIB)


class CryptoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What computes SM2, SM3 and SM4."""

    backend: Literal["auto", "native", "libcrypto", "python"] = "auto"
    """``auto``, ``native``, ``libcrypto`` or ``python``."""
    master: str = "file"
    """Where the key store's master key is: ``file``, ``credential:NAME``, ``env:NAME`` or
    ``sdf:INDEX`` (a key of the device)."""
    device: str = ""
    """Library of a cryptographic device (GM/T 0018)."""
    device_password_file: str = ""
    """Readable by its owner alone: opens the device's private keys."""


class SigningSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The national-crypto service that applications call."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """Signing processes, started at the first call; an application always meets the same one."""
    shf: bool = False
    """Also answer messages after GM/T 0136-2024 and of signature servers; no conformity claim."""


class BusSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The brokers between sensors, centre and workers; without brokers all runs in one process."""

    brokers: tuple[str, ...] = ()
    """``host:port`` of some of the brokers; the others are learnt from them."""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")] = "fengsui"
    """Every topic and group begins with it: two sites on the same brokers have two prefixes."""
    client: Literal["auto", "kafka-python", "confluent"] = "auto"
    """``auto`` takes confluent-kafka where it is installed."""
    partitions: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    """Of each data topic: divides 256, so that a bucket of state lies in one partition."""
    tls_ca: str = ""
    """PEM certificates of the brokers' authority; without it the way is plain."""
    tls_certificate: str = ""
    tls_key: str = ""
    scram_user: str = ""
    scram_password_file: str = ""
    """Readable by its owner alone; SCRAM is spoken over TLS only."""
    seal: Literal["", "sm4-gcm"] = ""
    """Seals every record once more, since brokers do not speak national ciphers."""
    seal_key_files: tuple[str, ...] = ()
    """The first seals, all of them open: how a key is changed without a stop."""

    def __post_init__(self) -> None:
        if ids.BUCKETS % self.partitions:
            raise ValueError(f"bus.partitions must divide {ids.BUCKETS}, not {self.partitions}")
        if self.seal and not self.seal_key_files:
            raise ValueError("bus.seal needs bus.seal_key_files")
        if self.scram_user and not (self.tls_ca and self.scram_password_file):
            raise ValueError("bus.scram_user needs bus.scram_password_file and bus.tls_ca")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("bus.tls_certificate and bus.tls_key go together")


class SearchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search nodes past one machine; without hosts events are searched in this folder."""

    hosts: tuple[str, ...] = ()
    """``https://name:9200`` of some nodes, all of one cluster."""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")] = "fengsui"
    """Every index begins with it: two sites on the same nodes have two prefixes."""
    tls_ca: str = ""
    user: str = ""
    password_file: str = ""
    """Readable by its owner alone, as is the next."""
    api_key_file: str = ""
    shards: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """Of each day's index."""
    replicas: Annotated[int, msgspec.Meta(ge=0, le=4)] = 1
    """Further copies of each; 0 only where there is one node."""
    refresh_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 1
    """Until a stored event is found; 0 shows each at once, for a small site."""
    codec: Literal["default", "best_compression"] = "default"

    def __post_init__(self) -> None:
        if self.user and self.api_key_file:
            raise ValueError("search.user and search.api_key_file are two ways of one: take one")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("search.user and search.password_file go together")


class GrantSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway is told where a grant cannot be looked up."""

    on_failure: Literal["closed", "open"] = "closed"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    site: SiteSettings = SiteSettings()
    server: ServerSettings = ServerSettings()
    sensor: SensorSettings = SensorSettings()
    index: IndexSettings = IndexSettings()
    geo: GeoSettings = GeoSettings()
    crypto: CryptoSettings = CryptoSettings()
    retention: RetentionSettings = RetentionSettings()
    signing: SigningSettings = SigningSettings()
    bus: BusSettings = BusSettings()
    search: SearchSettings = SearchSettings()
    grants: GrantSettings = GrantSettings()


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Settings of the file (absent means none) with the environment on top.

    Raises ``fengsui.settings.invalid`` naming file or variable and what is wrong.
    """
    try:
        tree: dict[str, Any] = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _invalid(str(path), str(error)) from error
    _check(tree, str(path))
    for variable, text in sorted(environment.items()):
        if variable.startswith(PREFIX) and variable not in _OTHER_VARIABLES:
            _set(tree, variable, text)
    return _check(tree, "the environment")


def _check(tree: dict[str, Any], where: str) -> Settings:
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(where, str(error)) from error


def _set(tree: dict[str, Any], variable: str, text: str) -> None:
    section, _, key = variable.removeprefix(PREFIX).lower().partition("_")
    known = {field.name: field for field in msgspec.structs.fields(Settings)}
    types = (
        {field.name: field.type for field in msgspec.structs.fields(known[section].type)}
        if section in known
        else {}
    )
    if key not in types:
        raise _invalid(variable, "there is no such setting")
    # Names and addresses hold no comma: a list is its items with commas between them.
    tree.setdefault(section, {})[key] = (
        [one.strip() for one in text.split(",") if one.strip()]
        if types[key] == tuple[str, ...]
        else text
    )


def _invalid(where: str, why: str) -> FengsuiError:
    return FengsuiError(
        "fengsui.settings.invalid",
        f"settings in {where} are not understood: {why}; docs/operator/settings.md lists them all",
        where=where,
    )
