"""Portal: a small service behind a real nginx, and the gateway for short messages behind it."""

from __future__ import annotations

import json
import random
from typing import Final

from district.identity import lines
from district.stream import Sink

from living.clock import Clock
from living.ground import Ground
from living.identity.browser import claims
from living.serving import Call, Given, Service
from living.web import Web

__all__ = ["ADDRESS", "PORT", "SIDE", "Portal"]

ADDRESS: Final = "10.30.2.8"
PORT: Final = 80
LOG: Final = "portal-access.json"
SIDE: Final = "portal-access.side"
_INSIDE: Final = "10.30.2.7"
_INSIDE_PORT: Final = 8081
_MESSAGES: Final = "10.30.2.11"
_MESSAGES_PORT: Final = 8082
_SIZES: Final = {"home": 4100, "me": 900, "matters": 6200, "progress": 1500, "notices": 2300}
_SITE: Final = """\
log_format portal escape=json '{{"time":"$time_iso8601","remote_addr":"$remote_addr",'
  '"method":"$request_method","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
  '"agent":"$http_user_agent","jti":"$upstream_http_x_token_id",'
  '"sub":"$upstream_http_x_token_user"}}';
log_format portal_side '$msec';
upstream portal {{ server {inside}:{inside_port}; keepalive 16; keepalive_requests 1000000; }}
server {{
  listen {address}:{port};
  access_log {logs}/{log} portal;
  access_log {logs}/{side} portal_side;
  location /portal/ {{
    proxy_pass http://portal;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Real-IP $remote_addr;
    proxy_hide_header X-Token-Id;
    proxy_hide_header X-Token-User;
  }}
}}
"""


class Portal:
    """Both services, in threads of the recorder."""

    def __init__(self, sink: Sink, clock: Clock, chance: random.Random) -> None:
        self._sink, self._clock, self._chance = sink, clock, chance
        self.serial = 0
        """Of the last message."""
        self._web = Web()

    def start(self, ground: Ground) -> None:
        """Listen, and let nginx stand before the portal."""
        ground.site(
            _SITE.format(
                inside=_INSIDE, inside_port=_INSIDE_PORT, address=ADDRESS, port=PORT,
                logs=ground.scratch / "logs", log=LOG, side=SIDE,
            )
        )  # fmt: skip
        Service(_INSIDE, _INSIDE_PORT, self._page).start()
        Service(_MESSAGES, _MESSAGES_PORT, self._message).start()

    def _page(self, call: Call) -> Given:
        """The portal. Whether a token is still good is on another clock, and not asked."""
        if call.method == "POST":
            self._web.request(
                "POST", f"http://{_MESSAGES}:{_MESSAGES_PORT}/send", source=_INSIDE,
                headers={"Content-Type": "application/json"}, body=call.body,
            )  # fmt: skip
            return Given(200, b'{"result":"sent","retry_after":60,"to":"phone"}')
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        name = call.target.partition("?")[0].rpartition("/")[2]
        if not token or name not in _SIZES:
            return Given(401, b'{"error":"no token"}')
        told = claims(token)
        who = {"X-Token-Id": told["jti"], "X-Token-User": told["preferred_username"]}
        return Given(200, b"x" * (_SIZES[name] + self._chance.randrange(400)), headers=who)

    def _message(self, call: Call) -> Given:
        """The gateway: a line of its own log for each message."""
        self._sent(json.loads(call.body))
        return Given(200, b'{"result":"OK"}')

    def _sent(self, asked: dict[str, str]) -> None:
        self.serial += 1
        now = self._clock.now()
        text = lines.sms_line(
            now, number=asked["phone"], template=asked["template"], user=asked["user"],
            serial=self.serial,
        )  # fmt: skip
        self._sink.write("sms-gateway.log", now, text)
