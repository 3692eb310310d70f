"""Part: certificates of the town, living."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from district.certificates.desk import Desk
from district.certificates.offices import MINI, VERIFIER
from district.certificates.system import Certificates
from district.deed import Deed
from district.town import Town

from living.certificates.desk_api import PROGRAM, DeskApi
from living.certificates.platform_api import PlatformApi
from living.certificates.postgres import PostgresStore
from living.certificates.remote_desk import RemoteDesk
from living.certificates.remote_platform import FORGER, RemotePlatform
from living.certificates.signed import Client, Gate
from living.certificates.step_server import StepServer
from living.ground import Ground
from living.part import Made
from living.serving import Service

__all__ = ["CertificatesPart"]

NODES: Final = {"ecert-1": "10.30.2.11", "ecert-2": "10.30.2.12", "ecert-3": "10.30.2.13"}
DESK: Final = "10.30.2.21"
RESPONDER: Final = "10.30.2.22"
PORT: Final = 8080
STEP_VERSION: Final = "github.com/smallstep/certificates v0.30.2"
"""The release that this was written against; the recorder is given the program."""


class CertificatesPart:
    """:class:`living.part.Part` of the certificates."""

    def __init__(self, system: Certificates, town: Town) -> None:
        self.name = system.name
        self._system, self._town = system, town
        self.made: Mapping[str, Made] = {
            "certificate-platform": Made(
                by="own",
                what="our e-certificate platform: HTTP, SM2-signed requests, PostgreSQL 15",
                restamped="nothing: the service lives on the town's clock",
            ),
            "certificate-ca": Made(
                by="own",
                what=(
                    "our certificate desk and CA: officers and OCSP questions over HTTP, the CA's "
                    "own jobs in its process, state in memory"
                ),
                restamped="nothing: the service lives on the town's clock",
            ),
            "step-ca": Made(
                by="real",
                what=f"step-ca, {STEP_VERSION}",
                restamped=(
                    "time, fields.time, valid-from and valid-to, by the same whole seconds; the "
                    "times inside the token (ott) and the certificate stay true"
                ),
            ),
            "certificate-links": Made(
                by="synthetic",
                what="what a packet view sees; no TLS library here speaks the national suites",
            ),
        }

    def start(self, ground: Ground) -> None:
        service, town = self._system.service, self._town
        store = PostgresStore(ground.database("certificates"))
        platform = service.platform_on(store)
        programs = [*(app.app for app in town.applications), MINI, VERIFIER, PROGRAM]
        gate = Gate({name: ground.signing.public(name) for name in programs})
        seals = {item.code: f"seal-{item.issuer.short}" for item in self._system.offices.items}
        ground.signing.public(FORGER)
        api = PlatformApi(
            platform, store, clock=ground.clock, gate=gate,
            seals={item: ground.signing.public(name) for item, name in seals.items()},
        )  # fmt: skip
        desk = service.desk
        assert isinstance(desk, Desk)
        desk_api = DeskApi(
            desk, clock=ground.clock, gate=gate, officers={one.user: one for one in desk.officers}
        )
        for node, address in NODES.items():
            Service(address, PORT, partial(api.handle, node)).start()
        Service(DESK, PORT, desk_api.handle).start()
        Service(RESPONDER, PORT, desk_api.respond).start()
        client = Client(ground.web, ground.signing, ground.clock)
        self._store = store
        self._platform = RemotePlatform(
            client, keys=ground.signing, seals=seals, held=platform.held,
            nodes={node: f"http://{address}:{PORT}" for node, address in NODES.items()},
        )  # fmt: skip
        self._desk = RemoteDesk(
            desk, desk_api, client=client, web=ground.web, clock=ground.clock,
            base=f"http://{DESK}:{PORT}", responder=f"http://{RESPONDER}:{PORT}",
        )  # fmt: skip
        dice = town.chance("certificates", "living", "step-ca")
        self._step = StepServer(ground, ground.programs["step-ca"], dice)
        ground.open(self._step.log)

    def begin(self) -> None:
        service = self._system.service
        self._store.take_over(service.memory.records(), numbers=service.memory.numbers)
        self._step.equip(self._town.applications)
        service.live(
            store=self._store, platform=self._platform, desk=self._desk, servers=self._step
        )

    def perform(self, deed: Deed) -> Iterable[Deed]:
        return self._system.perform(deed)

    def end_of_day(self) -> None:
        """Nothing: a day's end is nothing to a platform."""
