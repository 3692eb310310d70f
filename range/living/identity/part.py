"""Part: the identity system, living: each act is carried out at real servers, as people would."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from district.calendar import HOUR_US, SECOND_US
from district.deed import Deed
from district.identity import Identity
from district.identity.acts import (
    Administer,
    Approve,
    BadSignature,
    BindDevice,
    ChangeClient,
    Fail,
    Impersonate,
    Refresh,
    RegisterClient,
    Request,
    ResetPassword,
    SendCode,
    SignIn,
    UseClient,
    Who,
)
from district.identity.desk import MESSAGES, PAGES, PORTAL
from district.identity.people import ADMINS
from district.identity.provider import CLIENTS, DIRECTORY, FAILURES_MAX, KEYCLOAK, WAIT_US
from district.stream import Sink
from district.town import Town

from living.ground import Ground
from living.identity import accounts, directory, idp, realms
from living.identity.browser import Browser, Device, RefusedError, Tokens, fetch, secret_in
from living.identity.certificates import Issuer
from living.identity.codes import code_now
from living.identity.logs import ConsoleLog, DirectoryLog, GatewayLog
from living.identity.mail import Post
from living.identity.portal import ADDRESS, LOG, PORT, SIDE, Portal
from living.identity.steering import CONSOLE, Steering
from living.part import Made

__all__ = ["LivingIdentity"]

_SLOWER: Final = realms.MINUTE_S // realms.LOCKED_S
_TAKEN_OVER_US: Final = 2 * HOUR_US
"""Sessions as young as this at the first midnight go on; older ones are not used any more."""
_LINK_US: Final = 40 * SECOND_US
"""From the letter to the click, as in the generated form."""
_MARGIN_S: Final = 0.2
_FORGED: Final = "Zm9yZ2Vk" * 43
"""As long as a signature of 2048 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLink:
    """The link in the letter is followed and a new password chosen."""

    who: Who
    client: str
    browser: Browser


@dataclass(slots=True)
class _Failures:
    """What Keycloak counts of an account, to know how long it keeps it locked."""

    count: int = 0
    newest: int = 0
    town_until: int = 0
    true_until: float = 0.0


@dataclass(slots=True)
class _Held:
    """Tokens of a session of the town."""

    tokens: Tokens
    since: int = field(default=0)


