"""What users and other programs rely on, written down: a change of the code that changes it fails here.

    EXPLORER_GOLDEN=write python -m pytest tests/golden

rewrites `expected/` on purpose, where something is meant to look different from now on; `git diff` then says what does.
The keys in test_keys.py are never rewritten: with other keys nothing that ships is found any more.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EXPECTED = Path(__file__).with_name("expected")
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A cache and an empty folder of own checkpoints that all golden tests share, so that images are decoded once."""
    return tmp_path_factory.mktemp("golden")


@pytest.fixture(scope="module", autouse=True)
def home(folder) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        patch.setenv("EXPLORER_CHECKPOINTS", str(folder / "checkpoints"))
        yield folder


@pytest.fixture(autouse=True)
def own_cache(home) -> None:
    """Takes the place of the cache that every other test has for itself."""


@pytest.fixture
def golden() -> Callable[..., None]:
    """`golden("pages-layers", found, 1e-3)`: found is what `expected/` says, floats up to a relative difference."""
    return check


def check(name: str, found: Any, relative: float = 1e-4) -> None:
    path, found = EXPECTED / f"{name}.json", json.loads(json.dumps(rounded(found)))
    if os.environ.get("EXPLORER_GOLDEN") == "write":
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    wrong = list(differences(json.loads(path.read_text(encoding="utf-8")), found, relative))
    more = f"\n… and {len(wrong) - 20} more" if len(wrong) > 20 else ""
    assert not wrong, f"{path.name} says otherwise:\n" + "\n".join(wrong[:20]) + more


def rounded(value: Any) -> Any:
    """Floats to six digits: more would say something about this machine only."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def differences(expected: Any, found: Any, relative: float, at: str = "") -> Iterator[str]:
    """One line for each place where two trees of JSON differ: keys, types, lengths, values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys()):
            if key in expected and key in found:
                yield from differences(expected[key], found[key], relative, f"{at}.{key}")
            else:
                yield f"{at}.{key} is {'gone' if key in expected else 'new'}"
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            lost, new = ([one for one in a if one not in b] for a, b in ((expected, found), (found, expected)))
            yield f"{at} had {len(expected)} entries and has {len(found)}; gone: {lost}; new: {new}"
        else:
            for number, pair in enumerate(zip(expected, found, strict=True)):
                yield from differences(*pair, relative, f"{at}[{number}]")
    elif type(expected) is not type(found) or not same(expected, found, relative):
        yield f"{at} was {expected!r} and is {found!r}"


def same(expected: Any, found: Any, relative: float) -> bool:
    """Equal values; floats up to `relative`, decimals within a text up to one in the last place."""
    if isinstance(expected, float):
        return math.isclose(expected, found, rel_tol=relative, abs_tol=1e-6)
    if not isinstance(expected, str):
        return expected == found
    if NUMBER.sub("#", expected) != NUMBER.sub("#", found):
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(found), strict=True)
    return all(one == other or _last_place(one, other) for one, other in pairs)


def _last_place(one: str, other: str) -> bool:
    places = [len(number.partition(".")[2]) for number in (one, other)]
    return places[0] == places[1] > 0 and abs(float(one) - float(other)) < 1.5 * 10 ** -places[0]
