"""Jars of Maven Central, fetched once, each held to its pinned SHA-256 at every start.

``pins/<set>.sha256`` lists exactly the jars of a set in the form of ``sha256sum``; a new version
is a new list, written with ``sha256sum *.jar`` after its jars were looked at.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.services.errors import MissingToolError, ServiceError
from deploy.services.places import CACHE, PINS, alone

COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCH_SECONDS_MAX: Final = 300
"""Seven seconds are usual with a cold cache; a slow mirror gets this long."""
TRIES_MAX: Final = 3
"""A registry that fails for a moment must not fail a whole test run."""
LINES_SHOWN: Final = 15

_POM: Final = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>services</groupId><artifactId>{name}</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""


@dataclass(frozen=True, slots=True)
class JarSet:
    """A named set of jars: what it is made of, as ``group:artifact:version``."""

    name: str
    coordinates: tuple[str, ...]

    def pins(self) -> dict[str, str]:
        """SHA-256 by file name."""
        path = PINS / f"{self.name}.sha256"
        if not path.exists():
            raise ServiceError(f"{self.name} has no pins: only what is listed in {PINS} is run")
        rows = (line.split() for line in path.read_text("ascii").splitlines())
        return {name: digest for digest, name in rows}

    def folder(self) -> Path:
        """The folder with exactly the pinned jars, fetched where it is not there yet.

        Raises :class:`ServiceError` when a jar differs from its pin, is missing or too many, and
        :class:`MissingToolError` without Maven.
        """
        target = CACHE / "jars" / self.name
        with alone("jars"):
            if not target.exists():
                fresh = target.with_suffix(".fetching")
                shutil.rmtree(fresh, ignore_errors=True)
                self._fetch(fresh)
                self._verify(fresh)
                fresh.rename(target)
            self._verify(target)
        return target

    def _fetch(self, target: Path) -> None:
        program = shutil.which("mvn")
        if program is None:
            raise MissingToolError("mvn is not installed: apt-get install -y maven")
        target.mkdir(parents=True)
        pom = target.parent / f"{self.name}.pom.xml"
        pom.write_text(self._pom(), "utf-8")
        command = [program, "-q", "-B", "-f", str(pom), f"-Dmaven.repo.local={CACHE / 'maven'}"]
        command += [COPY, "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
        for _ in range(TRIES_MAX):
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
            )
            if done.returncode == 0:
                return
        said = "\n".join(done.stdout.splitlines()[-LINES_SHOWN:])
        raise ServiceError(f"Maven could not fetch {self.name}:\n{said}")

    def _pom(self) -> str:
        rows = []
        for coordinate in self.coordinates:
            group, artifact, version = coordinate.split(":")
            rows.append(
                f"    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
                f"<version>{version}</version></dependency>"
            )
        return _POM.format(name=self.name, dependencies="\n".join(rows))

    def _verify(self, folder: Path) -> None:
        pins = self.pins()
        found = {path.name: path for path in folder.iterdir()}
        wrong = sorted(pins.keys() ^ found.keys())
        wrong += [name for name in pins.keys() & found.keys() if _sha256(found[name]) != pins[name]]
        if wrong:
            raise ServiceError(
                f"{folder} does not hold what {self.name}.sha256 lists: {', '.join(wrong)}. "
                "Remove the folder to fetch it again."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
