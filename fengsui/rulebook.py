"""Rulebook: the shipped and imported rules of a site, and which of them are in force.

Shipped rules are on until somebody switches one off. An imported rule is off until it was tried on
stored events in the form it has now and somebody switched it on; both are kept with their reason.
"""

from __future__ import annotations

import logging
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from analytics import ruleset
from analytics.rule import Rule
from analytics.ruleset import RuleSet
from collector.state.switches import Switch, Switches
from fengsui.folder import DataFolder
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import to_text

_logger = logging.getLogger(__name__)

TREE_FILE: Final = "tree.toml"
FILE_BYTES_MAX: Final = 256 * 1024
"""As :data:`analytics.language.reading.RULE_BYTES_MAX`: a longer file is refused there by name."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_INCOMING: Final = ".incoming-"
_OLD: Final = ".old-"
ORIGIN_CHARS_MAX: Final = 200
"""Of a tree's origin, and of its licence: a name and a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """An imported tree of rules."""

    name: str
    origin: str
    licence: str
    imported_at: str
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A rule and whether it is in force."""

    rule: Rule
    imported: bool
    enabled: bool
    switch: Switch | None


class Rulebook:
    """The rules of one data folder."""

    def __init__(
        self,
        folder: DataFolder,
        switches: Switches,
        clock: Clock,
        *,
        only: frozenset[str] | None = None,
    ) -> None:
        """``only`` names the shipped rules to load, where figures must not change."""
        self._folder = folder
        self._clock = clock
        self._only = only
        self.switches = switches
        self._read: RuleSet | None = None
        self._shipped = ruleset.load([ruleset.SHIPPED], folder.cache)
        if only is not None:
            self._shipped = self._shipped.only(only)
        self.current = self._in_force()
        """The rules in force."""
        self._by_id = self._known()

    def trees(self) -> list[Tree]:
        """The imported trees by name."""
        found = []
        for path in sorted(self._folder.rules.glob(f"*/{TREE_FILE}")):
            if not path.parent.name.startswith("."):
                said = _said(path)
                found.append(
                    Tree(
                        name=path.parent.name,
                        origin=str(said.get("origin", "")),
                        licence=str(said.get("licence", "")),
                        imported_at=str(said.get("imported_at", "")),
                        files=sum(1 for _ in path.parent.rglob("*.yml")),
                    )
                )
        return found

    def _imported(self) -> RuleSet:
        """The rules of all trees, read once: thousands of files take a third of a second."""
        if self._read is None:
            folders = [self._folder.rules / tree.name for tree in self.trees()]
            self._read = ruleset.load(folders, self._folder.cache)
        return self._read

    def everything(self) -> list[Listed]:
        """Every rule that can be evaluated, in id order."""
        switches = self.switches.all()
        shipped = {rule.id for rule in self._shipped.rules}
        imported = [rule for rule in self._imported().rules if rule.id not in shipped]
        found = [
            Listed(
                rule=rule,
                imported=rule.id not in shipped,
                enabled=_is_on(switches.get(rule.id), imported=rule.id not in shipped),
                switch=switches.get(rule.id),
            )
            for rule in (*self._shipped.rules, *imported)
        ]
        return sorted(found, key=lambda listed: listed.rule.id)

    def refused(self) -> Sequence[ruleset.Refusal]:
        """Files that cannot be used, and why."""
        imported, shipped = self._imported(), {rule.id for rule in self._shipped.rules}
        shadowed = (
            ruleset.Refusal(path=rule.id, reason="a shipped rule has this id: give it another")
            for rule in imported.rules
            if rule.id in shipped
        )
        return (*self._shipped.refused, *imported.refused, *shadowed)

    def find(self, rule_id: str) -> Listed:
        """One rule; raises ``fengsui.rule.unknown``."""
        for listed in self.everything():
            if listed.rule.id == rule_id:
                return listed
        raise FengsuiError(
            "fengsui.rule.unknown",
            f"there is no rule {rule_id[:100]}: `fengsui rules list` names them",
            rule=rule_id[:100],
        )

    def _in_force(self) -> RuleSet:
        """The rules that are on, under a digest that names them all."""
        if not self.switches.all():
            return self._shipped
        rules = tuple(listed.rule for listed in self.everything() if listed.enabled)
        return ruleset.of(rules, refused=tuple(self._shipped.refused))

    def rule(self, rule_id: str) -> Rule | None:
        """A rule by its id: one that is off too, for its alerts stand."""
        return self._by_id.get(rule_id)

    def forget(self) -> None:
        """Read the trees anew when next asked: somebody changed their files."""
        self._read = None

    def reload(self) -> RuleSet:
        """Read the switches again; what is in force now."""
        self.current = self._in_force()
        self._by_id = self._known()
        return self.current

    def _known(self) -> dict[str, Rule]:
        """Every rule that may have raised an alert."""
        switched = (one.rule for one in self.everything()) if self.switches.all() else ()
        return {rule.id: rule for rule in (*self._shipped.rules, *switched)}

    def switch(self, rule_id: str, *, enabled: bool, by: str, reason: str) -> None:
        """Switch a rule on or off.

        Raises ``fengsui.rule.unknown``, ``fengsui.rule.untried`` for an imported rule nobody has
        tried in its present form, ``collector.rule.reason``.
        """
        listed = self.find(rule_id)
        if enabled and listed.imported:
            trial = self.switches.trial(rule_id, listed.rule.stamp)
            if trial is None:
                raise FengsuiError(
                    "fengsui.rule.untried",
                    f"{rule_id} has not been tried in its present form: run `fengsui rules "
                    f"backtest {rule_id}` first and look at what it finds",
                    rule=rule_id,
                )
        self.switches.set(
            Switch(
                rule_id=rule_id,
                enabled=enabled,
                changed_by=by,
                changed_at=self._clock.now(),
                reason=reason,
            )
        )

    def take_tree(self, incoming: Path, name: str) -> None:
        """Put a prepared tree in its place, for one of that name before.

        Raises ``fengsui.rule.tree`` where it is none of :func:`prepare`.
        """
        rules = self._folder.rules
        if incoming.parent.resolve() != rules.resolve() or not incoming.name.startswith(_INCOMING):
            raise FengsuiError("fengsui.rule.tree", f"{incoming} was not prepared for this folder")
        mend(self._folder)
        place, old = rules / _checked(name), rules / f"{_OLD}{name}"
        if place.exists():
            place.rename(old)
        incoming.rename(place)
        self.forget()
        shutil.rmtree(old, ignore_errors=True)


def mend(folder: DataFolder) -> None:
    """Bring back a tree whose place was empty when a crash came; only for the folder's owner."""
    for old in folder.rules.glob(f"{_OLD}*"):
        place = folder.rules / old.name.removeprefix(_OLD)
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(place)


