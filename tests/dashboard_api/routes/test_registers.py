"""A register is changed by two persons over the API, with the difference before their eyes."""

import pytest
from standin import problem

from dashboard_api.access.roles import Role

FILE = b"dept_code,payee,bank\n01,acct-1,icbc\n01,acct-2,boc\n"
IMPORT = "/v1/registers:import"
NAMES = {"register": "payees", "file": "payees.csv"}
VERSION = "/v1/registers/payees/versions"


@pytest.fixture
def zhang(site):
    return site.officer()


@pytest.fixture
def li(site, zhang):
    return site.officer()


def hand_in(person, data=FILE, **more):
    return person.post(IMPORT, params={**NAMES, **more}, content=data)


def test_registers_are_listed_with_their_columns(zhang):
    listed = {one["name"]: one for one in zhang.get("/v1/registers").json()["items"]}
    assert listed["payees"]["key"] == ["dept_code", "payee"]
    assert listed["payees"]["imported"] is False
    assert {one["name"]: one["person"] for one in listed["decoys"]["columns"]}["subject"] is True


def test_a_file_is_a_proposal_until_somebody_else_approves_it(site, zhang, li):
    answer = hand_in(zhang)
    assert answer.status_code == 201
    proposal = answer.json()
    assert [(one["kind"], one["key"]) for one in proposal["changes"]] == [
        ("added", ["01", "acct-1"]),
        ("added", ["01", "acct-2"]),
    ]
    assert (proposal["version"]["state"], proposal["left_out"]) == ("proposed", 0)
    assert li.get(f"{VERSION}/1/difference").json() == proposal
    assert zhang.get("/v1/registers/payees/rows").json()["items"] == []

    own = zhang.post(f"{VERSION}/1:approve")
    assert problem(own) == (403, "collector.register.self")
    approved = li.post(f"{VERSION}/1:approve").json()
    assert (approved["state"], approved["approved_by"]) == ("approved", "u1")
    assert site.noted == 1
    rows = zhang.get("/v1/registers/payees/rows").json()["items"]
    assert [(one["key"], one["fields"]) for one in rows] == [
        (["01", "acct-1"], {"bank": "icbc"}),
        (["01", "acct-2"], {"bank": "boc"}),
    ]
    assert [act for act in site.acts() if act[1].startswith("register.")] == [
        ("u0", "register.propose", "payees", "begun"),
        ("u0", "register.propose", "payees", "done"),
        ("u0", "register.apply", "payees 1", "begun"),
        ("u0", "register.apply", "payees 1", "refused"),
        ("u1", "register.apply", "payees 1", "begun"),
        ("u1", "register.apply", "payees 1", "done"),
    ]


def test_the_difference_names_what_changes_and_what_ends(zhang, li):
    hand_in(zhang)
    li.post(f"{VERSION}/1:approve")
    changed = hand_in(zhang, b"dept_code,payee,bank\n01,acct-1,abc\n").json()
    assert [(one["kind"], one["before"], one["after"]) for one in changed["changes"]] == [
        ("changed", {"bank": "icbc"}, {"bank": "abc"}),
        ("ended", {"bank": "boc"}, {}),
    ]


def test_of_many_changes_the_first_are_shown_and_the_rest_counted(zhang):
    rows = "".join(f"01,acct-{n},boc\n" for n in range(250))
    told = hand_in(zhang, b"dept_code,payee,bank\n" + rows.encode()).json()
    assert (len(told["changes"]), told["left_out"], told["version"]["added"]) == (100, 150, 250)


def test_a_refused_proposal_stays_in_the_history_and_holds_nothing(zhang, li):
    hand_in(zhang)
    assert li.post(f"{VERSION}/1:refuse").json()["refused_by"] == "u1"
    assert problem(li.post(f"{VERSION}/1:approve")) == (409, "collector.register.no_proposal")
    (version,) = zhang.get(VERSION).json()["items"]
    assert (version["state"], version["refused_by"]) == ("refused", "u1")


def test_rows_come_in_pages_and_a_strange_cursor_is_refused(zhang, li):
    hand_in(zhang)
    li.post(f"{VERSION}/1:approve")
    first = zhang.get("/v1/registers/payees/rows", params={"limit": 1}).json()
    rest = zhang.get("/v1/registers/payees/rows", params={"cursor": first["next_cursor"]}).json()
    assert [one["key"][1] for one in first["items"] + rest["items"]] == ["acct-1", "acct-2"]
    assert rest["next_cursor"] is None
    answer = zhang.get("/v1/registers/payees/rows", params={"cursor": "{"})
    assert problem(answer) == (400, "collector.register.cursor")


