"""Titles: what an HTTP status is called in the reader's language, in every problem of the API."""

from __future__ import annotations

from typing import Final

TITLES: Final = {
    400: ("请求有误", "The request is wrong"),
    401: ("请先登录", "Sign in first"),
    403: ("没有权限", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("不支持此方法", "Method not allowed"),
    408: ("等待请求超时", "The request came too slowly"),
    409: ("与现状冲突", "In conflict with what is there"),
    410: ("已不存在", "Gone"),
    413: ("请求过大", "The request is too large"),
    421: ("主机名不对", "Wrong host name"),
    422: ("请求内容不合要求", "The content is not acceptable"),
    429: ("尝试过多", "Too many attempts"),
    500: ("平台内部错误", "Internal error"),
    503: ("暂时不可用", "Not available now"),
}


def prefers_chinese(languages: str) -> bool:
    """The one rule for every word of a problem: Chinese where Accept-Language begins with it."""
    return languages.strip().lower().startswith("zh")


def title_of(status: int, languages: str) -> str:
    """The title in Chinese where Accept-Language prefers it, else in English, as the detail."""
    known = TITLES.get(status) or TITLES[500 if status >= 500 else 400]
    return known[0 if prefers_chinese(languages) else 1]
