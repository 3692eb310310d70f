import pytest

from dashboard_api.access.roles import Role
from dashboard_api.audit import Act


@pytest.fixture
def auditor(site):
    return site.browser(Role.AUDIT_ADMIN)


def test_the_chain_is_read_newest_first_and_page_by_page(site, auditor):
    for number in range(5):
        site.audit.record(Act("officer", "event.prove", str(number)), "done")
    first = auditor.get("/v1/audit", params={"limit": 4}).json()
    assert [item["object"] for item in first["items"]] == ["4", "3", "2", "1"]
    more = {"limit": 4, "cursor": first["next_cursor"]}
    second = auditor.get("/v1/audit", params=more).json()
    assert [item["n"] for item in second["items"]] == [3, 2, 1]
    assert second["next_cursor"] is None
    assert first["items"][0]["previous"] == first["items"][1]["hash"]


def test_a_last_page_that_is_full_has_no_next_one(site, auditor):
    entries = auditor.get("/v1/audit").json()["items"]
    page = auditor.get("/v1/audit", params={"limit": len(entries)}).json()
    assert page["next_cursor"] is None


def test_verifying_says_whole_or_where_it_breaks(site, auditor):
    assert auditor.get("/v1/audit/verify").json() == {"entries": 2, "ok": True, "broken_at": None}

    def forge(state):
        state.execute("DROP TRIGGER audit_is_not_changed")
        state.execute("UPDATE audit SET entry = replace(entry, 'user.link', 'user.rest')")

    site.database.write(forge)
    report = auditor.get("/v1/audit/verify").json()
    assert report == {"entries": 1, "ok": False, "broken_at": 2}


def test_nobody_else_reads_it(site):
    for role in set(Role) - {Role.AUDIT_ADMIN}:
        browser = site.browser(role)
        assert browser.get("/v1/audit").status_code == 403
        assert browser.get("/v1/audit/verify").status_code == 403
