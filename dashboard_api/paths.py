"""Paths: ``{id:plain}`` in a route's path is a part without a colon.

So ``…/{id:plain}:disable`` is another resource than ``…/{id:plain}``, and a method that only one of
them knows is refused at the other.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.convertors import Convertor, register_url_convertor


class _Plain(Convertor[str]):
    regex = "[^/:]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("plain", _Plain())


def router(tag: str) -> APIRouter:
    """A router whose paths may say ``plain``."""
    return APIRouter(tags=[tag])
