"""Encoding of very many images: rate, memory, seconds of each part and bytes of an image, whatever their number.

    python tests/benchmarks/million.py [--images 10000,100000] [--checkpoint FOLDER] [--processes 1] [--json]

Each number of generated `shapes` is encoded by `explorer encode`, as a user would, into a cache of its own: the whole
command, from the start of Python to the last file. Without --checkpoint a VQ-VAE for 32 × 32 pixels is trained first
for a minute (hidden 32, K = 256, D = 16, grid 8 × 8). The bare encoder is `model.encode` on tensors in memory, before
and after. CPU seconds are of all threads, and say more than seconds where something else runs; "one more" is what an
image beyond those of the line above costs, so equal numbers say that size costs nothing. Errors of reconstruction are
of 10,000 images at most. About 0.15 ms of CPU an image: a million takes three minutes, and 1.1 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from timing import machine, report

ROOT = Path(__file__).resolve().parents[2]
TRAINED = "hidden=32 residual_blocks=2 residual_channels=32 codes=256 dim=16 image_size=32 batch_size=64 steps=300"


def explorer(words: list[str], processes: int = 1) -> tuple[dict[str, Any], dict[str, float]]:
    """What `explorer WORDS --json` says; its seconds, CPU seconds, and the largest memory of one process in MB."""
    first = [sys.executable, "-m", "explorer"]
    if processes > 1:
        first = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes), "-m", "explorer"]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [*first, *words, "--json"]
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    largest, text = watch(child), child.stdout.read()
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(text), {"seconds": time.perf_counter() - started, "cpu": cpu, "memory": largest}


def watch(child: subprocess.Popen) -> float:
    """MB of resident memory that the largest of a process and its children ever had, until it ends."""
    import psutil

    largest, process = 0.0, psutil.Process(child.pid)
    while child.poll() is None:
        for one in [process, *_children(process)]:
            try:
                lines = Path(f"/proc/{one.pid}/status").read_text().splitlines()
                largest = max([largest, *(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))])
            except (OSError, ValueError, IndexError):
                continue
        time.sleep(0.2)
    return largest


def _children(process) -> list:
    import psutil

    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def bare(checkpoint: str, batch: int = 128, count: int = 4096) -> float:
    """CPU microseconds an image of `model.encode` on resident tensors, one thread."""
    import torch

    from explorer import checkpoints, datasets

    torch.set_num_threads(1)
    path = checkpoints.resolve(checkpoint)
    model = checkpoints.load(path).eval().to(memory_format=torch.channels_last)
    images = datasets.load("shapes", "test", checkpoints.describe(path).image_size, limit=count)
    pixels = torch.from_numpy(images.read(slice(None))).permute(0, 3, 1, 2)
    parts = [part.float().div(255).contiguous(memory_format=torch.channels_last) for part in pixels.split(batch)]
    with torch.inference_mode():
        model.encode(parts[0])
        started = time.process_time()
        for part in parts:
            model.encode(part)
    return (time.process_time() - started) / len(images) * 1e6


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of the rows and of the index, and files in all."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    held = {name: sum(p.stat().st_size for p in files if p.parent.name == name) for name in ("data", "postings")}
    return {"rows": held["data"], "index": held["postings"], "files": len(files)}


def encoded(checkpoint: str, images: int, processes: int) -> dict[str, Any]:
    """One encoding by the command, measured."""
    asked = ["encode", checkpoint, "--dataset", "shapes", "--limit", str(images), "--device", "cpu"]
    said, took = explorer(asked, processes)
    facts = json.loads((Path(said["encoding"]) / "encoding.json").read_text())
    there, indexed, errors = sizes(Path(said["encoding"])), facts["index_seconds"], facts["errors_seconds"]
    rows = images / facts["images_per_second"] - indexed
    return {
        "images": images,
        "images_per_second": facts["images_per_second"],
        "images_per_second_without_errors": facts["images_per_second_without_errors"],
        "memory_mb": round(took["memory"]),
        "seconds": {
            "all": round(took["seconds"], 1), "rows": round(rows, 1), "of them errors": round(errors, 1),
            "index": round(indexed, 1), "start, counts": round(took["seconds"] - rows - indexed, 1),
        },
        "cpu_seconds": round(took["cpu"], 1),
        "cpu_microseconds_an_image": round(took["cpu"] / images * 1e6, 1),
        "bytes_an_image": {name: round(there[name] / images, 1) for name in ("rows", "index")},
        "files": there["files"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", default="10000,100000", help="numbers with commas between")
    parser.add_argument("--checkpoint", help="for 32 × 32 pixels; by default one is trained")
    parser.add_argument("--processes", type=int, default=1, help="that share the work, as under torchrun")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    here = machine()
    os.environ["PYTHONPATH"] = str(ROOT)
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as place:
        os.environ["EXPLORER_CACHE"] = f"{place}/cache"
        checkpoint = asked.checkpoint
        if checkpoint is None:
            checkpoint = f"{place}/small"
            settings = [word for one in TRAINED.split() for word in ("--set", one)]
            explorer(["train", "vqvae", "--dataset", "shapes", "--device", "cpu", "--out", checkpoint, *settings])
        first = bare(checkpoint)
        rows = [encoded(checkpoint, int(count), asked.processes) for count in asked.images.split(",")]
        second = bare(checkpoint)
    for row, before in zip(rows[1:], rows, strict=False):
        more = (row["cpu_seconds"] - before["cpu_seconds"]) / (row["images"] - before["images"])
        row["cpu_microseconds_of_one_more"] = round(more * 1e6, 1)
    result = {"machine": here, "processes": asked.processes, "bare_cpu_microseconds": [first, second]}
    result |= {"encodings": rows}
    lines = [
        f"{'images':>10} {'images/s':>9} {'no errors':>9} {'memory':>8} {'all s':>7} {'rows s':>7} {'errors s':>8} "
        f"{'index s':>7} {'rest s':>7} {'CPU s':>7} {'one more':>8} {'row B':>6} {'index B':>7} {'files':>6}"
    ]
    for row in rows:
        part, size, more = row["seconds"], row["bytes_an_image"], row.get("cpu_microseconds_of_one_more")
        lines.append(
            f"{row['images']:10,} {row['images_per_second']:9,.0f} {row['images_per_second_without_errors']:9,.0f} "
            f"{row['memory_mb']:5,} MB {part['all']:7.1f} {part['rows']:7.1f} {part['of them errors']:8.1f} "
            f"{part['index']:7.1f} {part['start, counts']:7.1f} {row['cpu_seconds']:7.1f} "
            f"{'' if more is None else f'{more:.0f} µs':>8} {size['rows']:6.0f} {size['index']:7.0f} {row['files']:6}"
        )
    lines.append(f"the bare encoder: {first:.0f} µs of CPU an image before, {second:.0f} after")
    report(result, lines, asked.json)


if __name__ == "__main__":
    main()
