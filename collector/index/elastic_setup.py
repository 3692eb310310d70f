"""Setup: the indices of a site on the search nodes, made as they are needed, and taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from collector.index.elastic_mapping import (
    CURSORS,
    FORM,
    Dsl,
    cursors_index,
    day_of,
    events_alias,
    kind_of,
    mapping,
)
from collector.index.elastic_nodes import Nodes
from schema.errors import FengsuiError

TEMPLATE_PRIORITY: Final = 500
"""Above what the nodes ship, should their patterns ever meet."""
_DAY_INDEX: Final = re.compile(r".+-events-[a-z]+-\d{8}")
_EXISTS: Final = "resource_already_exists_exception"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the indices of a site are called and spread."""

    prefix: str
    shards: int = 1
    replicas: int = 1
    refresh_s: int = 1
    """Seconds until a stored event is found; 0 shows each at once, at a price."""
    codec: Literal["default", "best_compression"] = "default"
    """``best_compression`` needs the nodes' native zstd."""


class Setup:
    """Makes, lists and removes the indices of one site."""

    def __init__(self, nodes: Nodes, layout: Layout) -> None:
        self._nodes = nodes
        self._layout = layout
        self._known: set[str] = set()
        self._opened = False

    def open(self) -> None:
        """Put the template and the index of cursors in place, once.

        Raises ``collector.index.form`` for indices another release made in another form.
        """
        if self._opened:
            return
        cursors = cursors_index(self._layout.prefix)
        found = self._nodes.ask("GET", f"/{cursors}/_mapping", missing=True)
        if found:
            self._check_form(found)
        else:
            settings = {"number_of_shards": 1, "number_of_replicas": self._layout.replicas}
            self._make(cursors, {"settings": settings, "mappings": CURSORS})
        alias = events_alias(self._layout.prefix)
        self._nodes.ask(
            "PUT",
            f"/_index_template/{alias}",
            {
                "index_patterns": [f"{alias}-*"],
                "priority": TEMPLATE_PRIORITY,
                "template": self._body(),
            },
        )
        self._opened = True

    def prepare(self, index: str) -> None:
        """Make the index of a day and class unless it is there."""
        if index not in self._known:
            self._make(index, self._body())
            self._known.add(index)

    def forget(self, index: str) -> None:
        """The index went behind our back; it is made again when it is needed."""
        self._known.discard(index)

    def indices(self) -> list[str]:
        """All indices of events, in order of their names."""
        found = self._nodes.ask(
            "GET",
            f"/{events_alias(self._layout.prefix)}-*",
            params={"filter_path": "*.settings.index.uuid", "expand_wildcards": "open,closed"},
        )
        return sorted(
            name
            for name in found
            if _DAY_INDEX.fullmatch(name) and kind_of(name, self._layout.prefix).isalpha()
        )

    def days(self) -> list[tuple[str, str, int]]:
        """Index, retention class and event day of all indices of events."""
        return [(name, kind_of(name, self._layout.prefix), day_of(name)) for name in self.indices()]

    def remove(self, names: Sequence[str]) -> None:
        """Delete these indices as a whole."""
        for name in names:
            self._nodes.ask("DELETE", f"/{name}", missing=True)
            self.forget(name)

    def _make(self, name: str, body: Dsl) -> None:
        try:
            self._nodes.ask("PUT", f"/{name}", body)
        except FengsuiError as error:
            if error.params.get("type") != _EXISTS:
                raise

    def _check_form(self, found: Dsl) -> None:
        for name, described in found.items():
            form = described.get("mappings", {}).get("_meta", {}).get("form")
            if form != FORM:
                raise FengsuiError(
                    "collector.index.form",
                    f"the indices beside {name} have form {form}, this release writes {FORM}: set "
                    "another [search] prefix, and they are built anew beside the old ones",
                    form=str(form),
                )

    def _body(self) -> Dsl:
        layout = self._layout
        return {
            "aliases": {events_alias(layout.prefix): {}},
            "settings": {
                "number_of_shards": layout.shards,
                "number_of_replicas": layout.replicas,
                "refresh_interval": f"{max(1, layout.refresh_s)}s",
                "codec": layout.codec,
            },
            "mappings": mapping(),
        }
