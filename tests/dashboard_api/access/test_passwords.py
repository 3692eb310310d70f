import time
from statistics import median

import pytest

from dashboard_api.access import passwords
from schema.errors import FengsuiError

GOOD = "correct horse battery"


@pytest.mark.parametrize(
    "password", ["", "short", "elevenchars", "x" * 129, "my officer is good", "aaaaabbbbbcc"]
)
def test_a_weak_password_is_refused(password):
    with pytest.raises(FengsuiError) as caught:
        passwords.check_new(password, "officer")
    assert caught.value.code == "dashboard_api.password.weak"
    assert password not in str(caught.value) or password in ("", "short")


def test_a_long_enough_password_is_taken_in_any_script():
    passwords.check_new(GOOD, "officer")
    passwords.check_new("床前明月光疑是地上霜举头", "officer")


def test_a_password_matches_its_hash_only():
    stored = passwords.hash_new(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(stored, GOOD)
    assert not passwords.matches(stored, GOOD + "x")
    assert not passwords.matches(None, GOOD)
    assert not passwords.matches("not a hash", GOOD)


def test_an_unknown_name_takes_as_long_as_a_known_one():
    stored = passwords.hash_new(GOOD)

    def seconds(known):
        began = time.process_time()
        passwords.matches(known, "another password")
        return time.process_time() - began

    pairs = [(seconds(stored), seconds(None)) for _ in range(5)]
    assert 0.4 < median(one[1] for one in pairs) / median(one[0] for one in pairs) < 2.5
