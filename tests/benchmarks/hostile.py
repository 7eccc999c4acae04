"""Files of strangers: hostile cases, and sound files that are damaged at random. Does any stop or fill the machine?

    python tests/benchmarks/hostile.py [--count 100] [--kinds PyTorch,AVIF] [--seed 0] [--cases] [--alive] [--json]

`count` copies of a file of every kind are damaged (bits, cuts, zeros, parts that come twice or change places, numbers
as large as they get) and opened by the command line, each in a fork of a process that has imported everything. With
`--cases` those of tests/hostile are opened as well; with `--alive` the app is asked for its health while each is
opened in it. A table tells by kind how often it ended well (0), with a sentence (2), or otherwise, the slowest and the
largest. `otherwise` has to be 0, no case may take more than 35 s or 2 GiB, and health has to be answered within 1 s.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Row:
    """What became of the files of one kind: exits by name, the slowest, the largest, and what should not be."""

    count: int = 0
    exits: collections.Counter = field(default_factory=collections.Counter)
    slowest: float = 0.0
    peak: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, what: str, life: Any, wrong: list[str]) -> None:
        self.count += 1
        self.exits["otherwise" if life.code not in (0, 2) else str(life.code)] += 1
        self.slowest, self.peak = max(self.slowest, life.seconds), max(self.peak, life.peak)
        self.faults += [f"{what}: {one}" for one in wrong]


def fuzz(served: Any, kinds: list[str], count: int, seed: int) -> dict[str, Row]:
    """Damages `count` copies of a sound file of each kind, and opens them; the sound one first."""
    from tests.hostile.damages import SOUND, damaged
    from tests.hostile.lives import faults, remove

    rows: dict[str, Row] = {}
    for kind in kinds:
        one, row = SOUND[kind], rows.setdefault(kind, Row())
        body = one.body()
        for number in range(-1, count):
            at = served.folder()
            one.beside(at)
            (at / one.name).write_bytes(body if number < 0 else damaged(body, f"{seed} {kind} {number}"))
            life = served.live([word.format(at=at, name=one.name) for word in one.words], at, {})
            if number < 0 and life.code != 0:
                row.faults.append(f"the sound file: exit {life.code}: {life.err[-300:]}")
            elif number >= 0:
                row.note(f"{seed} {kind} {number}", life, faults(life, (0, 2)))
            remove(at)
        tell(kind, row)
    return rows


def open_cases(served: Any, kinds: list[str]) -> dict[str, Row]:
    """Opens the cases of tests/hostile, by kind."""
    from tests.hostile.cases import CASES
    from tests.hostile.lives import faults, remove

    rows: dict[str, Row] = {}
    for case in CASES:
        if kinds and case.kind not in kinds:
            continue
        at, canary = served.folder(), served.place / "canary"
        served.write(case.id, at, canary)
        life = served.live(case.words(at), at, dict(case.environment))
        rows.setdefault(case.kind, Row()).note(case.title, life, faults(life, case.ends, case.says, canary))
        canary.unlink(missing_ok=True)
        remove(at)
    return rows


def stay_alive(served: Any, kinds: list[str], place: Path) -> dict[str, Row]:
    """Opens the cases in the app, one after another, and asks for its health meanwhile; `slowest` is that of health."""
    from sessions import serving

    from tests.hostile.alive import Opened, asked, open_in_app
    from tests.hostile.cases import CASES
    from tests.hostile.lives import remove

    rows: dict[str, Row] = {}
    with serving(place) as (port, server):
        for case in CASES:
            if (kinds and case.kind not in kinds) or not asked(case, Path()):
                continue
            at = served.folder()
            served.write(case.id, at, served.place / "canary")
            found: Opened = asyncio.run(open_in_app(port, server.pid, case, at))
            row = rows.setdefault(case.kind, Row())
            row.count += 1
            row.exits["otherwise" if found.wrong else "alert" if found.alerts else "page"] += 1
            row.slowest, row.peak = max(row.slowest, found.health), max(row.peak, found.peak)
            row.faults += [f"{case.title}: {one}" for one in found.wrong]
            remove(at)
            if server.poll() is not None:
                row.faults.append(f"{case.title}: the server ended with {server.returncode}")
                break
    return rows


def tell(kind: str, row: Row) -> None:
    print(f"{kind}: {row.count}, {dict(row.exits)}, {len(row.faults)} faults", file=sys.stderr, flush=True)


def told(rows: dict[str, Row]) -> list[str]:
    exits = [*sorted({name for row in rows.values() for name in row.exits} - {"otherwise"}), "otherwise"]
    lines = [f"{'kind':30}{'n':>6}" + "".join(f"{name:>11}" for name in exits) + f"{'slowest s':>11}{'most MB':>9}"]
    for kind, row in rows.items():
        counts = "".join(f"{row.exits[name]:11}" for name in exits)
        lines.append(f"{kind:30}{row.count:6}{counts}{row.slowest:11.2f}{row.peak / 1e6:9,.0f}")
    wrong = [f"  {kind}, {one}" for kind, row in rows.items() for one in row.faults]
    return [*lines, f"faults: {len(wrong)}", *wrong[:60]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="damaged files of each kind")
    parser.add_argument("--kinds", default="", help="only these, with commas between")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", action="store_true", help="open the cases of tests/hostile, too")
    parser.add_argument("--alive", action="store_true", help="open the cases in the app, too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from timing import machine, report

    from tests.hostile.damages import SOUND
    from tests.hostile.lives import lives

    wanted = [kind.strip() for kind in arguments.kinds.split(",") if kind.strip()]
    here, tables = machine(), {}
    with lives() as served, tempfile.TemporaryDirectory() as name:
        if arguments.count:
            kinds = [kind for kind in SOUND if not wanted or kind in wanted]
            tables["damaged at random"] = fuzz(served, kinds, arguments.count, arguments.seed)
        if arguments.cases:
            tables["hostile cases"] = open_cases(served, wanted)
        if arguments.alive:
            tables["opened in the app"] = stay_alive(served, wanted, Path(name))
    lines = [line for title, rows in tables.items() for line in (f"\n{title}", *told(rows))]
    result = {title: {kind: vars(row) for kind, row in rows.items()} for title, rows in tables.items()}
    with contextlib.suppress(BrokenPipeError):
        report({"machine": here, **result}, lines, arguments.json)
    return int(any(row.faults for rows in tables.values() for row in rows.values()))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
