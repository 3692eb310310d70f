"""Canonical: the set of final alerts as bytes, the same wherever and however often it was made.

Two runs over the same sealed batches and control log agree exactly if these bytes do, whatever
the order of arrival, the number of workers and their crashes. Alerts of the platform about
itself stand outside the set, and so do closings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from crypto import sm3
from schema.alert import Alert, canonical

PLATFORM: Final = "platform."
"""Rules of the platform about itself."""


def canonical_set(alerts: Iterable[Alert]) -> bytes:
    """The final ones among these alerts, each a line of canonical JSON, in the order of the lines.

    ``alerts`` are those that stand after all revisions, each once.
    """
    lines = sorted(
        canonical(alert)
        for alert in alerts
        if alert.state == "final" and not alert.rule_id.startswith(PLATFORM)
    )
    return b"".join(line + b"\n" for line in lines)


def digest(alerts: Iterable[Alert]) -> str:
    """SM3 of :func:`canonical_set`, hex."""
    return sm3.digest(canonical_set(alerts)).hex()
