"""The oracle gives the answers that the specification's own examples and sentences ask for."""

from __future__ import annotations

import pytest
from sigma_oracle import Refused, matches


def holds(selection: object, event: dict, condition: str = "selection", **others: object) -> bool:
    detection = {"selection": selection, **others, "condition": condition}
    return matches({"detection": detection}, event)


@pytest.mark.parametrize(
    ("selection", "event", "expected"),
    [
        # The simple rule of "Yaml File".
        (
            {"Image": r"C:\Windows\System32\whoami.exe"},
            {"Image": r"c:\WINDOWS\system32\WHOAMI.EXE"},
            True,
        ),
        # "String Wildcard".
        ({"Image": "prog?.exe"}, {"Image": "progB.exe"}, True),
        ({"Image": "prog?.exe"}, {"Image": "prog.exe"}, False),
        ({"Image": "antivirus_V*.exe"}, {"Image": "antivirus_V21.2.1.exe"}, True),
        ({"Image": "antivirus_V*.exe"}, {"Image": "antivirus.exe"}, False),
        ({"Image": "x?y"}, {"Image": "xİy"}, True),
        # "Escaping", in its order.
        ({"a": r"b\c"}, {"a": r"b\c"}, True),
        ({"a": r"b\\c"}, {"a": r"b\c"}, True),
        ({"a": r"b\*"}, {"a": "b*"}, True),
        ({"a": r"b\*"}, {"a": "bc"}, False),
        ({"a": r"b\?"}, {"a": "b?"}, True),
        ({"a": r"b\\*"}, {"a": "b\\anything"}, True),
        ({"a": r"b\\\*"}, {"a": r"b\*"}, True),
        ({"a": r"b\\\*"}, {"a": r"b\c"}, False),
        ({"a": "b\\\\\\"}, {"a": "b\\\\"}, True),
        ({"a": "b\\\\\\\\"}, {"a": "b\\\\"}, True),
        # "Lists" and "Maps".
        (["EVILSERVICE", "svchost.exe -n evil"], {"log": "x svchost.exe -n EVIL y"}, True),
        (
            [{"Image|endswith": r"\example.exe"}, {"Description|contains": "Test executable"}],
            {"Description": "a test executable"},
            True,
        ),
        ({"EventLog": "Security", "EventID": [517, 1102]}, {"EventLog": "Security"}, False),
        (
            {"EventLog": "Security", "EventID": [517, 1102]},
            {"EventLog": "security", "EventID": 1102},
            True,
        ),
        ({"TicketOptions": "0x40810000"}, {"TicketOptions": "0X40810000"}, True),
        # "Special Field Values" and "Field Existence".
        ({"a": ""}, {"a": ""}, True),
        ({"a": ""}, {}, False),
        ({"a": None}, {}, True),
        ({"a": None}, {"a": ""}, False),
        ({"a|exists": True}, {"a": ""}, True),
        ({"a|exists": False}, {"a": ""}, False),
        # "Keywords search".
        (["event::clear", "event::drop"], {"m": "EVENT::DROP it"}, True),
        ({"|all": ["Oab", " -Ext "]}, {"m": "OabX", "n": "a -Ext b"}, True),
        ({"|all": ["Oab", " -Ext "]}, {"m": "OabX"}, False),
        # Modifiers, in the order of the appendix.
        ({"a|contains|all": [" -x", " -y"]}, {"a": "p -y -x"}, True),
        ({"a|contains|all": [" -x", " -y"]}, {"a": "p -y"}, False),
        ({"a|startswith": "adm"}, {"a": "ADMIN"}, True),
        ({"a|endswith": r"\cmd.exe"}, {"a": r"C:\cmd.exe"}, True),
        ({"a|contains": "ΑΣ"}, {"a": "ΑΣΑ"}, True),
        ({"a|cased": "Root"}, {"a": "root"}, False),
        ({"a|neq": ["x", "y"]}, {"a": "Y"}, False),
        ({"a|neq": 7}, {"a": 8}, True),
        ({"a|windash|contains": " -f"}, {"a": "x /f"}, True),
        ({"a|windash|contains": " /f"}, {"a": "x ―f"}, True),
        ({"a|windash|contains": " /f"}, {"a": "x +f"}, False),
        ({"a|re": "wh.+i"}, {"a": "x whoami"}, True),
        ({"a|re": "WH.+I"}, {"a": "whoami"}, False),
        ({"a|re|i": "WH.+I"}, {"a": "whoami"}, True),
        ({"a|re|m": "^b$"}, {"a": "a\nb\nc"}, True),
        ({"a|re": "a.b"}, {"a": "a\nb"}, False),
        ({"a|re|s": "a.b"}, {"a": "a\nb"}, True),
        ({"a|base64": "cmd"}, {"a": "Y21k"}, True),
        ({"a|base64offset|contains": "http://"}, {"a": "xx aHR0cDovL2E="}, True),
        ({"a|base64offset|contains": "http://"}, {"a": "eGh0dHA6Ly9h"}, True),
        ({"a|base64offset|contains": "http://"}, {"a": "eHhodHRwOi8vYQ=="}, True),
        ({"a|utf16le|base64": "cmd"}, {"a": "YwBtAGQA"}, True),
        ({"a|utf16be|base64": "cmd"}, {"a": "AGMAbQBk"}, True),
        ({"a|utf16|base64": "cmd"}, {"a": "//5jAG0AZAA="}, True),
        ({"a|wide|base64": "cmd"}, {"a": "YwBtAGQA"}, True),
        ({"a|lt": 5}, {"a": 4}, True),
        ({"a|lte": 5}, {"a": 5}, True),
        ({"a|gt": 5}, {"a": 5}, False),
        ({"a|gte": 5}, {"a": "0005"}, True),
        ({"a|gt": 2**63 - 1}, {"a": 2**63}, True),
        ({"a|gt": 0}, {"a": True}, False),
        ({"a|minute": 7}, {"a": "2026-12-31T05:07:00Z"}, True),
        ({"a|hour|gte": 5}, {"a": "2026-12-31T05:07:00Z"}, True),
        ({"a|day": 31}, {"a": "2026-12-31T05:07:00Z"}, True),
        ({"a|week": 53}, {"a": "2026-12-31T05:07:00Z"}, True),
        ({"a|month": 12}, {"a": "2026-12-31T05:07:00Z"}, True),
        ({"a|year": 2026}, {"a": "no time"}, False),
        ({"DestinationIp|cidr": "10.0.0.0/8"}, {"DestinationIp": "10.9.8.7"}, True),
        ({"DestinationIp|cidr": "fd00::/8"}, {"DestinationIp": "FD12::1"}, True),
        ({"DestinationIp|cidr": "0.0.0.0/0"}, {"DestinationIp": "::1"}, False),
        ({"a|fieldref": "b"}, {"a": "X", "b": "x"}, True),
        ({"a|fieldref": "b"}, {"a": "X"}, False),
        ({"a|fieldref|startswith": "b"}, {"a": "Xy", "b": "x"}, True),
        ({"a|fieldref|contains": "b"}, {"a": "wxy", "b": "x"}, True),
        ({"a|fieldref|neq": "b"}, {"a": "x", "b": "y"}, True),
        # Decided: a list is any of its items.
        ({"a": "x"}, {"a": ["w", "X"]}, True),
        ({"a|fieldref": "b"}, {"a": ["w", "x"], "b": ["x"]}, True),
    ],
)
def test_a_selection_means_what_the_text_says(
    selection: object, event: dict, expected: bool
) -> None:
    assert holds(selection, event) is expected


