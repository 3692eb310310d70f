"""Rule set: the rules of folder trees, each file compiled once and kept by its contents' hash.

The same files give the same digest on every machine. A compiled form found in the cache saves
importing pySigma, and one file more costs the compilation of that file; a cache that cannot be
read is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from analytics.language.reading import RULE_BYTES_MAX
from analytics.matching import plan
from analytics.matching.port import Plan, Question
from analytics.rule import Rule
from crypto import sm3
from schema.alert import Rule as RuleListing
from schema.errors import FengsuiError

ENGINE_VERSION: Final = 7
"""Grows whenever the same files would compile to something else, or mean something else."""

FILES_MAX: Final = 10_000
"""Rule files of one site: three times the public Sigma collection."""

UNITS_MAX: Final = 2 * FILES_MAX
"""Compiled files kept in a cache: past it only those of the last rule set."""

SHIPPED: Final = Path(__file__).parent / "rules"
"""The rules that come with the product."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file that is not used, and why."""

    path: str
    reason: str


class _Unit(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The compiled form of one file."""

    rules: tuple[Rule, ...] = ()
    loose: tuple[bytes, ...] = ()
    refused: tuple[str, ...] = ()


_decoder: Final = msgspec.msgpack.Decoder(dict[bytes, _Unit])


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Rules in id order, what was refused, and the digest of the files they came from."""

    rules: tuple[Rule, ...]
    refused: tuple[Refusal, ...]
    digest: str
    """SM3 over the version of the engine, paths and contents, hex."""

    def questions(self, names: Sequence[int]) -> Mapping[str, Sequence[Question]]:
        """For each dataset what its events are asked; ``names`` has a number for each rule."""
        questions: dict[str, list[Question]] = {}
        for name, rule in zip(names, self.rules, strict=True):
            for place, step in enumerate(rule.steps):
                for dataset in step.datasets:
                    question = Question(name, 1 << place, step.condition)
                    questions.setdefault(dataset, []).append(question)
        return questions

    def plan(self, questions: Sequence[Question]) -> Plan:
        """A matcher of these questions; what compiles slowly is kept beside the rules."""
        return plan(questions)

    def listing(self) -> tuple[RuleListing, ...]:
        """The rules as lists and pages show them."""
        return tuple(rule.listing() for rule in self.rules)

    def only(self, wanted: Set[str]) -> RuleSet:
        """These rules of the set; raises ``analytics.ruleset.incomplete`` where one is not in it.

        The digest is another, for it names what alerts were made by.
        """
        rules = tuple(rule for rule in self.rules if rule.id in wanted)
        missing = wanted - {rule.id for rule in rules}
        if missing:
            raise FengsuiError(
                "analytics.ruleset.incomplete",
                f"rules that were asked for are not there: {', '.join(sorted(missing))}",
            )
        if len(rules) == len(self.rules):
            return self
        names = "\n".join([self.digest, *sorted(wanted)])
        return replace(self, rules=rules, digest=sm3.digest(names.encode()).hex())

    def require_all(self) -> RuleSet:
        """This rule set; raises ``analytics.rule.refused`` for the first file that was refused."""
        for refusal in self.refused:
            raise FengsuiError(
                "analytics.rule.refused",
                f"rule {refusal.path} is refused: {refusal.reason}",
                path=refusal.path,
                reason=refusal.reason,
            )
        return self


def of(rules: Sequence[Rule], *, refused: Sequence[Refusal] = ()) -> RuleSet:
    """These rules as a set; its digest is over what each of them is."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.id))
    names = "\n".join([str(ENGINE_VERSION), *(f"{rule.id}@{rule.stamp}" for rule in ordered)])
    return RuleSet(rules=ordered, refused=tuple(refused), digest=sm3.digest(names.encode()).hex())


def load(folders: Sequence[Path], cache: Path | None = None) -> RuleSet:
    """The rules of the folder trees; ``cache`` is a folder for compiled forms.

    A file that cannot be used is listed in ``refused``, never skipped unsaid. Raises
    ``analytics.ruleset.unreadable`` where a folder or file cannot be read, or there are too many.
    """
    files = [found for folder in folders for found in _files(folder)]
    kept = _from_cache(cache)
    fresh = {file.key: _compile(file) for file in files if file.key not in kept}
    if fresh and cache is not None:
        standing = kept if len(kept) + len(fresh) <= UNITS_MAX else {}
        units = {file.key: kept.get(file.key) or fresh[file.key] for file in files}
        _to_cache(cache, {**standing, **units})
    return _joined(files, {**kept, **fresh})


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    raw: bytes
    key: bytes
    """SM3 over what its compiled form depends on."""

    @property
    def system(self) -> str:
        return self.name.split("/")[0] if "/" in self.name else "imported"


def _files(folder: Path) -> list[_File]:
    if not folder.is_dir():
        raise FengsuiError(
            "analytics.ruleset.unreadable", f"rule folder {folder} is not there", path=str(folder)
        )
    paths = sorted(
        path for path in folder.rglob("*") if path.suffix in (".yml", ".yaml") and not path.is_dir()
    )
    if len(paths) > FILES_MAX:
        raise FengsuiError(
            "analytics.ruleset.unreadable",
            f"{folder} holds {len(paths)} rule files, over the limit of {FILES_MAX}",
            path=str(folder),
        )
    return [_file(_name(path.relative_to(folder)), _read(path)) for path in paths]


def _name(path: Path) -> str:
    """The path as text, whatever bytes it is made of."""
    return path.as_posix().encode(errors="surrogateescape").decode(errors="replace")


def _read(path: Path) -> bytes:
    """The file's bytes; of one that is too long, as many as show that it is."""
    try:
        if not path.is_file():
            raise OSError("it is no file")
        with path.open("rb") as file:
            return file.read(RULE_BYTES_MAX + 1)
    except OSError as error:
        raise FengsuiError(
            "analytics.ruleset.unreadable",
            f"rule file {_name(path)} cannot be read: {error}",
            path=_name(path),
        ) from error


def _file(name: str, raw: bytes) -> _File:
    system = name.split("/")[0] if "/" in name else ""
    parts = (ENGINE_VERSION.to_bytes(4, "big"), system.encode(), raw)
    key = sm3.digest(b"".join(len(part).to_bytes(8, "big") + part for part in parts))
    return _File(name, raw, bytes(key))


def _digest(files: Sequence[_File]) -> bytes:
    # The same files mean something else to another engine.
    hasher = sm3.new(ENGINE_VERSION.to_bytes(4, "big"))
    for file in files:
        for part in (file.name.encode(), file.raw):
            hasher.update(len(part).to_bytes(8, "big") + part)
    return bytes(hasher.digest())


def _compile(file: _File) -> _Unit:
    # Imported here: pySigma and YAML are not needed when the compiled form is cached.
    from analytics.language.compiler import compile_documents

    found = compile_documents(file.raw, file.system)
    return _Unit(rules=found.rules, loose=found.loose, refused=found.refused)


def _joined(files: Sequence[_File], units: Mapping[bytes, _Unit]) -> RuleSet:
    rules: dict[str, Rule] = {}
    refused: list[Refusal] = []
    loose: list[tuple[str, str, bytes]] = []
    for file in files:
        unit = units[file.key]
        refused += [Refusal(path=file.name, reason=reason) for reason in unit.refused]
        loose += [(file.name, file.system, raw) for raw in unit.loose]
        for rule in unit.rules:
            if rule.id in rules:
                why = f"another file has id {rule.id} too [analytics.rule.refused]"
                refused.append(Refusal(path=file.name, reason=why))
            else:
                rules[rule.id] = rule
    if loose:
        # Imported here for the same reason: few trees have filters and correlations.
        from analytics.language.linking import link

        linked = link(rules, loose)
        rules = dict(linked.rules)
        refused += [Refusal(path=path, reason=reason) for path, reason in linked.refused]
    return RuleSet(
        rules=tuple(rules[name] for name in sorted(rules)),
        refused=tuple(refused),
        digest=_digest(files).hex(),
    )


def _cache_path(cache: Path) -> Path:
    return cache / f"compiled-{ENGINE_VERSION}.rules"


def _from_cache(cache: Path | None) -> dict[bytes, _Unit]:
    if cache is None:
        return {}
    try:
        return _decoder.decode(_cache_path(cache).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}


def _to_cache(cache: Path, units: Mapping[bytes, _Unit]) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    path = _cache_path(cache)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.msgpack.encode(units))
    fresh.replace(path)
