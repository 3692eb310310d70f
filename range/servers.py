"""Starts and stops real sshd, nginx and PostgreSQL from own configuration under one scratch folder.

Meant to run as root inside fresh mount, network, process and host-name namespaces (see record.py):
accounts, sudo rules and PAM files live on a throw-away overlay of /etc, so the machine that lends
its programs is never changed.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from town import (
    EMPLOYEES,
    HOST,
    OPERATORS,
    PORTS,
    SERVICE_ACCOUNTS,
    database_password,
    password,
)

__all__ = ["Servers", "isolate"]

_PG_BIN = Path("/usr/lib/postgresql/15/bin")
_ZONE = "Asia/Shanghai"
_STATIC_TIME = 1_790_000_000  # one fixed modification time, so that browsers' caches can agree

_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {scratch}/ssh_host_ed25519_key
PidFile {scratch}/sshd.pid
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin no
UseDNS no
PrintMotd no
LogLevel INFO
SyslogFacility AUTH
MaxStartups 200
LoginGraceTime 60
Subsystem sftp internal-sftp
"""

_SUDOERS = """\
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
%ops ALL=(ALL:ALL) ALL
svc.backup ALL=(root) NOPASSWD: /usr/bin/du, /usr/bin/ls
svc.deploy ALL=(root) NOPASSWD: /usr/sbin/nginx
"""

_NGINX = """\
user www-data;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log {scratch}/nginx-error.pipe warn;
events {{ worker_connections 1024; }}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  sendfile on;
  keepalive_timeout 20;
  keepalive_requests 10000;
  server_tokens off;
  client_body_temp_path {scratch}/tmp-body;
  proxy_temp_path {scratch}/tmp-proxy;
  fastcgi_temp_path {scratch}/tmp-fastcgi;
  uwsgi_temp_path {scratch}/tmp-uwsgi;
  scgi_temp_path {scratch}/tmp-scgi;
  log_format side '$msec $connection $remote_addr $remote_port';
  access_log {raw}/nginx-access.log combined;
  access_log {raw}/nginx-access.side side;
  upstream portal {{ server 127.0.0.1:{portal}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    server_name portal.gov.example;
    root {scratch}/www;
    index index.html;
    location ~ /\\.(?!well-known) {{ deny all; }}
    location /files/ {{ alias {scratch}/www/files/; }}
    location /open-data/ {{ autoindex on; alias {scratch}/www/open-data/; }}
    location ~ ^/(api|login|logout|pay|account|admin/) {{
      proxy_pass http://portal;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Real-IP $remote_addr;
    }}
  }}
}}
"""

_PG_HBA = """\
local all postgres trust
host all all 127.0.0.0/8 scram-sha-256
"""

_PG_COMMON = {
    "listen_addresses": "127.0.0.1",
    "log_timezone": _ZONE,
    "timezone": _ZONE,
    "log_connections": "on",
    "log_disconnections": "on",
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %q%u@%d/%a %h ",
    "lc_messages": "C",
    "fsync": "off",
    "max_connections": "120",
    "log_checkpoints": "on",
}


def _run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def isolate(scratch: Path) -> None:
    """Cover the machine's /etc, /run, /home, /dev and log folders inside this mount namespace.

    `scratch` becomes a file system in memory too: all of it ends with the namespace.

    Raises RuntimeError when a step fails; call it only in a namespace of one's own.
    """
    # Servers that run as their own users must read /etc and enter their folders.
    os.umask(0o022)
    _run("ip", "link", "set", "lo", "up")
    socket.sethostname(HOST)
    _run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(scratch))
    cover = scratch / "cover"
    cover.mkdir()
    (cover / "upper").mkdir()
    (cover / "work").mkdir()
    layers = f"lowerdir=/etc,upperdir={cover}/upper,workdir={cover}/work"
    _run("mount", "-t", "overlay", "overlay", "-o", layers, "/etc")
    for folder in ("/run", "/home", "/var/log", "/var/mail"):
        _run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", folder)
    for book in ("/var/log/lastlog", "/var/log/wtmp", "/var/log/btmp", "/run/utmp"):
        Path(book).touch()
    _cover_dev(cover)
    with Path("/etc/hosts").open("a", encoding="ascii") as hosts:
        hosts.write(f"\n127.0.0.1 {HOST}\n")
    Path("/etc/localtime").unlink(missing_ok=True)
    Path("/etc/localtime").symlink_to(f"/usr/share/zoneinfo/{_ZONE}")
    os.environ["TZ"] = _ZONE
    time.tzset()
    # Two seconds of waiting after each wrong password would only stretch true time.
    common = Path("/etc/pam.d/common-auth")
    text = common.read_text(encoding="ascii")
    common.write_text(text.replace("pam_unix.so nullok", "pam_unix.so nullok nodelay"), "ascii")


