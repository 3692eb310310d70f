"""A centre in a process of its own, so that it can be killed, and refused room on its disk.

Run as ``python centre_process.py DIR SETTINGS SENSORS``; told by lines what to do.
"""

import json
import resource
import sys
from pathlib import Path

import msgspec

from crypto import sm2
from fengsui.folder import DataFolder
from fengsui.settings import Settings
from fengsui.wiring import Site, open_site


def main() -> None:
    folder, settings, sensors = sys.argv[1:]
    site = open_site(
        DataFolder(Path(folder)), msgspec.json.decode(settings, type=Settings), watch_host=False
    )
    for name, point in json.loads(sensors).items():
        site.enrolments.add_local(name, "unit", key=sm2.PublicKey(bytes.fromhex(point)))
    site.pipeline.start()
    site.centre.arrivals.start()
    say({"ready": True})
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "full":
            # No file of this process grows past this: each write is refused as on a full disk.
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(number), resource.RLIM_INFINITY))
        elif word == "free":
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        elif word == "end":
            break
        say(state_of(site))
    site.close()


def state_of(site: Site) -> dict[str, object]:
    failures = [site.pipeline.failure, site.centre.arrivals.failure]
    return {
        "events": {one.name: one.events for one in site.intake.status()},
        "failure": " / ".join(str(one) for one in failures if one is not None),
    }


def say(what: dict[str, object]) -> None:
    print(json.dumps(what, ensure_ascii=False), flush=True)  # noqa: T201 - its way to answer


if __name__ == "__main__":
    main()
