"""Platform rules: what the platform raises about itself; never in the set alerts are compared by.

Their ids begin with ``platform.``, which no rule file may have, and their entity is the part of
the platform that is in trouble. They have no events: what they say is of this machine's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema.alert import PLATFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformRule:
    """The words of one; ``reason`` is a sentence by itself, the part stands beside it."""

    id: str
    severity: int
    title_zh: str
    title_en: str
    reason_zh: str
    reason_en: str
    triage_zh: str
    triage_en: str


BUS_UNREACHABLE: Final = f"{PLATFORM}bus-unreachable"
WORKERS_SILENT: Final = f"{PLATFORM}workers-silent"
RULES_BEHIND: Final = f"{PLATFORM}rules-behind"
RECORDS_LOST: Final = f"{PLATFORM}records-lost"
SENSOR_STOPPED: Final = f"{PLATFORM}sensor-stopped"
SENSOR_LOSES: Final = f"{PLATFORM}sensor-loses"
EVENTS_BEHIND: Final = f"{PLATFORM}events-behind"
DISK_LOW: Final = f"{PLATFORM}disk-low"
DISK_FULL: Final = f"{PLATFORM}disk-full"
KEY_EXPIRING: Final = f"{PLATFORM}key-expiring"
GRANT_EXPIRING: Final = f"{PLATFORM}grant-expiring"
CERTIFICATE_EXPIRING: Final = f"{PLATFORM}certificate-expiring"

BUS_RULES: Final = frozenset({BUS_UNREACHABLE, WORKERS_SILENT, RULES_BEHIND, RECORDS_LOST})
"""While one of these lasts the site does not do its work: /readyz answers 503."""
TOLD_ELSEWHERE: Final = BUS_RULES | {DISK_LOW, DISK_FULL}
"""Of these /readyz has a code of its own, or an answer of its own."""

_ALL: Final = (
    PlatformRule(
        id=BUS_UNREACHABLE,
        severity=4,
        title_zh="总线不可达",
        title_en="The bus is not reached",
        reason_zh="平台与总线之间停滞",
        reason_en="Nothing passes between the platform and the bus",
        triage_zh="查看 /readyz 与代理节点日志，运行 fengsui cluster check；"
        "探针会保留未获回执的批次。",
        triage_en="Look at /readyz and the brokers' logs and run fengsui cluster check; sensors "
        "keep what has no receipt.",
    ),
    PlatformRule(
        id=WORKERS_SILENT,
        severity=4,
        title_zh="分析节点无响应",
        title_en="The workers are silent",
        reason_zh="有批次待判，却没有任何判定返回",
        reason_en="Batches wait to be judged and no decision comes back",
        triage_zh="查看各分析节点上的 fengsui worker 是否运行；恢复后自动补判，不会漏判。",
        triage_en="See whether fengsui worker runs on the workers' machines; once it does, all "
        "that waits is judged.",
    ),
    PlatformRule(
        id=RULES_BEHIND,
        severity=3,
        title_zh="规则判定滞后",
        title_en="The rules are behind",
        reason_zh="判定落后于已接收的事件",
        reason_en="Decisions are behind the events taken in",
        triage_zh="增加分析节点，或查看最慢的分区（/metrics）。",
        triage_en="Add workers, or look which partition is slowest (/metrics).",
    ),
    PlatformRule(
        id=RECORDS_LOST,
        severity=4,
        title_zh="总线上有记录未读即失",
        title_en="Records on the bus were lost or unusable",
        reason_zh="有记录在读取前被删除、无法解密或被拒收",
        reason_en="Records were deleted before they were read, do not open, or were refused",
        triage_zh="查看数据目录 quarantine/ 中的 record-*.json；探针将重发未获回执的批次。",
        triage_en="Look at record-*.json in the data folder's quarantine/; sensors send again what "
        "has no receipt.",
    ),
    PlatformRule(
        id=SENSOR_STOPPED,
        severity=3,
        title_zh="探针批次被拒，证据链中断",
        title_en="A sensor's batches are refused",
        reason_zh="该探针的下一批次不被接收",
        reason_en="The sensor's next batch is not let in",
        triage_zh="在探针页查看原因；必要时重新登记该探针。",
        triage_en="See the reason on the sensors' page; enrol the sensor anew where needed.",
    ),
    PlatformRule(
        id=SENSOR_LOSES,
        severity=4,
        title_zh="探针报告有日志未能采集",
        title_en="A sensor lost or could not read something",
        reason_zh="该探针报告丢失、截断或无法读取",
        reason_en="The sensor tells that something was lost, cut, or could not be read",
        triage_zh="检索 event.dataset:fengsui.sensor 查看来源与原因；"
        "检查该机器的权限、轮转与磁盘。",
        triage_en="Search event.dataset:fengsui.sensor for source and reason; look at rights, "
        "rotation and disk of that machine.",
    ),
    PlatformRule(
        id=EVENTS_BEHIND,
        severity=3,
        title_zh="事件滞后，判定等待",
        title_en="Events are behind, and judgement waits for them",
        reason_zh="所等待的探针落后十分钟以上",
        reason_en="A sensor the rules wait for is more than ten minutes behind",
        triage_zh="在探针页查看滞后最大的探针：是否在补读积压，时钟是否正确。",
        triage_en="See on the sensors' page which lags most: whether it reads a backlog, and "
        "whether its clock is right.",
    ),
    PlatformRule(
        id=DISK_LOW,
        severity=3,
        title_zh="平台磁盘空间不足",
        title_en="The platform's disk runs low",
        reason_zh="剩余空间低于设定",
        reason_en="Free space is under the setting",
        triage_zh="增加磁盘；期限内的日志不会被提前删除。",
        triage_en="Add room: nothing inside its period is deleted for it.",
    ),
    PlatformRule(
        id=DISK_FULL,
        severity=4,
        title_zh="平台磁盘已满，停止接收",
        title_en="The platform's disk is full, and nothing is taken in",
        reason_zh="没有空间，也没有到期可删的日志",
        reason_en="There is no room, and nothing is past its period",
        triage_zh="立即增加磁盘；探针与总线保留未获回执的批次，腾出空间后自动继续。",
        triage_en="Add room now: sensors and bus keep what has no receipt, and intake goes on by "
        "itself.",
    ),
    PlatformRule(
        id=KEY_EXPIRING,
        severity=3,
        title_zh="密钥即将到期或已到期",
        title_en="A key expires soon, or has expired",
        reason_zh="到期的密钥只能验签与解密，不再签名、加密",
        reason_en="An expired key verifies and opens, and makes nothing new",
        triage_zh="新建密钥并让应用改用；到期时间在新建时确定，不能延长。",
        triage_en="Make another key and have its application use it: the end is fixed when a key "
        "is made.",
    ),
    PlatformRule(
        id=GRANT_EXPIRING,
        severity=3,
        title_zh="共享授权即将到期或已到期",
        title_en="A grant of data sharing expires soon, or has expired",
        reason_zh="到期或满一年未复核的授权不再放行",
        reason_en="A grant past its end, or not looked at for a year, lets nothing through",
        triage_zh="由数据所有单位复核；期限已到的，请需求单位重新申请；不再需要的，予以撤销。",
        triage_en="Have the data's owner certify it again; past its end ask anew; revoke what is "
        "no longer needed.",
    ),
    PlatformRule(
        id=CERTIFICATE_EXPIRING,
        severity=3,
        title_zh="证书即将到期或已到期",
        title_en="A certificate expires soon, or has expired",
        reason_zh="到期之后，对方将拒绝该证书",
        reason_en="Whoever checks it refuses it after its end",
        triage_zh="本站签发的证书可直接更新；外部证书请向其颁发者更新后导入。",
        triage_en="Renew it here where this site issued it; else have its issuer renew it, and "
        "import what they send.",
    ),
)

RULES: Final = {one.id: one for one in _ALL}