def _cover_dev(cover: Path) -> None:
    """Give the namespace its own /dev, so that /dev/log exists there and only there."""
    dev = cover / "dev"
    dev.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(dev))
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        _run("cp", "-a", f"/dev/{name}", str(dev / name))
    (dev / "pts").mkdir()
    (dev / "shm").mkdir(mode=0o1777)
    (dev / "shm").chmod(0o1777)
    _run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620", "d", f"{dev}/pts")
    (dev / "ptmx").symlink_to("pts/ptmx")
    (dev / "fd").symlink_to("/proc/self/fd")
    _run("mount", "--bind", str(dev), "/dev")
    _run("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=0620", "d", "/dev/pts")


class Servers:
    """The daemons of one recording and the files they write."""

    def __init__(self, *, scratch: Path, raw: Path) -> None:
        """Use `scratch` for configuration and data, `raw` for the logs."""
        self._scratch = scratch
        self._raw = raw
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def key_path(self) -> Path:
        """Return the private key the service accounts log in with."""
        return self._scratch / "service_key"

    def start(self) -> None:
        """Bring everything up; raises RuntimeError when one does not answer in 20 s."""
        self._accounts()
        for cluster in ("pay", "share"):
            self._postgres(cluster)
        here = Path(__file__).parent
        self._spawn(sys.executable, str(here / "recorder.py"), str(self._scratch), str(self._raw))
        self._wait_for(lambda: (self._scratch / "nginx-error.pipe").exists())
        self._sshd()
        self._spawn(sys.executable, str(here / "portal.py"))
        self._nginx()
        for port in PORTS.values():
            self._wait_for(functools.partial(self._answers, port))

    def stop(self) -> None:
        """Stop every daemon, in the order that lets each log its farewell."""
        for child in reversed(self._children):
            child.terminate()
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                child.kill()
            time.sleep(0.2)

    def versions(self) -> dict[str, str]:
        """Return the version each server gives of itself."""
        packages = ("openssh-server", "nginx", "postgresql-15", "sudo")
        shown = "${Package} ${Version}\n"
        listed = _run("dpkg-query", "-W", "-f", shown, *packages)
        return dict(line.split(" ", 1) for line in listed.splitlines())

    def _spawn(self, *command: str, output: Path | None = None, user: str = "") -> None:
        sink = output.open("ab") if output else subprocess.DEVNULL
        self._children.append(
            subprocess.Popen(
                command, stdout=sink, stderr=sink, user=user or None, group=user or None
            )
        )

    @staticmethod
    def _wait_for(ready: Callable[[], bool]) -> None:
        for _ in range(400):
            if ready():
                return
            time.sleep(0.05)
        raise RuntimeError("a server of the range did not come up in 20 s")

    @staticmethod
    def _answers(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    def _accounts(self) -> None:
        _run("groupadd", "ops")
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key_path))
        public = self.key_path.with_suffix(".pub").read_text(encoding="ascii")
        for user in (*EMPLOYEES, *SERVICE_ACCOUNTS):
            groups = ("-G", "ops") if user in OPERATORS else ()
            _run("useradd", "--badname", "-m", "-s", "/bin/bash", *groups, user)
            ssh = Path("/home") / user / ".ssh"
            ssh.mkdir(mode=0o700)
            (ssh / "authorized_keys").write_text(public, encoding="ascii")
            (Path("/home") / user / ".hushlogin").touch()
            _run("chown", "-R", f"{user}:{user}", str(ssh))
        pairs = "".join(f"{user}:{password(user)}\n" for user in EMPLOYEES)
        _run("chpasswd", "-c", "SHA256", stdin=pairs)
        sudoers = Path("/etc/sudoers")
        sudoers.write_text(_SUDOERS, encoding="ascii")
        sudoers.chmod(0o440)

    def _sshd(self) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        key = self._scratch / "ssh_host_ed25519_key"
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        config = self._scratch / "sshd_config"
        config.write_text(_SSHD.format(port=PORTS["sshd"], scratch=self._scratch), "ascii")
        self._spawn("/usr/sbin/sshd", "-D", "-f", str(config))

    def _nginx(self) -> None:
        _build_site(self._scratch / "www")
        config = self._scratch / "nginx.conf"
        filled = _NGINX.format(
            scratch=self._scratch, raw=self._raw, portal=PORTS["portal"], port=PORTS["nginx"]
        )
        config.write_text(filled, encoding="ascii")
        self._spawn("/usr/sbin/nginx", "-c", str(config), "-g", "daemon off;")

    def _postgres(self, cluster: str) -> None:
        data = self._scratch / f"pg-{cluster}"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        as_owner = ("runuser", "-u", "postgres", "--")
        _run(
            *as_owner,
            f"{_PG_BIN}/initdb",
            "-D",
            str(data),
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        )
        settings = {**_PG_COMMON, "port": str(PORTS[cluster]), "unix_socket_directories": str(data)}
        with (data / "postgresql.conf").open("a", encoding="ascii") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        (data / "pg_hba.conf").write_text(_PG_HBA, encoding="ascii")
        control = (*as_owner, f"{_PG_BIN}/pg_ctl", "-D", str(data), "-w", "-l", f"{data}/setup.log")
        _run(*control, "start")
        seed = (Path(__file__).parent / f"seed_{cluster}.sql").read_text(encoding="utf-8")
        for role in (
            "pay_app",
            "cert_app",
            "share_app",
            "report_ro",
            "share_ro",
            "backup_ro",
            "monitor",
            "dba_liu",
            "contract_dev",
            "etl_share",
            "dev_chen",
        ):
            seed = seed.replace(f"@{role}@", database_password(role))
        _run(
            *as_owner,
            f"{_PG_BIN}/psql",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            str(data),
            "-p",
            str(PORTS[cluster]),
            "-U",
            "postgres",
            "-d",
            "postgres",
            stdin=seed,
        )
        _run(*control, "stop", "-m", "fast")
        if cluster == "share":
            raw = self._raw / "share"
            raw.mkdir()
            shutil.chown(raw, "postgres", "postgres")
            with (data / "postgresql.conf").open("a", encoding="ascii") as conf:
                conf.write(
                    f"logging_collector = on\nlog_destination = 'jsonlog'\n"
                    f"log_directory = '{raw}'\nlog_filename = 'postgresql.log'\n"
                    "log_rotation_age = 0\nlog_rotation_size = 0\n"
                )
        self._spawn(
            f"{_PG_BIN}/postgres",
            "-D",
            str(data),
            user="postgres",
            output=self._raw / f"postgresql-{cluster}.stderr",
        )


