"""Collection: the Sigma files of a tree, compiled together.

Rules, filters and correlations may stand in one file or in many, in any order: filters are applied
to the rules they name, and correlations find theirs by id or name. What cannot be evaluated is
listed with file, line and reason; a correlation whose rule is refused is refused with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from analytics.expression import Node, conjunction
from analytics.language.pipeline import LogSource, Pipeline, Route, pipeline
from analytics.language.rulefile import Plain
from analytics.sigma import attack, correlation, documents, filters
from analytics.sigma.attack import Tags
from analytics.sigma.correlation import Correlation, Head, Named
from analytics.sigma.detection import check_rule, compile_detection
from analytics.sigma.documents import Document
from analytics.sigma.filters import Filter
from analytics.sigma.lines import located, pointer, refused, within
from analytics.sigma.modifiers import Placeholder
from schema.errors import FengsuiError

DEPTH_MAX: Final = 4
"""Correlations over correlations: each waits for the one below to be final."""

_OWN: Final = "fengsui"
"""The key of our own extension, which is none of Sigma's."""


class SigmaRule(msgspec.Struct, frozen=True, kw_only=True):
    """A Sigma rule, compiled; author and licence go with it."""

    path: str
    id: str
    name: str = ""
    title: str
    description: str = ""
    level: str = "medium"
    status: str = ""
    author: str = ""
    license: str = ""
    tags: Tags = Tags()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    logsource: LogSource
    datasets: tuple[str, ...]
    condition: Node
    filtered_by: tuple[str, ...] = ()
    """Filters that narrow it, by id."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is not used, where it stands, and why."""

    path: str
    line: int
    reason: str


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """What a tree of files came to, each in the order it was read."""

    rules: tuple[SigmaRule, ...]
    correlations: tuple[Correlation, ...]
    refused: tuple[Refusal, ...]


def compile_files(
    files: Iterable[tuple[str, bytes]],
    *,
    sources: Pipeline | None = None,
    placeholder: Placeholder | None = None,
) -> Collection:
    """The files of a tree, as (path, bytes); ``sources`` is the site's pipeline unless given.

    Placeholders have the pipeline's values unless others are given. Never raises for what stands
    in a file: it is listed as refused.
    """
    sources = sources or pipeline()
    compiler = Compiler(sources, placeholder or sources.placeholder)
    for path, raw in files:
        compiler.read(path, raw)
    return compiler.finish()


@dataclass
class _Entry:
    """A document that has been read."""

    path: str
    document: Document


