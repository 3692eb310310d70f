"""Box: a Linux machine of the district: own host name, ``/etc``, homes, logs, and a real sshd.

A mount and a host-name namespace for each. Everything of the machine that lends its programs is
read-only inside; what a command changes is the box's own and in memory.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from district.daily.machines import Machine

from living.daily.syslog import AuthLog
from living.ground import Ground

__all__ = ["PASSWORD", "Box", "Image"]

PASSWORD: Final = "Gov@2026-range"
"""Of every account, in the range only."""
_PORT: Final = 22
_FIRST_UID: Final = 2000
_NODES: Final = ("null", "zero", "full", "random", "urandom", "tty")
_GROUPS: Final = ("adm", "certs", "docker", "ops", "ssl-cert", "sudo")
"""That the town's people and packages are put into."""
_FILES: Final = (
    "srv/app/conf/app.yml", "srv/app/logs/app.log.3", "log/syslog", "log/syslog.5.gz",
    "log/auth.log", "log/lastlog", "log/wtmp", "log/btmp", "run/utmp",
)  # fmt: skip
_SUDOERS: Final = """\
Defaults env_reset
Defaults !lecture
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
%ops ALL=(ALL:ALL) NOPASSWD: ALL
"""
_SSHD: Final = """\
Port {port}
ListenAddress {address}
HostKey /etc/ssh/range_host_key
AuthorizedKeysFile /etc/ssh/range_keys
PidFile /run/sshd.pid
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin no
UseDNS no
PrintMotd no
LogLevel INFO
SyslogFacility AUTH
StrictModes no
"""
# Last of all /srv, below which the box's own folders lie.
_ENTER: Final = """\
set -e
hostname {name}
mount --bind {own}/etc /etc
mount --bind {own}/home /home
mount --bind {own}/root /root
mount --bind {own}/tmp /tmp
mount --bind {own}/log /var/log
mount --bind /dev/pts {own}/dev/pts
mount --bind {own}/dev /dev
mount -o remount,bind,ro /
mount --bind {own}/run /run
mount --bind {own}/srv /srv
exec /usr/sbin/sshd -D -f /etc/ssh/range_config
"""


class Image:
    """What all boxes are made from."""

    def __init__(self, folder: Path) -> None:
        self.etc = folder / "etc"
        folder.mkdir()
        shutil.copytree("/etc", self.etc, symlinks=True)
        shutil.rmtree(self.etc / "apt")  # Nothing is fetched from anywhere.
        self.key = folder / "key"
        for path in (self.key, self.etc / "ssh" / "range_host_key"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path))
        shutil.copy(self.key.with_suffix(".pub"), self.etc / "ssh" / "range_keys")
        (self.etc / "ssh" / "range_keys").chmod(0o644)
        (self.etc / "sudoers").write_text(_SUDOERS, encoding="ascii")
        (self.etc / "sudoers").chmod(0o440)
        shutil.rmtree(self.etc / "sudoers.d", ignore_errors=True)
        self.hash = _run("openssl", "passwd", "-5", PASSWORD).strip()
        for name in ("group", "gshadow"):
            _without_members(self.etc / name)

    def copy(self, to: Path) -> None:
        """Another ``/etc`` of the same kind."""
        _run("cp", "-a", str(self.etc), str(to))


class Box:
    """One machine; started by :meth:`start`."""

    def __init__(self, machine: Machine, image: Image, folder: Path) -> None:
        self.machine, self._image, self.folder = machine, image, folder
        folder.mkdir()
        image.copy(folder / "etc")
        for name, mode in (("home", 0o755), ("root", 0o700), ("tmp", 0o1777), ("dev", 0o755),
                           ("log", 0o755), ("run", 0o755), ("srv", 0o755), ("run/sshd", 0o755),
                           ("dev/pts", 0o755), ("dev/shm", 0o1777)):  # fmt: skip
            (folder / name).mkdir()
            (folder / name).chmod(mode)
        for name in _NODES:
            _run("cp", "-a", f"/dev/{name}", str(folder / "dev" / name))
        (folder / "dev" / "ptmx").symlink_to("pts/ptmx")
        for name in _FILES:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        self.log = AuthLog(f"auth-{machine.name}", machine.name, folder / "dev" / "log")
        with (folder / "etc" / "hosts").open("a", encoding="ascii") as hosts:
            hosts.write(f"\n127.0.0.1 {machine.name}\n")
        (folder / "etc" / "ssh" / "range_config").write_text(
            _SSHD.format(port=_PORT, address=machine.address), encoding="ascii"
        )
        self._uids: dict[str, int] = {}
        self._given = {
            name: (folder / "etc" / name).read_text(encoding="utf-8")
            for name in ("passwd", "shadow", "group", "gshadow")
        }
        self._built_in = {
            line.split(":")[0]: line for line in self._given["passwd"].splitlines() if line
        }
        self._written: Mapping[str, int] | None = None

    def start(self, ground: Ground) -> None:
        """Its namespaces and sshd."""
        script = _ENTER.format(name=self.machine.name, own=self.folder)
        ground.run(
            f"daily-{self.machine.name}",
            ("unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", script),
        )

    def wait(self, ground: Ground) -> None:
        """Until sshd answers."""
        ground.wait(self.machine.address, _PORT)

    def inside(self, *command: str, cwd: str = "/") -> tuple[str, ...]:
        """The command line that runs this inside the box."""
        pid = (self.folder / "run" / "sshd.pid").read_text(encoding="ascii").strip()
        return ("nsenter", "-t", pid, "-m", "-u", f"--wdns={cwd}", "--", *command)

    def have(self, user: str) -> None:
        """Let there be such an account."""
        if user not in self._uids and user not in self._built_in:
            # The number of an account stays when it comes back.
            self._uids[user] = _FIRST_UID + len(self._uids)
            home = self.folder / "home" / user
            if not home.exists():
                home.mkdir(mode=0o750)
                (home / ".hushlogin").touch()
                shutil.chown(home, self._uids[user], self._uids[user])

    def lack(self, user: str) -> None:
        """Let there be no such account."""
        self._uids.pop(user, None)

    def settle(self) -> None:
        """Write the accounts as they are to be, groups as the image has them."""
        if self._written == self._uids:
            return
        rows = list(self._uids.items())
        more = {
            "passwd": [f"{user}:x:{uid}:{uid}::/home/{user}:/bin/bash" for user, uid in rows],
            "shadow": [f"{user}:{self._image.hash}:20000:0:99999:7:::" for user, _ in rows],
            "group": [f"{user}:x:{uid}:" for user, uid in rows],
            "gshadow": [f"{user}:!::" for user, _ in rows],
        }
        people = ",".join(user for user, _ in rows if "." in user)
        for name, lines in more.items():
            given = self._given[name].replace("\nops:x:898:\n", f"\nops:x:898:{people}\n")
            given = given.replace("\nops:!::\n", f"\nops:!::{people}\n")
            path = self.folder / "etc" / name
            path.write_text(given + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        self._written = dict(self._uids)

    def regroup(self) -> None:
        """Groups are again as the image has them; said nowhere."""
        self._written = None
        self.settle()


def _without_members(path: Path) -> None:
    """The groups of the town, each there once and with nobody in it."""
    kept = [
        line for line in path.read_text(encoding="utf-8").splitlines()
        if line.split(":")[0] not in _GROUPS
    ]  # fmt: skip
    tail = "x:{}:" if path.name == "group" else "!::"
    kept += [f"{name}:{tail.format(895 + place)}" for place, name in enumerate(_GROUPS)]
    path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