def test_an_export_imports_again_and_is_audited(site, zhang, li):
    hand_in(zhang)
    li.post(f"{VERSION}/1:approve")
    exported = zhang.get("/v1/registers/payees:export")
    assert exported.headers["content-type"].startswith("text/csv")
    assert problem(hand_in(zhang, exported.content, only_these="true")) == (
        409,
        "collector.register.unchanged",
    )
    assert ("u0", "register.export", "payees", "done") in site.acts()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"dept_code,colour\n", "collector.register.column"),
        (b"dept_code,payee\n01\n", "collector.register.file"),
        (b"dept_code,payee\n01,\n", "collector.register.cell"),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(zhang, data, code):
    answer = hand_in(zhang, data)
    assert problem(answer) == (422, code)
    assert answer.json()["params"]["file"] == "payees.csv"


def test_who_is_not_in_charge_of_every_unit_neither_reads_rows_nor_decides(site, zhang):
    hand_in(zhang)
    tax = site.officer(units=("tax",))
    for answer in (
        tax.get("/v1/registers/payees/rows"),
        tax.get("/v1/registers/payees:export"),
        tax.post(f"{VERSION}/1:approve"),
        tax.post(f"{VERSION}/1:refuse"),
        hand_in(tax),
    ):
        assert problem(answer) == (403, "dashboard_api.unit.foreign")


def test_who_may_only_propose_does_not_approve(site, zhang):
    hand_in(zhang)
    integrator = site.browser(Role.INTEGRATOR)
    answer = integrator.post(f"{VERSION}/1:approve")
    assert problem(answer) == (403, "dashboard_api.permission.missing")
    assert problem(site.browser(Role.VIEWER).get("/v1/registers"))[0] == 403


PREVIEW = "/v1/registers:preview"


def look(person, data, **more):
    return person.post(PREVIEW, params={**NAMES, **more}, content=data)


def test_a_preview_tells_the_difference_and_keeps_nothing(zhang, li):
    hand_in(zhang, reason="财政局来函")
    li.post(f"{VERSION}/1:approve")
    told = look(zhang, b"dept_code,payee,bank\n01,acct-1,abc\n02,acct-3,boc\n").json()
    assert (told["added"], told["changed"], told["ended"], told["faults"]) == (1, 1, 1, [])
    assert {one["kind"] for one in told["changes"]} == {"added", "changed", "ended"}
    assert told["replaces"] is None
    (version,) = zhang.get(VERSION).json()["items"]
    assert (version["number"], version["reason"]) == (1, "财政局来函")
    assert look(zhang, FILE).json()["changes"] == []


def test_a_preview_names_the_proposal_it_would_take_the_place_of(zhang, li):
    hand_in(zhang)
    replaced = look(li, FILE).json()["replaces"]
    assert (replaced["number"], replaced["proposed_by"]) == (1, "u0")


@pytest.mark.parametrize(
    ("language", "empty", "date"),
    [("zh-CN", "不能为空，请填写", "请写作 2026-01-31"), ("en", "must not be empty", "2026-01-31")],
)
def test_every_faulty_row_is_named_with_its_place_and_what_to_do(zhang, language, empty, date):
    data = b"dept_code,payee,valid_from\n01,,\n01,a,\n01,b,soon\n"
    answer = zhang.post(PREVIEW, params=NAMES, content=data, headers={"accept-language": language})
    told = answer.json()
    assert [(one["line"], one["column"]) for one in told["faults"]] == [
        (2, "payee"),
        (4, "valid_from"),
    ]
    assert told["faults"][0]["detail"] == empty
    assert date in told["faults"][1]["detail"]
    assert told["changes"] == []


def test_a_file_with_faults_everywhere_tells_a_hundred_and_an_unreadable_one_its_place(zhang):
    told = look(zhang, b"dept_code,payee\n" + b"01,\n" * 3000).json()
    assert len(told["faults"]) == 100
    (broken,) = look(zhang, b"dept_code,payee\n01\n").json()["faults"]
    assert (broken["code"], broken["line"]) == ("collector.register.file", 2)
    (twice,) = look(zhang, b"dept_code,payee\n01,a\n01,a\n").json()["faults"]
    assert (twice["code"], twice["line"]) == ("collector.register.overlap", 3)


def test_rows_are_found_by_words_in_any_cell_and_counted(zhang, li):
    hand_in(zhang)
    li.post(f"{VERSION}/1:approve")
    found = zhang.get("/v1/registers/payees/rows", params={"text": "ICBC 01"}).json()["items"]
    assert [one["key"] for one in found] == [["01", "acct-1"]]
    assert zhang.get("/v1/registers/payees/rows", params={"text": "nobody"}).json()["items"] == []
    listed = {one["name"]: one for one in zhang.get("/v1/registers").json()["items"]}
    assert (listed["payees"]["rows"], listed["units"]["rows"]) == (2, 0)


def test_who_may_not_propose_previews_nothing(site):
    tax = site.officer(units=("tax",))
    assert problem(look(tax, FILE)) == (403, "dashboard_api.unit.foreign")
    assert problem(look(site.browser(Role.VIEWER), FILE))[0] == 403
