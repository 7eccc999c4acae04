"""Layers from inside a network: what any of its blocks or convolutions gives, as a continuous layer to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from explorer.autoencoder import Codebook, Fill, Layer, no_decoder
from explorer.errors import BadInput

MOST = 8  # taps at a time: each is kept for every image that is encoded
SHOWN = 6  # names in a message


class Tapped(nn.Module):
    """A network with further layers: the outputs of some of its modules, by the modules' names.

    `decode` needs none of them, and leaves them aside. A module that only decoding runs is tapped while the network's
    own latents are decoded.
    """

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.inner, self.taps = model, tuple(names)
        size = model.image_size
        try:
            with torch.device("meta"), torch.no_grad():
                _, found = self._run(torch.empty(1, 3, size, size))
        except (RuntimeError, NotImplementedError, TypeError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0]
            raise BadInput(f"this network cannot be looked into before its weights are there: {why}") from None
        own = {layer.name for layer in model.layers}
        self.layers = (
            *model.layers,
            *(Layer(_free(name, own), (z.shape[1], z.shape[2]), z.shape[3]) for name, z in found.items()),
        )

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)  # abilities, pixels, and what is said of it

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return self.inner.codebooks

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        latents, found = self._run(images)
        names = [layer.name for layer in self.layers[len(latents) :]]
        return latents | {name: z.float() for name, z in zip(names, found.values(), strict=True)}

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        own = {layer.name for layer in self.inner.layers}
        return self.inner.decode({name: z for name, z in latents.items() if name in own}, fill)

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{layer: (N, H, W) bool}, False everywhere for what is tapped."""
        own = {layer.name for layer in self.inner.layers}
        given = {name: z for name, z in latents.items() if name in own}
        found = self.inner.sent(given) if hasattr(self.inner, "sent") else {}
        return found | {
            name: z.new_zeros(z.shape[:3], dtype=torch.bool) for name, z in latents.items() if name not in own
        }

    def _run(self, images: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Latents of the network itself, and what the tapped modules gave, (N, H, W, D), in the order asked for."""
        modules = dict(self.inner.network.named_modules())
        unknown = [name for name in self.taps if name not in modules or not name]
        if unknown:
            raise BadInput(f"there is nothing called {unknown[0]!r} inside; choose from {_some(offered(self.inner))}")
        found: dict[str, Tensor] = {}
        hooks = [modules[name].register_forward_hook(partial(_keep, found, name)) for name in self.taps]
        try:
            latents = self.inner.encode(images)
            if any(name not in found for name in self.taps) and not no_decoder(self.inner):
                self.inner.decode(latents)
        finally:
            for hook in hooks:
                hook.remove()
        silent = [name for name in self.taps if name not in found]
        if silent:
            raise BadInput(f"{silent[0]} gives no grid of numbers; choose from {_some(offered(self.inner))}")
        return latents, {name: found[name] for name in self.taps}


def offered(model: nn.Module) -> list[str]:
    """Names of modules that can be tapped: blocks and convolutions, not what normalises or activates."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.ModuleList, nn.Sequential)
    found = []
    for name, module in model.network.named_modules():
        if not name or isinstance(module, nn.ModuleList) or name.count(".") > 4:
            continue
        if isinstance(module, kinds) or any(True for _ in module.children()):
            found.append(name)
    return found


def _keep(found: dict[str, Tensor], name: str, module: nn.Module, given: Any, output: Any) -> None:
    """The first run counts; later ones are those of a decode of something else."""
    if name in found:
        return
    value = _tensor(output)
    if value is not None and (grid := _grid(value)) is not None:
        found[name] = grid


def _tensor(output: Any) -> Tensor | None:
    if isinstance(output, Tensor):
        return output
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, (tuple, list)) else ()
    return next((value for value in values if isinstance(value, Tensor)), None)


def _grid(value: Tensor) -> Tensor | None:
    """Feature maps (N, C, H, W), tokens (N, T, D) of a square with or without one before it, or vectors (N, D), as
    (N, H, W, D); None of anything else."""
    if value.ndim == 4:
        return value.movedim(1, 3)
    if value.ndim == 2:
        return value[:, None, None]
    if value.ndim != 3:
        return None
    tokens = value.shape[1]
    for first in (0, 1):  # a class token may come first
        side = math.isqrt(tokens - first)
        if side and side**2 == tokens - first:
            return value[:, first:].unflatten(1, (side, side))
    return value[:, None]


def _free(name: str, taken: set[str]) -> str:
    return f"{name} (inside)" if name in taken else name


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