class LivingIdentity:
    """Keycloak over slapd, nginx before the portal, and the gateway for short messages.

    A lock of a minute lasts three true seconds, in which many deeds are done. Where the town's
    minute is over and Keycloak's seconds are not, the recorder waits for them before the deed.
    """

    name = "identity"
    made: Mapping[str, Made] = {
        KEYCLOAK.name: Made(
            by="real",
            what=(
                "Keycloak 26.2.5, LDAP federation of staff; passwords with one PBKDF2 iteration; "
                "certificates come in the header of a proxy, without a TLS handshake; lines of the "
                "recorder's own administrator are left out"
            ),
            restamped=(
                "timestamp and not_before (a lock of 60 s truly lasts 3 s); true stay the ages of "
                "tokens (age_of_refresh_token) and the sequence"
            ),
        ),
        DIRECTORY.name: Made(by="real", what="slapd 2.5.13, loglevel stats", restamped="hex time"),
        PORTAL.name: Made(
            by="real", what="nginx 1.22.1 before a portal of the range's own", restamped="time"
        ),
        MESSAGES.name: Made(by="own", what="a gateway of the range's own, on the town's clock"),
    }

    def __init__(self, system: Identity, town: Town, sink: Sink) -> None:
        self._system, self._town, self._sink = system, town, sink
        self._provider = system.provider
        self._chance = town.chance("identity", "living")
        self._issuer = Issuer(town)
        self._held: dict[str, _Held] = {}
        self._failures: dict[str, _Failures] = {}
        self._devices: dict[str, Device] = {}
        self._closed: set[str] = set()
        self._admins: dict[str, idp.Admin] = {}
        self._since = float("inf")
        self._anonymous = 0
        self._specimen = ""
        """An access token that was once good: a forged one has its beginning."""

    def start(self, ground: Ground) -> None:
        """Directory, Keycloak, post office, portal."""
        self._ground = ground
        # Keycloak asks the directory from its own address.
        route = ("ip", "route", "add", "local", f"{directory.ADDRESS}/32", "dev", "lo", "src",
                 idp.ADDRESS)  # fmt: skip
        subprocess.run(route, check=True)
        stats = directory.start(ground, accounts.staff(self._town, self._provider))
        console = idp.start(ground, realms.realms(self._town, self._provider))
        self._post = Post()
        chance = self._town.chance("identity", "living", "portal")
        self._portal = Portal(self._sink, ground.clock, chance)
        self._portal.start(ground)
        self._steering = Steering(ground.web, self._provider)
        self._steering.prepare()
        logs, since = ground.scratch / "logs", lambda: self._since
        ground.open(ConsoleLog(console, KEYCLOAK.name, self._is_told, since, slower=_SLOWER))
        ground.open(DirectoryLog(stats, DIRECTORY.name, since))
        ground.open(GatewayLog(logs / LOG, logs / SIDE, PORTAL.name, since))

    def _is_told(self, line: str) -> bool:
        return self._steering.number not in line

    def begin(self) -> None:
        """Sessions, wrong passwords and clients of before; administrators are in their console."""
        provider, midnight = self._provider, self._ground.clock.now()
        self._portal.serial = self._system.serial
        self._closed = {one.user for one in accounts.staff(self._town, provider) if not one.enabled}
        for name in ADMINS:
            admin = idp.Admin(
                self._ground.web, name, accounts.PASSWORD, self._system.people.admin_desk, CONSOLE
            )
            admin.sign_in()
            self._admins[name] = admin
        for name in provider.servers:
            if name not in CLIENTS:
                self._steering.register("citizens", name)
        someone = self._town.citizens[0]
        who = Who(user=someone.user, realm="citizens", address=someone.home, agent=someone.agent)
        self._specimen = self._enter(SignIn(who=who)).access
        for key, session in provider.sessions.items():
            if midnight - session.since < _TAKEN_OVER_US:
                act = SignIn(who=session.who, client=session.client)
                self._held[key] = _Held(self._enter(act), midnight)
        for who, count, newest in provider.failing(midnight):
            for _ in range(count):
                self._try(who, who_client(who), accounts.WRONG)
            self._failures[who.user] = _Failures(count, newest)
        # The servers have written the last of it by then.
        time.sleep(1.0)
        self._since = time.time()

    def end_of_day(self) -> None:
        """Sessions of yesterday are over."""
        now = self._ground.clock.now()
        self._held = {key: one for key, one in self._held.items() if now - one.since < 24 * HOUR_US}

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry it out."""
        at, act = deed.at, deed.act
        match act:
            case SignIn():
                yield from self._sign_in(deed, act)
            case Fail():
                yield from self._fail(deed, act)
            case Refresh():
                self._refresh(act)
            case Request():
                self._request(act)
            case SendCode():
                self._send(act)
            case ResetPassword():
                yield self._reset(at, act)
            case OpenLink():
                self._open_link(act)
            case BindDevice():
                self._bind(deed, act)
            case Impersonate():
                self._impersonate(act)
            case Administer():
                self._administer(act)
            case RegisterClient():
                self._system.say(at, act)
                self._register(act)
            case ChangeClient():
                self._change(act)
            case UseClient():
                tokens = Tokens(act.who.realm, act.client)
                code = self._code(SignIn(who=act.who, client=act.client))
                self._exchange(tokens, code, act.address)
            case BadSignature():
                self._forge(act)
            case Approve():
                self._system.say(at, act)
            case _:
                raise TypeError(f"the identity system cannot do {act!r}")

    # Log-ins

    def _sign_in(self, deed: Deed, act: SignIn) -> Iterable[Deed]:
        who = act.who
        self._await_lock(deed, who.user)
        if who.user in self._closed:
            self._steering.enable(who.realm, who.user, True)
            self._closed.discard(who.user)
        locked = self._is_locked(deed.at, who.user)
        try:
            tokens = self._enter(act)
        except RefusedError:
            if locked:
                return
            raise
        self._failures.pop(who.user, None)
        if not act.session and not act.requests:
            return
        self._anonymous += 1
        name = act.session or f"living/{self._anonymous}"
        self._held[name] = _Held(tokens, deed.at)
        for number in range(act.requests):
            moment = deed.at + (1 + 4 * number) * SECOND_US + self._chance.randrange(SECOND_US)
            asked = Request(session=name, address=who.address, agent=who.agent)
            yield Deed(at=moment, system=self.name, act=asked)

    def _enter(self, act: SignIn) -> Tokens:
        """Log in with a fresh browser, and let the client fetch its tokens."""
        tokens = Tokens(act.who.realm, act.client)
        servers = self._provider.servers.get(act.client, ())
        code = self._code(act)
        self._exchange(tokens, code, self._chance.choice(servers) if servers else act.who.address)
        return tokens

    def _code(self, act: SignIn) -> str:
        who = act.who
        more: dict[str, str] = {"scope": "openid"}
        if act.method == "otp":
            more["acr_values"] = "2"
        if act.consent != "no_consent_required":
            more["prompt"] = "consent"
        if act.method == "certificate":
            shown = self._issuer.shown(who.user)
            browser = Browser(self._ground.web, who.address, who.agent, shown)
            return browser.through(browser.open(who.realm, act.client, **more))
        browser = Browser(self._ground.web, who.address, who.agent)
        page = browser.open(who.realm, act.client, **more)
        reply = browser.submit(page, username=who.user, password=accounts.PASSWORD)
        own = Device(self._provider.number("otp", who.user), accounts.secret_of(who.user))
        return browser.through(reply, self._devices.get(who.user, own))

    def _exchange(self, tokens: Tokens, code: str, source: str) -> None:
        given = fetch(
            self._ground.web, tokens, source, grant_type="authorization_code", code=code,
            redirect_uri=f"https://{tokens.client}.district.example/cb", **self._secret(tokens),
        )  # fmt: skip
        if not given:
            raise RefusedError(f"{tokens.client} got no tokens")

    def _secret(self, tokens: Tokens) -> dict[str, str]:
        public = not self._provider.servers.get(tokens.client)
        return {} if public else {"client_secret": realms.SECRET}

    # Wrong passwords

    def _fail(self, deed: Deed, act: Fail) -> Iterable[Deed]:
        who = act.who
        self._await_lock(deed, who.user)
        password = accounts.WRONG
        if act.error == "user_disabled":
            password = accounts.PASSWORD
            if who.user not in self._closed:
                self._steering.enable(who.realm, who.user, False)
                self._closed.add(who.user)
        self._try(who, act.client, password)
        if act.error == "invalid_user_credentials" and not self._is_locked(deed.at, who.user):
            self._count(deed.at, who)
        if act.times > 1:
            rest = Fail(who=who, client=act.client, times=act.times - 1, every_us=act.every_us,
                        error=act.error)  # fmt: skip
            yield Deed(at=deed.at + act.every_us, system=self.name, act=rest)

    def _try(self, who: Who, client: str, password: str) -> None:
        browser = Browser(self._ground.web, who.address, who.agent)
        page = browser.open(who.realm, client)
        browser.submit(page, username=who.user, password=password)

    def _count(self, at: int, who: Who) -> None:
        failures = self._failures.setdefault(who.user, _Failures())
        failures.count += 1
        failures.newest = at
        if times := failures.count // FAILURES_MAX[who.realm]:
            failures.town_until = at + WAIT_US * times
            failures.true_until = time.time() + realms.LOCKED_S * times + _MARGIN_S

    def _is_locked(self, at: int, user: str) -> bool:
        failures = self._failures.get(user)
        return failures is not None and failures.town_until > at

    def _await_lock(self, deed: Deed, user: str) -> None:
        """Wait until Keycloak too thinks that the lock is over."""
        failures = self._failures.get(user)
        if failures is None or failures.town_until > deed.at:
            return
        if (left := failures.true_until - time.time()) > 0:
            time.sleep(left)
            self._ground.clock.begin(deed.at, deed.episode)

    # Tokens and pages

    def _refresh(self, act: Refresh) -> None:
        held = self._held.get(act.session)
        if held is None:
            return
        tokens = held.tokens
        stale = act.stale and len(tokens.refreshes) > 1
        fetch(
            self._ground.web, tokens, act.address, grant_type="refresh_token",
            refresh_token=tokens.refreshes[-2 if stale else -1], **self._secret(tokens),
        )  # fmt: skip

    def _request(self, act: Request) -> None:
        held = self._held.get(act.session)
        if held is None:
            return
        uri, _ = self._chance.choice(PAGES)
        self._ground.web.request(
            "GET", f"http://{ADDRESS}:{PORT}{uri}", source=act.address,
            headers={"User-Agent": act.agent, "Authorization": f"Bearer {held.tokens.access}"},
        )  # fmt: skip

    def _send(self, act: SendCode) -> None:
        who = act.who
        asked = {"phone": who.phone, "template": act.template, "user": who.user}
        self._ground.web.request(
            "POST", f"http://{ADDRESS}:{PORT}/portal/api/sms/code", source=who.address,
            headers={"User-Agent": who.agent, "Content-Type": "application/json"},
            body=json.dumps(asked).encode(),
        )  # fmt: skip

    def _forge(self, act: BadSignature) -> None:
        said = self._specimen.rpartition(".")[0]
        self._ground.web.request(
            "GET", f"{idp.BASE}/realms/citizens/protocol/openid-connect/userinfo",
            source=act.address,
            headers={"Host": idp.HOST, "Authorization": f"Bearer {said}.{_FORGED}"[:8000]},
        )  # fmt: skip

    # Credentials

    def _reset(self, at: int, act: ResetPassword) -> Deed:
        who = act.who
        browser = Browser(self._ground.web, who.address, who.agent)
        page = browser.forgot(browser.open(who.realm, act.client))
        browser.submit(page, username=who.user)
        follow = OpenLink(who=who, client=act.client, browser=browser)
        return Deed(at=at + _LINK_US, system=self.name, act=follow)

    def _open_link(self, act: OpenLink) -> None:
        who, browser = act.who, act.browser
        link = self._post.link(f"{who.user}@mail.district.example")
        page = browser.follow(link)
        new = accounts.PASSWORD
        reply = browser.submit(page, **{"password-new": new, "password-confirm": new})
        tokens = Tokens(who.realm, act.client)
        servers = self._provider.servers.get(act.client, ())
        source = self._chance.choice(servers) if servers else who.address
        self._exchange(tokens, browser.through(reply), source)

    def _bind(self, deed: Deed, act: BindDevice) -> None:
        who = act.who
        self._await_lock(deed, who.user)
        browser = Browser(self._ground.web, who.address, who.agent)
        page = browser.open(who.realm, act.client, kc_action="CONFIGURE_TOTP")
        reply = browser.submit(page, username=who.user, password=accounts.PASSWORD)
        page = browser.follow(reply.header("Location"))
        secret = secret_in(page)
        label = f"phone-{uuid.UUID(int=self._chance.getrandbits(128)).hex[:8]}"
        reply = browser.submit(
            page, totp=code_now(secret), totpSecret=secret, userLabel=label
        )  # fmt: skip
        self._devices[who.user] = Device("", secret)
        tokens = Tokens(who.realm, act.client)
        servers = self._provider.servers.get(act.client, ())
        source = self._chance.choice(servers) if servers else who.address
        self._exchange(tokens, browser.through(reply), source)
        self._failures.pop(who.user, None)

    # Administrators and clients

    def _impersonate(self, act: Impersonate) -> None:
        number = self._provider.number("user", act.target)
        self._admins[act.operator].ask(
            "POST", f"/{act.realm}/users/{number}/impersonation", {}, source=act.address
        )  # fmt: skip

    def _administer(self, act: Administer) -> None:
        path = f"/citizens/users/{self._provider.number('user', act.target)}"
        admin = self._admins[act.operator]
        if act.reset:
            told = {"type": "password", "value": accounts.PASSWORD, "temporary": False}
            admin.ask("PUT", f"{path}/reset-password", told, source=act.address)
        else:
            found = admin.ask("GET", path, source=act.address)
            admin.ask("PUT", path, found, source=act.address)

    def _register(self, act: RegisterClient) -> None:
        told = realms.client(self._provider, "citizens", act.client, consent=True)
        self._admins[ADMINS[0]].ask("POST", "/citizens/clients", told)

    def _change(self, act: ChangeClient) -> None:
        token = self._steering.registration_token("staff", act.client)
        told = realms.client(self._provider, "staff", act.client)
        self._ground.web.request(
            "PUT", f"{idp.BASE}/realms/staff/clients-registrations/default/{act.client}",
            source=act.address, body=json.dumps(told).encode(),
            headers={"Host": idp.HOST, "Authorization": f"Bearer {token}",
                     "Content-Type": "application/json"},
        )  # fmt: skip


def who_client(who: Who) -> str:
    """A client that people of the realm use."""
    return "oa" if who.realm == "staff" else "portal-app"
