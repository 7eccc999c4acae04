"""Networks of other libraries behind this program's `Autoencoder`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.autoencoder import Codebook, Fill, Layer, straight_through
from explorer.errors import BadInput

SHOWN = 4  # names of keys in a message
WAYS = {"angle": "cos", "distance": "l2"}  # in which CVQ-VAE compares codes, and what its code calls them
COMPARED = (
    "Codes are compared by {}; the weights do not say by what CVQ-VAE was trained to, angle is its default, and "
    "`@,compare={}` behind the path takes the other."
)


@dataclass(frozen=True)
class Pixels:
    """How a network wants its images: (x - mean) / deviation of values in [0, 1], of one or three channels."""

    mean: float | tuple[float, float, float] = 0.5
    deviation: float | tuple[float, float, float] = 0.5
    channels: int = 3

    def into(self, images: Tensor) -> Tensor:
        """(N, 3, h, w) in [0, 1] -> (N, channels, h, w)."""
        if self.channels == 1:
            images = (images * images.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        mean, deviation = self._of(images)
        return (images - mean) / deviation

    def back(self, output: Tensor) -> Tensor:
        """What the network gives -> (N, 3, h, w) in [0, 1]."""
        mean, deviation = self._of(output)
        return (output.float() * deviation + mean).clamp(0, 1).expand(-1, 3, -1, -1)

    def __str__(self) -> str:
        kind = "grey values" if self.channels == 1 else "RGB values"
        if isinstance(self.mean, tuple):
            return f"{kind} minus the means {_list(self.mean)}, divided by the deviations {_list(self.deviation)}"
        low, high = (0 - self.mean) / self.deviation, (1 - self.mean) / self.deviation
        return f"{kind} from {low:g} to {high:g}"

    def _of(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = (images.new_tensor(value).reshape(-1, 1, 1) for value in (self.mean, self.deviation))
        return mean, deviation


class Adapter(nn.Module):
    """A network with one grid of latents, with a codebook or without.

    Subclasses say how to `latents` (N, C, h, w) -> (N, D, H, W) and how to `image` (N, D, H, W) -> (N, C, h, w).
    """

    joint = True

    def __init__(self, network: nn.Module, image_size: int, layer: Layer, pixels: Pixels) -> None:
        super().__init__()
        self.network, self.image_size, self.pixels, self.layers = network, image_size, pixels, (layer,)

    @property
    def vectors(self) -> Tensor | None:
        """(K, D) of a discrete layer."""
        return None

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        vectors = self.vectors
        return {} if vectors is None else {self.layers[0].name: Codebook(vectors.detach().float())}

    def latents(self, images: Tensor) -> Tensor:
        raise NotImplementedError

    def image(self, latents: Tensor) -> Tensor:
        raise NotImplementedError

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return {self.layers[0].name: self.latents(self.pixels.into(images)).movedim(1, 3).float()}

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        layer, books = self.layers[0], self.codebooks
        if layer.name in latents:
            z = latents[layer.name]
            if layer.name in books:
                z = books[layer.name].quantize(z)
        else:
            like = next(self.network.parameters())
            z = like.new_zeros(1, *layer.grid, layer.dim)
            if fill == "mean" and layer.name in books:
                z = z + books[layer.name].vectors.mean(0)
        return self.pixels.back(self.image(z.movedim(3, 1)))


class Tabled:
    """Codes that are found among `vectors` and decoded as the rows of another `table`, (K, D); before an Adapter."""

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        layer, table = self.layers[0], self.table
        if layer.name in latents:
            z = latents[layer.name]
            z = straight_through(z, table[self.codebooks[layer.name].assign(z)])
        else:
            filled = table.mean(0) if fill == "mean" else torch.zeros_like(table[0])
            z = filled.expand(1, *layer.grid, -1)
        return self.pixels.back(self.image(z.movedim(3, 1)))


class ByAngle(Tabled):
    """Codes that are compared by angle: the nearest of vectors of length one has the least angle."""

    @property
    def vectors(self) -> Tensor:
        return nn.functional.normalize(self.table.float(), dim=1)

    def latents(self, images: Tensor) -> Tensor:
        return nn.functional.normalize(super().latents(images), dim=1)


def assign(network: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Puts tensors into a network made on the meta device, without a copy.

    Raises:
        BadInput: tensors that are missing, left over, or of other shapes, with their names; values that are not finite.
    """
    compare(network, tensors, what)
    floats = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    for name, value in floats.items():
        # the smallest and the largest of values with a NaN are NaN; ten times as fast as to look at each
        if value.is_floating_point() and value.numel() and not all(end.isfinite() for end in value.aminmax()):
            raise BadInput(f"{what}: {name} holds values that are not finite")
    network.load_state_dict(floats, assign=True)


def compare(network: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Raises BadInput that names what is missing, left over or of another shape."""
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    faults = []
    if missing := sorted(expected.keys() - given.keys()):
        faults.append(f"lacks {_names(missing)}")
    if extra := sorted(given.keys() - expected.keys()):
        faults.append(f"has {_names(extra)} that it should not have")
    for name in sorted(expected.keys() & given.keys()):
        if expected[name] != given[name]:
            faults.append(f"has {name} of {_shape(given[name])} instead of {_shape(expected[name])}")
    if faults:
        raise BadInput(f"{what} {'; '.join(faults[:SHOWN])}")


def square(image_size: int, factor: int, format: str) -> int:
    """Cells along each side; raises BadInput with the nearest sizes if the image does not divide."""
    if image_size < factor or image_size % factor:
        below, above = image_size // factor * factor, (image_size // factor + 1) * factor
        raise BadInput(
            f"{format} takes sizes that {factor} divides, not {image_size}: "
            + (f"{below} or {above}" if below else str(above))
        )
    return image_size // factor


def _names(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _shape(shape: tuple[int, ...]) -> str:
    return f"shape {' × '.join(map(str, shape))}" if math.prod(shape) != 1 or shape else "one number"


def _list(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def unfilled(network: nn.Module) -> list[str]:
    """Names of parameters and buffers that never got values."""
    found = [*network.named_parameters(), *network.named_buffers()]
    return [name for name, value in found if value.device == torch.device("meta")]
