"""Client: the library by which an application signs its requests and sends them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final, Protocol

from district.sharing import calls
from district.sharing.acts import Ask
from district.sharing.exchange import DOMAIN, Request
from district.sharing.parties import Caller

from crypto.sm2 import PublicKey
from living.sharing.node import SIGNATURE
from living.web import Reply, Web

__all__ = ["HOST", "REQUESTER", "STRAY", "Client", "Signer"]

HOST: Final = "share.district.example"
REQUESTER: Final = "X-Share-Requester"
"""By which the gateway chooses a node."""
STRAY: Final = "stray"
"""A program of nobody: its key is registered nowhere."""


class Signer(Protocol):
    """The signing service: private keys never leave it."""

    def sign(self, program: str, text: bytes, *, domain: str) -> bytes:
        """The program's signature over the text, under that SM2 ID."""

    def public(self, program: str) -> PublicKey:
        """The key that verifies it."""


class Client:
    """Signs by the service that holds the applications' keys; sends from wherever it is told."""

    def __init__(self, web: Web, signer: Signer) -> None:
        self._web, self._signer = web, signer

    def request(self, act: Ask, caller: Caller, *, at: int) -> Request:
        """What an application sends for an act that it begins at ``at``."""
        text = calls.text_of(act, system=caller.system, at=at)
        signed_by = STRAY if act.wrong_key else caller.requester
        return self.signed(text, signed_by, address=calls.origin_of(act, caller.addresses))

    def signed(self, text: str, program: str, *, address: str) -> Request:
        """The text with that program's signature."""
        signature = self._signer.sign(program, text.encode(), domain=DOMAIN)
        return Request(text=text, signature=signature, address=address)

    def send(self, request: Request, *, to: str, agent: str) -> Reply:
        """Bring it to the gateway or a node (``host:port``), from the request's own address.

        Raises OSError or ``http.client.HTTPException`` when nobody answers.
        """
        told = request.members
        return self._web.request(
            "POST", f"http://{to}{calls.path_of(str(told['sid']))}", source=request.address,
            headers=headers(request, str(told["rid"]), agent), body=request.text.encode(),
        )  # fmt: skip


def headers(request: Request, requester: str, agent: str) -> Mapping[str, str]:
    """Those of a signed request."""
    return {
        "Host": HOST, "User-Agent": agent, "Content-Type": "application/json",
        REQUESTER: requester, SIGNATURE: base64.b64encode(request.signature).decode("ascii"),
    }  # fmt: skip
