"""Tiny trainings for `test_ranks`: what they are, and a program that makes all of them in one of several processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from explorer import ranks
from explorer.errors import BadInput
from explorer.models import build
from explorer.priors import Level
from explorer.priors import build as build_prior
from explorer.progress import Progress
from explorer.training import loop
from explorer.training.batches import Batches
from explorer.training.config import TrainingConfig
from explorer.training.objectives import Objective
from explorer.training.prior_codes import CodeBatches, Part

SIZE, IMAGES, STEPS, LONG, BATCH = 8, 20, 4, 12, 8
CONVOLUTIONS = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4}
SMALL = CONVOLUTIONS | {"downsample": 4, "codes": 8, "dim": 4}
ABOVE = SMALL | {"downsample": 2}
MAE = {"patch": 2, "dim": 8, "blocks": 1, "heads": 2, "decoder_dim": 8, "decoder_blocks": 1, "decoder_heads": 2}
PRIOR = {"width": 8, "dim": 4, "blocks": 1, "dropout": 0.2, "class_dropout": 0.4}
CASES = {
    **{name: ("vqvae", SMALL | {"quantizer": name}) for name in ("ema", "vq", "cosine", "rotation", "simvq", "gumbel")},
    "fsq": ("vqvae", SMALL | {"quantizer": "fsq", "codes": 16}),
    "lfq": ("vqvae", SMALL | {"quantizer": "lfq", "loss": "l1"}),
    "few latents": ("vqvae", SMALL | {"quantizer": "ema", "codes": 64, "revive_below": 0.0}),
    "residual": ("vqvae", SMALL | {"quantizer": "residual", "stages": 2, "layer_dropout": 0.5}),
    "projected": ("vqvae", SMALL | {"quantizer": "projected", "layer_dropout": 0.5}),
    "frequency": ("vqvae", SMALL | {"quantizer": "frequency"}),
    "two grids": ("vqvae2", ABOVE | {"quantizer": "hybrid", "layer_dropout": 0.5}),
    "vit": ("vqvae", SMALL | {"backbone": "vit", "heads": 2}),
    "adversarial": ("vqvae", SMALL | {"loss": "mse+0.5*adversarial", "adversarial_from": 0.25}),
    "vae": ("vae", CONVOLUTIONS | {"downsample": 4, "dim": 4, "width": 16, "free_bits": 0.01, "beta_warmup": 0.5}),
    "mae": ("mae", MAE),
    "transformer": ("prior", PRIOR | {"heads": 2}),
    "pixelcnn": ("prior", PRIOR),
    "pixelsnail": ("prior", PRIOR | {"heads": 2}),
}


class Pictures:
    """Smooth pictures in memory."""

    size = SIZE

    def __init__(self) -> None:
        coarse = torch.rand(IMAGES, 3, 3, 3, generator=torch.Generator().manual_seed(5))
        smooth = nn.functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 1)
        self.pixels = (smooth.permute(0, 2, 3, 1) * 255).byte().numpy()

    def __len__(self) -> int:
        return IMAGES

    def read(self, rows):
        return self.pixels[rows]


class Tiny:
    """The task of a case: no scores, and nothing on disk but the log."""

    def __init__(self, name: str, steps: int = STEPS) -> None:
        self.notes: list[str] = []
        family, settings = CASES[name]
        self.config = TrainingConfig(
            steps=steps, batch_size=BATCH, learning_rate=1e-2, seed=3, compile="no", device="cpu", precision="float32"
        )
        torch.manual_seed(1)
        self.prior = self.seeded = family == "prior"
        if self.prior:
            levels = (Level("top", (2, 2), 8), Level("bottom", (4, 4), 8))
            self.model = build_prior(name, settings, levels, 3)
        else:
            self.model = build(family, settings, SIZE)
        loss = None if self.prior else getattr(self.model.config, "loss", None)
        self.objective = Objective(loss, SIZE, self.model.config.adversarial_from) if loss else None

    def batches(self, accelerator, progress):
        if not self.prior:
            return Batches(Pictures(), self.config, accelerator, progress)
        random = np.random.default_rng(0)
        grids = {level.name: random.integers(8, size=(IMAGES, *level.grid)) for level in self.model.levels}
        return CodeBatches(Part(grids, random.integers(3, size=IMAGES)), self.config, accelerator.device)

    def losses(self, network, batch, chance):
        if self.prior:
            return network(*batch)
        return network(batch, chance, **({"objective": self.objective} if self.objective else {}))

    def begun(self, out, step): ...
    def describe(self, out, step, state): ...
    def save_weights(self, out): ...
    def finish(self, out, details, metrics): ...

    def look(self, device, picture, step):
        return {}

    def score(self, device):
        return {}


class Impatient(Progress):
    """Somebody asks for an end while the third step is made."""

    def update(self, done, message="", **options):
        if message == "training" and done >= 3:
            self.cancel()
        super().update(done, message, **options)


class Dying(Tiny):
    """The process ends without a word after some steps."""

    made = 0

    def losses(self, network, batch, chance):
        self.made += 1
        if self.made > 2:
            os._exit(9)
        return super().losses(network, batch, chance)


def trained(name: str, out: Path, *, steps: int = STEPS, resumed: bool = False) -> dict[str, torch.Tensor]:
    """The weights of a case after its steps; the log is in `out`."""
    task = Tiny(name, steps)
    loop.run(task, out, resumed=resumed, progress=Progress(steps, "steps", quiet=True))
    return {key: value.clone().contiguous() for key, value in task.model.state_dict().items()}


def stopped_and_killed(out: Path) -> None:
    """The second of two ranks is asked to stop; resumed, it dies. What the first says then is beside the log."""
    progress = (Progress, Impatient)[ranks.number()](LONG, "steps", quiet=True)
    found = loop.run(Tiny("ema", LONG), out, resumed=False, progress=progress)
    (out / f"step {ranks.number()}").write_text(f"{found['state']} {found['steps']}")
    ranks.wait()
    try:
        loop.run((Tiny, Dying)[ranks.number()]("ema", LONG), out, resumed=True, progress=Progress(0, "", quiet=True))
    except BadInput as error:
        (out / "said").write_text(str(error))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    with ranks.together():
        for case in CASES:
            save_file(trained(case, place / case), place / f"{case}.{ranks.number()}.safetensors")
        stopped_and_killed(place / "stopped")
