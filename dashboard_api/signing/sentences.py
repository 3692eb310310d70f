"""Sentences: what a refusal of the signing service says, in Chinese and in English.

Keyed by ``code`` or, where one code has several causes, ``code.cause``; the error's parameters
stand in braces. A code that is not here keeps the English sentence it was raised with.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

MALFORMED: Final = "dashboard_api.call.malformed"
TOO_MANY: Final = "dashboard_api.call.too_many"
SCOPE: Final = "dashboard_api.scope.missing"
UNCERTIFIED: Final = "dashboard_api.key.uncertified"
BAD_SIGNATURE: Final = "crypto.signature.invalid"
BAD_MAC: Final = "crypto.mac.invalid"


class Sentence(NamedTuple):
    """One sentence, told twice."""

    zh: str
    en: str


_MALFORMED: Final = {
    "json": Sentence(
        "请求体不是合法的 JSON（第 {byte} 字节附近）：请用 UTF-8 编码发送一个 JSON 对象",
        "the body is not JSON (near byte {byte}): send one JSON object in UTF-8",
    ),
    "missing": Sentence(
        "{where}：缺少此字段，该操作必须有它",
        "{where}: the operation needs this field",
    ),
    "unknown_field": Sentence(
        "{where}：没有这个字段，请核对拼写与接口文档 openapi.json",
        "{where}: there is no such field; openapi.json lists those there are",
    ),
    "type": Sentence(
        "{where}：类型不对，应为 {expected}",
        "{where}: wrong type, send {expected}",
    ),
    "value": Sentence(
        "{where}：不是允许的取值，可用取值见接口文档 openapi.json",
        "{where}: not one of the values allowed; openapi.json lists them",
    ),
    "name": Sentence(
        "{where}：不是密钥名称：本应用的密钥写作 receipt，其他应用的写作 payments.receipt，"
        "只含小写字母、数字、- 与 _",
        "{where}: not a key name: receipt for one's own, payments.receipt for another's, of "
        "lower-case letters, digits, - and _",
    ),
    "length": Sentence(
        "{where}：长度须为 {expected}",
        "{where}: its length must be {expected}",
    ),
    "range": Sentence(
        "{where}：数值须为 {expected}",
        "{where}: must be {expected}",
    ),
    "base64": Sentence(
        "{where}：不是标准 Base64（字母表含 + 与 /，带 = 补位，无换行）；"
        "十六进制请同时写 {option}=hex",
        "{where}: not standard base64 (with + and /, padded by =, no line breaks); say "
        "{option}=hex for hexadecimal",
    ),
    "hex": Sentence(
        "{where}：不是十六进制（偶数个 0-9 a-f，无前缀与空格）；Base64 请写 {option}=base64",
        "{where}: not hexadecimal (an even number of 0-9 a-f, no prefix, no blanks); say "
        "{option}=base64 for base64",
    ),
    "binary": Sentence(
        "{where}：是 {size} 字节的二进制值，不能用 utf8：请用 base64 或 hex",
        "{where}: a binary value of {size} bytes, not text: send it as base64 or hex",
    ),
    "not_text": Sentence(
        "{where}：明文不是 UTF-8 文本，请改用 output=base64 或 hex",
        "{where}: the plaintext is no UTF-8 text: ask for output=base64 or hex",
    ),
    "size": Sentence(
        "{where}：应为 {expected}，实为 {size} 字节",
        "{where}: send {expected}, not {size} bytes",
    ),
    "one_of": Sentence(
        "{where}：{fields} 中须且只能给出一个",
        "{where}: give exactly one of {fields}",
    ),
    "id_with_e": Sentence(
        "{where}：摘要 e 中已含签名者 ID，同时给出 id 不起作用：请删去 id",
        "{where}: a digest e holds the signer's ID already, so id would change nothing: leave it "
        "out",
    ),
    "aad": Sentence(
        "{where}：附加数据只用于 SM4 密钥（用途 seal），SM2 加密没有附加数据",
        "{where}: additional data goes with an SM4 key (use seal); SM2 encryption has none",
    ),
    "form": Sentence(
        "{where}：此密钥的密文形式为 {expected}，请改用它或不写 form",
        "{where}: ciphertexts of this key have the form {expected}: name it, or leave form out",
    ),
    "version": Sentence(
        "{where}：版本号只与 key 一起使用",
        "{where}: a version goes with key only",
    ),
    "pem": Sentence(
        "{where}：不是完整的 PEM，块的标签应为 {expected}",
        "{where}: not a whole PEM block; its label is {expected}",
    ),
    "empty": Sentence(
        "{where}：至少要有一项",
        "{where}: needs at least one item",
    ),
}

_HINTS: Final = {
    "form": Sentence(
        "签名无效：按 {found} 形式读取则可验证通过，请写 form={found}",
        "the signature is invalid as sent; read as {found} it verifies: say form={found}",
    ),
    "encoding": Sentence(
        "签名无效：改变 {field} 的编码后可验证通过，请写 {option}={found}",
        "the signature is invalid as sent; with another encoding of {field} it verifies: say "
        "{option}={found}",
    ),
    "malformed": Sentence(
        "签名无效：DER 编码不规范（多余的前导零、长度或尾部字节）。r 与 s 本身可验证通过，"
        "请签名方输出规范 DER，或改用 form=raw",
        "the signature is invalid: its DER is not canonical (padding zeros, lengths or bytes after "
        "the end). r and s themselves verify: let the signer write canonical DER, or send form=raw",
    ),
    "unreadable": Sentence(
        "签名无效：内容既不是 DER 的 SEQUENCE{{r, s}}，也不是 64 字节的 r‖s",
        "the signature is invalid: it is neither a DER SEQUENCE of r and s nor r‖s in 64 bytes",
    ),
    "no_z": Sentence(
        "签名无效：签名方直接对 SM3(消息) 签名，没有计算 Z（签名者 ID 与公钥的杂凑）。"
        "请签名方按 GB/T 32918.2 对 SM3(Z‖消息) 签名",
        "the signature is invalid: the signer signed SM3(message) without Z, the hash of ID and "
        "public key. GB/T 32918.2 signs SM3(Z‖message)",
    ),
    "id": Sentence(
        "签名无效：签名方使用了另一个 ID（{found}），请写同样的 id",
        "the signature is invalid under this ID; it was made under another ({found}): name that id",
    ),
    "digest": Sentence(
        "签名无效：签名方把这 32 字节当作摘要 e 签名，请改在 e 字段中发送",
        "the signature is invalid: the signer took these 32 bytes for the digest e itself: send "
        "them as e",
    ),
    "message": Sentence(
        "签名无效：签名方把这 32 字节当作消息签名，请改在 message 字段中发送",
        "the signature is invalid: the signer took these 32 bytes for the message: send them as "
        "message",
    ),
    "newline": Sentence(
        "签名无效：被签的消息末尾换行与所发送的不同（常见于文件或 echo 命令）",
        "the signature is invalid: the message that was signed differs in the line end at its "
        "end, as files and echo add one",
    ),
    "order": Sentence(
        "签名无效：r 与 s 的顺序或字节序相反，应为大端的 r‖s",
        "the signature is invalid: r and s stand in the wrong order or byte order; send r‖s, "
        "big-endian",
    ),
    "other_version": Sentence(
        "签名无效：它出自此密钥的第 {found} 版，请写 version={found} 或不写 version",
        "the signature is invalid: version {found} of the key made it: say version={found}, or "
        "leave version out",
    ),
    "none": Sentence(
        "签名无效：消息、签名、公钥或 ID 中有一项与签名时不同；已试过常见的形式、编码与 ID 差异，"
        "均不符",
        "the signature is invalid: message, signature, public key or ID differs from what was "
        "signed; the usual mix-ups of form, encoding and ID were tried and are not the cause",
    ),
    "untried": Sentence(
        "签名无效：此刻失败的验证过多，未再分析此项的原因，请稍后单独验证它",
        "the signature is invalid; too many fail at this moment for this one's cause to be looked "
        "for: verify it alone a little later",
    ),
}

_OTHERS: Final = {
    TOO_MANY: Sentence(
        "一次调用最多 {limit}，请分多次调用",
        "one call takes at most {limit}: make several calls",
    ),
    SCOPE: Sentence(
        "本应用未获授权以密钥 {key} 执行 {operation}，请联系管理员授权",
        "the application has no grant for {operation} with key {key}: ask the administrator",
    ),
    UNCERTIFIED: Sentence(
        "密钥 {id} 还没有证书，此操作须先为它签发或导入证书",
        "key {id} has no certificate yet, which this operation needs: issue or import one",
    ),
    f"{BAD_MAC}.none": Sentence(
        "校验码无效：数据、校验码或密钥与计算时不同",
        "the code is invalid: data, code or key differs from what it was made over",
    ),
    f"{BAD_MAC}.other_version": Sentence(
        "校验码无效：它出自此密钥的第 {found} 版，请写 version={found} 或不写 version",
        "the code is invalid: version {found} of the key made it: say version={found}, or leave "
        "version out",
    ),
}

SENTENCES: Final = MappingProxyType(
    {f"{MALFORMED}.{cause}": both for cause, both in _MALFORMED.items()}
    | {f"{BAD_SIGNATURE}.{hint}": both for hint, both in _HINTS.items()}
    | _OTHERS
)
"""Both sentences by code and cause."""

HINTS: Final = tuple(_HINTS)
"""What ``hint`` of an invalid signature may say."""

ZH: Final = MappingProxyType(
    {
        "crypto.key.unknown": "没有密钥 {id}，或不允许知道它是否存在",
        "crypto.key.version": "密钥 {id} 没有第 {version} 版",
        "crypto.key.use": "密钥 {id} 的用途不适合此操作",
        "crypto.key.expired": "密钥 {id} 已过期：仍可验证与解密，不再产生新的签名或密文",
        "crypto.key.disabled": "密钥 {id} 已停用",
        "crypto.key.scheduled": "密钥 {id} 已排定销毁，不再使用",
        "crypto.key.destroyed": "密钥 {id} 已销毁",
        "crypto.key.policy": "密钥的策略不允许此操作",
        "crypto.key.malformed": "公钥无法读取：应为 SM2 曲线上的点 04‖x‖y（65 字节）或 PUBLIC KEY "
        "的 PEM",
        "crypto.key.exists": "已有密钥 {id}（已销毁的也保留名称），请换一个名称",
        "crypto.key.state": "密钥 {id} 当前的状态不允许此操作",
        "crypto.key.password": "口令打不开这个密钥",
        "crypto.key.encrypted": "密钥是加密的，请给出口令",
        "crypto.key.iterations": "密钥文件的口令迭代次数过多，请另存为较少的次数",
        "crypto.envelope.malformed": "密钥信封无法读取：应为 GB/T 35276 的 EnvelopedKey",
        "crypto.envelope.key": "密钥信封不是为本平台的导入密钥生成的，或已被改动",
        "crypto.key.tampered": "密钥的存储内容被改动，已拒绝使用，请立即联系管理员",
        "crypto.ciphertext.invalid": "密文不是为此密钥生成的，或已被改动",
        "crypto.plaintext.size": "明文长度不在允许范围内：SM2 加密 1 至 65536 字节，更长的数据请用 "
        "SM4 密钥或数字信封",
        "crypto.digest.malformed": "摘要 e 须为 32 字节",
        "crypto.domain.malformed": "签名者 ID 须为 1 至 8191 字节",
        "crypto.certificate.malformed": "证书无法读取：应为 SM2 证书的 PEM 或 DER 的 Base64",
        "crypto.certificate.signature": "证书 {subject}（{serial}）的签名不是其签发者的",
        "crypto.certificate.usage": "证书 {subject}（{serial}）的密钥用法不允许此操作",
        "crypto.certificate.not_yet_valid": "证书 {subject}（{serial}）尚未生效",
        "crypto.certificate.expired": "证书 {subject}（{serial}）已过有效期",
        "crypto.certificate.untrusted": "证书 {subject}（{serial}）不能追溯到本平台信任的根证书："
        "请导入其根证书，或写 trust=none（不检查证书链）",
        "crypto.certificate.constraint": "证书 {subject}（{serial}）不满足签发限制",
        "crypto.certificate.extension": "证书 {subject}（{serial}）含有不认识的关键扩展",
        "crypto.certificate.revoked": "证书 {subject}（{serial}）已被吊销",
        "crypto.certificate.key": "证书 {subject}（{serial}）不是此密钥的",
        "crypto.crl.stale": "{issuer} 的吊销列表已过期，请导入新的列表",
        "crypto.crl.signature": "{issuer} 的吊销列表签名无效",
        "crypto.message.malformed": "数字信封无法读取：应为 GB/T 35275 或 RFC 5652 的 DER 或 PEM",
        "crypto.message.content": "内容与信封所签的不一致；分离式签名须在 message 中给出原文",
        "crypto.message.signer": "信封中没有签名者，或找不到签名者的证书",
        "crypto.message.signature": "信封中的签名对此内容无效",
        "crypto.message.recipient": "信封不是发给此密钥的，或已被改动",
        "crypto.timestamp.malformed": "时间戳请求无法读取：应为 RFC 3161 的 DER，摘要算法 SM3",
        "crypto.timestamp.policy": "时间戳请求指定了本平台不支持的策略",
        "crypto.library.failed": "密码运算失败，请管理员运行自检",
    }
)
"""Chinese sentences of errors that the crypto package raises in English."""
