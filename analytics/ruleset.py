"""Rule set: the rules of folder trees, compiled once and kept by the hash of their contents.

The same files give the same digest on every machine. A compiled form found in the cache saves
importing pySigma; one that cannot be read is compiled anew.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from analytics.matching.routing import Matcher
from analytics.rule import Rule
from crypto import sm3
from schema.alert import Rule as RuleListing
from schema.errors import FengsuiError

ENGINE_VERSION: Final = 1
"""Grows whenever the same files would compile to something else, or mean something else."""

FILES_MAX: Final = 10_000
"""Rule files of one site: three times the public Sigma collection."""

SHIPPED: Final = Path(__file__).parent / "rules"
"""The rules that come with the product."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file that is not used, and why."""

    path: str
    reason: str


class _Compiled(msgspec.Struct, frozen=True, kw_only=True):
    rules: tuple[Rule, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Rules in id order, what was refused, and the digest of the files they came from."""

    rules: tuple[Rule, ...]
    refused: tuple[Refusal, ...]
    digest: str
    """SM3 over paths and contents, hex."""

    def matcher(self) -> Matcher:
        """A fresh matcher over these rules."""
        return Matcher(self.rules)

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


def load(folders: Sequence[Path], cache: Path | None = None) -> RuleSet:
    """The rules of the folder trees; ``cache`` is a folder for compiled forms.

    A file that cannot be used is listed in ``refused``, never skipped unsaid. Raises
    ``analytics.ruleset.unreadable`` where a folder cannot be read or has too many files.
    """
    files = [found for folder in folders for found in _files(folder)]
    digest = _digest(files)
    kept = _from_cache(cache, digest)
    if kept is None:
        kept = _compile(files)
        if cache is not None:
            _to_cache(cache, digest, kept)
    return RuleSet(rules=kept.rules, refused=kept.refused, digest=digest.hex())


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    raw: bytes


def _files(folder: Path) -> list[_File]:
    if not folder.is_dir():
        raise FengsuiError(
            "analytics.ruleset.unreadable", f"rule folder {folder} is not there", path=str(folder)
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".yml", ".yaml"))
    if len(paths) > FILES_MAX:
        raise FengsuiError(
            "analytics.ruleset.unreadable",
            f"{folder} holds {len(paths)} rule files, over the limit of {FILES_MAX}",
            path=str(folder),
        )
    return [_File(path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths]


def _digest(files: Sequence[_File]) -> bytes:
    hasher = sm3.new()
    for file in files:
        for part in (file.name.encode(), file.raw):
            hasher.update(len(part).to_bytes(8, "big") + part)
    return bytes(hasher.digest())


def _compile(files: Sequence[_File]) -> _Compiled:
    # Imported here: pySigma and YAML are not needed when the compiled form is cached.
    from analytics.compiler import compile_file

    rules: dict[str, Rule] = {}
    refused: list[Refusal] = []
    for file in files:
        system = file.name.split("/")[0] if "/" in file.name else "imported"
        try:
            rule = compile_file(file.raw, system)
            if rule.id in rules:
                raise FengsuiError("analytics.rule.refused", f"another file has id {rule.id} too")
        except FengsuiError as error:
            refused.append(Refusal(path=file.name, reason=str(error.args[0])))
        else:
            rules[rule.id] = rule
    return _Compiled(rules=tuple(rules[name] for name in sorted(rules)), refused=tuple(refused))


def _cache_path(cache: Path, digest: bytes) -> Path:
    return cache / f"{sm3.digest(ENGINE_VERSION.to_bytes(4, 'big') + digest).hex()}.rules"


def _from_cache(cache: Path | None, digest: bytes) -> _Compiled | None:
    if cache is None:
        return None
    try:
        return msgspec.msgpack.decode(_cache_path(cache, digest).read_bytes(), type=_Compiled)
    except (OSError, msgspec.DecodeError):
        return None


def _to_cache(cache: Path, digest: bytes, compiled: _Compiled) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    path = _cache_path(cache, digest)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.msgpack.encode(compiled))
    fresh.replace(path)
