"""Part: payments of the town, living."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from district.deed import Deed
from district.payment.departments import COUNTERS, DEVICES, MINI_PROGRAM
from district.payment.doors import Doors
from district.payment.institutions import CALL_BACK_ADDRESSES, verify
from district.payment.platform import Platform
from district.payment.portal import PROBE, SITE, WATCH
from district.payment.service import BANK, PLATFORM, TOLD, TREASURY
from district.payment.system import Payment
from district.stream import Sink
from district.town import REGION

from crypto.sm2 import PublicKey
from living.ground import Ground
from living.part import Made
from living.payment import certificate, providers, site
from living.payment.department_server import DepartmentServer
from living.payment.platform_api import PlatformApi
from living.payment.postgres import PostgresStore
from living.payment.providers import Institution, RemoteFiles, RemoteProviders, Words
from living.payment.remote_desk import CASHIER, RemoteDesk
from living.payment.signed import Caller, Gate
from living.serving import Service

__all__ = ["NODES", "PaymentPart"]

NODES: Final = ("10.30.90.1", "10.30.90.5")
"""Of the platform; the second one reads late what the first one wrote."""
PORT: Final = 8080
_OWN_CLOCK: Final = "nothing: the service lives on the town's clock"
_FILE: Final = (
    "our bank and treasury services: rows of their books, fetched over HTTP by a program whose "
    "requests are signed with SM2; written when the file is fetched"
)


class PaymentPart:
    """:class:`living.part.Part` of the payments."""

    def __init__(self, system: Payment, sink: Sink) -> None:
        self.name = system.name
        self._system, self._sink = system, sink
        self.made: Mapping[str, Made] = {
            PLATFORM.name: Made(
                by="own",
                what="our payment platform: HTTP, SM2-signed requests, PostgreSQL 15",
                restamped=_OWN_CLOCK,
            ),
            TOLD.name: Made(
                by="own",
                what="our departments' servers, told over HTTP from the institution's address",
                restamped=_OWN_CLOCK,
            ),
            BANK.name: Made(by="own", what=_FILE, restamped=_OWN_CLOCK),
            TREASURY.name: Made(by="own", what=_FILE, restamped=_OWN_CLOCK),
            PROBE.name: Made(
                by="real",
                what=(
                    "this product's probe asking nginx over TLS; when it asks is what the town says"
                ),
                restamped=(
                    "nothing: the probe lives on the town's clock; what a question took and the "
                    "certificate's last day are true"
                ),
            ),
            WATCH.name: Made(
                by="real",
                what=(
                    "this product's file watch on the web root that nginx serves; it looks after "
                    "each change instead of every ten seconds"
                ),
                restamped="nothing: the watch lives on the town's clock",
            ),
        }

    def start(self, ground: Ground) -> None:
        """Start all services; they are ready once :meth:`begin` was called."""
        service, clock = self._system.service, ground.clock
        self._clock, self._ground = clock, ground
        self._store = PostgresStore(ground.database("payment"))
        self._platform = Platform(
            self._store,
            lambda at, line: self._sink.write(PLATFORM.name, at, line),
            verify,
            REGION,
        )
        keys = self._keys(ground)
        gate = Gate(keys, clock)
        self._nodes = [
            Service(
                address,
                PORT,
                PlatformApi(self._platform, self._store, gate, clock, other_node=late).handle,
            ).start()
            for address, late in zip(NODES, (False, True), strict=True)
        ]
        books = service.institutions
        nightly = {
            "/files/settlement": lambda now: books.settlement(now, service.chance),
            "/files/supplement": books.supplement,
        }
        self._institutions = {
            channel: Institution(
                books, Gate(keys, clock), clock, address=address,
                files=nightly if channel == "bank" else {},
            )
            for channel, address in CALL_BACK_ADDRESSES.items()
        }  # fmt: skip
        treasury = Institution(
            books, Gate(keys, clock), clock, address=providers.TREASURY,
            files={"/files/receipts": books.receipts},
        )  # fmt: skip
        self._servers = {
            code: DepartmentServer(
                code, dept.application.addresses[0], providers.DEPARTMENT_PORT, clock,
                lambda at, line: self._sink.write(TOLD.name, at, line),
            )
            for code, dept in self._system.departments.items()
        }  # fmt: skip
        self._doors = self._made_doors(ground, treasury.base)
        self._serve_portal(ground)

    def begin(self) -> None:
        """Hand the platform's records to the database, and the pages to the web server."""
        service = self._system.service
        self._store.load(service.store.records())
        self._platform.numbers = service.platform.numbers
        service.doors = self._doors
        self._system.portal.stand(self._site, self._clock.now())
        self._site.watch()

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """The system's own steps, through doors that lead outside."""
        return self._system.perform(deed)

    def end_of_day(self) -> None:
        """Nothing: all lines are written by then."""

    def _made_doors(self, ground: Ground, treasury: str) -> Doors:
        books = self._system.service.institutions
        caller = Caller(ground.web, ground.signing, ground.clock)
        desk = RemoteDesk(caller, base=self._nodes[0].base, other_base=self._nodes[1].base)
        servers = {code: one.base for code, one in self._servers.items()}
        return Doors(
            desk=desk,
            providers=RemoteProviders(self._institutions, books, caller),
            files=RemoteFiles(
                caller, bank=self._institutions["bank"].base, treasury=treasury
            ),
            words=Words(desk, books, ground.web, servers),
            is_paced=True,
        )  # fmt: skip

    def _keys(self, ground: Ground) -> dict[tuple[str, str], PublicKey]:
        own = (MINI_PROGRAM, DEVICES, COUNTERS, CASHIER.app, providers.FILES.app)
        keys = {(app, ""): ground.signing.public(app) for app in own}
        for dept in self._system.departments.values():
            via = dept.server()
            keys[via.app, via.key] = ground.signing.public(via.key)
        return keys

    def _serve_portal(self, ground: Ground) -> None:
        # By this name labels and registers know the folder.
        root, secrets = ground.scratch / "portal", ground.scratch / "portal-tls"
        for folder in (root, secrets):
            folder.mkdir()
        authority = certificate.issue(secrets, SITE)
        ground.site(site.config(root, secrets))
        self._site = site.ServedSite(root, authority, ground.clock.now, self._sink)
