"""Pipeline: what a rule's log source means here: which datasets, which events of them, which names.

The tables are data: one TOML file a product under ``analytics/pipelines``, described in
``docs/contributor/sigma.md``. ``site`` is every source a site can have; ``identity`` reads
public recordings under the names they came with.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from analytics.expression import Atom, Node, Some, conjunction
from schema.errors import FengsuiError
from schema.event import DATASET
from schema.fields import catalogue, is_open

SITE: Final = "site"
IDENTITY: Final = "identity"

_ANY: Final = "*"
"""In a ``where``: the field is there, whatever its value."""


class LogSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule says its events come from; a ``definition`` is for people and not read."""

    product: str = ""
    category: str = ""
    service: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.product, self.category, self.service))) or "(empty)"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """What a log source means."""

    datasets: tuple[str, ...]
    only: Node | None
    """What an event must meet beside the rule's condition; None where every event will do."""
    names: dict[str, str]
    others: str | None
    """What is put before a name that neither table nor catalogue has; None where it is refused."""

    def field_name(self, name: str) -> str | None:
        """Our name of a field as a rule writes it, or None where there is no such field."""
        if name in catalogue() or is_open(name):
            return name
        found = self.names.get(name)
        if found is not None:
            return found
        return None if self.others is None else self.others + name


class _Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dataset: str
    where: dict[str, tuple[str | int, ...]] = {}


class _Source(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"origins": "from"},
):
    product: str = ""
    category: str = ""
    service: str = ""
    names: tuple[str, ...] = ()
    origins: tuple[_Origin, ...]


class _File(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"sources": "source"},
):
    pipeline: str
    others: str | None = None
    unlisted: str = ""
    placeholders: dict[str, tuple[str, ...]] = {}
    names: dict[str, dict[str, str]] = {}
    sources: tuple[_Source, ...] = ()


class Pipeline:
    """The log sources of one pipeline, from its files."""

    def __init__(self, files: tuple[_File, ...]) -> None:
        self._routes: dict[LogSource, Route] = {}
        self._unlisted = next((file.unlisted for file in files if file.unlisted), "")
        self._placeholders: dict[str, tuple[str, ...]] = {}
        for file in files:
            self._placeholders.update(file.placeholders)
            for source in file.sources:
                key = LogSource(
                    product=source.product, category=source.category, service=source.service
                )
                self._routes[key] = _route(file, source)

    def route(self, source: LogSource) -> Route | None:
        """What the log source means, or None where no source here delivers it.

        A rule's service must be listed, else its category: a product alone never stands for one of
        its logs. Where both are listed apart, an event must be of both.
        """
        product, category, service = source.product, source.category, source.service
        found = None
        if service:
            found = self._first(
                (product, category, service), (product, "", service), ("", category, service)
            )
            if found and category:
                found = _both(found, self._first((product, category, "")))
        elif category:
            found = self._first((product, category, ""), ("", category, ""))
        elif product:
            found = self._first((product, "", ""))
        return self._from_event(source) if found is None and self._unlisted else found

    def placeholder(self, name: str) -> tuple[str, ...] | None:
        """The values of ``%name%``, as Sigma writes strings; None where it has none."""
        return self._placeholders.get(name)

    def datasets(self) -> tuple[str, ...]:
        """All datasets a rule of this pipeline may be asked of, in order."""
        found = {dataset for route in self._routes.values() for dataset in route.datasets}
        return tuple(sorted(found))

    def names_of(self, dataset: str) -> dict[str, str]:
        """Every name that any rule over the dataset may use, and what it means."""
        names: dict[str, str] = {}
        for route in self._routes.values():
            if dataset in route.datasets:
                names.update(route.names)
        return names

    def _first(self, *keys: tuple[str, str, str]) -> Route | None:
        for product, category, service in keys:
            key = LogSource(product=product, category=category, service=service)
            if key in self._routes:
                return self._routes[key]
        return None

    def _from_event(self, source: LogSource) -> Route:
        """Where the event itself says what log it is of."""
        given = msgspec.structs.asdict(source).items()
        parts = tuple(Atom(f"logsource.{name}", "equals", value) for name, value in given if value)
        return Route(
            datasets=(self._unlisted,),
            only=conjunction(parts or (Atom("logsource.product", "exists"),)),
            names={},
            others="",
        )


def _both(service: Route, category: Route | None) -> Route:
    if category is None:
        return service
    parts = tuple(only for only in (service.only, category.only) if only is not None)
    return Route(
        datasets=service.datasets,
        only=conjunction(parts) if parts else None,
        names={**service.names, **category.names},
        others=service.others,
    )


def _route(file: _File, source: _Source) -> Route:
    datasets = tuple(dict.fromkeys(origin.dataset for origin in source.origins))
    alternatives = []
    for origin in source.origins:
        parts: list[Node] = [_any_of(name, values) for name, values in origin.where.items()]
        if len(datasets) > 1:
            parts.insert(0, Atom(DATASET, "equals", origin.dataset))
        alternatives.append(conjunction(tuple(parts)) if parts else None)
    nodes = tuple(node for node in alternatives if node is not None)
    only: Node | None = None
    if len(nodes) == len(alternatives):
        only = nodes[0] if len(nodes) == 1 else Some(nodes)
    names: dict[str, str] = {}
    for table in source.names:
        if table not in file.names:
            raise FengsuiError(
                "analytics.pipeline.malformed", f"a pipeline file has no table of names {table!r}"
            )
        names.update(file.names[table])
    return Route(datasets=datasets, only=only, names=names, others=file.others)


def _any_of(name: str, values: tuple[str | int, ...]) -> Node:
    atoms = tuple(
        Atom(name, "number", value)
        if isinstance(value, int)
        else Atom(name, "exists")
        if value == _ANY
        else Atom(name, "equals", value)
        for value in values
    )
    return atoms[0] if len(atoms) == 1 else Some(atoms)


def read_files(texts: Iterable[str], name: str) -> Pipeline:
    """The pipeline of that name in these files; raises ``analytics.pipeline.malformed``."""
    files = []
    for text in texts:
        try:
            files.append(msgspec.convert(tomllib.loads(text), _File))
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise FengsuiError(
                "analytics.pipeline.malformed", f"a pipeline file is not sound: {error}"
            ) from error
    return Pipeline(tuple(file for file in files if file.pipeline == name))


@cache
def pipeline(name: str = SITE) -> Pipeline:
    """The shipped pipeline of that name."""
    folder = resources.files("analytics").joinpath("pipelines")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    shipped = [entry.read_text("utf-8") for entry in entries if entry.name.endswith(".toml")]
    return read_files(shipped, name)
