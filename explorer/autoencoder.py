"""The boundary between models and everything else: layers, codebooks, and the autoencoder protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

Fill = Literal["mean", "zeros"]  # what stands in the decoder for a layer that is left out


@dataclass(frozen=True)
class Layer:
    """Static facts of one latent grid.

    Attributes:
        name: unique within the model, for example `code`, `top`, `block3`.
        grid: (H, W); (1, 1) where one vector describes the whole image.
        dim: D, the number of channels of one latent vector.
    """

    name: str
    grid: tuple[int, int]
    dim: int


@dataclass(frozen=True)
class Codebook:
    """K vectors that stand for all latents nearest to them.

    Attributes:
        vectors: (K, D) float32.
        kind: `learned` with the model, `implicit` in its arithmetic (FSQ, LFQ), or `kmeans`, fitted to a continuous
            layer. Of codes without a network also `means` of latents, or `placed` by the images that share them.
    """

    vectors: Tensor
    kind: Literal["learned", "implicit", "kmeans", "means", "placed"] = "learned"

    def __len__(self) -> int:
        return self.vectors.shape[0]

    def assign(self, latents: Tensor) -> Tensor:
        """Nearest code by Euclidean distance: (..., D) float -> (...) int64."""
        return self.nearest(latents)[0]

    def nearest(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Nearest code and its Euclidean distance: (..., D) -> (...) int64, (...) float32.

        Works on a block of vectors at a time, in one piece of memory that is used again. Searched in float64 about the
        mean of the codebook: far from the origin float32 has no digits left for differences, and on a GPU a product
        of float32 may be one of ten bits.
        """
        flat = latents.detach().reshape(-1, latents.shape[-1]).float()  # (M, D)
        vectors = self.vectors.detach().to(flat)
        exact = vectors if flat.device.type == "mps" else vectors.double()  # Apple's GPUs have no more, and no TF32
        centre = exact.mean(0)
        exact = exact - centre
        half_norms = exact.square().sum(1) / 2  # (K,)
        # few cores: scores that stay in the cache, and NumPy's argmin, which is vectorised but not threaded
        small = flat.device.type == "cpu" and torch.get_num_threads() < 8
        rows = max(64, (2**18 if small else 2**24) // len(vectors))
        block = exact.new_empty(min(rows, len(flat)), len(vectors))
        codes = torch.empty(len(flat), dtype=torch.int64, device=flat.device)
        for part, found in zip(flat.split(rows), codes.split(rows), strict=True):
            # argmin |z - e|² = argmin |e|²/2 - z·e: one matrix product, |z|² is the same for every code
            scores = torch.addmm(half_norms, part.to(exact) - centre, exact.T, alpha=-1, out=block[: len(part)])
            found.copy_(torch.from_numpy(scores.numpy().argmin(1)) if small else scores.argmin(1))
        distances = [
            torch.linalg.vector_norm(part - vectors.index_select(0, found), dim=1)
            for part, found in zip(flat.split(65_536), codes.split(65_536), strict=True)
        ]
        shape = latents.shape[:-1]
        return codes.view(shape), torch.cat(distances).view(shape)

    def lookup(self, codes: Tensor) -> Tensor:
        """Vectors of codes: (...) int -> (..., D) float32."""
        return self.vectors[codes]

    def quantize(self, latents: Tensor) -> Tensor:
        """The vector of the code nearest to each latent, (..., D); its gradient is that of the latent."""
        return straight_through(latents, self.lookup(self.assign(latents)))


def straight_through(latents: Tensor, values: Tensor) -> Tensor:
    """`values` to the bit, whose gradient is copied to the `latents` that they stand for; both (..., D).

    Values of another length than their latents carry no gradient: there is nothing to copy it to.

    Source: van den Oord et al. 2017, arXiv:1711.00937, section 3.2.
    """
    copies = latents.requires_grad and torch.is_grad_enabled() and latents.shape == values.shape
    return _Copy.apply(latents, values) if copies else values


class _Copy(torch.autograd.Function):
    """z + sg(q - z) without its rounding."""

    @staticmethod
    def forward(ctx: object, latents: Tensor, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


@runtime_checkable
class Autoencoder(Protocol):
    """What every model offers; nothing downstream asks which family it is.

    Images are (N, 3, h, w) float in [0, 1]; a model normalises inside. Latents are `{layer name: (N, H, W, D)}`,
    before quantization, with channels last so that `latents @ vectors.T` needs no transpose.
    """

    image_size: int
    layers: tuple[Layer, ...]
    joint: bool  # whether `decode` puts all layers together

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        """Codebooks by layer name; a continuous layer has none."""

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """(N, 3, h, w) -> `{layer: (N, H, W, D)}`, coarse to fine, deterministic."""

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        """Latents -> (N, 3, h, w) in [0, 1].

        Layers with a codebook are quantized here; a codebook's own vectors stay as they are. Layers may be left out:
        the decoder gets their mean over training instead, or zeros; with none at all, one image comes back. A network
        that is not `joint`, such as a MAE, decodes from the finest layer that is given, and from that one alone.
        """


@runtime_checkable
class Samples(Protocol):
    """An autoencoder whose latents are distributions."""

    def sample(self, images: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Latents drawn from the posterior instead of its mean; same shapes as `encode`."""


@runtime_checkable
class Posteriors(Protocol):
    """An autoencoder that tells the Gaussians which its latents are means of."""

    def posterior(self, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """`{layer: (mean, variance)}`, each (N, H, W, D); the mean is that of `encode`, dimensions are independent."""


@runtime_checkable
class Masks(Protocol):
    """An autoencoder that can fill in what it does not see."""

    def reconstruct_masked(self, images: Tensor, mask: Tensor) -> Tensor:
        """Images (N, 3, h, w) and `mask` (N, H, W) bool, True where hidden -> (N, 3, h, w) in [0, 1].

        Visible patches are the model's own prediction too; callers paste the original where they want it.
        """

    mask_grid: tuple[int, int]
    patch_size: int


@runtime_checkable
class Attends(Protocol):
    """An autoencoder whose encoder is made of blocks of attention among the patches that it sees."""

    def attention(self, images: Tensor, mask: Tensor) -> Iterator[Tensor]:
        """Weights of one block after another, each (N, heads, tokens, tokens): a row for each token that asks, sum 1.

        `mask` is (N, H, W) bool, True where hidden, as many in each. Tokens are `first_tokens` that stand for no patch,
        such as the class token, and then the visible patches, row by row. Layers of `Masks` have its `mask_grid`.
        """

    first_tokens: int
    attention_blocks: int


@runtime_checkable
class AttendsWhenDecoding(Protocol):
    """An `Attends` whose decoder is made of such blocks, too, in which hidden patches ask and are attended to."""

    def decoder_attention(self, images: Tensor, mask: Tensor) -> Iterator[Tensor]:
        """As `attention`, of the blocks of the decoder; behind the first tokens stand all patches, row by row."""

    decoder_blocks: int


@runtime_checkable
class Sends(Protocol):
    """An autoencoder whose decoder does not need every number that `encode` gives."""

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{layer: (N, H, W) bool}, the positions whose numbers are needed; a layer not named is needed everywhere."""


def no_decoder(model: Autoencoder) -> str:
    """Why a model has no reconstructions, one sentence, which its `decode` raises too; empty for one that decodes."""
    return getattr(model, "no_decoder", "")


def device_of(model: Autoencoder) -> torch.device:
    """Where a model computes: where its first parameter is, or the CPU for one that has none."""
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else iter(())
    return next((parameter.device for parameter in parameters), torch.device("cpu"))


def to_images(pixels: np.ndarray | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 in [0, 1] on `device`, channels last in memory."""
    if not isinstance(pixels, Tensor):
        pixels = torch.from_numpy(np.require(pixels, requirements="CW"))  # torch takes no read-only array
    return pixels.to(device).permute(0, 3, 1, 2).float().div_(255)


def to_pixels(images: Tensor) -> np.ndarray:
    """(n, 3, h, w) in [0, 1] -> (n, h, w, 3) uint8."""
    return images.mul(255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
