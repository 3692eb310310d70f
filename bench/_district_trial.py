"""One run of the district with everything an author of rules wants to see.

``python bench/_district_trial.py --systems certificates --seed 3 --volume 1 --use-cases EC01,EC02``
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import time
from collections import Counter
from pathlib import Path

# In place of this folder, whose benchmarks have the names of other things.
sys.path[0] = str(Path(__file__).resolve().parent.parent)


from bench._district_feed import FIRST_DAY, NAMES, Wanted  # noqa: E402
from bench._district_judge import judge  # noqa: E402
from schema.times import to_text  # noqa: E402


def main() -> None:
    """Print labels, what was found, and every alert on nothing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--systems", default=",".join(NAMES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--volume", type=float, default=1.0)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--view", default="all")
    parser.add_argument("--scenario", default="", choices=("", "drift", "campaign", "new_office"))
    parser.add_argument("--use-cases", default="")
    parser.add_argument("--first", type=dt.date.fromisoformat, default=FIRST_DAY)
    given = parser.parse_args()
    began = time.monotonic()
    verdict = judge(
        Wanted(
            systems=tuple(given.systems.split(",")),
            seed=given.seed,
            volume=given.volume,
            warm_up=given.warm_up,
            measured=given.days,
            scenario=given.scenario,
            view=given.view,
            first=given.first,
        ),
        only=tuple(filter(None, given.use_cases.split(","))),
    )
    for label in sorted(verdict.labels):
        alert = verdict.found.get(label.id)
        said = f"{alert.rule_id} at {to_text(alert.decided_at)}" if alert else "-"
        wrong = "MISSED" if label.kind == "attack" and not alert else ""
        print(
            f"{label.id:12} {label.kind:7} {label.strength:5} {to_text(label.start)} {said} {wrong}"
        )
    for alert in verdict.false:
        print(
            f"FALSE {alert.rule_id} {alert.entity_field}={alert.entity} {to_text(alert.decided_at)}"
        )
    attacks = [label for label in verdict.labels if label.kind == "attack"]
    caught = sum(label.id in verdict.found for label in attacks)
    claimed = [x.id for x in verdict.labels if x.kind == "below" and x.id in verdict.found]
    print(f"attacks found {caught} of {len(attacks)}; below the threshold but claimed: {claimed}")
    print(f"false {len(verdict.false)} in {verdict.days} days:",
          dict(Counter(alert.rule_id for alert in verdict.false)))  # fmt: skip
    print("alerts of the warm-up:", dict(verdict.warm_up_alerts.most_common(20)))
    print("look-alikes:", dict(sorted(verdict.lookalikes.items())))
    print(f"{verdict.events} events, {verdict.events_per_day} on the busiest measured day, "
          f"{verdict.unparsed} unparsed, {time.monotonic() - began:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
