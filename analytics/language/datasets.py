"""Datasets: the log sources of a site's own pipeline, asked by the parts a rule names."""

from __future__ import annotations

from functools import cache

from analytics.language.pipeline import LogSource, Route, pipeline
from schema.fields import catalogue, is_open


def route(*, product: str, category: str, service: str) -> Route | None:
    """What a log source means, or None where no source of ours delivers it."""
    return pipeline().route(LogSource(product=product, category=category, service=service))


def field_name(dataset: str, name: str) -> str | None:
    """Our name of a field as a rule writes it, or None where there is no such field."""
    if name in catalogue() or is_open(name):
        return name
    return _names(dataset).get(name)


def placeholder(name: str) -> tuple[str, ...] | None:
    """The values a site gives ``%name%`` in rules, or None where it gives none."""
    return pipeline().placeholder(name)


@cache
def _names(dataset: str) -> dict[str, str]:
    return pipeline().names_of(dataset)
