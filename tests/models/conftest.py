"""Tiny networks: `make` builds one of any family, `fit` trains it for a few steps, `captured` looks at its output."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from explorer.models import MODELS, build
from explorer.models.convolutions import to_unit

SMALL = {  # by field, so that a new family with fields of these names is tiny too
    "hidden": 8, "residual_blocks": 1, "residual_channels": 4, "downsample": 4, "heads": 2, "codes": 16, "dim": 8,
    "stages": 2, "width": 16, "patch": 4, "blocks": 2, "decoder_dim": 8, "decoder_blocks": 1, "decoder_heads": 2,
}  # fmt: skip


@pytest.fixture(scope="session")
def make():
    """make(family, image_size=16, **settings) -> a fresh tiny network, the same one every time."""

    def make(family, image_size=16, **settings):
        torch.manual_seed(0)
        fields = {field.name for field in dataclasses.fields(MODELS[family].config)}
        small = {name: value for name, value in SMALL.items() if name in fields}
        return build(family, {**small, **settings}, image_size)

    return make


@pytest.fixture(scope="session")
def fit():
    """fit(model, images, steps) -> losses of the steps; the network is in eval mode afterwards."""

    def fit(model, images, steps=40, learning_rate=3e-3, objective=None):
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=learning_rate, fused=True)
        model.train()
        losses = []
        for step in range(steps):
            torch.manual_seed(step)
            for part in (model, objective):
                if hasattr(part, "anneal"):
                    part.anneal(step / steps)
            found = model(images, **({"objective": objective} if objective else {}))
            optimizer.zero_grad()
            found["loss"].backward()
            optimizer.step()
            losses.append(float(found["loss"].detach()))
            if objective is not None:
                objective.learn()
            if step == 0 and hasattr(model, "started"):
                model.started()
        model.eval()
        return losses

    return fit


@pytest.fixture(scope="session")
def captured():
    """captured(model, images) -> what the forward pass reconstructs, in [0, 1], and its losses."""

    def captured(model, images, generator=None):
        outputs = []

        def objective(output, target):
            outputs.append(output)
            return {"reconstruction": (output - target).square().mean()}

        losses = model(images, generator, objective=objective)
        return to_unit(outputs[0]), losses

    return captured


@pytest.fixture(scope="session")
def images():
    """Six smooth pictures of 16 × 16 pixels, so that a tiny network can learn them."""
    coarse = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, 16, mode="bilinear")
