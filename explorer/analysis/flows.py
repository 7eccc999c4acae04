"""A small normalizing flow: noise that a network bends until it is spread as latents of images are.

A masked autoregressive flow (Papamakarios et al. 2017, arXiv:1705.07057), of a few numbers one of splines (Durkan et
al. 2019, arXiv:1906.04032), over latents that a full Gaussian has made white, so that it begins as that Gaussian and
learns what a Gaussian lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.lazy import cached_property

if TYPE_CHECKING:
    import torch
    from zuko.flows import MAF

TRANSFORMS, NARROW, WIDE = 3, 32, 128  # layers, and their hidden units: as many as dimensions, between these
SPLINED = 2  # dimensions up to which splines are cheap, which bend one number where an affine map cannot
STEPS, BATCH, RATE = 1500, 256, 4e-3
LOOK, PATIENCE = 100, 4  # steps between looks at what is held back, and looks in vain before it stops
LONGEST = 1024  # dimensions; of longer latents drawing one number after the other takes minutes
FEWEST = 200  # images that a flow can be fitted to


@dataclass(frozen=True)
class Flow:
    """A fitted flow over D numbers.

    Attributes:
        centre: (D,). root: (D, D), lower triangle: latents are `centre + root @ w`, w being what the network spreads.
        weights: of the network, by name, float16; numbers that its masks hide are zero.
        steps: of its training, at which it was best on what was held back, and `looked`, [(step, nats)] on the way.
    """

    centre: np.ndarray
    root: np.ndarray
    weights: Mapping[str, np.ndarray]
    steps: int = 0
    looked: tuple[tuple[int, float], ...] = field(default=(), compare=False)

    @property
    def parameters(self) -> int:
        """Numbers that were fitted: those of the network that count, and of the Gaussian."""
        dim = len(self.centre)
        return sum(int(np.count_nonzero(one)) for one in self.weights.values()) + dim + dim * (dim + 1) // 2

    @cached_property
    def _network(self) -> MAF:
        import torch

        network = _built(len(self.centre), 0)
        state = {name: torch.from_numpy(np.asarray(one, np.float32)) for name, one in self.weights.items()}
        network.load_state_dict(state, strict=False)
        return network.eval()

    def nats(self, points: np.ndarray) -> np.ndarray:
        """Log-likelihood of points (n, D) in nats: (n,) float64."""
        import torch

        white = _white(points, self.centre, self.root)
        with torch.inference_mode():
            found = torch.cat([self._network().log_prob(part) for part in torch.from_numpy(white).float().split(4096)])
        return found.double().numpy() - np.log(np.diag(self.root)).sum()

    def of(self, noise: np.ndarray) -> np.ndarray:
        """What the flow makes of standard normal noise (n, D): (n, D) float32."""
        import torch

        with torch.inference_mode():
            white = self._network().transform.inv(torch.from_numpy(np.asarray(noise, np.float32)))
        return (self.centre + white.double().numpy() @ self.root.T).astype(np.float32)


def fit(
    draw: Callable[[np.random.Generator, int], np.ndarray],
    held_back: np.ndarray,
    centre: np.ndarray,
    root: np.ndarray,
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> Flow:
    """The flow that `draw(generator, n)` -> (n, D) latents teaches, stopped where `held_back` (L, D) is likeliest.

    `centre` (D,) and `root` (D, D) are mean and lower Cholesky factor of a Gaussian that was fitted to the same.
    """
    import torch

    generator = np.random.default_rng(seed)
    network = _built(len(centre), seed)
    kept = torch.from_numpy(_white(held_back, centre, root)).float()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    offset = float(np.log(np.diag(root)).sum())
    looked = [(0, _look(network, kept) - offset)]
    best, weights = looked[0], _weights(network)
    for step in range(1, STEPS + 1):
        batch = torch.from_numpy(_white(draw(generator, BATCH), centre, root)).float()
        loss = -network().log_prob(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if step % LOOK == 0:
            if progress is not None:
                progress(step, STEPS, "fitting a flow to the latents")
            looked.append((step, _look(network, kept) - offset))
            if looked[-1][1] > best[1]:
                best, weights = looked[-1], _weights(network)
            elif step - best[0] >= PATIENCE * LOOK:
                break
    return Flow(np.asarray(centre, np.float64), np.asarray(root, np.float64), weights, best[0], tuple(looked))


def _built(dim: int, seed: int) -> MAF:
    """A network that changes nothing yet."""
    import torch
    from zuko.flows import MAF, NSF

    width = int(np.clip(dim, NARROW, WIDE))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind, layers = (NSF, TRANSFORMS - 1) if dim <= SPLINED else (MAF, TRANSFORMS)
        network = kind(dim, transforms=layers, hidden_features=(width, width))
    with torch.no_grad():
        for transform in network.transform.transforms:
            last = list(transform.hyper.parameters())[-2:] if hasattr(transform, "hyper") else transform.parameters()
            for value in last:
                value.zero_()
    return network


def _white(points: np.ndarray, centre: np.ndarray, root: np.ndarray) -> np.ndarray:
    from scipy.linalg import solve_triangular

    return solve_triangular(root, (np.asarray(points, np.float64) - centre).T, lower=True).T


def _look(network: torch.nn.Module, kept: torch.Tensor) -> float:
    import torch

    with torch.inference_mode():
        found = float(network().log_prob(kept).mean())
    return found if np.isfinite(found) else -np.inf


def _weights(network: torch.nn.Module) -> dict[str, Any]:
    """Parameters as float16, the ones behind a mask zero, so that the file packs well."""
    modules = dict(network.named_modules())
    found = {}
    for name, value in network.named_parameters():
        owner, _, own = name.rpartition(".")
        mask = getattr(modules[owner], "mask", None) if own == "weight" else None
        kept = value.detach() if mask is None else value.detach() * mask
        found[name] = kept.half().numpy()
    return found
