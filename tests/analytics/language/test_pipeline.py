"""Log sources lead to datasets, restrictions and names, by tables that are data."""

from __future__ import annotations

from pathlib import Path

import pytest

from analytics.expression import All, Atom, Some
from analytics.language import datasets
from analytics.language.compiler import compile_file
from analytics.language.pipeline import IDENTITY, LogSource, pipeline, read_files
from analytics.matching import plan
from analytics.matching.port import Question
from schema.errors import FengsuiError
from schema.fields import catalogue, is_open

SITE = pipeline()
PUBLIC = pipeline(IDENTITY)


@pytest.mark.parametrize(
    ("source", "dataset"),
    [
        ({"product": "linux", "service": "sshd"}, "system.auth"),
        ({"product": "linux", "category": "process_creation"}, "host.process"),
        ({"product": "nginx", "service": "access"}, "nginx.access"),
        ({"category": "webserver"}, "nginx.access"),
        ({"product": "nginx", "category": "webserver", "service": "access"}, "nginx.access"),
        ({"product": "postgresql"}, "postgresql.log"),
        ({"product": "windows", "service": "security"}, "windows.security"),
        ({"product": "windows", "category": "registry_set"}, "windows.sysmon"),
        ({"category": "proxy"}, "network.proxy"),
        ({"product": "squid", "category": "proxy"}, "network.proxy"),
        ({"product": "aws", "service": "cloudtrail"}, "aws.cloudtrail"),
    ],
)
def test_a_log_source_leads_to_its_dataset(source: dict, dataset: str) -> None:
    route = SITE.route(LogSource(**source))
    assert route is not None
    assert route.datasets[0] == dataset
    whole = {"product": "", "category": "", "service": "", **source}
    found = datasets.route(**whole)
    assert (found.datasets[0] if found else None) == dataset


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"product": "windows"},
        {"product": "linux", "service": "cron"},
        {"product": "postgresql", "service": "audit"},
        {"product": "zeek", "service": "dns"},
    ],
)
def test_what_no_source_delivers_leads_nowhere(source: dict) -> None:
    assert SITE.route(LogSource(**source)) is None


def test_a_process_of_windows_is_one_of_sysmon_or_of_the_security_log() -> None:
    route = SITE.route(LogSource(product="windows", category="process_creation"))
    assert route is not None
    assert route.datasets == ("windows.sysmon", "windows.security")
    sysmon = (
        Atom("event.dataset", "equals", "windows.sysmon"),
        Atom("winlog.event_id", "number", 1),
    )
    assert isinstance(route.only, Some)
    assert route.only.items[0] == All(sysmon)


def test_service_and_category_together_ask_for_both() -> None:
    route = PUBLIC.route(LogSource(product="windows", category="dns_query", service="sysmon"))
    assert route is not None
    assert isinstance(route.only, All)
    assert Atom("EventID", "number", 22) in route.only.items


@pytest.mark.parametrize(
    ("category", "name", "ours"),
    [
        ("process_creation", "CommandLine", "process.command_line"),
        ("process_creation", "Description", "process.pe.description"),
        ("process_creation", "IntegrityLevel", "winlog.event_data.IntegrityLevel"),
        ("registry_set", "Details", "winlog.event_data.Details"),
        ("process_creation", "EventID", "winlog.event_id"),
        ("network_connection", "DestinationIp", "destination.ip"),
        ("process_creation", "user.name", "user.name"),
        ("process_creation", "labels.room", "labels.room"),
    ],
)
def test_names_of_windows_lead_to_ecs_or_winlogbeats(category: str, name: str, ours: str) -> None:
    route = SITE.route(LogSource(product="windows", category=category))
    assert route is not None
    assert route.field_name(name) == ours


def test_a_name_without_a_table_is_refused_where_nothing_stands_for_others() -> None:
    route = SITE.route(LogSource(product="nginx", service="access"))
    assert route is not None
    assert route.field_name("sc-status") == "http.response.status_code"
    assert route.field_name("Nonsense") is None


