import asyncio

import httpx
from standin import BASE, Browser, problem

from dashboard_api.access.roles import Role


def test_the_site_says_what_it_is_to_everybody(site):
    answer = Browser(site.app).get("/v1/site").json()
    assert answer["name"] == "区政务服务中心"
    assert answer["realm"] == "duty"
    assert answer["rules"] == {"count": 1, "digest": "00"}
    assert answer["sibling"] is None


def test_health_is_the_process_and_readiness_is_its_work(site):
    browser = Browser(site.app)
    assert browser.get("/readyz").json() == {"status": "ok", "failures": [], "warnings": []}
    site.failures.append("fengsui.pipeline.stopped")
    assert browser.get("/healthz").json() == {"status": "ok", "failures": [], "warnings": []}
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "failing",
        "failures": ["fengsui.pipeline.stopped"],
        "warnings": [],
    }


def test_metrics_count_sensors_and_alerts(site):
    site.alerts.put("203.0.113.1")
    answer = Browser(site.app).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'fengsui_collector_events_total{sensor="gate"} 3' in lines
    assert 'fengsui_analytics_alerts_open{severity="high"} 1' in lines
    assert 'fengsui_analytics_alerts_open{severity="low"} 0' in lines


def get_from_afar(site, cookies):
    async def get():
        transport = httpx.ASGITransport(site.app, client=("192.0.2.9", 4711))
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as client:
            return await client.get("/metrics")

    return asyncio.run(get())


def test_metrics_from_another_machine_need_a_session(site):
    answer = get_from_afar(site, httpx.Cookies())
    assert problem(answer) == (401, "dashboard_api.session.missing")
    assert get_from_afar(site, site.browser(Role.SYSTEM_ADMIN).cookies).status_code == 200


def test_metrics_from_another_machine_are_for_those_who_may_see_every_sensor(site):
    auditor = site.browser(Role.AUDIT_ADMIN)
    answer = get_from_afar(site, auditor.cookies)
    assert problem(answer) == (403, "dashboard_api.permission.missing")
    answer = get_from_afar(site, site.officer(units=("tax",)).cookies)
    assert problem(answer) == (403, "dashboard_api.unit.foreign")
