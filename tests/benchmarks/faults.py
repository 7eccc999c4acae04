"""What breaks around the program: a full disk, a deleted cache, a replaced checkpoint, two servers, two tabs.

    python tests/benchmarks/faults.py [--only full,cache,replaced,servers,tabs] [--seed 0]

full      Commands write to a small disk in memory (mount as root; else it is left out) of which a random part is free:
          each ends with one sentence that names the full disk, and the same command succeeds once there is space.
cache     The cache is deleted while a visitor has the app open: every page goes on, or offers to make what is missing.
replaced  Other weights take the place of a checkpoint that is shown: numbers are those of the new one, never of both.
servers   Two processes make the same results in one cache at once: one makes them, and what is there can be read.
tabs      Two tabs switch between two checkpoints at once: each shows what it shows alone.

About 10 minutes on one core; one line for each, exit 1 where something is not as it should be. Everything lies in a
temporary folder and every server listens on 127.0.0.1. Clocks that are set back are in tests/jobs/test_jobs.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPACE = 160  # MB of the small disk; of less than 64 a dataset is not decoded
DIGITS = ["--dataset", "digits", "--limit", "300"]
SETS = [word for one in ("hidden=8", "codes=8", "image_size=16", "images=200") for word in ("--set", one)]
COMMANDS = {
    "encode": ["encode", "vqvae-digits", *DIGITS],
    "project": ["project", "vqvae-digits", *DIGITS],
    "score": ["score", "vqvae-digits", *DIGITS, "--score", "codes"],
    "train": ["train", "vqvae", "--dataset", "digits", "--steps", "3", "--out", "{disk}/net", *SETS],
}
PAGES = ("", "codebook", "code_maps", "concepts", "latent_map", "similar", "layers", "sets", "training")


def explorer(words: list[str], cache: Path) -> subprocess.Popen:
    """Starts a command of the explorer with a cache of its own."""
    environment = os.environ | {"EXPLORER_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "explorer", *words], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process: subprocess.Popen) -> tuple[int, list[str]]:
    """Exit code and the lines on standard error."""
    _, errors = process.communicate(timeout=600)
    return process.returncode, errors.strip().splitlines()


# ---- a full disk


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of SPACE MB in memory; None where it may not be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", f"size={SPACE}m", "tmpfs", str(disk)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def full(folder: Path, chance: random.Random) -> Iterator[str]:
    with small_disk(folder) as disk:
        if disk is None:
            print("full: left out, since no disk in memory may be mounted here")
            return
        for name, words in COMMANDS.items():  # what they need is made while there is room
            if name in ("encode", "train"):
                code, lines = ended(explorer([word.format(disk=folder) for word in words], disk / "cache"))
                if code:
                    yield f"{name} with room ended with {code}: {lines[-1]}"
        for name, words in COMMANDS.items():
            words = ["250" if name == "encode" and word == "300" else word.format(disk=disk) for word in words]
            ballast, free = disk / "ballast", chance.choice([0, 4_096, 40_960, 409_600])
            with ballast.open("wb", buffering=0) as file:
                while True:  # until nothing more fits, and then some of it goes
                    try:
                        file.write(bytes(65_536))
                    except OSError:
                        break
            os.truncate(ballast, max(0, ballast.stat().st_size - free))
            code, lines = ended(explorer(words, disk / "cache"))
            told = [line for line in lines if "is full" in line or "free some space" in line]
            if code != 2 or len(told) != 1 or any("Traceback" in line for line in lines):
                yield f"{name} with {free:,} bytes free ended with {code}: {' / '.join(lines[-3:])[-400:]}"
            ballast.unlink()
            again = words + ["--resume"] * (name == "train" and (disk / "net" / "config.json").exists())
            code, lines = ended(explorer(again, disk / "cache"))
            if code:
                yield f"{name} after space was made ended with {code}: {' / '.join(lines[-2:])[-400:]}"


# ---- an open app


def cache(folder: Path, chance: random.Random) -> Iterator[str]:
    from sessions import serving
    from visitors import Visitor

    place = folder / "cache"
    for words in (COMMANDS["encode"], COMMANDS["project"]):
        code, lines = ended(explorer(words, place))
        if code:
            yield f"{words[0]} ended with {code}: {lines[-1]}"
            return

    async def visit(port: int) -> list[str]:
        faults = []
        asked = {"checkpoint": "vqvae-digits", "dataset": "digits", "limit": 300}
        async with Visitor(port) as visitor:
            for when in ("before", "after"):
                for page in PAGES:
                    if when == "after":
                        shutil.rmtree(place, ignore_errors=True)
                    seen = await visitor.visit(page, **asked)
                    faults += [f"{page or 'first'} {when}: {error}" for error in seen.errors + seen.alerts]
                    if not seen.texts:
                        faults.append(f"{page or 'first'} {when}: it is empty")
        return faults

    with serving(folder, place) as (port, _):
        yield from asyncio.run(visit(port))


def numbers(texts: list[str]) -> list[str]:
    """Metrics among the texts of a page."""
    return [text for text in texts if ": " in text and any(letter.isdigit() for letter in text) and "**" not in text]


def replaced(folder: Path, chance: random.Random) -> Iterator[str]:
    from safetensors.torch import load_file, save_file
    from sessions import serving
    from visitors import Visitor

    home = folder / "checkpoints"
    for name in ("mine", "other"):
        shutil.copytree(ROOT / "checkpoints" / "vqvae-digits", home / name, ignore=shutil.ignore_patterns("*.lance"))
    weights = load_file(home / "other" / "model.safetensors")
    weights = {name: value * 0.9 if value.ndim > 1 else value for name, value in weights.items()}
    save_file(weights, home / "other" / "model.safetensors")

    async def visit(port: int) -> tuple[list[str], ...]:
        found = []
        async with Visitor(port) as visitor:
            for name in ("mine", "mine", "other"):
                seen = await visitor.visit("", checkpoint=name, dataset="digits")
                found.append(numbers(seen.texts) + seen.errors)
                if len(found) == 1:
                    os.replace(home / "other" / "model.safetensors", folder / "kept")
                    shutil.copy2(folder / "kept", home / "other" / "model.safetensors")
                    shutil.copy2(folder / "kept", home / "mine" / "model.safetensors")
        return tuple(found)

    with serving(folder) as (port, _):
        before, after, other = asyncio.run(visit(port))
    if before == after or after != other:
        yield f"numbers before {before[:3]}, after {after[:3]}, of the new weights alone {other[:3]}"


def tabs(folder: Path, chance: random.Random) -> Iterator[str]:
    from sessions import serving
    from visitors import Visitor

    studies = ({"checkpoint": "vqvae-shapes", "dataset": "shapes"}, {"checkpoint": "vae-shapes", "dataset": "shapes"})
    pages = [page for page in PAGES if page not in ("sets", "training")]

    async def alone(port: int) -> dict:
        found = {}
        for study in studies:
            async with Visitor(port) as visitor:
                for page in pages:
                    found[study["checkpoint"], page] = (await visitor.visit(page, **study)).texts
        return found

    async def together(port: int, wanted: dict) -> list[str]:
        async def tab(number: int) -> list[str]:
            faults = []
            async with Visitor(port) as visitor:
                for turn in range(3 * len(pages)):
                    study = studies[(turn + number) % 2]
                    page = pages[(turn // 2) % len(pages)]
                    seen = await visitor.visit(page, layer="", **study)
                    faults += seen.errors
                    other = studies[(turn + number + 1) % 2]["checkpoint"]
                    if set(numbers(seen.texts)) ^ set(numbers(wanted[study["checkpoint"], page])):
                        faults.append(f"{page or 'first'} of {study['checkpoint']} has other numbers than alone")
                    if any(f"**{other}**" in text for text in seen.texts):
                        faults.append(f"{page or 'first'} of {study['checkpoint']} names {other}")
            return faults

        return [fault for faults in await asyncio.gather(tab(0), tab(1)) for fault in faults]

    with serving(folder) as (port, _):
        wanted = asyncio.run(alone(port))
        yield from asyncio.run(together(port, wanted))


def servers(folder: Path, chance: random.Random) -> Iterator[str]:
    place = folder / "cache"
    for name in ("encode", "project", "score"):
        both = [explorer([*COMMANDS[name], "--json"], place) for _ in range(3)]
        found = []
        for process in both:
            output, errors = process.communicate(timeout=600)
            if process.returncode:
                yield f"{name}: one of three ended with {process.returncode}: {errors.strip()[-300:]}"
            else:
                found.append(json.loads(output))
        made = {one.get(kind) for one in found for kind in ("encoding", "map", "result") if one.get(kind)}
        if name != "score" and len(made) != 1:
            yield f"{name}: three made {sorted(made)}"
    half = [path.name for path in place.rglob(".*") if path.is_file()]
    if half:
        yield f"half-written files are left: {half[:5]}"


FAULTS: dict[str, Callable[[Path, random.Random], Iterator[str]]] = {
    "full": full, "cache": cache, "replaced": replaced, "servers": servers, "tabs": tabs,
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(FAULTS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    bad = 0
    for name in arguments.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            found = list(dict.fromkeys(FAULTS[name](Path(folder), random.Random(arguments.seed))))
        print(f"{name}: {'good' if not found else f'{len(found)} faults'}", *found[:12], sep="\n  ", flush=True)
        bad += bool(found)
    return int(bool(bad))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
