"""What is seen of code maps: their pictures, their codes once more, and what an encoder makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from explorer.analysis.concepts import features
from explorer.autoencoder import Autoencoder, Codebook, to_images, to_pixels
from explorer.precision import exact

if TYPE_CHECKING:
    from explorer.results.subject import Subject

BATCH = 50
Maps = Mapping[str, np.ndarray]  # {level: (n, H, W)}


@dataclass(frozen=True)
class Seen:
    """Attributes: pixels: (n, F) of small pictures. codes: of the pictures, encoded again. latents: (n, D) or None."""

    pixels: np.ndarray
    codes: dict[str, np.ndarray]
    latents: np.ndarray | None


class Eyes:
    """The decoder of a checkpoint, its encoder, and another one where that is asked for."""

    def __init__(self, subject: Subject, books: Mapping[str, Codebook], encoder: str) -> None:
        from explorer import checkpoints
        from explorer.jobs.devices import choose

        self.device = choose(subject.device)
        self.model: Autoencoder = subject.network().to(self.device)
        self.books = {name: replace(book, vectors=book.vectors.to(self.device)) for name, book in books.items()}
        self.other, self.layer, self.size = None, "", 0
        if encoder:
            from explorer.results.subject import main_layer

            facts = checkpoints.describe(checkpoints.resolve(encoder))
            self.other = checkpoints.load(facts.path).to(self.device)
            self.layer, self.size = main_layer(facts), facts.image_size

    def look(self, codes: Maps, tell: Callable[[int], object]) -> Seen:
        """Decodes code maps, rounds the pictures to 8 bits, and encodes them; `tell` is told how many are done."""
        count = len(next(iter(codes.values())))
        parts: dict[Any, list[np.ndarray]] = {}
        with exact(), torch.inference_mode():
            for start in range(0, count, BATCH):
                for name, part in self._some({n: c[start : start + BATCH] for n, c in codes.items()}).items():
                    parts.setdefault(name, []).append(part)
                tell(min(start + BATCH, count))
        whole = {name: np.concatenate(some) for name, some in parts.items()}
        return Seen(whole.pop("pixels"), {n: whole[n] for n in whole if n != ("other",)}, whole.get(("other",)))

    def _some(self, codes: Maps) -> dict[Any, np.ndarray]:
        rows = {name: torch.from_numpy(one.astype(np.int64)).to(self.device) for name, one in codes.items()}
        pictures = to_pixels(self.model.decode({name: self.books[name].lookup(one) for name, one in rows.items()}))
        latents = self.model.encode(to_images(pictures, self.device))
        found: dict[Any, np.ndarray] = {"pixels": features.pixels(pictures)}
        found |= {name: self.books[name].assign(latents[name]).cpu().numpy() for name in codes}
        if self.other is not None:
            from explorer.datasets.images import squared

            resized = np.stack([squared(one, self.size, "crop") for one in pictures])
            seen = self.other.encode(to_images(resized, self.device))[self.layer]
            found["other",] = seen.float().mean((1, 2)).cpu().numpy()
        return found
