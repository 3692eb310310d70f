"""Browser: what somebody does at Keycloak's pages, with cookies, from an own address."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from living.identity.codes import code_now
from living.identity.idp import BASE, HOST
from living.web import Reply, Web

__all__ = ["Browser", "Device", "RefusedError", "Tokens", "claims", "fetch", "secret_in"]

_ACTION: Final = re.compile(r'<form[^>]*\baction="([^"]+)"')
_SECRET: Final = re.compile(r'name="totpSecret" value="([^"]+)"')
_DEVICE: Final = re.compile(r'name="selectedCredentialId" value="([^"]+)"')
_RESET: Final = re.compile(r'href="([^"]*reset-credentials[^"]*)"')
_CONSENT: Final = re.compile(r'name="code" value="([^"]*)"')
_FORM: Final = "application/x-www-form-urlencoded"
_STEPS_MAX: Final = 6
"""Pages between a password and the client's own: a code, a consent, a new device."""


class RefusedError(RuntimeError):
    """A page came that does not belong to the way: its status and its beginning."""


@dataclass(frozen=True, slots=True)
class Device:
    """A phone that gives one-time codes."""

    number: str
    """Keycloak's id of it, empty where it is the only one."""
    secret: str


class Browser:
    """One browser of one person; a fresh one has no session."""

    def __init__(self, web: Web, source: str, agent: str, certificate: str = "") -> None:
        self._web, self._source = web, source
        self._cookies: dict[str, str] = {}
        self._headers = {"Host": HOST, "User-Agent": agent}
        if certificate:
            # As the proxy before Keycloak hands it on.
            self._headers["ssl-client-cert"] = certificate

    def open(self, realm: str, client: str, **more: str) -> Reply:
        """The page a client sends one to."""
        asked = {
            "client_id": client, "redirect_uri": f"https://{client}.district.example/cb",
            "response_type": "code", "scope": "openid", **more,
        }  # fmt: skip
        path = f"/realms/{realm}/protocol/openid-connect/auth?{urllib.parse.urlencode(asked)}"
        return self.get(path)

    def get(self, path: str) -> Reply:
        """A page, with the cookies so far."""
        return self._ask("GET", path, None)

    def follow(self, url: str) -> Reply:
        """Open a link, and go on while a page only leads to another."""
        reply = self._ask("GET", url, None)
        for _ in range(_STEPS_MAX):
            if not (target := reply.header("Location")):
                break
            reply = self._ask("GET", target, None)
        return reply

    def submit(self, page: Reply, **fields: str) -> Reply:
        """Send the page's form. Raises RefusedError where it has none."""
        return self._ask("POST", _found(_ACTION, page), fields)

    def forgot(self, page: Reply) -> Reply:
        """The page behind "forgotten your password"."""
        return self.get(_found(_RESET, page))

    def through(self, reply: Reply, device: Device | None = None) -> str:
        """Go on until the client's own page; the code it is given.

        A code of ``device`` is typed and a consent given where a page asks for it. Raises
        RefusedError where another page comes.
        """
        for _ in range(_STEPS_MAX):
            target = reply.header("Location")
            if ".district.example/cb?" in target:
                asked = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
                if "code" in asked:
                    return asked["code"][0]
                raise RefusedError(_said(reply))
            reply = self.get(target) if target else self._answer(reply, device)
        raise RefusedError(_said(reply))

    def _answer(self, page: Reply, device: Device | None) -> Reply:
        text = page.body.decode("utf-8", "replace")
        if 'name="otp"' in text and device is not None:
            offered = [html.unescape(one) for one in _DEVICE.findall(text)]
            # A phone whose id only Keycloak knows is the one bound last.
            chosen = device.number or (offered[-1] if offered else "")
            more = {"selectedCredentialId": chosen} if chosen in offered else {}
            return self.submit(page, otp=code_now(device.secret), login="in", **more)
        if 'name="accept"' in text:
            return self.submit(page, code=_found(_CONSENT, page), accept="Yes")
        raise RefusedError(_said(page))

    def _ask(self, method: str, url: str, fields: Mapping[str, str] | None) -> Reply:
        parts = urllib.parse.urlsplit(url)
        headers = dict(self._headers)
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self._cookies.items())
        body = b""
        if fields is not None:
            headers["Content-Type"] = _FORM
            body = urllib.parse.urlencode(fields).encode()
        query = f"?{parts.query}" if parts.query else ""
        reply = self._web.request(
            method, f"{BASE}{parts.path}{query}", source=self._source, headers=headers, body=body
        )
        for cookie in reply.all("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if value and "Max-Age=0" not in cookie:
                self._cookies[name] = value
            else:
                self._cookies.pop(name, None)
        return reply


def _found(pattern: re.Pattern[str], page: Reply) -> str:
    found = pattern.search(page.body.decode("utf-8", "replace"))
    if found is None:
        raise RefusedError(_said(page))
    return html.unescape(found[1])


def _said(page: Reply) -> str:
    text = re.sub(r"<[^>]*>|\s+", " ", page.body.decode("utf-8", "replace"))
    return f"{page.status} {page.header('Location')[:300]} {text[-600:]}"


def secret_in(page: Reply) -> str:
    """The secret that a new phone is shown."""
    return _found(_SECRET, page)


def claims(token: str) -> dict[str, Any]:
    """What a token says; its signature is another's to judge."""
    body = token.split(".")[1]
    told: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return told


@dataclass(slots=True)
class Tokens:
    """What a client holds for one session."""

    realm: str
    client: str
    access: str = ""
    refreshes: list[str] = field(default_factory=list)
    """The newest last."""


def fetch(web: Web, tokens: Tokens, source: str, **asked: str) -> bool:
    """Ask the token interface as the client from ``source``; whether it gave tokens."""
    body = {"client_id": tokens.client, **asked}
    reply = web.request(
        "POST", f"{BASE}/realms/{tokens.realm}/protocol/openid-connect/token", source=source,
        headers={"Host": HOST, "Content-Type": _FORM}, body=urllib.parse.urlencode(body).encode(),
    )  # fmt: skip
    if reply.status != 200:
        return False
    told = json.loads(reply.body)
    tokens.access = told["access_token"]
    tokens.refreshes.append(told["refresh_token"])
    return True
