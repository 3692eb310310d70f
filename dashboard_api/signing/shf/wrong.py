"""Wrong: what is wrong with a message of a foreign form, told in Chinese and English.

Each is ``dashboard_api.call.malformed``: ``where`` is the field as the message names it, ``reason``
one of ``SENTENCES``. What was sent is never repeated.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dashboard_api.signing.problems import Refusal
from dashboard_api.signing.sentences import BAD_SIGNATURE, MALFORMED, Sentence
from schema.errors import FengsuiError

SENTENCES: Final = MappingProxyType(
    {
        "shf_json": Sentence(
            '请求体应为 UTF-8 的 JSON：{{"Data":[{{"Name":…,"Type":…,"Value":…}}]}}',
            'the body must be JSON in UTF-8: {{"Data":[{{"Name":…,"Type":…,"Value":…}}]}}',
        ),
        "svs_body": Sentence(
            "请求体应为 JSON 对象或 application/x-www-form-urlencoded 表单（UTF-8），字段值为文本、"
            "整数或布尔值",
            "the body must be a JSON object or an application/x-www-form-urlencoded form in UTF-8, "
            "whose values are texts, whole numbers, true or false",
        ),
        "shf_path": Sentence("没有这个接口", "there is no such call"),
        "shf_fields": Sentence(
            "{where}：字段过多，最多 {limit} 个",
            "{where}: too many fields, at most {limit}",
        ),
        "shf_missing": Sentence("缺少 {where}", "{where} is missing"),
        "shf_unknown": Sentence(
            "{where} 不是此接口的参数；可用参数：{expected}",
            "{where} is no parameter of this call; it takes {expected}",
        ),
        "shf_twice": Sentence("{where} 出现了不止一次", "{where} stands there more than once"),
        "shf_type": Sentence(
            "{where} 的 Type 或取值类型不对，应为 {expected}",
            "{where} has the wrong Type or kind of value; send {expected}",
        ),
        "shf_base64": Sentence(
            "{where} 不是标准 Base64（含补位 =，无换行）",
            "{where} is not standard base64 (padded by =, no line breaks)",
        ),
        "shf_hex": Sentence(
            "{where} 不是十六进制（偶数个 0-9 a-f，无前缀与空格）",
            "{where} is not hexadecimal (an even number of 0-9 a-f, no prefix, no blanks)",
        ),
        "shf_range": Sentence("{where} 应为 {expected}", "{where} must be {expected}"),
        "shf_length": Sentence(
            "{where} 写的是 {stated} 字节，实际内容为 {size} 字节",
            "{where} says {stated} bytes, the content has {size}",
        ),
        "shf_one_of": Sentence(
            "{where} 中须且只能给出一个",
            "give exactly one of {where}",
        ),
        "shf_iv": Sentence(
            "{where}：本服务的 SM4 密文自带随机 IV，不接受外部指定：请留空或删去",
            "{where}: an SM4 ciphertext of this service holds its own random IV and takes none "
            "from outside: leave it empty or out",
        ),
        "shf_tag": Sentence(
            "{where}：不支持的证书解析项；可用：{expected}",
            "{where}: no such item of a certificate here; there are {expected}",
        ),
        "svs_method": Sentence(
            "{where}：只支持 SGD_SM3_SM2（131585，0x00020201）",
            "{where}: only SGD_SM3_SM2 (131585, 0x00020201) is supported",
        ),
        "svs_certificate_number": Sentence(
            "{where}：不能按证书序列号验证，请以 type=1 发送证书本身",
            "{where}: verification by a certificate's number is not offered: send the certificate "
            "itself with type=1",
        ),
        "svs_flag": Sentence(
            "{where}：此选项只支持 {expected}",
            "{where}: only {expected} is supported for this option",
        ),
        "svs_running": Sentence(
            "{where}：不是本服务给出的杂凑中间值",
            "{where}: not an intermediate hash value of this service",
        ),
        "svs_packet": Sentence(
            "{where}：一个分包最多 {limit} 字节",
            "{where}: a packet has at most {limit} bytes",
        ),
        "shf_public": Sentence(
            "{where}：应为 04‖x‖y（65 字节）、x‖y（64 字节）或公钥的 DER/PEM",
            "{where}: send 04‖x‖y (65 bytes), x‖y (64 bytes), or a public key in DER or PEM",
        ),
        "shf_content": Sentence(
            "{where} 与消息签名中所含的原文不同",
            "{where} differs from the content the signed message holds",
        ),
    }
)

HINTS: Final = MappingProxyType(
    {
        "form": Sentence(
            "签名无效：它写作 r‖s（64 字节），本接口的签名为 DER 的 SEQUENCE{{r, s}}",
            "the signature is invalid as sent: it is r‖s in 64 bytes, and signatures of this "
            "interface are a DER SEQUENCE of r and s",
        ),
        "encoding": Sentence(
            "签名无效：签名方签的是这段数据的另一种编码（如十六进制文本本身），请核对",
            "the signature is invalid as sent: the signer signed this data in another encoding, "
            "such as its hexadecimal text",
        ),
        "digest": Sentence(
            "签名无效：签名方把这 32 字节当作摘要 e 签名，本接口签名的是消息",
            "the signature is invalid: the signer took these 32 bytes for the digest e itself; "
            "this interface signs messages",
        ),
    }
)
"""Hints of an invalid signature whose usual words name fields these forms have not."""


def wrong(reason: str, where: str, **params: str | int) -> FengsuiError:
    """The error of one reason."""
    facts = {"where": where, "reason": reason, **params}
    return FengsuiError(MALFORMED, SENTENCES[reason].en.format_map(facts), **facts)


def told(error: Refusal, *, chinese: bool) -> str | None:
    """The sentence of an error these forms have words of their own for; None for any other."""
    both = None
    if error.code == MALFORMED:
        both = SENTENCES.get(str(error.params.get("reason", "")))
    elif error.code == BAD_SIGNATURE:
        both = HINTS.get(str(error.params.get("hint", "")))
    return (both.zh if chinese else both.en).format_map(error.params) if both else None
