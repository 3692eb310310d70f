"""The page 国密服务 in a real browser, as those see it who administer keys and applications."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from conftest import started
from persons import SMALL, SPILLS, WIDE, OpenAs, Peopled, violations
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.service

KEYS = "v1/crypto/keys"
PANEL = "[data-crypto]"
DIALOG = "dialog[open]"
WORDS = """() => {
  const copy = document.querySelector('dialog').cloneNode(true)
  copy.querySelectorAll('.mono, .hash, kbd').forEach((one) => one.remove())
  return copy.textContent
}"""
"""What the page says itself: names of keys, applications and subjects are set apart as data."""


@dataclass(frozen=True)
class Service(Peopled):
    """A running site with two applications, keys, certificates, and people who may see them."""

    def destruction(self, name: str) -> None:
        """A key of payments whose destruction waits for a second person."""
        self.ask("integrator", "POST", KEYS, {"key": f"payments.{name}", "use": "mac"})
        self.ask("integrator", "POST", f"{KEYS}/payments.{name}:destroy", {"days": 30})


def test_the_page_is_whole_in_both_languages_themes_and_sizes(open_as: OpenAs) -> None:
    for language, theme, viewport in (
        ("zh", "light", SMALL),
        ("zh", "dark", WIDE),
        ("en", "light", WIDE),
        ("en", "dark", SMALL),
    ):
        page = open_as("security", language=language, theme=theme, viewport=viewport)
        shown(page)
        assert page.evaluate(SPILLS) == []
        if language == "zh":
            assert re.findall(r"[A-Za-z]{2,}", page.evaluate(WORDS)) == []
        page.locator("[data-application] details summary").first.click()
        page.locator("[data-approval] button").first.click()
        assert page.evaluate(SPILLS) == []
        assert violations(page) == []


def test_dangerous_grants_lost_credentials_and_near_ends_are_marked(open_as: OpenAs) -> None:
    page = shown(open_as("security"))
    payments = page.locator("[data-application=payments]")
    expect(payments.locator("[data-danger]")).to_contain_text(["解密", "打开数字信封"])
    expect(payments).to_contain_text("有效 1 个")
    expect(payments).to_contain_text("每日 1,000,000")
    reports = page.locator("[data-application=reports]")
    expect(reports).to_contain_text("没有有效凭据")
    expect(reports).to_contain_text("已停用")
    expect(reports.locator("[data-danger]")).to_have_count(0)
    short = page.locator("[data-key='payments.short']")
    expect(short.locator(".warn")).to_contain_text("▲")
    expect(page.locator("[data-key='payments.receipt']")).to_contain_text("无期限")
    expect(page.locator("[data-section=certificates] tbody tr")).not_to_have_count(0)
    expect(page.locator("[data-status]")).to_contain_text("自检通过")
    expect(page.locator("[data-status]")).to_contain_text("不是经认证的商用密码产品")


def test_the_filter_finds_applications_keys_and_certificates(open_as: OpenAs) -> None:
    page = shown(open_as("security"))
    page.locator("dialog input[type=search]").fill("short")
    expect(page.locator("[data-key]")).to_have_count(1)
    expect(page.locator("[data-section=applications]")).to_contain_text("没有符合筛选的项")


def test_who_asked_is_told_why_they_cannot_approve(open_as: OpenAs) -> None:
    page = shown(open_as("integrator"))
    row = page.locator("[data-approval]", has_text="payments.old")
    expect(row).to_contain_text("您是申请人，须由另一人批准")
    expect(row.get_by_role("button")).to_have_count(0)


def test_who_sees_no_keys_is_shown_the_applications_alone(open_as: OpenAs) -> None:
    page = open_as("system")
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.locator("[data-application]")).to_have_count(2)
    expect(page.locator("[data-section]")).to_have_count(1)
    expect(page.locator(DIALOG)).to_contain_text("密钥、证书与审批由安全管理员")


def test_who_may_see_nothing_of_it_is_offered_nothing(open_as: OpenAs) -> None:
    page = open_as("audit")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.locator("summary.person").click()
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    expect(page.get_by_role("button", name="国密服务")).to_have_count(0)
    expect(page.locator(DIALOG)).to_have_count(0)


def test_an_approval_is_given_and_another_refused_after_a_second_thought(
    open_as: OpenAs, service: Service
) -> None:
    service.destruction("gone")
    service.destruction("kept")
    page = open_as("security")
    page.locator("summary.person").click()
    page.get_by_role("button", name="国密服务").click()
    row = page.locator("[data-approval]", has_text="payments.gone")
    row.get_by_role("button", name="批准", exact=True).click()
    confirm = page.locator("[data-confirm]")
    expect(confirm).to_be_focused()
    expect(confirm).to_contain_text("30 天后清除")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(confirm).to_have_count(0)
    expect(row.get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="确认批准").click()
    expect(page.locator("[data-outcome]")).to_contain_text("已批准并执行： payments.gone")
    expect(row).to_have_count(0)
    expect(page.locator("[data-key='payments.gone']")).to_contain_text("待销毁")
    row = page.locator("[data-approval]", has_text="payments.kept")
    row.get_by_role("button", name="不批准").click()
    expect(page.locator("[data-confirm]")).to_contain_text("申请作废")
    page.get_by_role("button", name="确认不批准").click()
    expect(page.locator("[data-outcome]")).to_contain_text("未批准")
    expect(row).to_have_count(0)
    expect(page.locator("[data-key='payments.kept']")).to_contain_text("启用")


@pytest.mark.parametrize(("language", "words"), [("zh", "须两人"), ("en", "takes two persons")])
def test_what_is_empty_says_what_that_means_and_what_to_do(
    open_as: OpenAs, language: str, words: str
) -> None:
    page = open_as("security", language=language)
    lists = re.compile(r"/v1/crypto/(keys|certificates|applications|approvals)(\?.*)?$")
    page.route(lists, lambda route: route.fulfill(json={"items": [], "next_cursor": None}))
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.locator("[data-section] table")).to_have_count(0)
    expect(page.locator("[data-section=approvals]")).to_contain_text(words)
    if language == "zh":
        assert re.findall(r"[A-Za-z]{2,}", page.evaluate(WORDS)) == []


def test_a_refused_request_says_why(open_as: OpenAs) -> None:
    page = open_as("security")
    waiting = {
        "id": "019aa0c5-6a00-7c3e-9d2b-5f1e8a7b4c21", "kind": "export", "key": "reports.box",
        "asked_by": "application:reports", "asked_at": "2026-11-20T08:00:00.000000Z",
        "expires_at": "2099-11-27T08:00:00.000000Z", "params": {"recipient": "04" + "ab" * 64},
        "state": "waiting", "decided_by": None, "decided_at": None, "ended_at": None,
        "failure": None, "material_waits": False, "given_at": None,
    }  # fmt: skip
    page.route("**/approvals?state=waiting", lambda route: route.fulfill(json={"items": [waiting]}))
    shown(page)
    page.locator("[data-approval]").get_by_role("button", name="批准", exact=True).click()
    expect(page.locator("[data-confirm]")).to_contain_text("04abab")
    assert page.evaluate(SPILLS) == []
    page.get_by_role("button", name="确认批准").click()
    expect(page.locator("[data-confirm] [role=alert]")).to_contain_text("approval.unknown")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_api_reference_says_how_an_application_calls(open_as: OpenAs, language: str) -> None:
    page = open_as("integrator", language=language)
    page.goto(page.url + "api.html")
    sign = page.locator("#crypto_sign")
    expect(sign).to_contain_text("curl -H 'Authorization: Bearer fsk1.payments.…' -X POST")
    expect(sign).to_contain_text("message | e")
    expect(sign).not_to_contain_text("cookie")
    tags = page.locator("nav .tag").all_inner_texts()
    first = tags.index({"zh": "国密运算", "en": "Signing and ciphers"}[language])
    wanted = {"zh": ["密钥", "证书", "应用", "审批"],
              "en": ["Keys", "Certificates", "Applications", "Approvals"]}  # fmt: skip
    assert tags[first + 1 : first + 5] == wanted[language]
    if language == "zh":
        assert [tag for tag in tags if re.search("[A-Za-z]", tag)] == []
    sign.get_by_role("link").click()
    expect(page.locator("#credentials")).to_be_in_viewport()
    expect(page.locator("#credentials")).to_contain_text("FENGSUI-SM2/1")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


def shown(page: Page) -> Page:
    """The page opened by its keys, with every list read."""
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.locator(f"{PANEL} [data-section]")).to_have_count(4)
    expect(page.locator("[data-section] [role=status]")).to_have_count(0)
    expect(page.locator("[data-application]")).to_have_count(2)
    expect(page.locator("[data-key='payments.receipt']")).to_be_visible()
    return page


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("crypto-page")
    (folder / "log").touch()
    (folder / "data").mkdir()
    (folder / "data" / "settings.toml").write_text(
        "[sensor]\ninventory = false\n"
        f'watch = [{{ name = "idle", path = "{folder / "log"}", format = "nginx_access" }}]\n'
    )
    with started("up", data=folder / "data") as running:
        made = Service(running, {})
        furnish(browser, made)
        yield made


def furnish(browser: Browser, service: Service) -> None:
    """Applications by command, keys and questions by the people whose task that is."""
    say, ask = service.say, service.ask
    for account, person in (("sysadmin", "system"), ("secadmin", "security"), ("auditor", "audit")):
        service.enter(browser, account, person)
    made = ask("system", "POST", "v1/users", {"name": "wang", "display_name": "王工"})
    rights = {"roles": ["integrator"], "units": ["*"]}
    ask("security", "PUT", f"v1/users/{made['id']}/roles", rights)
    service.enter(browser, "wang", "integrator")
    say("application", "add", "payments", "--name", "支付平台", "--unit", "财政局")
    say("application", "token", "payments", "--until", "20d")
    for key, operation in (("payments.box", "decrypt"), ("*", "envelope_open")):
        say("application", "grant", "payments", "--key", key, "--operation", operation)
    say("application", "quota", "payments", "--per-second", "200", "--per-day", "1000000")
    say("application", "add", "reports", "--name", "统计报送系统", "--unit", "统计局")
    say("application", "disable", "reports")
    for name, more in (
        ("receipt", {"use": "sign", "sign_e": True}),
        ("box", {"use": "encrypt", "export": True}),
        ("short", {"use": "seal", "days": 12, "decrypt": False}),
    ):
        ask("integrator", "POST", KEYS, {"key": f"payments.{name}", **more})
    body = {"key": "payments.receipt", "days": 20}
    ask("integrator", "POST", "v1/crypto/certificates", body)
    service.destruction("old")


@pytest.fixture
def open_as(browser: Browser, service: Service) -> Iterator[OpenAs]:
    """Opens the console as somebody."""
    with service.opening(browser) as open_one:
        yield open_one
