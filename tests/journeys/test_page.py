"""The page in a real browser: one officer's way from the login link to a verdict, by keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, StorageState, expect

pytestmark = pytest.mark.service

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SMALL = {"width": 1366, "height": 768}
WIDE = {"width": 1920, "height": 1080}
PATIENCE_MS = 60_000
"""The first alert of a recording comes within seconds; a loaded test machine may take longer."""
ROW = "[role=option]"
OPENED = "[data-alert] h2"
VERDICT = "[data-current-verdict] strong"

EXCEPTION_FORM = "section.exception form"

OpenPage = Callable[..., Page]


class RunningPlatform(Protocol):
    """What the fixture of that name gives: a login link, and the page's folder."""

    url: str
    base: str


@pytest.fixture(scope="module")
def officer(browser: Browser, running_platform: RunningPlatform) -> StorageState:
    """The cookies of an officer who came by the link, kept for every test of this file."""
    context = browser.new_context(viewport=SMALL)
    page = context.new_page()
    page.goto(running_platform.url)
    expect(page.locator("input[autocomplete=new-password]").first).to_be_visible()
    assert "token" not in page.url
    page.get_by_role("button", name="稍后").click()
    expect(page.locator(ROW).first).to_be_visible(timeout=PATIENCE_MS)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_page(
    browser: Browser, running_platform: RunningPlatform, officer: StorageState
) -> Iterator[OpenPage]:
    """Opens the console; in the end no page may have asked another host or logged an error."""
    asked: list[str] = []
    errors: list[str] = []
    contexts = []

    def open_one(
        path: str = "", *, viewport: dict[str, int] = SMALL, theme: str = "", language: str = ""
    ) -> Page:
        context = browser.new_context(viewport=viewport, storage_state=officer)  # type: ignore[arg-type]
        contexts.append(context)
        for name, value in (("theme", theme), ("language", language)):
            if value:
                context.add_init_script(f"localStorage.setItem('fengsui.{name}', '{value}')")
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(running_platform.base + path)
        return page

    yield open_one
    for context in contexts:
        context.close()
    own = urlsplit(running_platform.base).netloc
    assert {urlsplit(url).netloc for url in asked if not url.startswith("blob:")} <= {own}
    assert errors == []


def with_alerts(page: Page) -> Page:
    expect(page.locator(ROW).first).to_be_visible(timeout=PATIENCE_MS)
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_the_login_link_logs_in_to_both_sites(open_page: OpenPage) -> None:
    page = with_alerts(open_page())
    page.locator("a.sibling").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    expect(page.locator("aside.banner")).to_have_count(0)


def test_a_used_login_link_says_so_and_leads_to_the_password_form(
    browser: Browser, running_platform: RunningPlatform, officer: StorageState
) -> None:
    page = browser.new_context().new_page()
    page.goto(running_platform.url)
    expect(page.get_by_role("alert")).to_contain_text("fengsui user link")
    expect(page.locator("input[name=password]")).to_be_visible()
    assert "token" not in page.url
    page.context.close()


def test_an_alert_is_proven_and_judged_by_keyboard_alone(open_page: OpenPage) -> None:
    page = with_alerts(open_page())
    press(page, "j", "Enter")
    expect(page.locator(OPENED)).to_be_visible()
    title = page.locator(OPENED).inner_text()
    press(page, "p")
    proof = page.locator("[data-proof]")
    expect(proof.locator(".verdict.good")).to_be_visible()
    expect(proof.locator(".steps .bad")).to_have_count(0)
    expect(proof).to_contain_text("离开探针时即如此")
    press(page, "t")
    expect(page.locator(VERDICT)).to_contain_text("属实")
    page.reload()
    expect(page.locator(OPENED)).to_have_text(title)
    expect(page.locator(VERDICT)).to_contain_text("属实")
    press(page, "Escape")
    expect(page.locator(OPENED)).to_have_count(0)


