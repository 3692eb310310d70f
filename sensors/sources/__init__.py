"""The log formats this sensor reads, each in a file of its own.

A new watched system is one file here, one line in ``FORMATS`` and its tests; a log of a site's own
is a mapping file, see :mod:`sensors.sources.mapping`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sensors.sources import mapping
from sensors.sources.contract import Context, Format
from sensors.sources.keycloak import Keycloak
from sensors.sources.nginx_access import NginxAccess
from sensors.sources.nginx_error import NginxError
from sensors.sources.openldap import OpenLdap
from sensors.sources.postgresql_csv import PostgresqlCsv
from sensors.sources.postgresql_json import PostgresqlJson
from sensors.sources.postgresql_text import PostgresqlText
from sensors.sources.step_ca import StepCa
from sensors.sources.syslog_auth import SyslogAuth
from sensors.sources.wechat_nontax import WechatNontax
from sensors.sources.windows_xml import WindowsXml
from sensors.sources.xroad_operational import XroadOperational

__all__ = ["FORMATS", "MAPPING", "Context", "Format", "is_format", "open_format"]

MAPPING: Final = "mapping:"
"""Before the name, or the path, of a mapping file in place of a format."""

FORMATS: Final[dict[str, Callable[[], Format]]] = {
    "syslog_auth": SyslogAuth,
    "nginx_access": NginxAccess,
    "nginx_error": NginxError,
    "keycloak": Keycloak,
    "openldap": OpenLdap,
    "postgresql_text": PostgresqlText,
    "postgresql_csv": PostgresqlCsv,
    "postgresql_json": PostgresqlJson,
    "wechat_nontax": WechatNontax,
    "windows_xml": WindowsXml,
    "step_ca": StepCa,
    "xroad_operational": XroadOperational,
}
"""Formats by the name used in settings and recordings; calling one makes a fresh instance."""


def is_format(name: str) -> bool:
    """Whether there may be such a format; a mapping file may still be missing or not sound."""
    return name in FORMATS or name.startswith(MAPPING)


def open_format(name: str) -> Format:
    """A fresh instance of a format; raises KeyError, or what opening a mapping file raises."""
    if name.startswith(MAPPING):
        return mapping.open_format(name.removeprefix(MAPPING))
    return FORMATS[name]()
