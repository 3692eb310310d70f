"""Directory: a real slapd with the staff's accounts, under Keycloak."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from living.ground import Ground
from living.identity.accounts import PASSWORD, Account

__all__ = ["ADDRESS", "BASE", "SERVICE", "SERVICE_PASSWORD", "dn", "start"]

ADDRESS: Final = "10.30.2.6"
BASE: Final = "dc=district,dc=example"
SERVICE: Final = f"cn=idp,ou=services,{BASE}"
SERVICE_PASSWORD: Final = "directory-service"
_CONFIG: Final = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel stats
database mdb
maxsize 67108864
suffix "{base}"
rootdn "cn=admin,{base}"
directory {folder}/data
dbnosync
index objectClass,uid,entryUUID eq
access to * by dn.exact="{service}" write by anonymous auth by self read by * none
"""


def dn(user: str) -> str:
    """Where an account stands."""
    return f"uid={user},ou=people,{BASE}"


def start(ground: Ground, people: Iterable[Account]) -> Path:
    """Fill it, start it; the file it logs to. Raises where slapd's own tools refuse."""
    folder = ground.scratch / "slapd"
    (folder / "data").mkdir(parents=True)
    config = folder / "slapd.conf"
    config.write_text(_CONFIG.format(folder=folder, base=BASE, service=SERVICE), encoding="utf-8")
    entries = folder / "people.ldif"
    entries.write_text("\n".join((_top(), *map(_entry, people))), encoding="utf-8")
    subprocess.run(
        ("slapadd", "-q", "-f", str(config), "-l", str(entries)), check=True, capture_output=True
    )
    log = ground.scratch / "logs" / "slapd.log"
    command = ("slapd", "-d", "stats", "-f", str(config), "-h", "ldap://0.0.0.0:389")
    ground.run("slapd", command, log=log)
    ground.wait(ADDRESS, 389)
    return log


def _top() -> str:
    return f"""\
dn: {BASE}
objectClass: domain
dc: district

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=services,{BASE}
objectClass: organizationalUnit
ou: services

dn: {SERVICE}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: idp
userPassword: {SERVICE_PASSWORD}
"""


def _entry(account: Account) -> str:
    user = account.user
    return f"""\
dn: {dn(user)}
objectClass: inetOrgPerson
uid: {user}
cn: {user}
sn: clerk
mail: {user}@mail.district.example
userPassword: {PASSWORD}
entryUUID: {account.number}
"""
