"""Published settings trained anew: the runs behind the table "Reproductions" of REPRODUCTIONS.md.

    python tests/benchmarks/reproductions.py OUT --cifar10 FOLDER --clothing FOLDER [--only hybrids …] [--threads 1]
    python tests/benchmarks/reproductions.py OUT … --report
    python tests/benchmarks/reproductions.py OUT … --picture .github/losses.png

Trains what is missing under OUT, one run after the other with `explorer train`, so that it can be interrupted; with
`--report` it only scores what is there and prints Markdown. Scores are of up to 2,000 held-out images. Intervals over
seeds are Student's t intervals over runs (95 %), the others over images. MNIST is found where EXPLORER_DATA points.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

SEEDS = (0, 1, 2)
SMALL = {"hidden": 32, "downsample": 4, "codes": 512}
CIFAR = SMALL | {"image_size": 32, "batch_size": 64, "revive_below": 0.1}
CLOTHING = SMALL | {"image_size": 64, "batch_size": 16, "revive_below": 0.1}
SHAPES = {"hidden": 64, "downsample": 8, "codes": 512, "image_size": 64, "batch_size": 32, "revive_below": 0.1}
LARGE = SMALL | {"image_size": 128, "batch_size": 16}
KINDS = {
    "plain": {},
    "vq": {"quantizer": "vq"},  # plain as well, but the codebook learns by its loss, as in the published report
    "projected": {"quantizer": "projected"},
    "hybrid": {"quantizer": "hybrid", "frequent": 412},
    "f412": {"quantizer": "frequency", "frequent": 412},
    "f502": {"quantizer": "frequency", "frequent": 502},
    "f312": {"quantizer": "frequency", "frequent": 312},
}
EQUAL_BITS = {  # as many bits as a code and a scale, spent on plain codes
    "k2048": {"codes": 2048, "revive_below": 0.025},  # 11 bits: a code of 9 and a scale of 2
    "fine16": {"codes": 16, "downsample": 2},  # 16 bits in the place of one code: a code of 9 and a scale of 7
}
QUANTIZERS = {
    **{name: {"quantizer": name} for name in ("vq", "rotation", "simvq", "fsq", "lfq", "gumbel")},
    "cosine": {"quantizer": "cosine", "dim": 16},
    "residual": {"quantizer": "residual", "stages": 3, "codes": 8},
}
LOSSES = {
    "mse": {},
    "peco": {"loss": "mse+0.1*peco(mae-shapes)"},
    "adversarial": {"loss": "mse+0.1*adversarial"},
    "l1-ms-ssim": {"loss": "l1+0.2*ms_ssim"},
}


@dataclass(frozen=True)
class Run:
    """One training: `group` is what `--only` chooses."""

    name: str
    group: str
    family: str
    dataset: str
    steps: int
    settings: dict


def runs() -> list[Run]:
    """Every run, what matters most first."""
    mnist = {"codes": 128, "dim": 16, "hidden": 64, "residual_blocks": 1, "image_size": 28}
    found = [
        Run("mnist-0", "mnist", "vqvae", "MNIST", 14063, mnist),  # 30 epochs of 60,000 images
        Run("clothing128", "clothing", "vqvae", "clothing", 1200, LARGE),
    ]
    for names in (("plain", "projected", "hybrid", "f412"), tuple(EQUAL_BITS), ("f502", "f312"), ("vq",)):
        for seed, name in product(SEEDS, names):
            settings = CIFAR | (KINDS | EQUAL_BITS)[name] | {"seed": seed}
            found.append(Run(f"cifar-{name}-{seed}", "hybrids", "vqvae", "cifar10", 2000, settings))
    for name, settings in QUANTIZERS.items():
        found.append(Run(f"cifar-q-{name}-0", "quantizers", "vqvae", "cifar10", 2000, CIFAR | settings))
    for levels in (2, 3):
        settings = LARGE | {"levels": levels, "layer_dropout": 0.2}
        found.append(Run(f"clothing128-l{levels}", "levels", "vqvae2", "clothing", 1200, settings))
    for seed, name in product(SEEDS, KINDS):
        settings = CLOTHING | KINDS[name] | {"seed": seed}
        found.append(Run(f"clothing-{name}-{seed}", "photographs", "vqvae", "clothing", 1000, settings))
    for name, settings in LOSSES.items():
        found.append(Run(f"shapes-{name}", "losses", "vqvae", "shapes", 1000, SHAPES | settings))
    return found


def command(run: Run, places: dict[str, str], out: Path) -> list[str]:
    """The command line of a run."""
    words = ["train", run.family, "--dataset", places.get(run.dataset, run.dataset), "--out", str(out / run.name)]
    words += ["--steps", str(run.steps), "--device", "cpu", "--set", "compile=no"]
    for key, value in run.settings.items():
        words += ["--set", f"{key}={value}"]
    return [sys.executable, "-m", "explorer", *words]


def train(wanted: list[Run], places: dict[str, str], out: Path, threads: int) -> None:
    """Trains what is not finished."""
    for run in wanted:
        if (out / run.name / "metrics.json").is_file():
            continue
        words = command(run, places, out) + (["--resume"] if (out / run.name).exists() else [])
        print(" ".join(words[1:]), flush=True)
        subprocess.run(words, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=False)


@dataclass(frozen=True)
class Result:
    """Scores of one finished run on held-out images; `curve` is its log."""

    mse: float
    psnr: dict
    ssim: dict
    images: int
    used: int
    codes: int
    perplexity: float
    bits: float
    numbers: float
    curve: list[dict]

    @property
    def rises(self) -> float:
        """Largest ratio of the reconstruction loss to its lowest value before, after the first tenth: 1 is no rise."""
        loss = np.array([line["reconstruction"] for line in self.curve])[len(self.curve) // 10 :]
        return float((loss / np.minimum.accumulate(loss)).max())

    @property
    def in_use(self) -> str:
        """Codes in use in training after a quarter, a half and all of it; of all layers together."""
        used = [sum(v for name, v in line.items() if name.split(".")[0] == "used") for line in self.curve]
        return ", ".join(f"{used[max(0, round(share * len(used)) - 1)]:,}" for share in (0.25, 0.5, 1.0))


@cache
def result(path: Path, data: str) -> Result | None:
    """None if the run is not finished."""
    from explorer import checkpoints, datasets
    from explorer.analysis import layers, quality
    from explorer.charts import curves
    from explorer.training.scores import score

    if not (path / "metrics.json").is_file():
        return None
    model = checkpoints.load(path)
    images = datasets.load(data, "test", model.image_size)
    scores = score(model, images.batches(images.sample(2000)))
    some = images.sample(500)
    found = layers.measure(model, lambda part: images.read(some[part]), len(some))["layers"]
    facts = json.loads((path / "metrics.json").read_text())["layers"]
    spread = {name: quality.summary(scores[name]) for name in ("psnr", "ssim")}
    return Result(
        mse=float(scores["mse"].mean()),
        psnr=vars(spread["psnr"]),
        ssim=vars(spread["ssim"]),
        images=len(scores["mse"]),
        used=sum(one["used"] for one in facts.values()),
        codes=sum(one["codes"] for one in facts.values()),
        perplexity=float(np.exp(np.mean([np.log(one["perplexity"]) for one in facts.values()]))),
        bits=sum(one.get("bits_per_pixel", 0.0) for one in found),
        numbers=sum(one.get("numbers_per_pixel", 0.0) for one in found),
        curve=curves.read(path / "metrics.jsonl"),
    )


def over_seeds(values: list[float], digits: int) -> str:
    """Mean and 95 % interval over runs."""
    from explorer.analysis.quality import summary

    found = summary(np.array(values))
    if found.n < 2:
        return f"{found.mean:.{digits}f} (1 run)"
    return f"{found.mean:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"


def report(places: dict[str, str], out: Path) -> None:
    """Markdown tables of what is finished."""
    from explorer import results
    from explorer.results import measurements
    from explorer.results.subject import Subject

    data = {run.name: places.get(run.dataset, run.dataset) for run in runs()}

    def one(name: str) -> Result | None:
        return result(out / name, data[name])

    print(
        "| run | PSNR (dB) | SSIM | MSE | codes in use | … in training | perplexity | bits per pixel | images |\n"
        + "|---" * 9
        + "|"
    )
    shown = [run.name for run in runs() if run.group not in ("hybrids", "photographs") or run.name == "cifar-plain-0"]
    for name, found in ((name, one(name)) for name in shown):
        if found:
            psnr = "{mean:.2f} [{low:.2f}, {high:.2f}]".format(**found.psnr)
            ssim = "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**found.ssim)
            print(
                f"| `{name}` | {psnr} | {ssim} | {found.mse:.5f} | {found.used:,} of {found.codes:,} | "
                f"{found.in_use} | "
                f"{found.perplexity:.0f} | {found.bits:.3f} | {found.images:,} |"
            )
    for name in ("cifar", "clothing"):
        print(f"\n{name}: error of plain VQ-VAE = 1\n")
        print(
            "| model | MSE ratio | PSNR (dB) | largest rise of the loss | bits per pixel | numbers per pixel | runs |"
        )
        print("|---" * 7 + "|")
        for kind in (*KINDS, *(EQUAL_BITS if name == "cifar" else ())):
            both = [(one(f"{name}-{kind}-{s}"), one(f"{name}-plain-{s}")) for s in SEEDS]
            both = [(ours, plain) for ours, plain in both if ours and plain]
            if both:
                ratio = over_seeds([ours.mse / plain.mse for ours, plain in both], 3)
                psnr = over_seeds([ours.psnr["mean"] for ours, _ in both], 2)
                rises = over_seeds([ours.rises for ours, _ in both], 2)
                numbers = np.mean([ours.numbers for ours, _ in both])
                print(f"| {kind} | {ratio} | {psnr} | {rises} | {both[0][0].bits:.3f} | {numbers:.4f} | {len(both)} |")
    print("\nscale or detail at b bits a number: PSNR in dB at bits per pixel, mean over runs\n")
    for kind in ("projected", "hybrid", "f412"):
        paths = [(out / f"cifar-{kind}-{s}", data[f"cifar-{kind}-{s}"]) for s in SEEDS]
        done = [Subject.of(path, d) for path, d in paths if (path / "metrics.json").is_file()]
        found = [results.obtain("rates", subject)[1] for subject in done]
        rows: dict[int, list] = {}
        for points in found:
            for point in points["points"]:
                if point.get("bits") and len(point["layers"]) == 2:
                    rows.setdefault(point["bits"], []).append((point["bits_per_pixel"], point["psnr"]["mean"]))
        for bits, values in sorted(rows.items()):
            rate, psnr = np.mean([v[0] for v in values]), over_seeds([v[1] for v in values], 2)
            print(f"| {kind} | {bits} | {rate:.4f} | {psnr} |")
    for levels in (2, 3):
        path = out / f"clothing128-l{levels}"
        if (path / "metrics.json").is_file():
            print("\n".join(measurements.lines(results.obtain("layers", Subject.of(path, data[path.name]))[1])))


def picture(out: Path, to: Path, columns: int = 8, side: int = 112) -> None:
    """Held-out shapes, and what networks trained with each loss make of them, a row each."""
    from PIL import Image, ImageDraw, ImageFont

    from explorer import checkpoints, datasets
    from explorer.analysis import quality
    from explorer.analysis.comparison import compare

    names = {settings.get("loss", "mse"): f"shapes-{name}" for name, settings in LOSSES.items()}
    models = {loss: checkpoints.load(out / name) for loss, name in names.items() if (out / name).is_dir()}
    size = next(iter(models.values())).image_size
    images = datasets.load("shapes", "test", size)
    pixels = images.read(images.sample(columns, seed=1))
    rows = [("original", pixels)]
    for loss, model in models.items():
        found = compare(model, pixels)
        score = quality.summary(found.psnr).mean
        rows.append((f"{loss}\n{score:.1f} dB on these", found.reconstructions))
    left, gap = 170, 4
    sheet = Image.new("RGB", (left + columns * (side + gap), len(rows) * (side + gap)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (label, pictures) in enumerate(rows):
        draw.multiline_text((8, row * (side + gap) + 36), label.replace("+", " +\n"), "#334155", font)
        for column, one in enumerate(pictures):
            shown = Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)
            sheet.paste(shown, (left + column * (side + gap), row * (side + gap)))
    sheet.save(to, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the checkpoints")
    parser.add_argument("--cifar10", default="CIFAR10", help="CIFAR-10: a folder of Parquet files, or a dataset's name")
    parser.add_argument("--clothing", required=True, help="folder of photographs, train/ and test/ with class folders")
    parser.add_argument("--only", nargs="*", help="groups: " + ", ".join(sorted({run.group for run in runs()})))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report", action="store_true", help="train nothing")
    parser.add_argument("--picture", type=Path, help="PNG of reconstructions under each loss; train and report nothing")
    chosen = parser.parse_args()
    places = {"cifar10": chosen.cifar10, "clothing": chosen.clothing}
    if chosen.picture:
        picture(chosen.out, chosen.picture)
        return
    if not chosen.report:
        wanted = [run for run in runs() if not chosen.only or run.group in chosen.only]
        train(wanted, places, chosen.out, chosen.threads)
    report(places, chosen.out)


if __name__ == "__main__":
    main()