def _build_site(www: Path) -> None:
    """Write the static site: small pages and pictures, some large files, an open-data folder."""
    sizes = {
        "index.html": 9_800,
        "favicon.ico": 1_150,
        "robots.txt": 120,
        "css/gov.css": 28_400,
        "css/theme-red.css": 6_300,
        "js/vue.min.js": 93_000,
        "js/app.js": 41_200,
        "js/sm2.min.js": 67_000,
        "img/logo.png": 14_300,
        "img/emblem.png": 22_000,
        "img/banner-2026.jpg": 88_000,
        "fonts/iconfont.woff2": 19_500,
        "help/index.html": 7_700,
        "help/cert.html": 12_100,
        "help/pay.html": 11_900,
        "about/index.html": 5_500,
        "notice/index.html": 8_800,
        ".env": 200,
        ".git/config": 150,
        "backup/readme.txt": 90,
    }
    sizes |= {f"notice/2026-{n:03d}.html": 5_000 + 37 * n for n in range(1, 61)}
    sizes |= {f"files/archive-{n:04d}.pdf": 400_000 + 9_000 * (n % 97) for n in range(1, 401)}
    sizes |= {f"open-data/2026-{n:02d}.csv": 60_000 + 500 * n for n in range(1, 13)}
    for name, size in sizes.items():
        path = www / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            out.truncate(size)
        os.utime(path, (_STATIC_TIME, _STATIC_TIME))
    for folder in (www, *www.rglob("*")):
        folder.chmod(0o755 if folder.is_dir() else 0o644)
