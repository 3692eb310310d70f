"""Site: the portal's pages as files, served by nginx; watched and asked for by the product itself.

The probe and the file watch are the product's own (:mod:`sensors.probe`, :mod:`sensors.webroot`)
on the town's clock. The probe asks when the town says so, and the page's name leads to the town's
server instead of a resolver; the watch looks once after each change, where a sensor looks every ten
seconds.
"""

from __future__ import annotations

import html
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from district.payment.departments import DOMAIN
from district.payment.portal import (
    DEPLOYER,
    HOST,
    INTRUDER,
    PAGES,
    PROBE,
    SITE,
    WATCH,
    url,
)
from district.stream import Sink

from crypto import sm3
from sensors.probe.fetch import Address, HttpFetch
from sensors.probe.page import Normaliser
from sensors.probe.source import Ports, Prober
from sensors.probe.target import Target
from sensors.proc import Machine
from sensors.webroot import WebrootSource

__all__ = ["ADDRESS", "ServedSite", "config", "rendered"]

ADDRESS: Final = "10.30.90.30"
_EVENTS: Final = 64
"""Of one look at the web root: a deed changes one page."""
_UIDS: Final = {DEPLOYER: 1990, INTRUDER: 33}
"""On the portal's host; nobody on this machine need have the first one."""
_PAGE: Final = """\
<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<title>示例区人民政府门户 {page}</title>
</head>
<body>
<header><h1>示例区人民政府</h1></header>
<nav>
{links}
</nav>
<main>
<p>{text}</p>
</main>
<footer>示例区数据局主办</footer>
</body>
</html>
"""
_CONFIG: Final = """\
server {{
  listen {address}:443 ssl;
  server_name {name};
  ssl_certificate {folder}/site.pem;
  ssl_certificate_key {folder}/site.key;
  root {root};
  access_log off;
}}
"""


def rendered(page: str, text: str) -> bytes:
    """The page as a file."""
    links = "\n".join(f'<a href="{one}">{one}</a>' for one in PAGES)
    return _PAGE.format(page=page, links=links, text=html.escape(text)).encode()


def config(root: Path, folder: Path) -> str:
    """The server block; ``folder`` holds its certificate and key."""
    return _CONFIG.format(address=ADDRESS, name=SITE, folder=folder, root=root)


class ServedSite:
    """A :class:`district.payment.portal.Site` of files in a web root."""

    def __init__(self, root: Path, authority: Path, now: Callable[[], int], sink: Sink) -> None:
        """``authority`` is whom the probe believes. Needs root, to give files to their owners."""
        self._root, self._now, self._sink = root, now, sink
        for page in PAGES:
            (root / page.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        targets = {
            page: Target(
                name=f"portal{page}", url=url(page), consent=f"数据局 {DOMAIN}", private=True
            )
            for page in PAGES
        }
        self._targets = targets
        self._prober = Prober(
            tuple(targets.values()),
            Ports(
                fetch=HttpFetch("", ca=str(authority), resolve=_here),
                now=now,
                elapsed=time.monotonic,
                host=PROBE.host,
            ),
        )
        users = {uid: name for name, uid in _UIDS.items()}
        machine = Machine(
            host=HOST, boot_id="town", now=now, user_of=lambda uid: users.get(uid, str(uid))
        )
        self._watch = WebrootSource("portal", machine, [root], interval_us=0)
        self._is_watched = False

    def watch(self) -> None:
        """What stands there now is what the file watch takes for granted."""
        self._watch.poll(_EVENTS)
        self._is_watched = True

    def fingerprints(self, page: str, text: str) -> tuple[str, str]:
        body = rendered(page, text)
        return Normaliser(()).fingerprint(body), sm3.digest(body).hex()

    def put(self, now: int, page: str, text: str, *, owner: str) -> None:
        del now
        path = self._root / page.lstrip("/")
        # Beside the web root: a page that is being written is none of the portal's.
        fresh = self._root.parent / f".{path.name}.new"
        fresh.write_bytes(rendered(page, text))
        os.chown(fresh, _UIDS[owner], _UIDS[owner])
        fresh.chmod(0o644)
        fresh.replace(path)
        if self._is_watched:
            for fields in self._watch.poll(_EVENTS).events:
                self._sink.event(WATCH.name, self._now(), fields)

    def probe(self, now: int, page: str) -> None:
        del now
        fields = self._prober.ask(self._targets[page])
        self._sink.event(PROBE.name, self._now(), fields)


def _here(target: Target) -> Address:
    """Every page lies on the town's one web server."""
    port = target.parts.port or 443
    return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (ADDRESS, port)
