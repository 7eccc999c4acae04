"""Whether what is trained on a GPU is right: the checks of `gpu.py`, each a line that begins with right or WRONG."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).parents[2]


def checks(bench: Any) -> None:
    from explorer import checkpoints

    size, batch, steps = (16, 8, 12) if bench.quick else (32, 256, 400)
    common = {"batch_size": batch, "image_size": size, "compile": "no"}
    kept = cache(lambda: bench.ours("vqvae", {}, steps=steps, precision="float32", **common))
    model = lambda: checkpoints.load(Path(kept()["checkpoint"]))  # noqa: E731
    bench.check("bf16 loss curve against float32", 15, lambda: curves(bench, kept(), steps, common))
    bench.check("resume to the bit", 25, lambda: resumed(bench, steps // 4, common))
    bench.check("SSIM and codes against the CPU", 10, lambda: against_cpu(bench, model(), size))
    bench.check("one launch a step", 30, lambda: launches(bench, steps // 4, common))
    bench.check("out of memory", 30, lambda: out_of_memory(bench))
    bench.check("no C compiler", 30, lambda: without_compiler(bench))


def curves(bench: Any, kept: dict, steps: int, common: dict) -> str:
    other = bench.ours("vqvae", {}, steps=steps, precision="bf16", **common)
    lines = [
        [json.loads(line)["reconstruction"] for line in (Path(run["checkpoint"]) / "metrics.jsonl").open()]
        for run in (kept, other)
    ]
    late = [sum(one[-len(one) // 4 :]) / len(one[-len(one) // 4 :]) for one in lines]
    off = abs(late[1] - late[0]) / late[0]
    return f"{'right' if off < 0.05 else 'WRONG'}: {late[0]:.5f} in float32, {late[1]:.5f} in bf16 ({off:.1%} off)"


def resumed(bench: Any, steps: int, common: dict) -> str:
    from safetensors.torch import load_file

    from explorer.progress import Progress
    from explorer.training import train

    class Stop(Progress):
        def update(self, done, message="", **options):
            if message == "training" and done >= steps // 2:
                self.cancel()
            super().update(done, message, **options)

    wrong = []
    cases = {
        "ema": ("vqvae", {}), "vq": ("vqvae", {"quantizer": "vq"}), "residual": ("vqvae", {"quantizer": "residual"}),
        "mae": ("mae", {}), "vit": ("vqvae", {"backbone": "vit"}),
    }  # fmt: skip
    for name, (family, settings) in cases.items():
        whole = Path(bench.ours(family, settings, steps=steps, **common)["checkpoint"])
        again = bench.place / f"stopped-{name}"
        options = {"images": 64 if bench.quick else 8192, "device": bench.device.type, "steps": steps, **common}
        train(family, "shapes", again, settings=bench.sized(family, settings), training=options,
              progress=Stop(0, "steps", quiet=True))  # fmt: skip
        train(family, "shapes", again, resume=True, progress=Progress(0, "steps", quiet=True))
        ours, theirs = (load_file(folder / "model.safetensors") for folder in (whole, again))
        wrong += [name] * any(not torch.equal(ours[key], theirs[key]) for key in ours)
    return f"WRONG: {', '.join(wrong)}" if wrong else f"right: {', '.join(cases)}"


def against_cpu(bench: Any, model: nn.Module, size: int) -> str:
    from explorer.autoencoder import to_images
    from explorer.datasets import load
    from explorer.precision import exact
    from explorer.training.scores import score

    pixels = load("shapes", "test", size, limit=64).read(slice(None))
    here, there = (score(model.to(device).eval(), [pixels], device) for device in ("cpu", bench.device))
    off = float(abs(here["ssim"] - there["ssim"]).max())
    latents, codes = {}, {}
    for device in ("cpu", bench.device):
        with exact(), torch.inference_mode():
            z = model.to(device).encode(to_images(pixels, device))["code"]
            latents[device], codes[device] = z.cpu(), model.codebooks["code"].assign(z).cpu()
    book = model.to("cpu").codebooks["code"].vectors
    differ = codes["cpu"] != codes[bench.device]
    z = latents["cpu"][differ]
    away = [(z - book[codes[device][differ]]).norm(dim=1) for device in ("cpu", bench.device)]
    ties = bool(((away[0] - away[1]).abs() <= 1e-3 * away[0].clamp_min(1e-6)).all())
    said = f"SSIM at most {off:.1e} off; {int(differ.sum())} of {differ.numel():,} codes differ"
    return (
        f"{'right' if off < 1e-3 and ties else 'WRONG'}: {said}{', all of them ties' if differ.any() and ties else ''}"
    )


def launches(bench: Any, steps: int, common: dict) -> str:
    """Whether steps are replayed: a whole training, start and scores included, under the profiler, in a process of its
    own, because launches take longer wherever it was switched on once."""
    if bench.device.type != "cuda":
        return "not asked: on a CPU nothing is launched"
    program = (
        "import json, sys; from pathlib import Path; from torch.profiler import ProfilerActivity, profile\n"
        "from explorer.progress import Progress; from explorer.training import train\n"
        "with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:\n"
        "    found = train('vqvae', 'shapes', Path(sys.argv[1]), "
        f"training={common | {'steps': steps, 'images': 8192}!r}, progress=Progress(0, 'steps', quiet=True))\n"
        "print(json.dumps([{e.key: e.count for e in seen.key_averages()}, found['notes']]))"
    )
    shared = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", program, str(bench.place / "launched")], env=shared, text=True,
                           capture_output=True, timeout=60)  # fmt: skip
    if found.returncode:
        return f"WRONG: {(found.stderr.strip() or 'no word').splitlines()[-1][:200]}"
    counts, notes = json.loads(found.stdout.strip().splitlines()[-1])
    calls = ("cudaGraphLaunch", "cudaLaunchKernel", "cudaMemcpyAsync", "cudaStreamSynchronize")
    told = ", ".join(f"{counts.get(name, 0):,} {name}" for name in calls)
    fine = counts.get("cudaGraphLaunch", 0) >= steps - 10 and not notes
    return f"{'right' if fine else 'WRONG'}: {told} in a training of {steps} steps {notes or ''}".rstrip()


def out_of_memory(bench: Any) -> str:
    from explorer.errors import BadInput
    from explorer.models.vqvae import VQVAE

    forward, most = VQVAE.forward, 5 if bench.quick else None
    batch, size = (16, 16) if bench.quick else (16384, 128)

    def small(self, images, *more, **options):
        if most and len(images) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(self, images, *more, **options)

    VQVAE.forward = small
    if not bench.quick:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(0.1)
    try:
        bench.ours("vqvae", {}, steps=4, batch_size=batch, image_size=size, images=64, compile="no")
    except BadInput as error:
        left = (bench.place / f"run-{bench.count}").exists()
        return f"{'right' if 'would fit' in str(error) and not left else 'WRONG'}: {error}"
    finally:
        VQVAE.forward = forward
        if not bench.quick:
            torch.cuda.set_per_process_memory_fraction(1.0)
    return "WRONG: it fitted"


def without_compiler(bench: Any) -> str:
    """A training that is to be compiled, in a process that has no compiler."""
    program = (
        "import sys; from pathlib import Path\n"
        "from explorer.progress import Progress; from explorer.training import train\n"
        f"r = train('vqvae', 'shapes', Path(sys.argv[1]), settings={bench.sized('vqvae', {})!r}, "
        f"training={{'steps': 8, 'batch_size': 8, 'image_size': 16, 'images': 64, 'compile': 'yes', "
        f"'device': '{bench.device.type}'}}, "
        "progress=Progress(0, 'steps', quiet=True)); print(r['state'], r['notes'])"
    )
    empty = {name: str(bench.place / name.lower()) for name in ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")}
    none = {"CC": "/bin/false", "CXX": "/bin/false", "PYTHONPATH": str(ROOT)}
    shared = os.environ | none | empty
    found = subprocess.run([sys.executable, "-c", program, str(bench.place / "bare")], env=shared, text=True,
                           capture_output=True, timeout=120)  # fmt: skip
    said = (found.stdout.strip() or found.stderr.strip() or "no word").splitlines()[-1]
    fine = found.returncode == 0 and said.startswith("done") and "without torch.compile" in said
    return f"{'right' if fine else 'WRONG'}: {said[:200]}"
