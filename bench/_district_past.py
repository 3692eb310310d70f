"""What a hundred ordinary days before a recorded week taught the rules, as the week's own file.

``python bench/_district_past.py range/recordings/district-week`` generates those days anew from the
seed that the recording's labels name, writes ``warmup.zst`` into it and sums it up.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

# In place of this folder, whose benchmarks have the names of other things.
_ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[0] = str(_ROOT)
sys.path.append(str(_ROOT / "range"))

from living import week  # noqa: E402

from analytics import warmup  # noqa: E402
from bench._district_feed import NAMES, Wanted  # noqa: E402
from bench._district_judge import past  # noqa: E402

WARMUP: Final = "warmup.zst"


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    seed: int
    volume: float
    warm_up_days: int
    measured_days: int
    first_day: str


class _Labels(msgspec.Struct, frozen=True, kw_only=True):
    recording: _Facts


def main() -> None:
    """Write the file beside the labels."""
    folder = Path(sys.argv[1])
    facts = msgspec.json.decode((folder / "labels.json").read_bytes(), type=_Labels).recording
    began = time.monotonic()
    engine = past(
        Wanted(
            systems=NAMES,
            seed=facts.seed,
            volume=facts.volume,
            warm_up=facts.warm_up_days,
            measured=facts.measured_days,
            scenario="",
            view="all",
            first=dt.date.fromisoformat(facts.first_day),
        )
    )
    raw = warmup.pack(engine)
    (folder / WARMUP).write_bytes(raw)
    week.sums(folder)
    print(f"{len(raw)} bytes in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
