"""Metrics: counters of this process in Prometheus text form; names come from one data file."""

from __future__ import annotations

import threading
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric of the data file."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...]


@cache
def catalogue() -> dict[str, Metric]:
    """All metrics by name."""
    text = resources.files("dashboard_api").joinpath("metrics.toml").read_text("utf-8")
    return {
        name: Metric(
            name=name, type=one["type"], help=one["help"], labels=tuple(one.get("labels", ()))
        )
        for name, one in tomllib.loads(text).items()
    }


class Metrics:
    """Values by metric and labels; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, tuple[str, ...]], int] = {}

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Raise a counter."""
        key = _key(name, labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0) + amount

    def set(self, name: str, value: int, **labels: str) -> None:
        """Set a gauge, or a counter that is kept elsewhere."""
        with self._lock:
            self._values[_key(name, labels)] = value

    def text(self, prefix: str = "") -> str:
        """Metrics of that prefix in the exposition format; without a value 0 where unlabelled."""
        with self._lock:
            values = dict(self._values)
        lines: list[str] = []
        for metric in catalogue().values():
            if not metric.name.startswith(prefix):
                continue
            lines.append(f"# HELP {metric.name} {metric.help}")
            lines.append(f"# TYPE {metric.name} {metric.type}")
            found = sorted(
                (key[1], value) for key, value in values.items() if key[0] == metric.name
            )
            if not found and not metric.labels:
                found = [((), 0)]
            lines.extend(f"{metric.name}{_labels(metric, given)} {value}" for given, value in found)
        return "\n".join(lines) + "\n"


def _key(name: str, labels: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    return name, tuple(labels[label] for label in catalogue()[name].labels)


def _labels(metric: Metric, given: tuple[str, ...]) -> str:
    if not given:
        return ""
    pairs = zip(metric.labels, given, strict=True)
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs) + "}"
