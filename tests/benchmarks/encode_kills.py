"""Encodings that are killed at random moments, again and again: what is there at the end is what would have been there.

    python tests/benchmarks/encode_kills.py [--kills 100] [--images 8000] [--workers 2] [--json]

A small untrained VQ-VAE encodes generated images, by one process and then by several side by side, each a shard.
SIGKILL ends one of them at a random moment of the time that an undisturbed run takes; it is started again, until
the encoding is complete; then the next encoding begins, until as many kills have hit. Each encoding is compared with
that of an undisturbed run: every column, the codebooks and the index, byte for byte, and no file too many. 100 kills
take about two minutes. Processes are forked from one that has loaded torch, so that kills hit the work.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from timing import machine, report


def begin(model, images, folder: Path, shard: str | None) -> int:
    """The process id of a fork that encodes all images, or a shard of them, and ends."""
    from explorer.encodings import encoder, fragments
    from explorer.progress import Progress

    child = os.fork()
    if child:
        return child
    code = 1
    try:
        part = None if shard is None else fragments.Shard.of(shard)
        quiet = Progress(len(images), "images", quiet=True)
        settings = encoder.Settings(kmeans=16, errors=len(images) // 4)
        encoder.write_shard(model, images, folder, part, key="k", settings=settings, device="cpu", progress=quiet)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def stage(folder: Path) -> str:
    """How far an encoding is, told by its files."""
    if (folder / "encoding.json").exists():
        return "tidying up"
    if (folder / "postings").exists() or any((folder / "_versions").glob("*.manifest")):
        return "index"
    records = list((folder / "unfinished").glob("*.json")) if folder.exists() else []
    return "rows" if records else "codebooks, first rows" if folder.exists() else "before the folder"


def wait(children: dict[int, str | None]) -> None:
    """Until all have ended; raises where one failed by itself."""
    for child in list(children):
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(f"a worker ended with {status}, without having been killed")


def disturbed(start, folder: Path, shards: list[str | None], seconds: float, chance: random.Random) -> list[str]:
    """Encodes with kills until the encoding is complete; where each kill hit."""
    hits: list[str] = []
    waiting = list(shards)
    running: dict[int, str | None] = {}
    while True:
        for shard in waiting:
            running[start(folder, shard)] = shard
        waiting, until = [], time.monotonic() + chance.uniform(0, seconds)
        while running and time.monotonic() < until:
            time.sleep(0.001)
            for child in list(running):
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    del running[child]
                    if status:
                        raise SystemExit(f"a worker ended with {status}, without having been killed")
        if not running:
            return hits
        victim = chance.choice(list(running))
        os.kill(victim, signal.SIGKILL)
        _, status = os.waitpid(victim, 0)
        waiting.append(running.pop(victim))
        if os.WIFSIGNALED(status):
            hits.append(stage(folder))


def differences(found: Path, expected: Path) -> list[str]:
    """What is not the same in two encodings; imports lance, so it runs where nothing is forked afterwards."""
    import lance
    import torch

    from explorer.encodings import Encoding, codebooks

    wrong = []
    tables = [lance.dataset(str(path)).to_table() for path in (found, expected)]
    wrong += [f"column {name}" for name in tables[1].column_names if not tables[0][name].equals(tables[1][name])]
    books = [codebooks.load(path / codebooks.FILE)[0] for path in (found, expected)]
    wrong += [
        f"codebook {name}" for name in books[1] if not torch.equal(books[0][name].vectors, books[1][name].vectors)
    ]
    for path in sorted((expected / "postings").iterdir()):
        if (found / "postings" / path.name).read_bytes() != path.read_bytes():
            wrong.append(f"index {path.name}")
    counts = [
        Counter(str(p.relative_to(one).parent) for p in one.rglob("*") if p.is_file()) for one in (found, expected)
    ]
    for counted in counts:
        counted.pop("_transactions", None)  # a commit that was made again leaves one more
    if counts[0] != counts[1]:
        wrong.append(f"files {dict(counts[0])} instead of {dict(counts[1])}")
    return wrong + ([] if len(Encoding(found, "k")) else ["no rows"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--fragment", type=int, default=512, help="rows that are stored at once")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", "lance is not fork-safe")  # nothing of it runs before a fork
    here, began, hits, encodings = machine(), time.perf_counter(), Counter(), 0
    with tempfile.TemporaryDirectory() as place:
        os.environ["EXPLORER_CACHE"] = f"{place}/cache"
        import lance  # noqa: F401  loaded here, and used in forks only
        import sklearn.cluster  # noqa: F401
        import torch

        from explorer import datasets
        from explorer.encodings import columns
        from explorer.models import build

        torch.set_num_threads(1)  # a pool of threads does not come along into a fork
        columns.LARGEST_FRAGMENT = asked.fragment
        torch.manual_seed(0)
        settings = {"hidden": 16, "codes": 64, "dim": 8, "residual_blocks": 1, "quantizer": "projected"}
        model = build("vqvae", settings, 32).eval()  # with numbers beside its codes, so that k-means is fitted, too
        images = datasets.load("shapes", "test", 32, limit=asked.images)
        start = lambda folder, shard: begin(model, images, folder, shard)  # noqa: E731
        started = time.monotonic()
        wait({start(Path(place) / "undisturbed", None): None})
        seconds = time.monotonic() - started
        chance = random.Random(asked.seed)
        made: list[Path] = []
        while sum(hits.values()) < asked.kills:
            alone = encodings % 2 == 0 or asked.workers < 2
            parts = [None] if alone else [f"{number + 1}/{asked.workers}" for number in range(asked.workers)]
            made.append(Path(place) / f"{encodings}.lance")
            hits.update(disturbed(start, made[-1], parts, seconds, chance))
            encodings += 1
            if len(made) > 8 or sum(hits.values()) >= asked.kills:
                _check(made, Path(place) / "undisturbed")
    result = {
        "machine": here, "kills": sum(hits.values()), "hit": dict(hits.most_common()), "encodings": encodings,
        "images": asked.images, "workers": asked.workers, "undisturbed_seconds": round(seconds, 2),
        "seconds": round(time.perf_counter() - began, 1), "different": 0,
    }  # fmt: skip
    lines = [
        f"{result['kills']} kills of {encodings} encodings of {asked.images:,} images, half of them by {asked.workers} "
        f"processes, in {result['seconds']:.0f} s; undisturbed, one takes {seconds:.1f} s",
        *(f"  {count:4} during: {name}" for name, count in hits.most_common()),
        "all equal to the undisturbed one: columns, codebooks, index, files",
    ]
    report(result, lines, asked.json)


def _check(made: list[Path], expected: Path) -> None:
    """Compares what was made in a fork, which may load lance; removes it; raises where something differs."""
    child = os.fork()
    if not child:
        code = 1
        try:
            wrong = {path.name: found for path in made if (found := differences(path, expected))}
            print(f"different: {wrong}" if wrong else "", end="", file=sys.stderr, flush=True)
            code = 1 if wrong else 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit("an encoding that was killed is not what it would have been")
    for path in made:
        shutil.rmtree(path)
    made.clear()


if __name__ == "__main__":
    main()
