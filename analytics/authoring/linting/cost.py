"""Cost: what makes a rule be asked of far more events than it is about."""

from __future__ import annotations

from collections.abc import Iterator

from analytics.authoring.linting.finding import Finding, Written
from analytics.authoring.weaken import said
from analytics.expression import ANY_FIELD, Atom, atoms
from analytics.matching.literals import literals
from analytics.matching.witness import Witnesses


def costly(written: Written) -> Iterator[Finding]:
    """Expressions without a text to look for, keywords over everything, conditions asked always."""
    seen: set[Atom] = set()
    for step in written.rule.steps:
        for atom in atoms(step.condition):
            if atom not in seen:
                seen.add(atom)
                yield from _atom(written, atom)
        if Witnesses([step.condition]).of(step.condition) is None:
            yield written.finding(
                "costly",
                written.line_of(f"name: {step.name}", "condition:"),
                zh=f"步骤“{step.name}”没有肯定的条件，每条日志都要判断",
                en=f'step "{step.name}" has no condition that must hold: it is asked of each event',
            )


def _atom(written: Written, atom: Atom) -> Iterator[Finding]:
    line = written.line_of_atom(atom)
    if atom.op == "regex" and not literals(atom):
        yield written.finding(
            "costly",
            line,
            zh=f"正则“{said(atom)}”没有必含的文字，每个值都要匹配",
            en=f'the expression "{said(atom)}" has no text it cannot do without: it is run on '
            "every value",
        )
    if atom.field == ANY_FIELD and atom.op in ("contains", "endswith", "wildcard"):
        yield written.finding(
            "costly",
            line,
            zh=f"关键词“{said(atom)}”要在每个字段的任意位置查找，请写明字段",
            en=f'the keyword "{said(atom)}" is looked for anywhere in every field: name the field',
        )