def test_a_false_positive_is_recorded_with_its_note_only(open_page: OpenPage) -> None:
    page = with_alerts(open_page())
    press(page, "j", "j", "Enter")
    expect(page.locator(OPENED)).to_be_visible()
    press(page, "f", "Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("必须填写备注")
    page.keyboard.type("压测工具，见工单")
    press(page, "Control+Enter")
    expect(page.locator(VERDICT)).to_contain_text("误报")
    expect(page.locator("[data-alert]")).to_contain_text("压测工具，见工单")


def test_new_alerts_wait_and_move_nothing_while_someone_reads(open_page: OpenPage) -> None:
    page = with_alerts(open_page())
    listed = page.evaluate("fetch('v1/alerts?limit=1').then((answer) => answer.json())")
    fresh = listed["items"][0] | {
        "id": "f" * 32,
        "seq": 10**9,
        "acknowledged": None,
        "state": "provisional",
        "decided_at": "2099-01-01T00:00:00.000000Z",
    }

    reading = False

    def answer(route: Route) -> None:
        # Each answer ends at once; the browser asks again after the time named here.
        alert = f"event: alert\nid: {10**9}\ndata: {json.dumps(fresh)}\n\n" if reading else ""
        route.fulfill(status=200, content_type="text/event-stream", body=f"retry: 200\n\n{alert}")

    page.route("**/v1/stream?*", answer)
    page.reload()
    with_alerts(page)
    press(page, "j", "j")
    before = page.locator("[role=option][aria-selected=true]").bounding_box()
    reading = True
    waiting = page.locator("[data-new-alerts]")
    expect(waiting).to_be_visible(timeout=PATIENCE_MS)
    assert page.locator("[role=option][aria-selected=true]").bounding_box() == before
    waiting.click()
    expect(page.locator(ROW).first).to_contain_text("2099")


def test_a_value_leads_to_the_events_that_hold_it(open_page: OpenPage) -> None:
    page = with_alerts(open_page(viewport=WIDE))
    press(page, "j", "o")
    value = page.locator("[data-alert] table .key button").first
    text = value.inner_text()
    value.click()
    expect(page.locator("figure svg")).to_be_visible()
    expect(page.locator("form[role=search] input").first).to_have_value(re.compile(re.escape(text)))
    expect(page.locator("tbody tr").first).to_be_visible()
    press(page, "Escape")
    expect(page.locator(OPENED)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("language", "words"), [("zh", "演示数据"), ("en", "Demonstration data")])
def test_the_demonstration_banner_is_always_in_sight(
    open_page: OpenPage, theme: str, language: str, words: str
) -> None:
    page = with_alerts(open_page(theme=theme, language=language))
    press(page, "g", "s")
    expect(page.locator("dialog tbody tr").first).to_be_visible()
    banner = page.locator("aside.banner")
    expect(banner).to_contain_text(words)
    above = "([x, y]) => document.elementFromPoint(x, y).closest('aside.banner') !== null"
    # A modal drawer makes the rest inert, which hides it from hit tests but not from the eye.
    drawer, box = page.locator("dialog").bounding_box(), banner.bounding_box()
    assert drawer is not None
    assert box is not None
    assert drawer["y"] >= box["y"] + box["height"]
    press(page, "Escape")
    assert page.evaluate(above, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


@pytest.mark.parametrize("viewport", [SMALL, WIDE], ids=["1366", "1920"])
def test_the_opened_alert_stands_beside_the_list_without_overlap(
    open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = with_alerts(open_page(viewport=viewport))
    press(page, "j", "Enter")
    expect(page.locator(OPENED)).to_be_visible()
    listed = page.locator("[role=listbox]").bounding_box()
    pane = page.locator("[data-alert]").bounding_box()
    assert listed is not None
    assert pane is not None
    assert listed["x"] + listed["width"] <= pane["x"] + 1
    assert pane["x"] + pane["width"] <= viewport["width"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_api_page_lists_every_operation(open_page: OpenPage) -> None:
    page = open_page("api.html")
    expect(page.locator("article").first).to_be_visible()
    document: dict[str, Any] = page.evaluate("fetch('openapi.json').then((it) => it.json())")
    methods = {"get", "post", "put", "patch", "delete"}
    expected = sum(len(methods & item.keys()) for item in document["paths"].values())
    expect(page.locator("article")).to_have_count(expected)
    card = page.locator("article", has=page.locator("code", has_text=re.compile(r"^/v1/me$")))
    card.first.get_by_role("button", name="发送").click()
    expect(card.first.get_by_role("status")).to_contain_text("200")


def test_a_demonstration_says_that_it_signs_for_nobody(open_page: OpenPage) -> None:
    page = with_alerts(open_page())
    press(page, "g", "m")
    expect(page.locator("dialog")).to_contain_text("本站点没有国密服务")
    expect(page.locator("dialog [role=alert]")).to_have_count(0)


def test_what_came_too_late_and_who_is_silent_is_told_in_the_sensors_panel(
    open_page: OpenPage,
) -> None:
    page = with_alerts(open_page())
    late = {
        "rule": "host-ssh-password-guessing",
        "sensor": "gate",
        "first_at": "2026-11-20T07:58:12.000000Z",
        "last_at": "2026-11-20T07:59:03.500000Z",
        "events": 14,
        "noted_at": "2026-11-20T08:00:00.000000Z",
    }
    answer = {
        "items": [
            {**late, "entity": "", "looked_at": None, "revised": 0},
            {**late, "entity": "203.0.113.9", "looked_at": late["noted_at"], "revised": 2},
        ],
        "silent": [{"sensor": "share", "since": late["noted_at"], "rules": ["a-rule", "b-rule"]}],
    }
    page.route("**/v1/coverage/missed", lambda route: route.fulfill(json=answer))
    press(page, "g", "s")
    rows = page.locator("[data-missed] tbody tr")
    expect(rows.nth(0)).to_contain_text("全部对象")
    expect(rows.nth(0)).to_contain_text("等待重判")
    expect(rows.nth(1)).to_contain_text("修订 2 条告警")
    expect(page.locator("[data-silent] tbody tr")).to_contain_text("a-rule · b-rule")
    if AXE.exists():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run().then((result) => result.violations)")
        assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_alert_of_the_platform_about_itself_is_marked_and_shows_no_evidence(
    open_page: OpenPage, language: str
) -> None:
    page = open_page(language=language)
    own = {
        "rule": {
            "id": "platform.workers-silent", "version": "1", "kind": "platform",
            "system": "platform",
            "title_zh": "分析节点无响应", "title_en": "The workers are silent",
        },
        "entity_field": "platform.part", "entity": "workers", "severity": 4, "count": 1,
        "state": "final",
    }  # fmt: skip
    words = {
        "reason_zh": "批次待判", "reason_en": "Batches wait", "triage_zh": "查看节点",
        "triage_en": "Look at the workers", "events": [], "techniques": [], "false_positives": [],
        "counterfactual_zh": [], "counterfactual_en": [],
        "conditions": [
            {"name": "silence_seconds", "value": 75, "threshold": 60, "comparison": "gte"}
        ],
    }  # fmt: skip

    def answer(route: Route) -> None:
        found = route.fetch().json()
        if "items" in found:
            found["items"] = [{**found["items"][0], **own}]
        else:
            found = {**found, **own, **words}
        route.fulfill(json=found)

    page.route(re.compile(r"/v1/alerts(/[0-9a-f]+)?(\?.*)?$"), answer)
    page.reload()
    row = with_alerts(page).locator(ROW).first
    mark, part = {"zh": ("平台", "分析节点"), "en": ("Platform", "Workers")}[language]
    expect(row).to_contain_text(mark)
    expect(row).to_contain_text(part)
    row.click()
    expect(page.locator("[data-own]")).to_be_visible()
    expect(page.locator("[data-prove]")).to_have_count(0)
    shown = page.locator("[data-alert]").inner_text()
    assert part in shown
    assert "platform.part" not in shown
    if language == "zh":
        left = re.sub(r"platform\.workers-silent v1|Esc", "", shown)
        assert re.findall(r"[A-Za-z]{2,}", left) == []


def test_a_site_in_trouble_says_so_under_the_head_and_in_the_sensors_panel(
    open_page: OpenPage,
) -> None:
    page = with_alerts(open_page())
    expect(page.locator("[data-trouble]")).to_have_count(0)
    told = [
        {"code": "platform.workers-silent", "failing": True,
         "title_zh": "分析节点无响应", "title_en": "The workers are silent"},
        {"code": "collector.storage.low", "failing": False,
         "title_zh": "磁盘空间不足", "title_en": "The disk runs low"},
    ]  # fmt: skip
    status = {
        "events": 1, "events_per_second": 0, "lag_seconds": 0, "sensors": 1, "quarantined": 0,
        "watermark": None, "exceptions_changed_at": None, "troubles": told,
    }  # fmt: skip
    page.route(
        "**/v1/stream*",
        lambda route: route.fulfill(
            content_type="text/event-stream", body=f"event: status\ndata: {json.dumps(status)}\n\n"
        ),
    )

    def answer(route: Route) -> None:
        route.fulfill(json={**route.fetch().json(), "troubles": told})

    page.route("**/v1/sensors", answer)
    page.reload()
    line = page.locator("[data-trouble]")
    expect(line).to_contain_text("分析节点无响应 · 磁盘空间不足")
    line.click()
    listed = page.locator("[data-troubles] li")
    expect(listed.nth(0)).to_contain_text("platform.workers-silent")
    expect(listed.nth(1)).to_have_class(re.compile("warn"))
    expect(page.locator("[data-retention] tbody tr").first).to_contain_text("网络日志")


def test_the_history_says_in_the_readers_language_why_an_alert_changed_later(
    open_page: OpenPage,
) -> None:
    page = with_alerts(open_page())

    def answer(route: Route) -> None:
        detail = route.fetch().json()
        detail["history"][0]["note"] = "came too late and was judged again"
        route.fulfill(json=detail)

    page.route(re.compile(r"/v1/alerts/[0-9a-f]{32}$"), answer)
    press(page, "j", "Enter")
    expect(page.locator("[data-alert] ol")).to_contain_text("日志迟到，重新判断后得出")


def hide_first(page: Page) -> str:
    """Makes the first alert's entity an exception by keyboard; returns the alert's address."""
    press(page, "j", "Enter")
    expect(page.locator(OPENED)).to_be_visible()
    page.locator("[data-make-exception]").focus()
    press(page, "Enter")
    form = page.locator(EXCEPTION_FORM)
    expect(form.locator("input[required]").last).to_be_focused()
    page.keyboard.type("压测，工单 118")
    press(page, "Enter")
    expect(form.locator("[data-preview]")).to_contain_text(re.compile(r"[1-9]"))
    expect(page.locator("[data-exception]")).to_have_count(0)
    press(page, "Enter")
    expect(page.locator("[data-exception]")).to_contain_text("压测，工单 118")
    return page.url


@pytest.mark.parametrize("viewport", [SMALL, WIDE], ids=["1366", "1920"])
def test_an_exception_hides_shows_where_it_does_and_gives_back(
    open_page: OpenPage, viewport: dict[str, int]
) -> None:
    page = with_alerts(open_page(viewport=viewport))
    address = hide_first(page)
    alert = page.locator("[data-alert]").get_attribute("data-alert")
    row = page.locator(f"#alert-{alert}")
    expect(row).to_have_count(0)
    switch = page.locator("[data-show-hidden]")
    switch.check()
    expect(row.locator("[data-excepted]")).to_be_visible()
    listed = page.locator("[role=listbox]").bounding_box()
    pane = page.locator("[data-alert]").bounding_box()
    assert listed is not None
    assert pane is not None
    assert listed["x"] + listed["width"] <= pane["x"] + 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if AXE.exists():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run().then((result) => result.violations)")
        assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []
    switch.uncheck()
    expect(row).to_have_count(0)
    page.goto(address)
    page.locator("[data-exception] button").click()
    expect(page.locator("[data-exception]")).to_have_count(0)
    expect(row).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_view_has_an_accessibility_violation(open_page: OpenPage, theme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run npm ci in ui/ to check accessibility as well")
    axe = AXE.read_text(encoding="utf-8")
    page = with_alerts(open_page(theme=theme))
    found: dict[str, list[str]] = {}

    def look(view: str) -> None:
        page.evaluate(axe)
        violations = page.evaluate("axe.run().then((result) => result.violations)")
        found[view] = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in violations]

    look("list")
    press(page, "j", "Enter", "p")
    expect(page.locator("[data-proof] .steps")).to_be_visible()
    look("opened, with a proof")
    press(page, "g", "s")
    expect(page.locator("dialog tbody tr").first).to_be_visible()
    look("sensors")
    press(page, "Escape", "?")
    look("help")
    press(page, "Escape")
    page.locator("[data-make-exception]").click()
    expect(page.locator(EXCEPTION_FORM)).to_be_visible()
    look("a new exception")
    press(page, "Escape", "g", "e")
    expect(page.locator("figure svg")).to_be_visible()
    page.locator("tbody button[aria-expanded]").first.click()
    look("events")
    assert {view: lines for view, lines in found.items() if lines} == {}
