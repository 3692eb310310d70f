"""Identity in the made-up district: honest days, look-alikes, and eighteen kinds of attack."""

from __future__ import annotations

import functools
from collections import Counter

from district.identity import make
from district.identity.acts import Fail, Refresh, SignIn, Who
from district.identity.provider import DIRECTORY, FAILURES_MAX, KEYCLOAK, Provider
from district.run import District, Today
from district.stream import Sink
from district.town import Town

from schema.event import Fields
from sensors.sources import Context, open_format

_CASES = {*(f"ID{number:02d}" for number in range(1, 17)), "X01", "X02"}
_DAYS = 6
_MINUTE = 60_000_000
WHO = Who(user="c000001", realm="citizens", address="198.19.1.1", agent="A")


@functools.cache
def lived(seed: int = 5, volume: float = 1.0) -> tuple[Today, ...]:
    return tuple(District([make], seed=seed, volume=volume, warm_up=0, measured=_DAYS).run())


def events(sink: Sink, stream: str = KEYCLOAK.name, form: str = "keycloak") -> list[Fields]:
    raw = [str(line.text).encode() for line in sink.lines if line.stream == stream]
    context = Context(host="h", utc_offset_minutes=480, now=lambda: 0)
    return open_format(form).parse(raw, context)


def provider() -> tuple[Provider, Sink]:
    sink = Sink()
    return Provider(Town(1), sink), sink


def test_every_line_is_what_its_format_reads() -> None:
    streams = District([make], seed=5, warm_up=0, measured=1).streams
    for stream in streams:
        raw = [
            str(line.text).encode()
            for today in lived()
            for line in today.lines
            if line.stream == stream.name
        ]
        assert raw, stream.name
        context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: 0)
        told = Counter(
            str(one["event.action"]) for one in open_format(stream.form).parse(raw, context)
        )
        assert not told["unparsed"] + told["log"], stream.name


def test_a_day_is_a_share_of_what_the_measure_allows() -> None:
    assert max(len(today.lines) for today in lived()) < 6000


def test_too_many_failures_lock_an_account_for_a_minute_and_a_success_forgets_them() -> None:
    idp, sink = provider()
    most = FAILURES_MAX["citizens"]
    idp.fail(0, Fail(who=WHO, times=most - 1, every_us=1_000_000))
    assert idp.sign_in(20_000_000, SignIn(who=WHO)) is not None
    idp.fail(_MINUTE, Fail(who=WHO, times=most, every_us=1_000_000))
    locked = _MINUTE + most * 1_000_000
    assert idp.sign_in(locked + 1_000_000, SignIn(who=WHO)) is None
    assert idp.sign_in(locked + _MINUTE, SignIn(who=WHO)) is not None
    actions = Counter(str(one["event.action"]) for one in events(sink))
    assert (actions["account_lockout"], actions["login"]) == (1, 2)


def test_a_rotated_refresh_token_is_refused_and_is_the_same_one() -> None:
    idp, sink = provider()
    idp.sign_in(0, SignIn(who=WHO, session="s"))
    idp.refresh(_MINUTE, Refresh(session="s", address=WHO.address))
    idp.refresh(2 * _MINUTE, Refresh(session="s", address="203.0.113.9", stale=True))
    first, again = (
        one for one in events(sink) if str(one["event.action"]).startswith("token_refresh")
    )
    assert (first["event.outcome"], again["event.outcome"]) == ("success", "failure")
    assert first["gov.auth.token_hmac"] == again["gov.auth.token_hmac"]
    assert again["source.ip"] == "203.0.113.9"


def test_a_password_of_staff_is_asked_of_the_directory_and_a_certificate_is_not() -> None:
    idp, sink = provider()
    clerk = Who(user="li.na", realm="staff", address="10.20.1.21", agent="A")
    idp.sign_in(_MINUTE, SignIn(who=clerk, client="oa"))
    idp.sign_in(2 * _MINUTE, SignIn(who=clerk, client="cert-desk", method="certificate"))
    binds = [
        one
        for one in events(sink, DIRECTORY.name, "openldap")
        if one["event.action"] == "ldap_bind"
    ]
    assert [(one["user.id"], one["event.outcome"]) for one in binds] == [("li.na", "success")]
    methods = [one["gov.auth.method"] for one in events(sink) if one["event.action"] == "login"]
    assert methods == ["password", "certificate"]


def test_its_use_cases_are_these() -> None:
    (system,) = District([make], seed=5).systems
    assert {attack.use_case for attack in system.attacks} == _CASES
