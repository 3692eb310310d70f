"""Tags speak of techniques and tactics under the ids of today; unknown ones stay."""

from __future__ import annotations

import pytest

from analytics.sigma.attack import REDIRECTS_MAX, normalise, redirects, technique


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("T1562.001", "T1685"),
        ("t1562.008", "T1685.002"),
        ("T1562.012", "T1685.004"),
        ("T1070.001", "T1685.005"),
        ("T1089", "T1685"),
        ("T1073", "T1574.001"),
        ("T1059.001", "T1059.001"),
        ("T9999.123", "T9999.123"),
    ],
)
def test_a_withdrawn_technique_leads_to_its_successor(old: str, new: str) -> None:
    assert technique(old) == new


def test_no_successor_is_withdrawn_itself_in_the_end() -> None:
    table = redirects().techniques
    for old in table:
        assert technique(old) not in table
    assert REDIRECTS_MAX >= 3


def test_unknown_ids_are_kept_and_shown() -> None:
    found = normalise(["attack.t9999", "attack.new-tactic", "cve.2021-44228", "attack.g0007", "x"])
    assert found.techniques == ("T9999",)
    assert found.tactics == ("new-tactic",)
    assert found.others == ("cve.2021-44228", "attack.g0007", "x")
    assert not found.redirected


def test_what_was_redirected_is_told() -> None:
    found = normalise(["attack.t1562.001", "attack.t1685", "attack.defense_evasion"])
    assert found.techniques == ("T1685",)
    assert found.tactics == ("defense-impairment",)
    assert found.redirected == (("T1562.001", "T1685"), ("defense-evasion", "defense-impairment"))


@pytest.mark.parametrize(
    ("tags", "tactics"),
    [
        (["attack.defense-evasion"], ("stealth",)),
        (["attack.defense-evasion", "attack.t1027"], ("stealth",)),
        (["attack.defense-evasion", "attack.t1562.001"], ("defense-impairment",)),
        (
            ["attack.defense-evasion", "attack.t1027", "attack.t1685"],
            ("defense-impairment", "stealth"),
        ),
        (["attack.stealth", "attack.t1685"], ("stealth",)),
    ],
)
def test_the_withdrawn_tactic_is_told_apart_by_the_techniques(
    tags: list[str], tactics: tuple[str, ...]
) -> None:
    assert normalise(tags).tactics == tactics