@dataclass
class Compiler:
    """Reads documents in any order; :meth:`finish` joins them."""

    sources: Pipeline
    placeholder: Placeholder
    refused: list[Refusal] = field(default_factory=list)
    rules: list[tuple[_Entry, SigmaRule, Route]] = field(default_factory=list)
    filters: list[tuple[_Entry, Filter]] = field(default_factory=list)
    heads: list[tuple[_Entry, Head]] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    """Ids and names of refused rules, to say so of what builds on them."""

    def given(self, rule: SigmaRule) -> None:
        """Take a rule that was compiled before, for filters and correlations to name."""
        route = self.sources.route(rule.logsource)
        assert route is not None
        self.rules.append((_Entry(rule.path, Document(b"", {})), rule, route))

    @property
    def paths(self) -> dict[str, str]:
        """Where each correlation stands, by its id; the first one where two have the same."""
        return {head.id: entry.path for entry, head in reversed(self.heads)}

    def read(self, path: str, raw: bytes) -> None:
        """Read the documents of a file; what is wrong is listed as refused."""
        try:
            parts = documents.split(raw)
        except FengsuiError as error:
            self._refuse(path, raw, error)
            return
        for part in parts:
            document = None
            try:
                document = documents.read(part)
                self._sort(_Entry(path, document))
            except FengsuiError as error:
                self._refuse(path, part, error)
                if document is not None:
                    self.gone.update(_names(document.plain))
            except RecursionError:
                self._refuse(path, part, refused("its condition is nested too deeply"))

    def _sort(self, entry: _Entry) -> None:
        plain = entry.document.plain
        if "correlation" in plain:
            self.heads.append((entry, correlation.head(plain)))
        elif "filter" in plain:
            self.filters.append((entry, filters.read(plain)))
        else:
            rule, route = _rule(plain, entry.path, self.sources, self.placeholder)
            self.rules.append((entry, rule, route))

    def finish(self) -> Collection:
        """Apply the filters, find what correlations name, and close the list."""
        self._apply_filters()
        found = self._correlations()
        return Collection(
            rules=tuple(rule for _, rule, _ in self.rules),
            correlations=tuple(found),
            refused=tuple(self.refused),
        )

    def _apply_filters(self) -> None:
        for entry, one in self.filters:
            applied = 0
            narrowed: list[tuple[int, SigmaRule]] = []
            try:
                for place, (_, rule, route) in enumerate(self.rules):
                    if one.is_for(identity=rule.id, name=rule.name, logsource=rule.logsource):
                        node = one.condition(route.field_name, self.placeholder)
                        condition = conjunction((rule.condition, node))
                        by = (*rule.filtered_by, one.id)
                        changed = msgspec.structs.replace(rule, condition=condition, filtered_by=by)
                        narrowed.append((place, changed))
                        applied += 1
                if not applied:
                    raise refused(
                        "no rule it is for is here: it would narrow nothing",
                        pointer("filter", "rules"),
                    )
            except FengsuiError as error:
                self._refuse(entry.path, entry.document.raw, error)
                continue
            for place, rule in narrowed:
                self.rules[place] = (self.rules[place][0], rule, self.rules[place][2])

    def _correlations(self) -> list[Correlation]:
        known: dict[str, list[Named]] = {}
        for _, rule, route in self.rules:
            named = Named(
                id=rule.id, name=rule.name, correlation=False, field_name=route.field_name
            )
            for key in {rule.id, rule.name} - {""}:
                known.setdefault(key, []).append(named)
        for _, head in self.heads:
            named = Named(
                id=head.id, name=head.name, correlation=True, field_name=lambda name: name
            )
            for key in {head.id, head.name} - {""}:
                known.setdefault(key, []).append(named)
        compiled: dict[str, Correlation] = {}
        for entry, head in self._lowest_first():
            try:
                if head.id in compiled:
                    raise refused(f"another correlation has id {head.id} too", pointer("id"))
                compiled[head.id] = correlation.compile_correlation(
                    head, lambda name: self._find(name, known, compiled)
                )
            except FengsuiError as error:
                self._refuse(entry.path, entry.document.raw, error)
                self.gone.update({head.id, head.name} - {""})
        return list(compiled.values())

    def _find(
        self, name: str, known: dict[str, list[Named]], compiled: dict[str, Correlation]
    ) -> Named:
        found = known.get(name, [])
        if len(found) > 1:
            raise refused(f"there is more than one rule {name!r}")
        if not found or (found[0].correlation and found[0].id not in compiled):
            why = "is refused" if name in self.gone else "is not here"
            raise refused(f"the rule {name!r} it names {why}")
        return found[0]

    def _lowest_first(self) -> list[tuple[_Entry, Head]]:
        """Correlations behind those they name; those in a circle, or too high, are refused."""
        of = {key: pair for pair in self.heads for key in {pair[1].id, pair[1].name} - {""}}
        heights: dict[int, int] = {}
        ordered: list[tuple[_Entry, Head]] = []

        def height(pair: tuple[_Entry, Head], above: tuple[int, ...]) -> int:
            key = id(pair[1])
            if key in above:
                raise refused("correlations name each other in a circle")
            if len(above) >= DEPTH_MAX:
                raise refused(f"correlations stand at most {DEPTH_MAX} high")
            if key not in heights:
                below = [of[name] for name in pair[1].wanted if name in of]
                tallest = max((height(one, (*above, key)) for one in below), default=0)
                heights[key] = tallest + 1
                ordered.append(pair)
            return heights[key]

        for pair in self.heads:
            entry, head = pair
            try:
                with within("correlation", "rules"):
                    height(pair, ())
            except FengsuiError as error:
                self._refuse(entry.path, entry.document.raw, error)
                self.gone.update({head.id, head.name} - {""})
        return ordered

    def _refuse(self, path: str, raw: bytes, error: FengsuiError) -> None:
        placed = located(error, raw)
        reason = str(error.args[0])
        self.refused.append(Refusal(path=path, line=int(placed.params["line"]), reason=reason))


def _names(plain: dict[str, Plain]) -> set[str]:
    return {str(plain[key]) for key in ("id", "name") if plain.get(key)}


def _rule(
    plain: dict[str, Plain], path: str, sources: Pipeline, placeholder: Placeholder
) -> tuple[SigmaRule, Route]:
    if "action" in plain and "detection" not in plain:
        raise refused("collections by 'action' are of Sigma 1 and not read", pointer("action"))
    check_rule({key: value for key, value in plain.items() if key != _OWN})
    logsource, detection = plain.get("logsource"), plain.get("detection")
    if not isinstance(detection, dict):
        raise refused("a rule needs a detection, a map", pointer("detection"))
    if not isinstance(logsource, dict):
        raise refused("a rule needs a log source, a map", pointer("logsource"))
    source = filters.source_of(logsource)
    route = sources.route(source)
    if route is None:
        raise refused(f"no source here delivers the log source {source}", pointer("logsource"))
    with within("detection"):
        node = compile_detection(detection, route.field_name, placeholder)
    tags = plain.get("tags")
    return (
        SigmaRule(
            path=path,
            id=_text(plain, "id") or _text(plain, "name") or path,
            name=_text(plain, "name"),
            title=_text(plain, "title"),
            description=_text(plain, "description"),
            level=_text(plain, "level") or "medium",
            status=_text(plain, "status"),
            author=_text(plain, "author"),
            license=_text(plain, "license"),
            tags=attack.normalise(map(str, tags) if isinstance(tags, list) else ()),
            falsepositives=_texts(plain.get("falsepositives")),
            references=_texts(plain.get("references")),
            logsource=source,
            datasets=route.datasets,
            condition=conjunction((route.only, node)) if route.only else node,
        ),
        route,
    )


def _text(plain: dict[str, Plain], key: str) -> str:
    value = plain.get(key)
    return "" if value is None else str(value)


def _texts(value: Plain) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(one) for one in (value if isinstance(value, list) else [value]))
