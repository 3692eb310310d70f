import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin import START

from dashboard_api.access import sessions
from dashboard_api.access.roles import Role


@pytest.fixture
def begun(site):
    user = site.user("zhang", Role.VIEWER)
    return site.database.write(
        lambda state: sessions.begin(state, "secret", user_id=user.id, now=START, by_link=False)
    )


def find(site, token, now):
    with site.database.read() as state:
        return sessions.find(state, token, now)


def test_a_session_is_found_by_its_token_and_the_token_is_not_stored(site, begun):
    assert find(site, "secret", START) == begun
    assert b"secret" not in site.database.path.read_bytes()
    wal = site.database.path.with_name("state.db-wal")
    assert b"secret" not in wal.read_bytes()


def test_a_session_ends_after_thirty_idle_minutes(site, begun):
    assert find(site, "secret", START + sessions.IDLE_US - 1)
    assert find(site, "secret", START + sessions.IDLE_US) is None


def test_a_session_in_use_ends_after_twelve_hours(site, begun):
    late = START + sessions.LIFE_US - 1
    site.database.write(lambda state: sessions.touch(state, begun, late))
    assert find(site, "secret", late)
    assert find(site, "secret", late + 1) is None


def test_ended_sessions_are_forgotten_when_one_begins(site, begun):
    later = START + sessions.IDLE_US
    site.database.write(
        lambda state: sessions.begin(
            state, "another", user_id=begun.user_id, now=later, by_link=True
        )
    )
    with site.database.read() as state:
        assert state.execute("SELECT count(*) FROM sessions").fetchone()[0] == 1


def test_all_sessions_but_one_end(site, begun):
    def job(state):
        kept = sessions.begin(state, "kept", user_id=begun.user_id, now=START, by_link=False)
        sessions.end_all(state, begun.user_id, keep=kept.token)

    site.database.write(job)
    assert find(site, "kept", START)
    assert find(site, "secret", START) is None


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50
)
@given(token=st.text(max_size=200) | st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF))
def test_no_other_token_finds_the_session(site, begun, token):
    if token != "secret":
        assert find(site, token, START) is None
