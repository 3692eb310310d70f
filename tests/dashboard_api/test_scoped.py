import pytest
from standin import UNITS, alert_row, event_id

from dashboard_api import scoped
from dashboard_api.access.principal import Principal, Scope
from dashboard_api.access.roles import Role
from schema.errors import FengsuiError


def principal(*units):
    return Principal(
        id="1",
        name="zhang",
        display_name="张",
        roles=frozenset({Role.OFFICER}),
        scope=Scope(units),
        must_set_password=False,
    )


def test_visible_sensors_are_those_of_the_units(site):
    assert scoped.visible_to(site.services, principal("*")) is None
    assert scoped.visible_to(site.services, principal("tax")) == {"gate"}
    assert scoped.visible_to(site.services, principal("tax", "social")) == set(UNITS)
    assert scoped.visible_to(site.services, principal()) == frozenset()


def test_an_alert_is_seen_by_those_who_may_see_all_of_its_evidence():
    visible = frozenset({"gate"})
    assert scoped.sees_alert(alert_row("a", seq=1, sensors=["gate"]), visible)
    assert not scoped.sees_alert(alert_row("a", seq=1, sensors=["gate", "pay"]), visible)
    assert not scoped.sees_alert(alert_row("a", seq=1, sensors=[]), visible)
    assert scoped.sees_alert(alert_row("a", seq=1, sensors=[]), None)


def test_an_event_of_another_unit_looks_like_none(site):
    visible = frozenset({"gate"})
    assert scoped.get(site.events, event_id("gate", 0), visible).sensor == "gate"
    for wanted in (event_id("pay", 0), "0" * 32):
        with pytest.raises(FengsuiError) as caught:
            scoped.get(site.events, wanted, visible)
        assert caught.value.code == "dashboard_api.event.unknown"


def test_a_hit_the_index_should_not_have_given_is_left_out(site):
    class Careless:
        """An index that forgets whom it answers."""

        def search(self, terms, *, sensors, **more):
            return site.events.search(terms, sensors=None, **more)

    import dataclasses

    services = dataclasses.replace(site.services, events=Careless())
    window = scoped.Window(start=0, end=2**62, limit=100)
    page = scoped.search(services, [], principal=principal("tax"), window=window, after="")
    assert {hit.sensor for hit in page.hits} == {"gate"}
