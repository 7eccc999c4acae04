"""Look-ups in an encoding of N images, each cold in a process of its own, beside a plain numpy scan of all codes.

    python tests/benchmarks/lookups.py [100000] [--checkpoint CHECKPOINT] [--dropped] [--json]

Without a checkpoint a small VQ-VAE (32 px, 8 × 8 codes of 256) is trained for half a minute. N drawn `shapes` are
encoded where they are not: a million take some four minutes of two cores, and 1 GB in the cache folder. Then a minute.

A look-up opens the study and asks once; importing libraries is not counted, and told on a line of its own. `--dropped`
asks the system to drop the encoding's files from its cache first, and `read` is then what came from the disk. `grows`
is how far the process's peak of memory rises: what is made anew holds as much for ten times as many images. CPU
seconds say more than seconds on a machine that others use, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import machine, report

FEW, MIDDLE = 12, 0.5  # images that are shown; the second code is in the middle of the order of use
SMALL = ["hidden=32", "codes=256", "dim=16", "image_size=32", "batch_size=64"]


def top_patches(study: Any, layer: str, codes: list[int]) -> str:
    return f"nearest {study.encoding.top_patches(layer, codes[0], FEW)[2][0]:.3g}"


def crops(study: Any, layer: str, codes: list[int]) -> str:
    return f"{len(study.top_patches(layer, codes[0], FEW)[0])} crops"


def images_with(study: Any, layer: str, codes: list[int]) -> str:
    return f"{len(study.standing(layer, codes[0])[0]):,} images"


def ranked(study: Any, layer: str, codes: list[int], near: int = 0) -> str:
    from explorer.analysis.retrieval.wanted import Wanted
    from explorer.study import queries

    found = queries.holding(study, layer, Wanted(tuple(codes)), near, FEW)
    return f"{found.matching:,} images"


def page(name: str, study: Any) -> str:
    """Everything that a page shows, charts and what comes later included, drawn as HTML for one theme."""
    from explorer.sheets import html
    from explorer.views import VIEWS, fields

    view = VIEWS[name]
    picture = study.image(0) if view.pictured else None
    options, _ = fields.settled(view.options, study, {}, picture)
    drawn = html.draw(view.sheet(study, options, picture).blocks, html.Paper(lambda _: "", ("light",), takes=False))
    return f"{len(drawn) / 1e6:.1f} MB of HTML"


def counted(study: Any, layer: str, codes: list[int]) -> str:
    """Counts of all codes, and of codes by a concept of eight values, made anew a block at a time."""
    from explorer.analysis import tallies

    size, encoding = len(study.book(layer)), study.encoding
    found = tallies.tally(encoding.blocks(layer), size, encoding.images)
    tallies.by_values(encoding.blocks(layer), size, [(np.arange(encoding.images, dtype=np.int16) % 8, 8)])
    return f"perplexity {found.interval().perplexity().worded()}"


def indexed(study: Any, layer: str, codes: list[int]) -> str:
    """The index from codes to images, built anew in a folder that goes."""
    from explorer.encodings.layout import build_postings

    encoding = study.encoding
    with tempfile.TemporaryDirectory(dir=os.environ.get("EXPLORER_CACHE")) as folder:
        build_postings(encoding.path, study.layer(layer), len(study.book(layer)), encoding.images, Path(folder))
        return f"{sum(one.stat().st_size for one in Path(folder).iterdir()) / 1e6:,.0f} MB of index"


def scanned(codes: np.ndarray, wanted: list[int]) -> str:
    inside = np.logical_and.reduce([(codes == code).any((1, 2)) for code in wanted])
    return f"{inside.sum():,} images"


LOOK_UPS: dict[str, Callable[[Any, str, list[int]], str]] = {
    "opening alone": lambda study, layer, codes: f"{study.encoding.images:,} images",
    "top patches of a code: places": top_patches,
    "top patches of a code: pictures": crops,
    "images with a code": images_with,
    "images with a code, ranked": lambda study, layer, codes: ranked(study, layer, codes[:1]),
    "images with two codes, ranked": ranked,
    "two codes at most a cell apart": lambda study, layer, codes: ranked(study, layer, codes, 1),
    "Codebook page": lambda study, *_: page("codebook", study),
    "Code maps page": lambda study, *_: page("code_maps", study),
    "all counts anew, in blocks": counted,
    "index of codes anew, in blocks": indexed,
    "bare: two codes, all codes read": lambda study, layer, codes: scanned(study.encoding.codes(layer), codes),
}


def look(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """One look-up, and what it took."""
    import resource

    started = time.process_time()
    import lance  # noqa: F401
    import pandas  # noqa: F401
    import plotly.graph_objects
    import torch  # noqa: F401

    from explorer.charts import code_plots  # noqa: F401
    from explorer.study import open_study

    plotly.graph_objects.Figure(plotly.graph_objects.Scattergl())
    imported = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read, began, cpu = _read(), time.perf_counter(), time.process_time()
    study = open_study(asked["checkpoint"], "shapes", limit=asked["images"])
    said = LOOK_UPS[name](study, study.main_layer, asked["codes"])
    return {
        "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu, "read": _read() - read,
        "grows": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024, "peak": peak * 1024,
        "imports_cpu_seconds": imported, "found": said,
    }  # fmt: skip


def _read() -> int:
    """Bytes that this process had from a disk so far; 0 where the system does not tell."""
    told = Path("/proc/self/io")
    if not told.exists():
        return 0
    return int(dict(line.split(": ") for line in told.read_text().splitlines())["read_bytes"])


def in_memory(codes: np.ndarray, asked: list[int]) -> dict[str, Any]:
    """The scan of codes that are in memory already, the second time."""
    scanned(codes, asked)
    began, cpu = time.perf_counter(), time.process_time()
    said = scanned(codes, asked)
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu, "read": 0, "grows": 0,
            "peak": codes.nbytes, "found": said}  # fmt: skip


def prepared(arguments: argparse.Namespace, folder: str) -> tuple[str, Any]:
    """The checkpoint and the study of its encoding, which is made where it is not there."""
    from explorer.study import open_study

    checkpoint = arguments.checkpoint or str(Path(folder) / "small")
    run = [sys.executable, "-m", "explorer"]
    if not arguments.checkpoint:
        more = [part for one in SMALL for part in ("--set", one)]
        train = ["train", "vqvae", "--dataset", "shapes", "--steps", "300", "--out", checkpoint, *more]
        subprocess.run([*run, *train], check=True, stdout=subprocess.DEVNULL)
    encode = ["encode", checkpoint, "--dataset", "shapes", "--limit", str(arguments.images)]
    subprocess.run([*run, *encode], check=True, stdout=subprocess.DEVNULL)
    return checkpoint, open_study(checkpoint, "shapes", limit=arguments.images)


def forget(folder: Path) -> None:
    """Asks the system to drop the files of a folder from its cache."""
    for path in (one for one in folder.rglob("*") if one.is_file()):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measured(arguments: argparse.Namespace, folder: str) -> dict[str, dict[str, Any]]:
    checkpoint, study = prepared(arguments, folder)
    usage = study.usage(study.main_layer)
    order = np.argsort(-usage, kind="stable")[: int((usage > 0).sum())]
    codes = [int(order[0]), int(order[int(MIDDLE * (len(order) - 1))])]
    asked, found = {"checkpoint": checkpoint, "images": arguments.images, "codes": codes}, {}
    for name in LOOK_UPS:
        if arguments.dropped:
            forget(study.encoding.path)
        command = [sys.executable, __file__, "--look", name, "--asked", json.dumps(asked)]
        found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found["bare: two codes, codes in memory"] = in_memory(study.encoding.codes(study.main_layer), codes)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=int, nargs="?", default=100_000)
    parser.add_argument("--checkpoint", default="")
    parser.add_argument("--dropped", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--look", help=argparse.SUPPRESS)
    parser.add_argument("--asked", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.look:
        print(json.dumps(look(arguments.look, json.loads(arguments.asked))))
        return
    here = machine()
    with tempfile.TemporaryDirectory(dir=os.environ.get("EXPLORER_CACHE")) as folder:
        found = measured(arguments, folder)
    lines = [
        f"{arguments.images:,} images; libraries take {found['opening alone']['imports_cpu_seconds']:.1f} CPU s to "
        f"import and {found['opening alone']['peak'] / 1e6:,.0f} MB, neither of which is counted below",
        f"{'look-up':<34} {'s':>7} {'CPU s':>7} {'read MB':>8} {'grows MB':>9}",
    ]
    lines += [
        f"{name:<34} {one['seconds']:7.2f} {one['cpu_seconds']:7.2f} {one['read'] / 1e6:8.1f} {one['grows'] / 1e6:9.0f}"
        f"  {one['found']}"
        for name, one in found.items()
    ]
    report({"machine": here, "images": arguments.images, "look_ups": found}, lines, arguments.json)


if __name__ == "__main__":
    main()
