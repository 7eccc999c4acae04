"""No file stops, fills or reads the machine: hostile cases are opened as a user would open them.

A few hundred of them; all with EXPLORER_HOSTILE=all, or by `python tests/benchmarks/hostile.py --count 0 --cases`.
"""

from __future__ import annotations

import os

import pytest

from tests.hostile.case import Case
from tests.hostile.cases import CASES, chosen
from tests.hostile.lives import faults, lives, remove

KNOWN: dict[str, str] = {}  # cases that fail, and why


@pytest.fixture(scope="module")
def server():
    with lives() as served:
        yield served


def _marked(case: Case):
    known = [pytest.mark.xfail(reason=KNOWN[case.id], strict=True)] if case.id in KNOWN else []
    return pytest.param(case, id=case.id, marks=known)


OPENED = CASES if os.environ.get("EXPLORER_HOSTILE") == "all" else chosen()


@pytest.mark.parametrize("case", [_marked(case) for case in OPENED])
def test_a_sentence_or_a_good_end(case, server):
    at = server.folder()
    canary = server.place / "canary"
    try:
        server.write(case.id, at, canary)
        life = server.live(case.words(at), at, dict(case.environment))
        assert not faults(life, case.ends, case.says, canary)
    finally:
        canary.unlink(missing_ok=True)
        remove(at)