A, B, C = {"a": 1}, {"b": 1}, {"c": 1}


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        # Least to most binding: or, and, not.
        ("one or two and three", A, True),
        ("(one or two) and three", A, False),
        ("not one and two", B, True),
        ("not (one and two)", B, True),
        ("not one or two", A, False),
        ("not not one", A, True),
        ("1 of them", {"_": 1}, False),
        ("1 of them", C, True),
        ("all of them", {**A, **B}, False),
        ("all of them", {**A, **B, **C}, True),
        ("1 of t*", A, False),
        ("all of t*", {**B, **C}, True),
        ("1 of *e", A, True),
        ("one and not 1 of t*", A, True),
        ("1 of _*", {"_": 1}, True),
    ],
)
def test_a_condition_means_what_the_text_says(condition: str, event: dict, expected: bool) -> None:
    detection = {"one": A, "two": B, "three": C, "_hidden": {"_": 1}, "condition": condition}
    assert matches({"detection": detection}, event) is expected


def test_conditions_of_a_list_are_linked_with_or() -> None:
    detection = {"one": A, "two": B, "condition": ["one", "two"]}
    assert matches({"detection": detection}, B)
    assert not matches({"detection": detection}, C)


def test_not_null_is_a_selection_of_its_own_that_is_denied() -> None:
    event = {"EventID": 4738, "PasswordLastSet": "x"}
    detection = {
        "selection": {"EventID": 4738},
        "filter": {"PasswordLastSet": None},
        "condition": "selection and not filter",
    }
    assert matches({"detection": detection}, event)
    assert not matches({"detection": detection}, {"EventID": 4738})


@pytest.mark.parametrize(
    "selection",
    [
        {"a|what": "x"},
        {"a|expand": "%Servers%"},
        {"a|re": "("},
        {"a|cidr": "10.0.0.0/99"},
        {"a|exists": "yes"},
        {"a|gt": "x"},
        {"a|base64": "a*"},
        {},
        [],
    ],
)
def test_what_the_text_does_not_allow_is_refused(selection: object) -> None:
    with pytest.raises(Refused):
        holds(selection, {"a": "x"})


@pytest.mark.parametrize("condition", ["other", "selection and", "1 of x*", "(selection", "a) b"])
def test_a_condition_that_is_none_is_refused(condition: str) -> None:
    with pytest.raises(Refused):
        holds({"a": "x"}, {"a": "x"}, condition)
