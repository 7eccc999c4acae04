"""The one skeleton of every prior: levels coarse to fine, each a causal network over its own codes in raster order.

A level sees all codes of the levels above it and the class of the image, as in VQ-VAE-2 (Razavi et al. 2019,
arXiv 1906.00446); what kind of network reads the codes before a place is the body's affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer import ranks
from explorer.precision import exact
from explorer.priors.heads import Whole, head, small, table
from explorer.priors.level import Level

LN2 = math.log(2)


class Prior(nn.Module):
    """p(codes | class), as a product over levels and over places in raster order.

    Attributes:
        kind: its name in PRIORS. config: its settings. levels: coarse to fine.
        classes: number of values of the condition; 0 where there is none.
    """

    codebooks: Mapping[str, Any] = {}  # what the log of a training counts the use of: nothing

    def __init__(self, kind: str, config: Any, body: Callable[..., nn.Module], levels: tuple[Level, ...], classes: int):
        super().__init__()
        self.kind, self.config, self.levels, self.classes = kind, config, tuple(levels), classes
        self.stages = nn.ModuleList(
            Stage(config, body, level, self.levels[:place], classes) for place, level in enumerate(self.levels)
        )

    def stage(self, name: str) -> Stage:
        """What stands for the level called `name`."""
        return self.stages[[level.name for level in self.levels].index(name)]

    def forward(self, codes: Mapping[str, Tensor], classes: Tensor | None = None) -> dict[str, Tensor]:
        """Losses of a training step: `loss` in nats a code, `bits` a code, and `bits.LEVEL` where there are several.

        Args:
            codes: (N, H, W) int64 of each level. classes: (N,) int64; −1 is no class.
        """
        if self.training and self.classes and classes is not None and self.config.class_dropout:
            rolled = ranks.drawn(lambda size: torch.rand(size, device=classes.device), len(classes))
            dropped = rolled < self.config.class_dropout
            classes = classes.masked_fill(dropped, -1)
        found = {level.name: self._nats(level, codes, classes) for level in self.levels}
        loss = sum(nats.sum() for nats in found.values()) / sum(nats.numel() for nats in found.values())
        losses = {"loss": loss, "bits": loss.detach() / LN2}
        if len(found) > 1:
            losses |= {f"bits.{name}": nats.detach().mean() / LN2 for name, nats in found.items()}
        return losses

    @exact()
    @torch.inference_mode()
    def nats(self, codes: Mapping[str, Tensor], classes: Tensor | None = None) -> dict[str, Tensor]:
        """−ln p(code | before it, the levels above, the class): (N, H, W) float32 of each level."""
        return {level.name: self._nats(level, codes, classes) for level in self.levels}

    def begin(self, level: str, codes: Mapping[str, Tensor], classes: Tensor) -> Cursor:
        """Where the sampling of a level begins: `codes` (N, H, W) of the levels above, `classes` (N,)."""
        return Cursor(self.stage(level), codes, classes)

    def head(self, level: str) -> Stage:
        """The same as `stage`, whose `logits` and `draw` make codes of features (N, C)."""
        return self.stage(level)

    def compile_parts(self) -> None:
        """Compiles the bodies for training on a GPU."""
        for stage in self.stages:
            stage.body.compile(dynamic=False)  # grids of levels differ, and sizes left open trip the compiler

    def _nats(self, level: Level, codes: Mapping[str, Tensor], classes: Tensor | None) -> Tensor:
        return self.stage(level.name).nats(codes, classes)


class Stage(nn.Module):
    """One level: what it knows from elsewhere, its body, and its codes in and out."""

    def __init__(
        self, config: Any, body: Callable[..., nn.Module], level: Level, above: tuple[Level, ...], classes: int
    ):
        super().__init__()
        self.level, self.above, self.classes = level, above, classes
        width, dim = config.width, config.dim
        self.head = head(level.codes, dim)
        self.enter = nn.Linear(dim, width)
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dim))
        self.place = nn.Parameter(small(width, *level.grid))
        self.class_table = nn.Parameter(small(classes + 1, width))  # the last is no class
        self.upper = nn.ModuleList(table(one.codes, dim) for one in above)
        self.reads = None
        if above:
            self.reads = nn.Sequential(
                nn.Conv2d(dim * len(above), width, 3, padding=1), nn.GELU(), nn.Conv2d(width, width, 3, padding=1)
            )
        self.body = body(config, level.grid)

    def context(self, codes: Mapping[str, Tensor], classes: Tensor) -> Tensor:
        """What every place knows beside the codes of this level: (N, C, H, W)."""
        known = torch.where(classes < 0, self.classes, classes)
        found = self.place[None] + F.embedding(known, self.class_table)[:, :, None, None]
        if self.reads is not None:
            grids = [
                read(codes[one.name]).permute(0, 3, 1, 2) for read, one in zip(self.upper, self.above, strict=True)
            ]
            found = found + self.reads(torch.cat([F.interpolate(grid, self.level.grid) for grid in grids], 1))
        return found

    def nats(self, codes: Mapping[str, Tensor], classes: Tensor | None) -> Tensor:
        """−ln p of each code of this level, (N, H, W) float32."""
        return self.head.nats(self.leave(self.features(codes, classes)), codes[self.level.name])

    def features(self, codes: Mapping[str, Tensor], classes: Tensor | None) -> Tensor:
        """What each code of this level is predicted from, (N, H, W, C)."""
        own = codes[self.level.name]
        classes = own.new_full((len(own),), -1) if classes is None else classes
        return self.body(self.embed(own).permute(0, 3, 1, 2), self.context(codes, classes)).permute(0, 2, 3, 1)

    def predicted(self, codes: Mapping[str, Tensor], classes: Tensor | None) -> Tensor:
        """The numbers that alone decide about a code: logits (N, H, W, K), or with two factors what makes them."""
        query = self.leave(self.features(codes, classes))
        return self.head.logits(query) if isinstance(self.head, Whole) else query

    def embed(self, codes: Tensor) -> Tensor:
        """(...) int64 -> (..., C)."""
        return self.enter(self.head.embed(codes))

    def logits(self, features: Tensor) -> Tensor:
        """(..., C) -> (..., K)."""
        return self.head.logits(self.leave(features))

    def draw(self, features: Tensor, pick: Callable[[Tensor], Tensor]) -> Tensor:
        """Codes (n,) of features (n, C): `pick` chooses from logits (n, M), twice where the head has two factors."""
        return self.head.draw(self.leave(features), pick)


class Cursor:
    """A level that is sampled place by place, with what its body keeps from the places before."""

    @torch.no_grad()
    def __init__(self, stage: Stage, codes: Mapping[str, Tensor], classes: Tensor) -> None:
        self.stage, self.place = stage, 0
        self.state = stage.body.begin(stage.context(codes, classes))

    @torch.no_grad()
    def step(self, before: Tensor | None) -> Tensor:
        """Features (N, C) of the next place; `before` are the codes (N,) of the place before it, None at the first."""
        found = self.stage.body.step(self.state, self.place, None if before is None else self.stage.embed(before))
        self.place += 1
        return found

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before: any of them, any number of times."""
        self.state.take(images)
