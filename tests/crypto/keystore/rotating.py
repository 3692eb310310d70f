"""A child that makes, rotates and reseals keys until it is killed; run by ``test_kill.py``.

It writes one line for each thing that is done: what its parent may count on from then on.
"""

import os
import random
import sys
import time
from pathlib import Path

from crypto import sm3
from crypto.keystore.master import FileMaster
from crypto.keystore.model import Policy, Use
from crypto.keystore.store import KeyStore


class Clock:
    def now(self) -> int:
        return time.time_ns() // 1000


class Dice:
    def take(self, size: int) -> bytes:
        return os.urandom(size)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(path: Path, seed: int) -> None:
    choose = random.Random(seed)
    store = KeyStore(path, FileMaster(path.with_name("master.key")), clock=Clock(), entropy=Dice())
    say("open")
    while True:
        step = choose.random()
        known = [key.id for key in store.all_keys()]
        if step < 0.2 and len(known) < 12:
            use = choose.choice(list(Use))
            key = store.create(f"{use.value}-{len(known)}", use, Policy(export=True))
        elif step < 0.6 and known:
            key = store.rotate(choose.choice(known))
        else:
            store.rotate_master()
            say("master")
            continue
        digest = sm3.digest(bytes(store.export(key.id, key.latest.number))).hex()
        say(f"key {key.id} {key.latest.number} {digest}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
