"""Builds each peer under ``.cache/peers/`` on demand, without root; says plainly what is missing.

Versions are pinned where the peer's own lock file stands beside its program.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.peers.peer import MissingPeer, Peer

__all__ = ["PEERS", "RULE_ENGINES", "start"]

FOLDER = Path(__file__).resolve().parent
CACHE = FOLDER.parent.parent / ".cache" / "peers"
# A cold build of a peer takes a minute on two cores; a registry that hangs must not hang a test.
_WAIT_SECONDS_MAX = 600

GMSSL_PYX = "2.1.0"
GMALG = "1.1.2"
BOUNCY_CASTLE = "1.81"


def start(name: str) -> Peer:
    """Return the running peer, fetched and built first; raises ``MissingPeer``."""
    return Peer((PEERS | RULE_ENGINES)[name]())


def _run(command: Sequence[str], *, folder: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise MissingPeer(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_WAIT_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired as error:
        raise MissingPeer(f"{' '.join(command[:2])} took too long") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise MissingPeer(f"{' '.join(command[:2])} failed: {lines[-1] if lines else 'no reason'}")


def _place(name: str, sources: Sequence[str]) -> tuple[Path, bool]:
    """Return the peer's build folder with its sources, and whether they are the built ones."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    fresh = (folder / ".built").exists()
    for source in sources:
        content = (FOLDER / source).read_bytes()
        target = folder / Path(source).relative_to(Path(source).parts[0])
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            fresh = False
    return folder, fresh


def _built(name: str, sources: Sequence[str], *commands: Sequence[str]) -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes: one builds, the others wait and find it built.
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder, fresh = _place(name, sources)
        if not fresh:
            (folder / ".built").unlink(missing_ok=True)
            for command in commands:
                _run(command, folder=folder)
            (folder / ".built").touch()
    return folder


def _openssl_c() -> list[str]:
    """Our loop over EVP, linked with the system's libcrypto."""
    if shutil.which("cc") is None:
        raise MissingPeer("no C compiler: install gcc (or clang) and libssl-dev")
    try:
        folder = _built(
            "openssl_c",
            ["openssl_c/openssl_peer.c"],
            ["cc", "-O2", "-o", "openssl_peer", "openssl_peer.c", "-lcrypto"],
        )
    except MissingPeer as error:
        raise MissingPeer(f"OpenSSL's C library: {error} (is libssl-dev installed?)") from error
    return [str(folder / "openssl_peer")]


def _gmsm() -> list[str]:
    sources = [f"gmsm/{name}" for name in ("main.go", "times.go", "go.mod", "go.sum")]
    folder = _built("gmsm", sources, ["go", "build", "-o", "peer", "."])
    return [str(folder / "peer")]


def _rustcrypto() -> list[str]:
    sources = [f"rustcrypto/{name}" for name in ("Cargo.toml", "Cargo.lock", "src/main.rs")]
    folder = _built("rustcrypto", sources, ["cargo", "build", "--release", "--locked", "--quiet"])
    return [str(folder / "target" / "release" / "peer")]


def _rsigma() -> list[str]:
    sources = [f"rsigma/{name}" for name in ("Cargo.toml", "Cargo.lock", "src/main.rs")]
    folder = _built("rsigma", sources, ["cargo", "build", "--release", "--locked", "--quiet"])
    return [str(folder / "target" / "release" / "peer")]


def _bouncy_castle() -> list[str]:
    coordinates = f"org.bouncycastle:bcprov-jdk18on:{BOUNCY_CASTLE}"
    jar = f"bcprov-jdk18on-{BOUNCY_CASTLE}.jar"
    folder = _built(
        "bouncycastle",
        ["bouncycastle/Peer.java"],
        ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", "-DoutputDirectory=."],
        ["javac", "-cp", jar, "Peer.java"],
    )
    return ["java", "-XX:+UseSerialGC", "-cp", f"{folder}:{folder / jar}", "Peer"]


def _sm_crypto_v2() -> list[str]:
    sources = [f"smcryptov2/{name}" for name in ("peer.mjs", "package.json", "package-lock.json")]
    folder = _built("smcryptov2", sources, ["npm", "ci", "--ignore-scripts", "--silent"])
    return ["node", str(folder / "peer.mjs")]


def _venv() -> str:
    """A throw-away environment: these packages are no dependency of ours."""
    wanted = (f"gmssl-pyx=={GMSSL_PYX}", f"gmalg=={GMALG}")
    folder = _built(
        "python",
        [],
        [sys.executable, "-m", "venv", "."],
        [str(CACHE / "python" / "bin" / "python"), "-m", "pip", "install", "-q", *wanted],
    )
    return str(folder / "bin" / "python")


def _in_venv(program: str) -> Callable[[], list[str]]:
    return lambda: [_venv(), str(FOLDER / "python" / program)]


def _in_ours(program: str) -> Callable[[], list[str]]:
    """Packages that our own lock file already holds."""
    return lambda: [sys.executable, str(FOLDER / "python" / program)]


def _openssl_cli() -> list[str]:
    if shutil.which("openssl") is None:
        raise MissingPeer("openssl is not installed")
    return [sys.executable, str(FOLDER / "python" / "openssl_cli.py")]


PEERS: dict[str, Callable[[], list[str]]] = {
    "openssl_c": _openssl_c,
    "openssl": _openssl_cli,
    "gmssl": _in_ours("gmssl_peer.py"),
    "cryptography": _in_ours("cryptography_peer.py"),
    "gmssl-pyx": _in_venv("gmssl_pyx_peer.py"),
    "gmalg": _in_venv("gmalg_peer.py"),
    "gmsm": _gmsm,
    "rustcrypto": _rustcrypto,
    "bouncycastle": _bouncy_castle,
    "sm-crypto-v2": _sm_crypto_v2,
}

RULE_ENGINES: dict[str, Callable[[], list[str]]] = {"rsigma": _rsigma}
"""Peers that evaluate rules; they speak the same line protocol with verbs of their own."""
