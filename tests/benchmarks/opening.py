"""Time and peak memory to open an AutoencoderKL of diffusers, beside the library's own `from_pretrained`.

    python tests/benchmarks/opening.py [--rounds 3] [--json]

The network is that of Stable Diffusion (84 million parameters, 335 MB in float32) with random weights, written to a
temporary folder. Each opening is a process of its own that has imported the library already; what is timed is opening
and one reconstruction of a 64 × 64 image, so that weights that are read late count as well. The two take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import machine, report

BLOCKS = 4
SETTINGS = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * BLOCKS,
    "up_block_types": ("UpDecoderBlock2D",) * BLOCKS,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
}
PROGRAM = """
import json, resource, sys, time
import diffusers, torch
from diffusers import AutoencoderKL
from explorer import checkpoints, foreign
import explorer.foreign.autoencoders
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
start = time.perf_counter()
with torch.inference_mode():
    if sys.argv[2] == "ours":
        model = checkpoints.load(sys.argv[1] + "@64")
        output = model.decode(model.encode(images))
    else:
        model = AutoencoderKL.from_pretrained(sys.argv[1]).eval()
        output = model.decode(model.encode(images * 2 - 1).latent_dist.mean).sample / 2 + 0.5
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak_mib": peak / 1024, "before_mib": before / 1024,
                  "mean": float(output.clamp(0, 1).mean())}))
"""


def once(folder: str, who: str) -> dict[str, float]:
    found = subprocess.run([sys.executable, "-c", PROGRAM, folder, who], capture_output=True, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    here = machine()
    with tempfile.TemporaryDirectory() as folder:
        import diffusers
        import torch

        torch.manual_seed(0)
        diffusers.AutoencoderKL(**SETTINGS).save_pretrained(folder)
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20
        once(folder, "theirs")  # the file is in the cache of the system from here on
        turns = [{who: once(folder, who) for who in ("ours", "theirs")} for _ in range(arguments.rounds)]
    result = {"machine": here, "mib": size}
    lines = [f"AutoencoderKL of {size:.0f} MiB, {arguments.rounds} turns; medians"]
    for what, unit in (("seconds", "s"), ("peak_mib", "MiB")):
        ours, theirs = (statistics.median(turn[who][what] for turn in turns) for who in ("ours", "theirs"))
        result[what] = {"ours": ours, "theirs": theirs, "ratio": ours / theirs}
        lines.append(f"{what}: {ours:,.2f} {unit} against {theirs:,.2f} {unit}: {ours / theirs:.2f}×")
    gap = abs(turns[0]["ours"]["mean"] - turns[0]["theirs"]["mean"])
    lines.append(f"means of both reconstructions differ by {gap:.1e}")
    report(result | {"gap": gap}, lines, arguments.json)


if __name__ == "__main__":
    main()
