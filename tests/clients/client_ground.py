"""What the tests of the clients share: a service and what builds and runs programs.

What is missing on a machine is skipped by name; on an integration machine that is a failure.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from crypto.sm2 import PrivateKey

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "clients"
CACHE = ROOT / ".cache" / "clients"
APPLICATION = "payments"
START_SECONDS_MAX = 60
RUN_SECONDS_MAX = 60
CHECKED = {
    "service_signs": True,
    "client_signs": True,
    "client_encrypts": True,
    "digest": True,
    "wrong_signature": "crypto.signature.invalid",
}
"""What every client's self-check finds, by each credential."""
BUILD_SECONDS_MAX = 300
"""A registry that hangs must not hang the tests."""


@dataclass(frozen=True)
class SigningService:
    """A service and the two credentials of its application; keys ``receipt`` and ``box``."""

    base: str
    token: str
    key_file: Path
    data: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the self-check of every client reads."""
        return {
            **os.environ,
            "FENGSUI_URL": self.base,
            "FENGSUI_APPLICATION": APPLICATION,
            "FENGSUI_TOKEN": self.token,
            "FENGSUI_KEY_FILE": str(self.key_file),
            "FENGSUI_SIGN_KEY": "receipt",
            "FENGSUI_BOX_KEY": "box",
        }

    def say(self, *words: str) -> str:
        """One command of the operator."""
        return subprocess.run(
            [sys.executable, "-m", "fengsui", *words],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip


def base_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    timer = threading.Timer(START_SECONDS_MAX, process.kill)
    timer.start()
    seen = []
    try:
        for line in process.stdout:
            seen.append(line)
            if found := re.search(r"(https?://\S+)#token=\S+", line):
                return found[1]
    finally:
        timer.cancel()
    pytest.fail("the platform printed no URL:\n" + "".join(seen))


def registered(service: SigningService) -> SigningService:
    site = ("--data", str(service.data))
    service.say("application", "add", APPLICATION, "--name", "支付平台", "--unit", "local", *site)
    for key, operation in (("*", "keys_manage"), ("payments.box", "decrypt")):
        service.say(
            "application", "grant", APPLICATION, "--key", key, "--operation", operation, *site
        )
    token = service.say("application", "token", APPLICATION, *site).split()[0]
    key = PrivateKey.generate()
    service.key_file.write_bytes(key.to_pem())
    service.key_file.chmod(0o600)
    enrol(service, key)
    for name, use in (("receipt", "sign"), ("box", "encrypt")):
        asked = urllib.request.Request(
            f"{service.base}v1/crypto/keys",
            json.dumps({"key": name, "use": use}).encode(),
            {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Idempotency-Key": name,
            },
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.status == 201
    return SigningService(service.base, token, service.key_file, service.data)


def enrol(service: SigningService, key: PrivateKey) -> None:
    """Register a public key the way docs/operator/applications.md does."""
    public, proof = service.data.parent / "public.pem", service.data.parent / "proof"
    public.write_bytes(key.public.to_pem())
    words = ("application", "key", APPLICATION, "--public", str(public))
    site = ("--data", str(service.data))
    text = service.say(*words, *site).encode()
    proof.write_bytes(key.sign(text, domain="fengsui/credential/1"))
    service.say(*words, "--proof", str(proof), *site)


def missing(reason: str) -> None:
    """Skip what a machine does not have, loudly; on an integration machine fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def tool(name: str) -> str:
    """The program of a tool chain."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
    assert found is not None
    return found


def self_check(
    service: SigningService, *command: str, folder: Path, **more: str
) -> dict[str, object]:
    """The one line a client's self-check prints."""
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True,
        env={**service.environment, **more}, timeout=RUN_SECONDS_MAX,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def build(*command: str, folder: Path) -> None:
    """One step of a build; what needs a registry that is not there is missing, not wrong."""
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS_MAX
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
