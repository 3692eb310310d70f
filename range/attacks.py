"""The labelled attacks of the range: when, from where, on whom, and what should be noticed."""

from __future__ import annotations

from dataclasses import dataclass

from payloads import LOGIN_NAMES
from town import CITIZEN_NAT, EMPLOYEES, OFFICE_NAT, VPN

__all__ = ["ATTACKS", "Attack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One labelled attack: what it is, who it is seen under, and what should be noticed."""

    id: str
    kind: str
    hour: float
    sources: tuple[str, ...]
    users: tuple[str, ...]
    expected_en: str
    expected_zh: str


ATTACKS = (
    Attack(
        id="A01",
        kind="ssh_password_guessing",
        hour=0.83,
        sources=(VPN[4],),
        users=("zhang.wei",),
        expected_en="SSH password guessing on one account, no success",
        expected_zh="对单个账号的 SSH 口令猜测，未成功",
    ),
    Attack(
        id="A02",
        kind="web_path_probing",
        hour=6.35,
        sources=(CITIZEN_NAT[17],),
        users=(),
        expected_en="storm of 404/403 on sensitive paths, browser user agent",
        expected_zh="敏感路径探测，404/403 集中，伪装浏览器",
    ),
    Attack(
        id="A03",
        kind="ssh_user_enumeration",
        hour=7.1,
        sources=(CITIZEN_NAT[42],),
        users=LOGIN_NAMES,
        expected_en="SSH logins with many names that do not exist",
        expected_zh="SSH 不存在用户名枚举",
    ),
    Attack(
        id="A04",
        kind="web_scanner",
        hour=8.2,
        sources=(CITIZEN_NAT[99],),
        users=(),
        expected_en="known scanner user agents, malformed requests",
        expected_zh="扫描器标识与畸形请求",
    ),
    Attack(
        id="A05",
        kind="db_guessing_success",
        hour=9.5,
        sources=(VPN[7],),
        users=("report_ro",),
        expected_en="database password guessing, then success",
        expected_zh="数据库口令猜测后成功",
    ),
    Attack(
        id="A06",
        kind="db_catalog_enumeration",
        hour=9.62,
        sources=(VPN[7],),
        users=("report_ro",),
        expected_en="enumeration of pg_catalog after the login",
        expected_zh="登录后枚举系统目录",
    ),
    Attack(
        id="A07",
        kind="ssh_password_spraying",
        hour=12.7,
        sources=(OFFICE_NAT[6],),
        users=EMPLOYEES,
        expected_en="a few passwords over all accounts from a shared office address",
        expected_zh="同一办公出口对全部账号的口令喷洒",
    ),
    Attack(
        id="A08",
        kind="web_sql_injection",
        hour=14.1,
        sources=(OFFICE_NAT[8],),
        users=("share_app",),
        expected_en="SQL injection in the search word: payloads in URLs, 500s, SQL errors",
        expected_zh="检索词 SQL 注入，出现 500 与数据库语法错误",
    ),
    Attack(
        id="A09",
        kind="web_path_traversal",
        hour=15.2,
        sources=(CITIZEN_NAT[120],),
        users=(),
        expected_en="path traversal payloads",
        expected_zh="目录穿越",
    ),
    Attack(
        id="A10",
        kind="web_script_and_jndi",
        hour=17.35,
        sources=(CITIZEN_NAT[8],),
        users=(),
        expected_en="XSS, template and JNDI payloads in URL and user agent",
        expected_zh="跨站脚本、模板注入与 JNDI 载荷",
    ),
    Attack(
        id="A11",
        kind="web_credential_stuffing",
        hour=18.5,
        sources=(CITIZEN_NAT[63], CITIZEN_NAT[64]),
        users=(),
        expected_en="many 401 on the login, then 200",
        expected_zh="登录接口撞库，大量 401 后成功",
    ),
    Attack(
        id="A12",
        kind="ssh_guessing_success_sudo",
        hour=19.7,
        sources=(VPN[11],),
        users=("he.ping", "svc.cache"),
        expected_en="SSH guessing, then success, sudo to root, new account with uid 0",
        expected_zh="SSH 口令猜测成功后提权并新建 uid 0 账号",
    ),
    Attack(
        id="A13",
        kind="web_bulk_download",
        hour=20.1,
        sources=(OFFICE_NAT[10],),
        users=(),
        expected_en="one address pulls hundreds of large files over 90 minutes",
        expected_zh="单一地址 90 分钟内批量下载大文件",
    ),
    Attack(
        id="A14",
        kind="db_privilege_probing",
        hour=23.3,
        sources=(OFFICE_NAT[1],),
        users=("share_ro",),
        expected_en="permission denied on tables, files, programs and roles",
        expected_zh="数据库越权试探：拒绝访问表、文件、程序与角色",
    ),
    Attack(
        id="A15",
        kind="db_destructive_ddl",
        hour=25.0,
        sources=(VPN[13],),
        users=("contract_dev",),
        expected_en="DROP, TRUNCATE and ALTER by a role that never does so",
        expected_zh="非常用角色执行 DROP、TRUNCATE、ALTER",
    ),
    Attack(
        id="A16",
        kind="web_directory_listing",
        hour=26.2,
        sources=(CITIZEN_NAT[201],),
        users=(),
        expected_en="walk of directory listings and guesses at backup files",
        expected_zh="遍历目录列表并猜测备份文件",
    ),
    Attack(
        id="A17",
        kind="web_server_errors",
        hour=26.75,
        sources=(CITIZEN_NAT[150],),
        users=("share_app",),
        expected_en="time-based injection: burst of 502, statement timeouts",
        expected_zh="基于时间的注入，502 与语句超时集中",
    ),
    Attack(
        id="A18",
        kind="ssh_slow_guessing",
        hour=27.0,
        sources=(VPN[2], OFFICE_NAT[4], CITIZEN_NAT[230]),
        users=("zhou.jie",),
        expected_en="one guess every few minutes from several addresses for two hours",
        expected_zh="两小时内多个地址对同一账号慢速猜测",
    ),
)
