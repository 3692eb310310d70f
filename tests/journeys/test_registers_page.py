"""The page 台账 in a real browser: a file, its difference and two persons; assets; grants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import started
from persons import PATIENCE_MS, SMALL, SPILLS, WIDE, OpenAs, Peopled, violations
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.service

DIALOG = "dialog[open]"
WORDS = """() => {
  const copy = document.querySelector('dialog').cloneNode(true)
  copy.querySelectorAll('.mono, kbd, code, [data-given]').forEach((one) => one.remove())
  return copy.textContent
}"""
"""What the page says itself: what people and files gave is set apart as data."""
NAMES = re.compile("CSV|UTF-8|GBK|XLSX|JSON|MiB")
PAYEES = "dept_code,payee,bank,name\n01,acct-1,icbc,市财政局专户\n01,acct-2,boc,非税专户\n"
RANGES = (
    "network,kind,zone,unit,name\n10.1.0.0/16,internal,office,税务局,税务局办公网\n"
    "10.2.0.0/16,nat,server,大数据中心,政务云\n"
)
MORE_RANGES = (
    "network,kind,zone,unit,name\n10.1.0.0/16,internal,office,税务局,税务局新办公网\n"
    "10.3.0.0/16,internal,office,民政局,民政局办公网\n"
)
FILE = ("payees.csv", "text/csv", PAYEES.encode())


@dataclass(frozen=True)
class Site(Peopled):
    """A running site whose machine shows itself in its events, and people of several roles."""

    def import_file(self, person: str, register: str, text: str, **query: str) -> None:
        """A version proposed by one and not approved yet."""
        named = {"register": register, "file": f"{register}.csv", **query}
        self.ask(person, "POST", "v1/registers:import", text.encode(), **named)

    def grant(self, service: str, **more: str) -> str:
        """A grant zhang asked for; its number."""
        until = (datetime.now(UTC) + timedelta(days=800)).isoformat()
        body = {
            "requester": "civil-affairs", "service": service, "purpose": "办理低保",
            "fields": ["name", "marriage_state"], "quota_per_day": 2000, "until": until,
            "owner_unit": "civil-registry", **more,
        }  # fmt: skip
        return str(self.ask("zhang", "POST", "v1/grants", body)["id"])


def test_a_file_is_looked_at_proposed_and_approved_by_somebody_else(
    open_as: OpenAs, site: Site
) -> None:
    page = opened(open_as("zhang"), "payees")
    expect(page.locator("[data-section=rows] [data-empty]")).to_contain_text("从未批准过任何版本")
    page.locator("[data-import] summary").click()
    give(page, "payees.csv", b"dept_code,payee,valid_from\n01,,\n01,a,soon\n01,b,\n")
    faults = page.locator("[data-fault]")
    expect(faults).to_have_count(2)
    expect(faults.nth(0)).to_contain_text(re.compile("2.*收款账户.*不能为空，请填写"))
    expect(faults.nth(1)).to_contain_text("请写作 2026-01-31")
    assert violations(page) == []
    give(page, *FILE[::2])
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("新增 2 行，改动 0 行，终止 0 行")
    expect(preview.locator("[data-change=added]")).to_have_count(2)
    propose = preview.get_by_role("button", name="提出", exact=True)
    expect(propose).to_be_disabled()
    preview.get_by_label("理由").fill("财政局来函 2026-118")
    page.keyboard.press("Enter")
    expect(page.locator("[data-outcome]")).to_contain_text("须由另一人批准")
    proposal = page.locator("[data-proposal]")
    expect(proposal).to_contain_text("财政局来函 2026-118")
    expect(proposal.locator("[data-why]")).to_contain_text("您是提出人，须由另一人批准")
    expect(proposal.get_by_role("button", name="批准", exact=True)).to_have_count(0)

    second = opened(open_as("li"), "payees")
    expect(second.locator("[data-change=added]")).to_have_count(2)
    second.locator("[data-proposal]").get_by_role("button", name="批准", exact=True).click()
    confirm = second.locator("[data-confirm]")
    expect(confirm).to_be_focused()
    second.keyboard.press("Tab")
    second.keyboard.press("Enter")
    expect(second.locator("[data-outcome]")).to_contain_text("已批准，即时生效")
    expect(second.locator("[data-proposal]")).to_have_count(0)
    expect(second.locator("[data-row]")).to_have_count(2)
    expect(second.locator("[data-version]").first).to_contain_text("已批准")
    second.get_by_role("searchbox", name="按任一单元格").fill("ICBC")
    second.keyboard.press("Enter")
    expect(second.locator("[data-row]")).to_have_count(1)
    second.get_by_role("searchbox", name="按任一单元格").fill("nothing")
    second.keyboard.press("Enter")
    expect(second.locator("[data-section=rows]")).to_contain_text("没有含这些文字的行")
    with second.expect_download() as download:
        second.locator("[data-export]").click()
    assert download.value.suggested_filename == "payees.csv"
    assert "acct-2" in Path(download.value.path()).read_text("utf-8-sig")
    second.locator("[data-back]").click()
    row = second.locator("[data-register=payees]")
    expect(row).to_contain_text("版本 1")
    expect(row).to_contain_text("zhang → li")


def test_what_a_file_leaves_out_ends_unless_only_its_rows_are_meant(
    open_as: OpenAs, site: Site
) -> None:
    approve(site, "leavers", "user,left_on\nc01,2026-01-31\nc02,2026-02-28\n")
    page = opened(open_as("zhang"), "leavers")
    page.locator("[data-import] summary").click()
    give(page, "leavers.csv", b"user,left_on\nc01,2026-03-31\n")
    preview = page.locator("[data-preview]")
    expect(preview).to_contain_text("改动 1 行，终止 1 行")
    expect(preview).to_contain_text("1 行不在文件中，批准后即终止")
    expect(preview.locator("[data-change=changed] del")).to_have_text("2026-01-31")
    expect(preview.locator("[data-change=changed] ins")).to_have_text("2026-03-31")
    page.get_by_label("只更新文件中的行").check()
    expect(preview).to_contain_text("改动 1 行，终止 0 行")
    give(page, "leavers.csv", b"user,left_on\nc01,2026-01-31\n")
    expect(preview).to_contain_text("没有可提出的变化")
    expect(preview.get_by_role("button")).to_have_count(0)


def test_an_empty_table_is_exported_and_imported_so_that_rules_know_it_is_empty(
    open_as: OpenAs, site: Site
) -> None:
    page = opened(open_as("zhang"), "night_work")
    with page.expect_download() as download:
        page.get_by_role("link", name="导出空表").click()
    page.locator("[data-import] summary").click()
    give(page, "night_work.csv", Path(download.value.path()).read_bytes())
    expect(page.locator("[data-preview]")).to_contain_text("批准后即为空台账")
    page.locator("[data-preview]").get_by_label("理由").fill("没有夜班")
    page.keyboard.press("Enter")
    expect(page.locator("[data-proposal]")).to_contain_text("没有夜班")
    site.ask("li", "POST", "v1/registers/night_work/versions/1:approve")
    listed = site.ask("li", "GET", "v1/registers")["items"]
    assert [one["imported"] for one in listed if one["name"] == "night_work"] == [True]


def test_a_proposal_that_would_be_lost_is_named_and_one_may_withdraw_ones_own(
    open_as: OpenAs, site: Site
) -> None:
    site.import_file("zhang", "units", "unit,name\ntax,税务局\n", reason="第一稿")
    page = opened(open_as("li"), "units")
    page.locator("[data-import] summary").click()
    give(page, "units.csv", "unit,name\ntax,税务局\npay,支付中心\n".encode())
    expect(page.locator("[data-replaces]")).to_contain_text(
        re.compile("替换正待批准的版本 1.*zhang")
    )
    own = opened(open_as("zhang"), "units")
    own.get_by_role("button", name="撤回").click()
    own.get_by_role("button", name="确认撤回").click()
    expect(own.locator("[data-outcome]")).to_contain_text("版本 1 已撤回")
    expect(own.locator("[data-version='1']")).to_contain_text(["未批准"])


def test_an_unknown_host_is_accepted_with_its_unit_and_owner_or_set_aside_with_a_reason(
    open_as: OpenAs, site: Site
) -> None:
    page = on_tab(open_as("zhang"), "assets")
    entry = page.locator("[data-work^='unknown ']").first
    expect(entry).to_be_visible(timeout=PATIENCE_MS)
    name = entry.get_attribute("data-work")
    entry.get_by_role("button", name="搁置").click()
    confirm = page.locator("[data-confirm]")
    expect(confirm.get_by_role("button", name="搁置")).to_be_disabled()
    expect(confirm.get_by_label("理由")).to_be_focused()
    page.keyboard.press("Escape")
    expect(confirm).to_have_count(0)
    expect(entry.get_by_role("button", name="搁置")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("测试机，月底拆除")
    page.keyboard.press("Enter")
    expect(page.locator("[data-outcome]")).to_contain_text("已搁置")
    kept = page.locator(f"[data-dismissed='{name}']")
    expect(kept).to_contain_text(re.compile("测试机，月底拆除.*zhang"))
    expect(page.locator(f"[data-work='{name}']")).to_have_count(0)
    assert violations(page) == []
    kept.get_by_role("button", name="恢复").click()
    page.locator("[data-confirm]").get_by_role("button", name="恢复").click()
    expect(page.locator("[data-section=dismissed]")).to_contain_text("没有搁置的项")

    entry = page.locator(f"[data-work='{name}']")
    entry.get_by_role("button", name="接受").click()
    page.get_by_role("textbox", name="责任单位").fill("税务局")
    expect(confirm.get_by_role("button", name="提出")).to_be_disabled()
    page.get_by_role("textbox", name="责任人").fill("王工")
    page.keyboard.press("Enter")
    expect(page.locator("[data-outcome]")).to_contain_text("须由另一人批准")
    expect(entry.locator("[data-proposed]")).to_contain_text("待批准")
    second = on_tab(open_as("li"), "assets")
    second.locator("[data-waits] button").click()
    expect(second.locator("[data-change=added]")).to_contain_text("王工")
    second.locator("[data-proposal]").get_by_role("button", name="批准", exact=True).click()
    second.get_by_role("button", name="确认批准").click()
    expect(second.locator("[data-row]")).to_contain_text("税务局")


def test_a_grant_is_asked_approved_certified_and_revoked_each_step_with_who_and_when(
    open_as: OpenAs, site: Site
) -> None:
    page = on_tab(open_as("zhang"), "grants")
    expect(page.locator("[data-mode]")).to_contain_text("拒绝（closed）")
    page.locator("[data-ask] summary").click()
    until = (datetime.now(UTC) + timedelta(days=700)).date().isoformat()
    for label, text in (
        ("请求方", "civil-affairs"), ("服务", "marriage"), ("数据所有单位", "civil-registry"),
        ("用途", "办理低保"), ("字段", "name，marriage_state"), ("每日次数", "2000"),
        ("期限至", until),
    ):  # fmt: skip
        page.locator("[data-ask]").get_by_label(label).fill(text)
    page.get_by_role("button", name="提交申请").click()
    expect(page.locator("[data-outcome]")).to_contain_text("须由数据所有单位的另一人批准")
    own = page.locator("[data-grant]", has_text="civil-affairs → marriage")
    expect(own).to_contain_text("待数据所有单位批准")
    expect(own.locator("[data-why]")).to_contain_text("您是申请人")
    expect(own.get_by_role("button", name="批准")).to_have_count(0)

    owner = on_tab(open_as("owner"), "grants")
    grant = owner.locator("[data-grant]", has_text="civil-affairs → marriage")
    act(owner, grant, "批准")
    expect(owner.locator("[data-outcome]")).to_contain_text("已批准，即时生效")
    expect(grant).to_contain_text("● 有效")
    expect(grant.locator("li")).to_contain_text(
        [re.compile("申请.*zhang"), re.compile("批准.*owner")]
    )

    owner.locator("[data-check] summary").click()
    check = owner.locator("[data-check]")
    check.get_by_label("请求方").fill("civil-affairs")
    check.get_by_label("服务").fill("marriage")
    check.get_by_label("字段").fill("name")
    check.get_by_label("用途").fill("办理低保")
    owner.keyboard.press("Enter")
    verdict = owner.locator("[data-verdict]")
    expect(verdict).to_contain_text(re.compile("✓ 放行.*今日还可 2,000 次", re.S))
    check.get_by_label("字段").fill("name income")
    owner.keyboard.press("Enter")
    expect(verdict).to_contain_text(re.compile("✗ 拒绝.*含未批准的字段.*income", re.S))

    act(owner, grant, "复核")
    expect(grant.locator("li")).to_have_count(3)
    act(owner, grant, "撤销")
    expect(grant).to_contain_text("已撤销")
    expect(grant.locator("li").last).to_contain_text(re.compile("撤销.*owner"))
    expect(grant.get_by_role("button")).to_have_count(0)
    owner.keyboard.press("Escape")


def test_who_is_in_charge_of_one_unit_sees_its_grants_and_no_rows(
    open_as: OpenAs, site: Site
) -> None:
    site.grant("births")
    site.grant("deaths", owner_unit="health")
    page = on_tab(open_as("owner"), "grants")
    expect(page.locator("[data-grant]", has_text="births")).to_be_visible()
    expect(page.locator("[data-grant]", has_text="deaths")).to_have_count(0)
    page.locator("[data-tab=assets]").click()
    expect(page.locator("#register-tab-panel")).to_contain_text("只对负责全部单位的人员开放")
    page.locator("[data-tab=registers]").click()
    page.locator("[data-register=units] button").first.click()
    expect(page.locator("#register-tab-panel")).to_contain_text("只对负责全部单位的人员开放")
    expect(page.locator("[data-section=rows]")).to_have_count(0)
    expect(page.locator("[data-import]")).to_have_count(0)


def test_who_only_proposes_is_told_who_approves(open_as: OpenAs, site: Site) -> None:
    site.import_file("zhang", "matters", "app,item_code,matter\nportal,01,M-1\n")
    page = opened(open_as("integrator"), "matters")
    expect(page.locator("[data-why]")).to_contain_text("您的角色只能查看或提出")
    expect(page.locator("[data-proposal] button")).to_have_count(0)
    expect(page.locator("[data-proposal]")).to_contain_text("提出人未写理由")


def test_who_may_see_nothing_of_it_is_offered_nothing(open_as: OpenAs) -> None:
    page = open_as("system")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.locator("summary.person").click()
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    expect(page.get_by_role("button", name="台账")).to_have_count(0)
    expect(page.locator(DIALOG)).to_have_count(0)


def test_what_is_decided_meanwhile_says_so_and_what_to_do(open_as: OpenAs, site: Site) -> None:
    site.import_file("zhang", "trips", "user,country\nc01,JP\n")
    page = opened(open_as("li"), "trips")
    page.locator("[data-proposal]").get_by_role("button", name="批准", exact=True).click()
    site.ask("li", "POST", "v1/registers/trips/versions/1:refuse")
    page.get_by_role("button", name="确认批准").click()
    alert = page.locator("[data-confirm] [role=alert]")
    expect(alert).to_contain_text("没有待批准的版本 1")


def test_the_page_is_whole_in_both_languages_themes_and_sizes(open_as: OpenAs, site: Site) -> None:
    approve(site, "ip_ranges", RANGES)
    site.import_file("zhang", "ip_ranges", MORE_RANGES, reason="政务外网调整，函 2026-118")
    site.grant("pensions")
    for language, theme, viewport in (
        ("zh", "light", SMALL),
        ("zh", "dark", WIDE),
        ("en", "light", WIDE),
        ("en", "dark", SMALL),
    ):
        page = open_as("li", language=language, theme=theme, viewport=viewport)
        page.keyboard.press("g")
        page.keyboard.press("t")
        expect(page.locator("[data-register=ip_ranges]")).to_be_visible()
        whole(page, language)
        page.locator("[data-register=ip_ranges] button").first.click()
        expect(page.locator("[data-changes]")).to_be_visible()
        expect(page.locator("[data-version]").first).to_be_visible()
        page.locator("[data-import] summary").click()
        whole(page, language)
        page.locator("[data-tab=registers]").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("[data-tab=assets]")).to_be_focused()
        expect(page.locator("[data-section] [role=status]")).to_have_count(0)
        whole(page, language)
        page.keyboard.press("ArrowRight")
        expect(page.locator("[data-grant]").first).to_be_visible()
        for name in ("ask", "check"):
            page.locator(f"[data-{name}] summary").click()
        page.locator("[data-grant] button").first.click()
        whole(page, language)


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", ("从未导入", "没有待办", "没有您可见的授权")),
     ("en", ("Never imported", "Nothing to do", "No grant you may see"))],
)  # fmt: skip
def test_what_is_empty_says_what_that_means(
    open_as: OpenAs, language: str, words: tuple[str, str, str]
) -> None:
    page = open_as("li", language=language)
    page.route(
        "**/v1/assets/work?*",
        lambda route: route.fulfill(json={"items": [], "total": 0, "counts": {}}),
    )
    page.route(
        "**/v1/grants",
        lambda route: route.fulfill(json={"items": [], "next_cursor": None, "on_failure": "open"}),
    )
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.locator("[data-register=vpn_ranges]")).to_contain_text(words[0])
    page.locator("[data-tab=assets]").click()
    expect(page.locator("[data-section=work]")).to_contain_text(words[1])
    page.locator("[data-tab=grants]").click()
    expect(page.locator("[data-section=grants]")).to_contain_text(words[2])
    expect(page.locator("[data-mode]")).to_contain_text("open")
    whole(page, language)


def opened(page: Page, register: str) -> Page:
    """The page of one register, with its lists read."""
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.locator(f"[data-register={register}] button").first.click()
    expect(page.locator(f"{DIALOG} h3").first).to_be_focused()
    expect(page.locator("[data-section] [role=status]")).to_have_count(0)
    return page


def on_tab(page: Page, name: str) -> Page:
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.locator(f"[data-tab={name}]").click()
    expect(page.locator("[data-section]").first).to_be_visible()
    return page


def give(page: Page, name: str, data: bytes) -> None:
    page.locator("[data-import] input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )
    expect(page.locator("[data-file]")).to_have_text(name)


def act(page: Page, grant: Locator, word: str) -> None:
    """One step of a grant, asked once more."""
    grant.get_by_role("button", name=word, exact=True).click()
    page.locator("[data-confirm]").get_by_role("button", name=word, exact=True).click()
    expect(page.locator("[data-confirm]")).to_have_count(0)


def approve(site: Site, register: str, text: str) -> None:
    site.import_file("zhang", register, text)
    number = site.ask("zhang", "GET", f"v1/registers/{register}/versions")["items"][0]["number"]
    site.ask("li", "POST", f"v1/registers/{register}/versions/{number}:approve")


def whole(page: Page, language: str) -> None:
    assert page.evaluate(SPILLS) == []
    if language == "zh":
        assert re.findall(r"[A-Za-z]{2,}", NAMES.sub("", page.evaluate(WORDS))) == []
    assert violations(page) == []


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("registers-page")
    (folder / "log").touch()
    (folder / "data").mkdir()
    # The machine's own processes and ports are the events its assets are learned from.
    (folder / "data" / "settings.toml").write_text(
        "[sensor]\ninventory = true\n"
        f'watch = [{{ name = "idle", path = "{folder / "log"}", format = "nginx_access" }}]\n'
    )
    with started("up", data=folder / "data") as running:
        made = Site(running, {})
        furnish(browser, made)
        yield made


def furnish(browser: Browser, site: Site) -> None:
    """Two officers, somebody of one unit, and somebody who only proposes."""
    for account, person in (("sysadmin", "system"), ("secadmin", "security")):
        site.enter(browser, account, person)
    for name, shown, role, unit in (
        ("zhang", "张工", "officer", "*"),
        ("li", "李工", "officer", "*"),
        ("owner", "赵科", "system_owner", "civil-registry"),
        ("integrator", "王工", "integrator", "*"),
    ):
        account = {"name": name, "display_name": shown}
        made = site.ask("system", "POST", "v1/users", account)
        rights = {"roles": [role], "units": [unit]}
        site.ask("security", "PUT", f"v1/users/{made['id']}/roles", rights)
        site.enter(browser, name, name)


@pytest.fixture
def open_as(browser: Browser, site: Site) -> Iterator[OpenAs]:
    """Opens the console as somebody."""
    with site.opening(browser) as open_one:
        yield open_one
