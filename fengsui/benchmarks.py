"""Benchmarks: each is a module of the folder ``bench/`` with ``run() -> list[dict]``."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from schema.errors import FengsuiError

FOLDER: Final = Path(__file__).resolve().parent.parent / "bench"
_NONE: Final[Mapping[str, int | float | str]] = MappingProxyType({})


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One figure beside its peer; ratio > 1 means we are better, None without a peer."""

    what: str
    ours: float | str
    """A digest where answers are compared, not speeds."""
    peer: float | None
    peer_name: str
    ratio: float | None
    unit: str


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's results and the commit they are of."""

    bench: str
    results: list[Result]
    commit: str


def run_bench(
    name: str, *, scratch: Path | None = None, options: Mapping[str, int | float | str] = _NONE
) -> Bench:
    """Run a benchmark by name, its scratch data below ``scratch``, and removed afterwards.

    Raises ``fengsui.bench.unknown``, or ``fengsui.bench.option`` for one it does not take.
    """
    path = FOLDER / f"{name}.py"
    known = sorted(entry.stem for entry in FOLDER.glob("*.py") if not entry.stem.startswith("_"))
    if name not in known:
        raise FengsuiError(
            "fengsui.bench.unknown",
            f"no benchmark {name!r} in {FOLDER}: choose one of {', '.join(known) or 'none'} "
            "(benchmarks run from a checkout)",
            name=name,
        )
    if scratch is not None:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.tempdir = str(scratch)
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    strange = set(options) - set(inspect.signature(module.run).parameters)
    if strange:
        raise FengsuiError(
            "fengsui.bench.option",
            f"the benchmark {name} takes no --{min(strange)}: it always does the same",
            name=name,
        )
    results = msgspec.convert(module.run(**options), list[Result])
    return Bench(bench=name, results=results, commit=_commit())


def _commit() -> str:
    found = subprocess.run(
        ["git", "-C", str(FOLDER.parent), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"
