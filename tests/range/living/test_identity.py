"""The living identity system: its lines are moved in time and mean what generated ones mean."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from district.identity.desk import MESSAGES, PORTAL
from district.identity.provider import CLIENTS, DIRECTORY, KEYCLOAK
from living.identity.codes import code_now
from living.identity.logs import ConsoleLog, DirectoryLog, GatewayLog
from living.identity.mail import letter_link
from living.logs import RealLog

from schema.event import Fields
from sensors.sources import Context, open_format

HERE: Final = Path(__file__).resolve().parent
AT: Final = 1_794_758_400_123_456
"""2026-11-15T16:00:00.123456Z."""
EVENT: Final = (
    '{"timestamp":"2026-11-26T02:41:24.05028152Z","sequence":9637,'
    '"loggerName":"org.keycloak.events","level":"INFO","message":"type=\\"LOGIN\\", '
    'realmName=\\"citizens\\", userId=\\"u1\\"","hostName":"idp-01"}'
)
LOCK: Final = EVENT.replace(
    'userId=\\"u1\\"', 'not_before=\\"2026-11-26T02:41:27\\", num_failures=\\"10\\"'
)
STATS: Final = '6748a1f0.00bc614e 0x7fa86ffff6c0 conn=1001 op=0 BIND dn="" method=128'
ACCESS: Final = '{"time":"2026-11-26T10:41:24+08:00","remote_addr":"198.19.1.1","status":200}'


def console(path: Path, since: float = 0.0) -> ConsoleLog:
    return ConsoleLog(path, "k", lambda line: "steer" not in line, lambda: since, slower=20)


def test_an_event_of_keycloak_is_moved_and_nothing_else_of_it_changes(tmp_path: Path) -> None:
    moved = console(tmp_path / "log").stamped(EVENT, AT)
    assert moved == EVENT.replace("2026-11-26T02:41:24.05028152Z", "2026-11-15T16:00:00.12345652Z")


def test_the_end_of_a_lock_moves_with_its_line_and_stretches_to_the_towns_minute(
    tmp_path: Path,
) -> None:
    moved = console(tmp_path / "log").stamped(LOCK, AT)
    # 2.95 true seconds after the line: 59 of the town's.
    assert 'not_before=\\"2026-11-15T16:00:59\\"' in moved


def test_only_events_of_the_town_since_the_week_began_are_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = EVENT.replace("org.keycloak.events", "org.infinispan")
    early = EVENT.replace("02:41:24", "02:40:00")
    steered = EVENT.replace("u1", "steer")
    log.write_text("\n".join(("Starting", start, early, steered, EVENT, EVENT[:40])), "utf-8")
    since = console(tmp_path / "other").read
    assert list(since()) == []
    (found,) = console(log, since=1_795_660_881.0).read()
    assert found[1] == EVENT
    assert abs(found[0] - 1_795_660_884.050_281_52) < 1e-6


def test_the_directorys_times_keep_their_form(tmp_path: Path) -> None:
    log = DirectoryLog(tmp_path / "log", "d", lambda: 0.0)
    moved = log.stamped(STATS, AT)
    assert moved.split(" ", 1)[1] == STATS.split(" ", 1)[1]
    seconds, nanoseconds = (int(part, 16) for part in moved.split(" ")[0].split("."))
    assert (seconds, nanoseconds // 1000) == divmod(AT, 1_000_000)


def test_a_gateways_line_takes_its_true_time_from_the_file_beside_it(tmp_path: Path) -> None:
    path, side = tmp_path / "log", tmp_path / "side"
    log = GatewayLog(path, side, "p", lambda: 100.0)
    path.write_text(f"{ACCESS}\n{ACCESS}\n", "utf-8")
    side.write_text("99.500\n", "utf-8")
    assert list(log.read()) == []
    with side.open("a", encoding="utf-8") as file:
        file.write("100.250\n")
    assert list(log.read()) == [(100.25, ACCESS)]
    assert log.stamped(ACCESS, AT) == ACCESS.replace(
        "2026-11-26T10:41:24+08:00", "2026-11-16T00:00:00+08:00"
    )


@pytest.mark.parametrize("log", ["console", "directory", "gateway"])
def test_a_line_without_its_time_is_refused(tmp_path: Path, log: str) -> None:
    path = tmp_path / "log"
    logs: dict[str, RealLog] = {
        "console": console(path),
        "directory": DirectoryLog(path, "d", lambda: 0.0),
        "gateway": GatewayLog(path, path, "p", lambda: 0.0),
    }
    with pytest.raises(ValueError, match="no time"):
        logs[log].stamped("nothing", AT)


def test_the_link_of_a_letter_is_found_in_its_text() -> None:
    link = "http://idp.district.example/realms/citizens/login-actions/action-token?key=abc&tab=x"
    letter = f"Subject: Reset\r\nContent-Type: text/plain\r\n\r\nClick\r\n{link}\r\nsoon\r\n"
    assert letter_link(letter.encode()) == link
    assert letter_link(b"Subject: nothing\r\n\r\nno link\r\n") == ""


def test_a_code_is_that_of_the_standard() -> None:
    # RFC 6238, appendix B, cut to six digits.
    assert code_now("12345678901234567890", 59.0) == "287082"


@pytest.mark.service
def test_real_servers_say_of_the_same_deeds_what_the_generated_lines_say(tmp_path: Path) -> None:
    keycloak = os.environ.get("KEYCLOAK", "/opt/keycloak")
    missing = [name for name in ("slapd", "nginx", "java", "unshare") if not shutil.which(name)]
    if missing or os.geteuid() or not Path(keycloak, "bin", "kc.sh").exists():
        pytest.skip(f"needs root, Keycloak 26.2.5 (KEYCLOAK) and {missing or 'servers'}")
    out = tmp_path / "said.json"
    command = (
        "unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc",
        "--kill-child", "--propagation", "private", sys.executable,
        str(HERE / "identity_trial.py"), keycloak, str(out),
    )  # fmt: skip
    subprocess.run(command, check=True, timeout=900)
    said = json.loads(out.read_text("utf-8"))
    assert said["facts"]["failures"] == {}
    for stream, form in _FORMS.items():
        generated, living = (
            meant(stream, form, said[kind]) for kind in ("generated", "living")
        )  # fmt: skip
        assert Counter(map(str, living)) == Counter(map(str, generated)), stream


_FORMS: Final = {
    KEYCLOAK.name: KEYCLOAK.form, DIRECTORY.name: DIRECTORY.form, PORTAL.name: PORTAL.form,
    MESSAGES.name: MESSAGES.form,
}  # fmt: skip
_COMPARED: Final = (
    "event.dataset", "event.action", "event.code", "event.outcome", "event.reason", "user.id",
    "user.name", "user.target.id", "user.domain", "source.ip", "gov.auth.client_id",
    "gov.auth.method", "gov.auth.consent", "gov.auth.scope", "http.request.method",
    "http.response.status_code", "gov.ca.serial",
)  # fmt: skip
_DRAWN: Final = ("gov.auth.token_hmac", "gov.auth.device_id")
"""Made up anew each time: only which events share one can be equal."""


def meant(stream: str, form: str, lines: Iterable[tuple[int, str, str]]) -> list[Fields]:
    """The compared fields of a stream's events, with drawn values by their first use."""
    raw = [text.encode() for _, name, text in lines if name == stream]
    context = Context(host="h", utc_offset_minutes=480, now=lambda: AT)
    found: list[Fields] = []
    seen: dict[str, str] = {}
    for one in open_format(form).parse(raw, context):
        if stream == DIRECTORY.name and not _tried(one):
            continue
        kept: Fields = {name: one[name] for name in _COMPARED if name in one}
        if stream == DIRECTORY.name:
            # Threads of slapd may write an operation before the connection it came by.
            kept.pop("source.ip", None)
        servers, _ = CLIENTS.get(str(kept.get("gov.auth.client_id")), ((), 0))
        if kept.get("source.ip") in servers:
            kept["source.ip"] = "one of its servers"
        if "gov.auth.scope" in kept:
            # Keycloak's order of scopes is another in each realm.
            kept["gov.auth.scope"] = " ".join(sorted(str(kept["gov.auth.scope"]).split()))
        for name in _DRAWN:
            if name in one:
                kept[name] = seen.setdefault(str(one[name]), f"as in {kept}")
        found.append(kept)
    return found


def _tried(event: Fields) -> bool:
    """Passwords of people; what is looked up besides depends on what Keycloak still remembers."""
    action = str(event["event.action"])
    return action.startswith("ldap_bind") and event.get("user.id") != "idp"
