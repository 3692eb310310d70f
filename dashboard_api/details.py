"""Details: what an error that a person meets on the page says in Chinese.

Errors are raised with an English sentence; here stands the Chinese one, by code, with the error's
parameters in braces. A code that is not here keeps its English sentence.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dashboard_api.titles import prefers_chinese
from schema.errors import FengsuiError

ZH: Final = MappingProxyType(
    {
        "collector.alert.cursor": "翻页位置不是本列表给出的，请从第一页重新读取",
        "collector.alert.filter": "筛选值不适用于该字段：级别用 informational、low、medium、high、"
        "critical，范围只用于 severity 与 @timestamp",
        "collector.alert.note_missing": "研判为 {verdict} 须填写说明，且不超过 4000 字",
        "collector.alert.unknown": "没有编号为 {id} 的告警",
        "collector.coverage.cursor": "翻页位置不是本列表给出的，请从第一页重新读取",
        "collector.exception.entity": "例外须写明规则与对象，对象不超过 {limit} 个字符",
        "collector.exception.expiry": "例外须有失效时间，且在今后 {days} 天之内",
        "collector.exception.limit": "生效的例外已达 {limit} 条上限，请先撤销一些，或改进规则",
        "collector.exception.network": "{entity} 不是网段：网段写作 {network}，"
        "单个地址写作 {address}",
        "collector.exception.over": "例外 {id} 已失效或已撤销",
        "collector.exception.owner": "例外须写明责任人，不超过 {limit} 个字符",
        "collector.exception.reason": "例外须写明理由，不超过 {limit} 个字符",
        "collector.exception.units": "例外须写明对哪些单位的告警生效（1 至 {limit} 个，或 *）",
        "collector.exception.unknown": "没有编号为 {id} 的例外",
        "collector.exception.wide": "对全部规则的例外须指明一个对象或网段：不能隐藏一切告警",
        "collector.index.cursor": "翻页位置不是本列表给出的，请从第一页重新读取",
        "collector.index.field": "没有字段 {field}：可用字段见 docs/integrator/fields.md，"
        "表中没有的字段写作 labels.<名称>",
        "collector.index.too_many": "需逐条核对的事件过多，请缩短时间范围或增加条件",
        "collector.index.refused": "检索节点拒绝了请求，请管理员核对其用户、权限与版本",
        "collector.index.unavailable": "检索节点暂时不可用，请稍后再试；事件保存在日志中，不会丢失",
        "collector.index.value": "字段 {field} 的值不合要求",
        "collector.assets.limit": "搁置的待办已达 {limit} 条上限，请改为登记资产",
        "collector.assets.unknown": "待办中没有资产 {asset} 的这一项，请重新读取",
        "collector.register.cell": "{file} 第 {line} 行 {column} 列的内容不合要求，未导入任何内容",
        "collector.register.column": "{file} 第 {line} 行：列 {column} 不属于本台账、缺少或重复，"
        "未导入任何内容",
        "collector.register.cursor": "翻页位置不是本列表给出的，请从第一页重新读取",
        "collector.register.file": "{file} 第 {line} 行：不是可读的 CSV、XLSX 或 JSON 行文件，"
        "未导入任何内容",
        "collector.register.no_proposal": "台账 {register} 没有待批准的版本 {number}",
        "collector.register.overlap": "{file} 第 {line} 行：同一键在同一时间已有另一行，"
        "未导入任何内容",
        "collector.register.self": "台账 {register} 的版本 {number} 由本人提出，须由另一人批准",
        "collector.register.too_large": "{file} 第 {line} 行：超过上限，请拆分，未导入任何内容",
        "collector.register.unknown_asset": "待办中没有可如此受理的 {asset}："
        "无主资产须写明单位与责任人",
        "collector.register.waits": "台账 {register} 的版本 {number} 由 {person} 提出，正待批准，"
        "请先由另一人决定",
        "collector.register.stale": "台账 {register} 在提出版本 {number} 之后已有改动，请重新提出",
        "collector.register.history": "台账 {register} 的一个键改动次数已达上限，"
        "请为每日变化的内容另设台账或键",
        "collector.register.unchanged": "台账 {register} 已是如此，没有可改动的内容",
        "collector.storage.full": "平台磁盘已满，又没有到期可清理的数据：腾出空间之前不再接收，"
        "请保留数据，稍后重新发送",
        "dashboard_api.alert.unknown": "没有编号为 {id} 的告警",
        "dashboard_api.application.disabled": "应用 {application} 已停用，请联系管理员",
        "dashboard_api.application.exists": "应用标识 {id} 已被使用，请换一个",
        "dashboard_api.application.limit": "登记的应用已达 {limit} 个上限",
        "dashboard_api.application.malformed": "应用标识为 1 至 24 个字符，只含 a-z 0-9 -，"
        "不以 - 开头或结尾，且不能是 site；名称为 1 至 64 个字符；单位为一个单位的名称",
        "dashboard_api.application.state": "应用 {id} 已处于该状态",
        "dashboard_api.application.unknown": "没有应用 {id}",
        "dashboard_api.approval.asker": "不能批准自己提出的请求，须由另一人批准",
        "dashboard_api.approval.exists": "同样的请求已在等待批准，编号 {id}",
        "dashboard_api.approval.given": "审批 {id} 的密钥已交付，或存放已满期限，请重新提出",
        "dashboard_api.approval.hand": "您曾登记应用 {application} 或为其发放凭据，须由另一人批准",
        "dashboard_api.approval.limit": "等待批准的请求已达 {limit} 条上限",
        "dashboard_api.approval.open": "审批 {id} 尚未完成，完成后方可领取",
        "dashboard_api.approval.over": "审批 {id} 已有结果（{state}），请重新提出",
        "dashboard_api.approval.params": "一次审批只针对一个密钥，所附内容不超过 {limit} 字节",
        "dashboard_api.approval.unknown": "没有编号为 {id} 的审批",
        "dashboard_api.gateway.exists": "已有或曾有网关 {id}：请轮换其令牌，或换一个标识",
        "dashboard_api.gateway.foreign": "网关 {gateway} 不可查询服务 {service}，请先添加",
        "dashboard_api.gateway.revoked": "网关 {id} 已吊销，请另行登记",
        "dashboard_api.gateway.services": "网关按名称至多可查询 {limit} 个服务，查询全部时只写 *",
        "dashboard_api.gateway.too_many": "登记的网关已达 {limit} 个上限",
        "dashboard_api.share_grant.refused": "调用不予放行：{reason}",
        "dashboard_api.share_grant.limit": "待决定的授权已达 {limit} 条上限，请先行决定",
        "dashboard_api.share_grant.self": "授权 {id} 由本人申请，须由数据所有单位的另一人决定",
        "dashboard_api.share_grant.state": "授权 {id} 的状态为 {state} 或已到期，不能如此办理",
        "dashboard_api.share_grant.unit": "数据属于一个单位，请写明该单位",
        "dashboard_api.share_grant.unknown": "没有编号为 {id} 的授权",
        "dashboard_api.share_grant.until": "授权须有期限，且在今后五年之内",
        "dashboard_api.certificate.ambiguous": "序列号 {serial} 有多张不同颁发者的证书，"
        "请用 SM3 指纹指明",
        "dashboard_api.certificate.anchor": "这不是可导入的根证书，或其颁发者在本站未知",
        "dashboard_api.certificate.chain": "证书链为密钥自身的证书在前，共不超过 {limit} 张",
        "dashboard_api.certificate.exists": "该证书已在本站",
        "dashboard_api.certificate.form": "请求中应恰有一种内容，证书为 PEM 或 DER 的 base64",
        "dashboard_api.certificate.issuer": "证书 {serial} 不是本站签发的，"
        "请由其颁发者更新或吊销，再导入",
        "dashboard_api.certificate.key": "密钥 {key} 的用途与这种证书不符，请换一个密钥",
        "dashboard_api.certificate.limit": "已达 {limit} 个上限",
        "dashboard_api.certificate.person": "该操作只能由负责的人员决定，应用不能办理",
        "dashboard_api.certificate.revoked_before": "证书 {serial} 已被吊销",
        "dashboard_api.key.device": "密钥 {key}：本站未配置密码设备，"
        "或该密钥在设备内，只能启用与停用",
        "dashboard_api.key.index": "设备的 {index} 号密钥已有名称，或用于保护密钥库",
        "dashboard_api.key.place": "设备密钥只用于签名（sign）或加密（encrypt），须写明从 1 开始的 "
        "index，不能导出；软件密钥没有 index",
        "dashboard_api.key.authority": "{key} 不能轮换：轮换后无法再吊销它签发的证书",
        "dashboard_api.certificate.unknown": "没有证书 {serial}",
        "dashboard_api.body.busy": "同时发送的内容过多，请稍后再试",
        "dashboard_api.body.cut": "请求内容没有完整送达",
        "dashboard_api.body.slow": "请求内容发送过慢，已超时",
        "dashboard_api.body.too_large": "请求内容超过 {limit} 字节，请减少一次发送的数量",
        "dashboard_api.credential.expired": "凭据 {credential} 已过有效期，请向管理员索取新的凭据",
        "dashboard_api.credential.malformed": "请求头 Authorization 的写法有误，应为 "
        "Bearer fsk1.<应用>.<43 个字符>，或 Fengsui-SM2 credential=<应用>.<密钥编号>,"
        "timestamp=<Unix 秒>,nonce=<16 至 64 个字符>,signature=<r‖s 的 Base64>，"
        "顺序一致、不含空格",
        "dashboard_api.credential.missing": "请求没有携带凭据：请在请求头 Authorization 中"
        "给出令牌或请求签名",
        "dashboard_api.credential.signature_invalid": "请求签名不是密钥 {key_id} 对此请求的签名："
        "请以 {id} 为签名者 ID，对实际发送的方法、路径与查询串、时间戳、随机串、凭据和"
        "请求体的 SM3 逐字签名",
        "dashboard_api.credential.unknown": "没有这个凭据，或已被收回，请联系管理员",
        "dashboard_api.credential.absent": "该应用没有凭据 {id}",
        "dashboard_api.credential.exists": "该应用已有或曾有凭据 {id}，请使用新的密钥",
        "dashboard_api.credential.expiry": "凭据的失效时间须在今后 {days} 天之内，或不设",
        "dashboard_api.credential.limit": "有效凭据最多 {limit} 个，请先吊销一个",
        "dashboard_api.credential.proof_invalid": "持有证明不是密钥 {key_id} 以标识 {domain} "
        "对本应用文本的签名",
        "dashboard_api.credential.revoked_before": "凭据 {id} 此前已吊销",
        "dashboard_api.event.unknown": "没有事件 {id}：从未存入、已过保存期或已脱敏移除",
        "dashboard_api.grant.key": "{key} 不是完整的密钥标识（如 payments.receipt），"
        "也不是 *（本应用全部密钥）或 -（无需密钥的操作）",
        "dashboard_api.grant.too_many": "一个应用最多 {limit} 项授权，可对自有密钥改授 *",
        "dashboard_api.grant.unknown": "没有密钥 {key} 所属的应用",
        "dashboard_api.header.repeated": "请求头 {header} 出现多次，请只发送一次",
        "dashboard_api.host.foreign": "本服务不使用这个主机名：请用已知的名称打开，"
        "或在设置 [server] names 中加入",
        "dashboard_api.idempotency.conflict": "这个 Idempotency-Key 一天内已用于另一请求，请换一个",
        "dashboard_api.idempotency.given": "同一请求已完成，其一次性答复已发出，请查看现状",
        "dashboard_api.idempotency.interrupted": "平台在处理同一请求时中断，请先查看是否已完成",
        "dashboard_api.idempotency.limit": "一天内带 Idempotency-Key 的请求已达 {limit} 条上限",
        "dashboard_api.idempotency.running": "同一请求正在处理，请稍后再试",
        "dashboard_api.key.export": "密钥 {key} 生成时未允许导出，此后不可更改：确需导出请另建密钥",
        "dashboard_api.key.import": "请给出 pem 或 envelope（Base64）之一，作为要导入的密钥",
        "dashboard_api.key.limit": "一个应用最多 {limit} 个密钥：请更换密钥版本，或登记另一个应用",
        "dashboard_api.key.name": "密钥名写作 应用.名称，名称为 1 至 38 个字符，只含 a-z 0-9 _ -；"
        "应用自己的密钥可省略应用标识",
        "dashboard_api.key.owner": "密钥 {key} 不归您管理：属于其他应用或单位",
        "dashboard_api.key.recipient": "请在 recipient 中给出接收导出密钥的 SM2 公钥（04 开头的 "
        "130 个十六进制字符）",
        "dashboard_api.keys.closed": "平台正在停止",
        "dashboard_api.link.password_set": "{name} 已设口令，须先由安全管理员收回",
        "dashboard_api.link.refused": "链接有误、已使用或已超过十分钟，请重新索取"
        "（fengsui user link 用户名）",
        "dashboard_api.login.busy": "同时登录的人过多，请稍后再试",
        "dashboard_api.login.locked": "口令错误次数过多，请在 {retry_seconds} 秒后再试，"
        "或使用一次性链接",
        "dashboard_api.login.refused": "用户名或口令不正确",
        "dashboard_api.nonce.replayed": "随机串 nonce 已使用过：每次请求（包括重发）"
        "须用新的随机串签名",
        "dashboard_api.opens.limited": "本应用每分钟最多解密或打开 {limit} 项，请在 "
        "{retry_seconds} 秒后再试，或请管理员提高配额",
        "dashboard_api.origin.foreign": "请求不是来自本服务的页面",
        "dashboard_api.password.weak": "请换一个口令：12 至 128 个字符，不含用户名，"
        "至少有 5 种不同的字符",
        "dashboard_api.password.wrong": "当前口令不正确",
        "dashboard_api.permission.missing": "此操作需要权限 {permission}，请联系安全管理员",
        "dashboard_api.quota.exceeded": "本应用的调用已超过配额（上限 {limit} 项），请在 "
        "{retry_seconds} 秒后再试，或请管理员提高配额",
        "dashboard_api.quota.malformed": "配额每秒与每分钟解密为 1 至 {limit}，每日为 0（不限）"
        "至 {limit}",
        "dashboard_api.request.failed": "平台处理此请求时失败，原因见平台日志",
        "dashboard_api.roles.exclusive": "不能由一人同时担任 {roles}：管理员角色须单独授予",
        "dashboard_api.rule.unknown": "没有规则 {rule}",
        "dashboard_api.session.missing": "尚未登录，或会话已结束",
        "dashboard_api.signing.absent": "本站点没有签名服务：演示数据不为任何应用签名",
        "dashboard_api.signing.busy": "签名服务正忙，本次调用未执行，请在 {retry_seconds} 秒后再试",
        "dashboard_api.signing.restarted": "签名进程在答复之前退出：本次调用可能已执行，"
        "也可能没有，以审计记录为准；可以放心重新申请签名",
        "dashboard_api.signing.stopped": "签名服务已停止：审计等必须保存的记录无法写入，或签名进程"
        "未能启动。本次调用未执行，请运维人员查看 /readyz 与平台日志",
        "dashboard_api.stream.full": "打开的实时连接过多，请关闭不用的页面",
        "dashboard_api.target.malformed": "签名请求的方法与路径只能是可见 ASCII 字符，"
        "其余字符请用百分号编码",
        "dashboard_api.time.malformed": "时间 {text} 不是带时区的 RFC 3339 写法，"
        "如 2026-01-31T08:00:00Z",
        "dashboard_api.timestamp.forgotten": "时间戳不晚于 {floor}：平台已无法区分此前的请求"
        "与重放，请用当前时间重新签名；若已是当前时间，则平台的时钟曾被回拨，请联系管理员",
        "dashboard_api.timestamp.skewed": "时间戳与平台时钟（{now}）相差 {skew_seconds} 秒，"
        "最多允许 {limit} 秒：请校准调用方的时钟",
        "dashboard_api.unit.foreign": "单位 {unit}（* 为全部单位）不在您的管理范围，"
        "请联系安全管理员",
        "dashboard_api.usage.malformed": "月份应写作 2026-11",
        "dashboard_api.user.exists": "用户名已被使用",
        "dashboard_api.user.malformed": "用户名为 2 至 32 个字符，以小写字母开头，"
        "只含 a-z 0-9 . _ -；显示名为 1 至 64 个字符",
        "dashboard_api.user.self": "不能更改自己账户的权限，请由另一位管理员操作",
        "dashboard_api.user.unknown": "没有这个用户，或其账户已关闭",
        "dashboard_api.verdict.note_missing": "研判为 {verdict} 须填写说明",
        "schema.filter.malformed": "筛选条件从第 {position} 个字符起无法理解",
        "schema.time.malformed": "时间写法有误，应如 2026-01-31T08:00:00.000000Z",
    }
)


WHY_ZH: Final = MappingProxyType(
    {
        "boolean": "不是“是”或“否”，请写 是、否、true 或 false",
        "choices": "不在可选值之中，可选：{allowed}",
        "citizen": "不是探针能识别的公民身份号码，没有事件能与之对应，请更正",
        "classified": "带密级标志，不得存放于此，请删除该行",
        "column": "本台账没有这一列，请删除",
        "date": "不是日期，请写作 2026-01-31",
        "empty": "不能为空，请填写",
        "ends": "失效时间不晚于生效时间，请更正其一",
        "form": "不是文字、整数、是否值或文字列表",
        "hidden": "含控制字符或不可见字符，请重新输入",
        "integer": "不是不超过 18 位的整数，请只写数字",
        "items": "列表项过多，请拆分",
        "key": "键过长，请缩短",
        "long": "文字过长，请缩短",
        "pattern": "写法不符，应符合 {allowed}",
        "time": "不是日期或时间，请写作 2026-01-31 或 2026-01-31T08:00:00+08:00",
    }
)
"""What is wrong with a cell of a register's file and what to do, by the importer's cause."""


def why_of(error: FengsuiError, languages: str) -> str:
    """What is wrong with a row of a file, without its place, which stands beside it."""
    if not prefers_chinese(languages):
        return str(error.params.get("why", error.args[0]))
    known = WHY_ZH.get(str(error.params.get("cause", "")))
    return known.format_map(error.params) if known else detail_of(error, languages)


def detail_of(error: FengsuiError, languages: str) -> str:
    """The error's sentence: in Chinese where Accept-Language prefers it and there is one."""
    known = ZH.get(error.code) if prefers_chinese(languages) else None
    if known is None:
        return str(error.args[0])
    why = WHY_ZH.get(str(error.params.get("cause", "")))
    told = known.format_map(error.params)
    return f"{told}：{why.format_map(error.params)}" if why else told
