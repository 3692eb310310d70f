"""A real nginx asks before it lets a call through, as docs/owner/grants.md says."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from conftest import started

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
]

CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    upstream fengsui {{ server {platform}; keepalive 16; }}
    server {{ listen 127.0.0.1:{behind}; location / {{ return 200 "data"; }} }}
    server {{
        listen 127.0.0.1:{port};
        location /marriage/ {{
            set $who $arg_who;
            auth_request /_grant;
            auth_request_set $grant_reason $upstream_http_x_fengsui_reason;
            add_header X-Grant-Reason $grant_reason always;
            proxy_pass http://127.0.0.1:{behind};
        }}
        location = /_grant {{
            internal;
            proxy_pass http://fengsui/v1/grants:check;
            proxy_http_version 1.1;
            proxy_pass_request_headers off;
            proxy_pass_request_body off;
            proxy_set_header Host localhost;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_set_header Authorization "Bearer {token}";
            proxy_set_header X-Fengsui-Requester $who;
            proxy_set_header X-Fengsui-Service marriage;
        }}
    }}
}}
"""
GRANT = {"requester": "civil-affairs", "service": "marriage", "grant": "G", "quota_per_day": 2}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


@pytest.fixture
def fengsui(tmp_path):
    def run(*words):
        command = [sys.executable, "-m", "fengsui", *words, "--data", str(tmp_path / "data")]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    return run


@pytest.fixture
def platform(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/settings.toml").write_text("[sensor]\ninventory = false\nwatch = []\n")
    with started("up", data=tmp_path / "data") as running:
        yield running


@pytest.fixture
def ask(tmp_path, platform, fengsui):
    """Ask nginx as a requester; status and the reason it was told."""
    rows = tmp_path / "grants.jsonl"
    rows.write_text(json.dumps(GRANT))
    fengsui("register", "import", "grants", str(rows), "--by", "a", "--approved-by", "b")
    token = fengsui("gateway", "add", "nginx", "--unit", "data", "--service", "marriage")
    port, behind = free_port(), free_port()
    config = tmp_path / "nginx.conf"
    address = platform.base.removeprefix("http://").rstrip("/")
    config.write_text(
        CONFIG.format(folder=tmp_path, platform=address, port=port, behind=behind, token=token)
    )
    nginx = subprocess.Popen(["nginx", "-c", str(config)])
    for _ in range(100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)

    def asked(who):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/marriage/x?who={who}",
            headers={"X-Fengsui-Requester": "civil-affairs"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers["x-grant-reason"]
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers["x-grant-reason"]

    yield asked
    nginx.terminate()
    nginx.wait(20)


def test_nginx_lets_through_what_a_grant_covers_and_nothing_else(ask, fengsui, platform):
    assert ask("civil-affairs") == (200, "granted")
    # What a client says of itself counts for nothing.
    assert ask("stranger") == (403, "no_grant")
    assert ask("civil-affairs") == (200, "granted")
    assert ask("civil-affairs") == (403, "quota")
    fengsui("gateway", "rotate", "nginx", "--at-once")
    assert ask("civil-affairs")[0] == 401
    platform.process.terminate()
    platform.process.wait(30)
    assert ask("civil-affairs")[0] == 500