def _said(path: Path) -> dict[str, object]:
    """What a tree says of itself: a damaged file is no reason to lose its rules."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        _logger.warning("a tree's file is damaged", extra={"path": path, "why": str(error)})
        return {}


def _is_on(switch: Switch | None, *, imported: bool) -> bool:
    return switch.enabled if switch is not None else not imported


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FengsuiError(
            "fengsui.rule.tree",
            f"{name[:60]!r} is no name for a tree: lower-case letters, digits and '-', at most 40",
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A tree beside the others, not yet one of them."""

    path: Path
    rules: RuleSet
    skipped: int = 0
    """Files left out: links, and those longer than a rule may be."""


def prepare(
    folder: DataFolder, source: Path, *, name: str, origin: str, licence: str, clock: Clock
) -> Prepared:
    """Copy a tree's rule files into the data folder and compile them.

    Raises ``fengsui.rule.tree`` where it holds none, or too many, and for unusable words.
    """
    _checked(name)
    for what, text, least in (("licence", licence, 1), ("origin", origin, 0)):
        if not least <= len(text.strip()) <= ORIGIN_CHARS_MAX or not text.isprintable():
            raise FengsuiError(
                "fengsui.rule.tree",
                f"the {what} of a tree has {least} to {ORIGIN_CHARS_MAX} printable characters",
            )
    files = sorted(path for path in source.rglob("*") if path.suffix in (".yml", ".yaml"))
    if not source.is_dir() or not 0 < len(files) <= ruleset.FILES_MAX:
        raise FengsuiError(
            "fengsui.rule.tree",
            f"{source} holds {len(files)} rule files: name a folder with 1 to "
            f"{ruleset.FILES_MAX} of them",
            path=str(source),
        )
    place = folder.rules / f"{_INCOMING}{name}"
    shutil.rmtree(place, ignore_errors=True)
    folder.rules.mkdir(exist_ok=True, mode=0o700)
    place.mkdir(mode=0o700)
    skipped = 0
    for path in files:
        if not _is_plain(path) or path.stat().st_size > FILE_BYTES_MAX:
            skipped += 1
            continue
        target = (place / path.relative_to(source)).with_suffix(".yml")
        if target.exists():
            # `a.yml` beside `a.yaml`: both are kept.
            target = target.with_name(f"{path.name}.yml")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.write_bytes(path.read_bytes())
    for credit in filter(_is_plain, sorted(source.glob("LICENSE*"))):
        (place / credit.name).write_bytes(credit.read_bytes()[:FILE_BYTES_MAX])
    said = {
        "origin": origin or str(source),
        "licence": licence,
        "imported_at": to_text(clock.now()),
    }
    # A JSON text is a TOML text but for the delete character.
    texts = {key: msgspec.json.encode(text).decode() for key, text in said.items()}
    lines = [f"{key} = {text}\n".replace("\x7f", "\\u007f") for key, text in texts.items()]
    (place / TREE_FILE).write_text("".join(lines), encoding="utf-8")
    rules = ruleset.load([place], folder.cache)
    return Prepared(path=place.resolve(), rules=rules, skipped=skipped)


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
