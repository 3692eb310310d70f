"""Portal: a small service behind a real nginx, and the gateway for short messages behind it."""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from district.identity import lines
from district.stream import Sink

from living.clock import Clock
from living.ground import Ground
from living.identity.browser import claims
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


class _Quiet(BaseHTTPRequestHandler):
    """Answers that keep the connection open, and no lines of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        del format, args

    def body(self) -> dict[str, str]:
        """What was sent."""
        told: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return told

    def answer(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Send it."""
        self.send_response(status)
        for key, value in (*headers, ("Content-Type", "application/json"),
                           ("Content-Length", str(len(body)))):  # fmt: skip
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Portal:
    """Both services, in threads of the recorder."""

    def __init__(self, sink: Sink, clock: Clock, chance: random.Random, serial: int) -> None:
        self._sink, self._clock, self._chance, self.serial = sink, clock, chance, serial
        self._web = Web()

    def start(self, ground: Ground) -> None:
        """Listen, and let nginx stand before the portal."""
        ground.site(
            _SITE.format(
                inside=_INSIDE, inside_port=_INSIDE_PORT, address=ADDRESS, port=PORT,
                logs=ground.scratch / "logs", log=LOG, side=SIDE,
            )
        )  # fmt: skip
        self._listen(_INSIDE, _INSIDE_PORT, self._pages())
        self._listen(_MESSAGES, _MESSAGES_PORT, self._messages())

    @staticmethod
    def _listen(address: str, port: int, handler: type[_Quiet]) -> None:
        server = ThreadingHTTPServer((address, port), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _pages(self) -> type[_Quiet]:
        portal = self

        class Pages(_Quiet):
            """The portal. Whether a token is still good is on another clock, and not asked."""

            def do_GET(self) -> None:
                kind = self.headers.get("Authorization", "").removeprefix("Bearer ")
                name = self.path.partition("?")[0].rpartition("/")[2]
                if not kind or name not in _SIZES:
                    self.answer(401, b'{"error":"no token"}')
                    return
                told = claims(kind)
                body = b"x" * (_SIZES[name] + portal._chance.randrange(400))
                who = (("X-Token-Id", told["jti"]), ("X-Token-User", told["preferred_username"]))
                self.answer(200, body, who)

            def do_POST(self) -> None:
                portal._pass_on(self.body())
                self.answer(200, b'{"result":"sent","retry_after":60,"channel":"sms"}'[:47])

        return Pages

    def _pass_on(self, asked: dict[str, str]) -> None:
        self._web.request(
            "POST", f"http://{_MESSAGES}:{_MESSAGES_PORT}/send", source=_INSIDE,
            headers={"Content-Type": "application/json"}, body=json.dumps(asked).encode(),
        )  # fmt: skip

    def _messages(self) -> type[_Quiet]:
        portal = self

        class Messages(_Quiet):
            """The gateway: a line of its own log for each message."""

            def do_POST(self) -> None:
                portal._sent(self.body())
                self.answer(200, b'{"result":"OK"}')

        return Messages

    def _sent(self, asked: dict[str, str]) -> None:
        self.serial += 1
        now = self._clock.now()
        text = lines.sms_line(
            now, number=asked["phone"], template=asked["template"], user=asked["user"],
            serial=self.serial,
        )  # fmt: skip
        self._sink.write("sms-gateway.log", now, text)