def test_every_name_a_table_leads_to_is_in_the_catalogue() -> None:
    for dataset in SITE.datasets():
        for name in SITE.names_of(dataset).values():
            assert name in catalogue() or is_open(name)


def test_the_identity_pipeline_leaves_names_as_they_are() -> None:
    route = PUBLIC.route(LogSource(product="windows", category="process_creation"))
    assert route is not None
    assert route.field_name("CommandLine") == "CommandLine"
    assert route.only == All(
        (
            Atom("Channel", "equals", "Microsoft-Windows-Sysmon/Operational"),
            Atom("EventID", "number", 1),
        )
    )


def test_the_identity_pipeline_asks_other_products_of_the_event_itself() -> None:
    route = PUBLIC.route(LogSource(product="linux", service="auditd"))
    assert route is not None
    assert route.only == All(
        (
            Atom("logsource.product", "equals", "linux"),
            Atom("logsource.service", "equals", "auditd"),
        )
    )


def test_placeholders_without_values_have_none() -> None:
    assert SITE.placeholder("Servers") is None
    assert datasets.placeholder("Servers") is None


def test_a_file_of_a_pipeline_is_read_as_the_page_describes_it() -> None:
    page = (Path(__file__).parents[3] / "docs" / "contributor" / "sigma.md").read_text("utf-8")
    found = read_files([page.split("```toml\n")[1].split("```")[0]], "site")
    assert found.placeholder("Servers") == ("srv*",)
    route = found.route(LogSource(product="windows", category="process_creation"))
    assert route is not None
    assert route.field_name("CommandLine") == "process.command_line"
    assert route.field_name("Other") == "winlog.event_data.Other"
    assert found.route(LogSource(product="windows")) is None


def test_a_table_that_is_not_there_is_named() -> None:
    text = """
    pipeline = "site"
    [[source]]
    product = "p"
    names = ["nowhere"]
    from = [{ dataset = "d" }]
    """
    with pytest.raises(FengsuiError, match="'nowhere'"):
        read_files([text], "site")


@pytest.mark.parametrize("text", ["a", "pipeline = 1", 'pipeline = "x"\nother = 1'])
def test_a_wrong_file_is_refused(text: str) -> None:
    with pytest.raises(FengsuiError, match="pipeline file"):
        read_files([text], "x")


def test_a_windows_rule_is_asked_of_each_log_it_may_be_in() -> None:
    raw = b"""
title: A rule
id: 7d1c9f56-8a35-4e0e-bb6c-2f4f3a9f6d43
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\cmd.exe', IntegrityLevel: High}
  condition: selection
tags: [attack.t1562.001]
"""
    rule = compile_file(raw, "imported")
    asked = plan([Question(0, 1, rule.steps[0].condition)])
    seen = {"process.executable": r"C:\cmd.exe", "winlog.event_data.IntegrityLevel": "High"}
    for dataset, number, fires in (
        ("windows.sysmon", 1, True),
        ("windows.security", 4688, True),
        ("windows.sysmon", 4688, False),
        ("windows.security", "1", False),
    ):
        event = {**seen, "event.dataset": dataset, "winlog.event_id": number}
        assert bool(asked.match([event])) is fires
    assert rule.steps[0].datasets == ("windows.sysmon", "windows.security")
    assert rule.techniques == ("T1685",)


def test_a_rule_file_is_refused_with_the_line_of_its_fault() -> None:
    raw = b"""\
title: A rule
id: 7d1c9f56-8a35-4e0e-bb6c-2f4f3a9f6d43
logsource: {product: linux, service: auth}
detection:
  selection:
    user.name: a
    Nonsense: b
  condition: selection
"""
    with pytest.raises(FengsuiError, match=r"no field 'Nonsense' .*\(line 7\)"):
        compile_file(raw, "imported")
