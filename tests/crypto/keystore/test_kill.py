"""kill -9 in the middle of any rotation loses no key: a real child, killed at random moments."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crypto import sm3

CHILD = Path(__file__).with_name("rotating.py")
ROOT = Path(__file__).resolve().parents[3]
ROUNDS, ROUNDS_LONG = 10, 200


def run_until_killed(place, choose):
    """Start the child, kill it at a random moment after it opened, return the lines it wrote."""
    seed = choose.randrange(2**32)
    child = subprocess.Popen(
        [sys.executable, CHILD, place, str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(choose.uniform(0, 0.25))
        child.send_signal(signal.SIGKILL)
        output, errors = child.communicate(timeout=30)
    assert first == "open\n", errors
    assert child.returncode == -signal.SIGKILL, errors
    # The last line may be cut; what it says is then not counted on.
    return [line for line in output.splitlines(keepends=True) if line.endswith("\n")]


def check(opened, kept):
    """Every version that was ever reported opens with the secret it had, and all others open."""
    store = opened()
    for (key_id, version), digest in kept.items():
        assert sm3.digest(bytes(store.export(key_id, version))).hex() == digest
    for key in store.all_keys():
        assert [one.number for one in key.versions] == list(range(1, key.latest.number + 1))
        for one in key.versions:
            store.export(key.id, one.number)
    store.close()


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(ROUNDS_LONG, marks=pytest.mark.long)])
def test_no_key_is_lost(place, opened, rounds):
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    choose = random.Random(seed)
    kept, masters, done = {}, 0, 0
    # On a very slow disk ten short lives may not see one change of the master key: go on then.
    while done < rounds or (not masters and done < 5 * rounds):
        done += 1
        place.parent.mkdir(mode=0o700, exist_ok=True)
        for line in run_until_killed(place, choose):
            words = line.split()
            if words[0] == "master":
                masters += 1
            else:
                kept[words[1], int(words[2])] = words[3]
        check(opened, kept)
    assert masters > 0
    assert kept
