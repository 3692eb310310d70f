"""Compares the engines with each other, case by case:

    python tests/fuzz/differential.py --cases 1000000

The seed is printed. Case n depends on the seed and n alone, so ``--seed S --first n --cases 1``
runs the one that differed again. Ends with 1 when anything differed.
"""

# ruff: noqa: T201 - it speaks to whoever started it

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "crypto"))

import operations
from operations import Ask, Draw

from crypto import engines
from crypto.engines.port import Engine, Refused

# Once the engines disagree, the first few cases tell all.
DIFFERENCES_MAX = 10
# The floor is 20 times slower than libcrypto: it joins some of the cases of SM2. For SM3 and SM4
# it uses the same packages as libcrypto's engine, so it would add nothing.
FLOOR_EVERY = 16


@dataclass(frozen=True, kw_only=True)
class Difference:
    number: int
    operation: str
    answers: dict[str, str]

    def __str__(self) -> str:
        answers = "\n".join(f"    {name}: {answer}" for name, answer in self.answers.items())
        return f"case {self.number}, {self.operation}:\n{answers}"


def answer(engine: Engine, ask: Ask) -> str:
    """Return what the engine gives, in a form that can be compared and read."""
    try:
        return _shown(ask(engine))
    except Refused:
        return "refused"
    except Exception as error:  # noqa: BLE001 - any other error is a finding, shown with its case
        return f"{type(error).__name__}: {error}"


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)


def differences(
    chosen: Sequence[Engine], *, seed: int, numbers: range, counts: Counter[str]
) -> Iterator[Difference]:
    """Yield each case in which the engines disagree; ``counts`` takes the cases run."""
    floor_every = FLOOR_EVERY if len(chosen) > 2 else 1
    # Half of the cases are of SM2, which has the most ways to go wrong.
    kinds = (*operations.SM2, *operations.SM3, *operations.SM4)
    for number in numbers:
        draw = Draw(f"{seed}/{number}", chosen[0])
        make = kinds[number % len(kinds)]
        ask = make(draw)
        with_floor = make in operations.SM2 and draw.random.randrange(floor_every) == 0
        asked = [one for one in chosen if one.name != "python" or with_floor]
        answers = {one.name: answer(one, ask) for one in asked}
        counts[make.__name__] += 1
        if len(set(answers.values())) > 1:
            yield Difference(number=number, operation=make.__name__, answers=answers)


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=None, help="random when left out")
    options = parser.parse_args()
    seed = secrets.randbits(64) if options.seed is None else options.seed
    chosen = list(engines.available().values())
    print(f"seed {seed}, cases {options.first} to {options.first + options.cases - 1}")
    for engine in chosen:
        print(f"  {engine.name}: {engine.describe()}")
    if len(chosen) < 2:
        print("there is only one engine here: nothing can be compared")
        return 3
    began = time.monotonic()
    counts: Counter[str] = Counter()
    numbers = range(options.first, options.first + options.cases)
    found = 0
    for difference in differences(chosen, seed=seed, numbers=numbers, counts=counts):
        print(difference, flush=True)
        found += 1
        if found == DIFFERENCES_MAX:
            break
    for name, count in counts.most_common():
        print(f"  {count:8d} {name}")
    print(f"{counts.total()} cases in {time.monotonic() - began:.0f} s, {found} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
