"""The cases of the shipped rules, and a trainer that trains each model once."""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from analytics.authoring import cases as product
from analytics.authoring.cases import Case
from analytics.models.artefact import Artefact, TrainingRequest, from_trainer
from analytics.rule import Rule
from analytics.ruleset import SHIPPED, RuleSet, load
from schema.alert import Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCase:
    """One case and whose it is."""

    rule: str
    case: Case

    def __str__(self) -> str:
        return f"{self.rule}: {self.case.kind}: {self.case.name}"


def rule_folders() -> list[Path]:
    """Folders of all shipped rules."""
    return sorted(path.parent for path in SHIPPED.glob("*/*/rule.yml"))


@functools.cache
def rule_set() -> RuleSet:
    """All shipped rules; raises where one is refused."""
    return load([SHIPPED]).require_all()


@functools.cache
def rule(name: str) -> Rule:
    """A shipped rule by id."""
    return next(found for found in rule_set().rules if found.id == name)


def cases(folder: Path) -> list[Case]:
    """The cases of one rule."""
    return product.read(folder / product.FILE)


def all_cases() -> list[RuleCase]:
    """The cases of all rules."""
    return [
        RuleCase(rule=folder.name, case=case) for folder in rule_folders() for case in cases(folder)
    ]


def run(rule_id: str, case: Case, partitions: int = 1, *, in_order: bool = False) -> list[Alert]:
    """The alerts that stand once a case is over."""
    ran = product.run(rule(rule_id), case, train=trained, partitions=partitions, in_order=in_order)
    return list(ran.alerts)


@functools.cache
def trained(request: TrainingRequest) -> Artefact:
    """Trained in a child as in production; cases that share a past share the training."""
    command = [sys.executable, "-m", "analytics.models.train"]
    done = subprocess.run(command, input=request.lines(), capture_output=True, check=True)
    return from_trainer(request, done.stdout)
