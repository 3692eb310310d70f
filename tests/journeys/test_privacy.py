"""A planted citizen's number and a planted marking are nowhere in the data folder afterwards."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from journey import blobs, fengsui, stored
from machine import Machine, access, now, postgresql, sshd, until

from fengsui.wiring import Site
from schema.errors import FengsuiError
from schema.event import Fields

# Made up: county code 99 is assigned nowhere; the check digit is right.
NUMBER = "440199198703071514"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
SECRET = "渡船改造预算"
MARKING = "秘密★10年"
MARKED = f"{MARKING}{SECRET}"


def _full_width(text: str) -> str:
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _nginx(text: str) -> str:
    """As nginx escapes what is not ASCII."""
    return "".join(chr(byte) if byte < 128 else f"\\x{byte:02X}" for byte in text.encode())


SPELLINGS = {
    "plain": NUMBER,
    "full width": _full_width(NUMBER),
    "percent": _percent(NUMBER),
    "percent full width": quote(_full_width(NUMBER)),
    "groups": f"{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}",
    "hyphens": f"{NUMBER[:6]}-{NUMBER[6:14]}-{NUMBER[14:]}",
    "nginx full width": _nginx(_full_width(NUMBER)),
    "json": json.dumps(_full_width(NUMBER)).strip('"'),
}
MARKS = {
    "plain": (MARKING, SECRET),
    "percent": (quote(MARKING), quote(SECRET)),
    "nginx": (_nginx(MARKING), _nginx(SECRET)),
    "gbk": (MARKING.replace("★", "☆"), ""),
}


def test_the_planted_number_is_a_valid_one() -> None:
    total = sum(int(digit) * weight for digit, weight in zip(NUMBER, WEIGHTS, strict=False))
    assert NUMBER[17] == "10X98765432"[total % 11]


def _plant(machine: Machine) -> None:
    at = now(30)
    for text in SPELLINGS.values():
        in_url = text.replace(" ", "%20")
        machine.write("nginx-access", access(f"/query?id={in_url}&b=1", at=at))
        machine.write("nginx-access", access(f"/person/{in_url}/card", at=at, status=404))
        machine.write("nginx-access", access("/", agent=f"app {text}", at=at))
        machine.write(
            "nginx-error",
            f'{at.strftime("%Y/%m/%d %H:%M:%S")} [error] 308#308: *36 open() "/srv/www/{text}" '
            "failed (2: No such file or directory), client: 127.20.1.5, server: portal, "
            f'request: "GET /{in_url} HTTP/1.1", host: "portal"',
        )
        machine.write("auth", sshd(f"Invalid user {text} from 192.0.2.9 port 50022", at=at))
        machine.write(
            "auth",
            sshd(f"Failed password for invalid user {text} from 192.0.2.9 port 50022 ssh2", at=at),
        )
        sql = f"SELECT * FROM person WHERE id_card = '{text}'"
        machine.write("postgresql", postgresql(f"execute <unnamed>: {sql}", at=at))
        machine.write(
            "postgresql", postgresql(f'relation "t{text}" does not exist', level="ERROR", at=at)
        )
        machine.write("postgresql", postgresql(sql, level="STATEMENT", at=at))


def _plant_markings(machine: Machine) -> None:
    at = now(20)
    for marked in (MARKED, quote(MARKED), _nginx(MARKED)):
        machine.write("nginx-access", access(f"/files/{marked}.doc?t={marked}", at=at))
        machine.write("nginx-access", access("/", agent=marked, at=at))
        machine.write("auth", sshd(f"Invalid user {marked} from 192.0.2.9 port 50022", at=at))
        machine.write(
            "postgresql", postgresql(f"statement: INSERT INTO d VALUES ('{marked}')", at=at)
        )
    gbk = postgresql(f"statement: INSERT INTO d VALUES ('{MARKED}')", at=at).encode("gbk")
    machine.write("postgresql", gbk)


PUSHED: list[Fields] = [
    {"event.action": "certificate_issued", "user.name": NUMBER, "message": f"办理 {NUMBER}"},
    {"event.action": "certificate_issued", "labels.身份": _full_width(NUMBER)},
    {"event.action": "certificate_issued", f"labels.{NUMBER}": "x", "note": MARKED},
    {"event.action": "certificate_issued", f"labels id {NUMBER}": "a name that is refused"},
    {"event.action": "certificate_issued", "message": MARKED, "tags": [MARKED, NUMBER]},
    {"event.action": "certificate_issued", "@timestamp": NUMBER},
    {"event.action": "certificate_issued", "event.dataset": MARKED},
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """After the run, with the write-ahead logs of a killed process beside the closed files."""
    made = Machine(tmp_path_factory.mktemp("planted"))
    site = made.open()
    _plant(made)
    _plant_markings(made)
    token = site.clients.add("portal", "unit")
    site.push.push(site.clients.of_token(token), "b1", PUSHED)
    until(site, lambda: _all_in(site, made))
    site.pipeline.finish()
    for path in [*made.data.glob("*-wal"), *made.data.glob("index/*.wal")]:
        path.with_suffix(path.suffix + ".kept").write_bytes(path.read_bytes())
    site.close()
    done = fengsui("backup", str(made.data / "backup.tar.gz"), data=made.data)
    assert done.returncode == 0, done.stderr
    return made


def _all_in(site: Site, machine: Machine) -> bool:
    lines = sum(machine.path(name).read_bytes().count(b"\n") for name in ("auth", "nginx-access"))
    hosts = [one for one in site.intake.status() if one.name == "host"]
    pushed = [one for one in site.intake.status() if one.name == "push"]
    return bool(hosts and hosts[0].events >= lines and pushed and pushed[0].events)


def test_no_byte_of_the_folder_holds_the_number_in_any_spelling(machine: Machine) -> None:
    needles = {name: text.encode() for name, text in SPELLINGS.items()}
    needles["lower case percent"] = SPELLINGS["percent full width"].lower().encode()
    needles["repr"] = repr(SPELLINGS["json"]).strip("'").encode()
    found = {
        (place, name)
        for place, blob in blobs(machine.data)
        for name, needle in needles.items()
        if needle in blob
    }
    assert found == set()


def test_no_byte_of_the_folder_holds_the_marking_or_what_it_marks(machine: Machine) -> None:
    needles = {
        f"{name} {part}": text.encode()
        for name, pair in MARKS.items()
        for part, text in zip(("marking", "text"), pair, strict=True)
        if text
    }
    needles["gbk"] = SECRET.encode("gbk")
    needles["gbk escaped"] = "".join(f"\\x{byte:02x}" for byte in SECRET.encode("gbk")).encode()
    found = {
        (place, name)
        for place, blob in blobs(machine.data)
        for name, needle in needles.items()
        if needle in blob
    }
    assert found == set()


def test_the_masked_events_say_what_was_masked(machine: Machine) -> None:
    events = [one.fields for one in stored(machine.data, "host")]
    numbered = [fields for fields in events if "gov.subject.id_hmac" in fields]
    hidden = [fields for fields in events if "gov.mask.hmac" in fields]
    assert len(numbered) >= 8 * len(SPELLINGS)
    assert len(hidden) >= 12
    assert len({fields["gov.subject.id_hmac"] for fields in numbered}) == 1


def test_pushed_events_are_masked_like_any_other(machine: Machine) -> None:
    events = [one.fields for one in stored(machine.data, "push")]
    assert len(events) == 4
    assert any("gov.subject.id_hmac" in fields for fields in events)
    assert any("gov.mask.hmac" in fields for fields in events)


def test_a_batch_id_that_holds_a_number_is_refused(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    site = machine.open()
    try:
        client = site.clients.of_token(site.clients.add("portal", "unit"))
        with pytest.raises(FengsuiError, match="person's number") as raised:
            site.push.push(client, f"person-{NUMBER}", PUSHED[:1])
        assert NUMBER not in str(raised.value)
    finally:
        site.close()
