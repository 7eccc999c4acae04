"""Passes of a surprisal: images to codes through the checkpoint, codes to bits through the prior, files to sizes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.lazy import cached_property

if TYPE_CHECKING:
    from explorer.autoencoder import Codebook
    from explorer.datasets import Images
    from explorer.encodings import Encoding
    from explorer.priors.folder import Facts
    from explorer.priors.prior import Prior
    from explorer.progress import Progress
    from explorer.results.subject import Subject

NUMBERS = 2**23  # logits, and pixels, that are held at once
WHOLE = 4096  # codes of one softmax; of more codes logits are of two factors
SIDE = 64  # pixels that copies are looked for at
LN2 = float(np.log(2))


@dataclass(frozen=True)
class Looked:
    """What there is of n images: `codes` (n, H, W) of each level, `psnr` (n,) in dB, NaN without a decoder, bytes (n,)
    of each as PNG (`sizes`) and of its codes packed (`code_sizes`), and small `pixels` (n, s, s, 3) uint8."""

    codes: dict[str, np.ndarray]
    psnr: np.ndarray
    sizes: np.ndarray
    code_sizes: np.ndarray
    pixels: np.ndarray | None


class Opened:
    """A checkpoint and its prior, opened when they are first needed."""

    def __init__(self, subject: Subject, facts: Facts, progress: Progress) -> None:
        self.subject, self.facts, self.progress = subject, facts, progress

    @cached_property
    def device(self) -> Any:
        from explorer.jobs.devices import choose

        return choose(self.subject.device)

    @cached_property
    def network(self) -> Any:
        return self.subject.network().to(self.device)

    @cached_property
    def prior(self) -> Prior:
        from explorer.priors import folder

        return folder.load(self.facts.path).to(self.device)

    @cached_property
    def books(self) -> dict[str, Codebook]:
        """Codebooks of the levels that are not the checkpoint's own."""
        from explorer.priors import folder

        return folder.books(self.facts.path)

    def codes_of(self, images: Images, encoding: Encoding | None = None) -> dict[str, np.ndarray]:
        """(N, H, W) codes of each level; of an encoding with the same codebooks they are read."""
        names = [level.name for level in self.facts.levels]
        if encoding is not None and all(self._agrees(encoding, name) for name in names):
            return {name: encoding.codes(name).astype(np.int64) for name in names}
        return self._encoded(images, np.arange(len(images)), decode=False)[0]

    def _agrees(self, encoding: Encoding, name: str) -> bool:
        """Whether the codes of a level in an encoding are those that the prior was trained on."""
        book = self.books.get(name)
        if book is None:
            return True
        vectors = encoding.codebook(name).vectors
        return vectors.shape == book.vectors.shape and bool((vectors - book.vectors).abs().max() < 1e-6)

    def _encoded(self, images: Images, rows: np.ndarray, decode: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Codes (n, H, W) of each level, and the PSNR (n,) of what is decoded."""
        import torch

        from explorer.analysis.comparison import beside
        from explorer.autoencoder import no_decoder, to_images
        from explorer.precision import exact

        network, names = self.network, [level.name for level in self.facts.levels]
        books = {name: self.books.get(name) or network.codebooks[name] for name in names}
        decode = decode and not no_decoder(network)
        found: dict[str, list[np.ndarray]] = {name: [] for name in names}
        errors = [np.empty(0)]
        size = max(1, min(64, NUMBERS // (3 * images.size**2)))
        self.progress.total, self.progress.unit = len(rows), "images"
        for start in range(0, len(rows), size):
            self.progress.update(start, f"encoding images of {images.name}")
            pixels = images.read(rows[start : start + size])
            with torch.inference_mode(), exact():
                ready = to_images(pixels, self.device)
                latents = network.encode(ready)
                for name, book in books.items():
                    found[name].append(book.assign(latents[name]).cpu().numpy())
                errors.append(
                    beside(pixels, ready, network.decode(latents)).psnr if decode else np.full(len(pixels), np.nan)
                )
        return {name: np.concatenate(parts) for name, parts in found.items()}, np.concatenate(errors)

    def bits(
        self, codes: Mapping[str, np.ndarray], classes: np.ndarray, said: str
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """−log2 p of each cell as (N, H, W) float16, and of all cells of an image as (N,) float32, of each level."""
        import torch

        count = len(classes)
        most = max(one.places * min(one.codes, WHOLE) for one in self.facts.levels)
        size = max(1, min(256, NUMBERS // most))
        maps = {one.name: np.empty((count, *one.grid), np.float16) for one in self.facts.levels}
        sums = {one.name: np.empty(count, np.float32) for one in self.facts.levels}
        self.progress.total, self.progress.unit = count, "images"
        for start in range(0, count, size):
            self.progress.update(start, said)
            part = slice(start, start + size)
            given = {n: torch.from_numpy(one[part].astype(np.int64)).to(self.device) for n, one in codes.items()}
            told = self.prior.nats(given, torch.from_numpy(classes[part]).to(self.device))
            for name, values in told.items():
                bits = values.cpu().numpy() / LN2
                maps[name][part] = np.maximum(bits, 0)  # −0.0 of what is certain
                sums[name][part] = np.maximum(bits.reshape(len(bits), -1).sum(1), 0)
        return maps, sums

    def looked(
        self, images: Images, rows: np.ndarray, codes: dict[str, np.ndarray] | None = None, psnr: Any = None
    ) -> Looked:
        """Everything that a score is made of, of some images; their codes and PSNR where those are known."""
        if codes is None:
            codes, psnr = self._encoded(images, rows, decode=True)
        sizes, small = [], []
        step = max(1, NUMBERS // (3 * images.size**2))
        for start in range(0, len(rows), step):
            self.progress.update(start, f"packing images of {images.name}")
            pixels = images.read(rows[start : start + step])
            sizes += [png_bytes(one) for one in pixels]
            small += [_small(one) for one in pixels]
        packed = [
            sum(packed_bytes(codes[level.name][row], level.codes) for level in self.facts.levels)
            for row in range(len(rows))
        ]
        return Looked(codes, psnr, np.array(sizes, np.float64), np.array(packed, np.float64), np.stack(small))


def hidden(facts: Facts) -> bool:
    """Whether what the prior says without a class means something: it has none, or saw images without it."""
    return facts.condition is None or float(facts.settings.get("class_dropout", 0) or 0) > 0


def png_bytes(pixels: np.ndarray) -> int:
    """Bytes of an image (h, w, 3) uint8 as PNG, packed as tightly as it goes."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=9)
    return data.getbuffer().nbytes


def packed_bytes(codes: np.ndarray, size: int) -> int:
    """Bytes of a map of codes (H, W) below `size`, deflated: each code in as few whole bytes as hold K."""
    width = np.uint8 if size <= 2**8 else np.uint16 if size <= 2**16 else np.uint32
    planes = np.ascontiguousarray(codes, width).reshape(-1, 1).view(np.uint8)  # high and low bytes apart
    return len(zlib.compress(np.ascontiguousarray(planes.T).tobytes(), 9))


def _small(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    side = min(SIDE, len(pixels))
    return (
        pixels
        if len(pixels) == side
        else np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BOX))
    )


def copies(sides: Sequence[Looked]) -> np.ndarray:
    """(M + n,) a number for each image of two sets; copies, also from one set to the other, have the same."""
    from explorer.analysis.retrieval.copies import groups

    return groups(np.concatenate([one.pixels for one in sides]))
