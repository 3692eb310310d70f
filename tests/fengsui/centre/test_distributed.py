"""A site on a bus decides what the site in one process decides, and keeps the same evidence."""

from pathlib import Path

import journey
from centre_world import Workers, carry_through, new_bus, open_recording

from fengsui.evidence import verify_folder
from fengsui.folder import DataFolder


def test_final_alerts_are_those_of_the_site_in_one_process(
    tmp_path: Path, evening: Path, evening_folder: Path
) -> None:
    bus = new_bus()
    workers = Workers(bus)
    site = open_recording(tmp_path, evening, bus)
    try:
        carry_through(site, workers)
    finally:
        site.close()
    assert journey.final(tmp_path) == journey.final(evening_folder)
    assert not verify_folder(DataFolder(tmp_path)).findings
