"""What scores are made of: codes and concepts of a sample of images, and pixels and the network where there are any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import values
from explorer.analysis.concepts.folds import Folds, folds
from explorer.datasets.sources import sample
from explorer.errors import BadInput
from explorer.lazy import cached_property
from explorer.notebook import sets
from explorer.results import pictures
from explorer.results.scores import tables
from explorer.results.scores.asked import Options, listed

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.concepts.values import Concept
    from explorer.autoencoder import Autoencoder, Layer
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

MOST = 10_000  # images that are judged: a seeded sample of the whole set


class Material:
    """One encoding, its images and what is asked of them; everything is opened when it is asked for.

    Attributes:
        subject: names of checkpoint and images. options: what is asked. encoding: codes of all images.
        obtain: (kind, subject, options) -> (path, content) of another result; None where nothing else is asked.
    """

    def __init__(
        self,
        subject: Subject,
        options: Options,
        encoding: Encoding,
        progress: Progress,
        obtain: Callable[..., tuple[Path, Any]] | None = None,
    ) -> None:
        self.subject, self.options, self.encoding, self.progress = subject, options, encoding, progress
        self.obtain = obtain

    @cached_property
    def sampled(self) -> np.ndarray:
        """Rows of a seeded sample of the whole set, ascending, copies among them."""
        return sample(len(self.encoding), MOST)

    @cached_property
    def rows(self) -> np.ndarray:
        """(n,) rows of the images that are judged, ascending: a seeded sample of the whole set, without copies."""
        return np.setdiff1d(self.sampled, np.array(self.leak.get("left_out", ()), np.int64))

    @cached_property
    def leak(self) -> dict[str, Any]:
        """What the score `leak` found; empty where it is the one that is made, or nothing else is asked."""
        if self.obtain is None or getattr(self.options, "score", "") == "leak":
            return {}
        return self.obtain("score", self.subject, {"score": "leak"})[1]

    @cached_property
    def folds(self) -> Folds:
        """Which of the judged images probes are fitted on, and which they are scored on (positions in `rows`)."""
        return folds(len(self.rows))

    # ---- layers and codes

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that are asked for, coarse to fine; BadInput for an unknown name."""
        names = listed(self.options.layer)
        for name in names:
            self.encoding.layer(name)
        return tuple(layer for layer in self.encoding.layers if not names or layer.name in names)

    def codes(self, layer: str, rows: np.ndarray | None = None) -> np.ndarray:
        """(n, H, W) int64 codes of the judged images, or of other rows of the set."""
        return self.encoding.codes(layer, self.rows if rows is None else rows).astype(np.int64)

    def vectors(self, layer: str) -> np.ndarray:
        """(K, D) float32."""
        return self.encoding.codebook(layer).vectors.detach().cpu().numpy()

    def size(self, layer: str) -> int:
        """K."""
        return len(self.encoding.codebook(layer))

    # ---- concepts

    @cached_property
    def table(self) -> pd.DataFrame:
        """Everything known of all N images of the set, a column each; what is computed from the pixels comes last."""
        own = self._own
        return own if self._seen is None else own.join(pictures.concepts(self._seen, own.columns))

    @cached_property
    def computed(self) -> frozenset[str]:
        """Names of the columns of `table` that are computed from the pixels."""
        return frozenset(map(str, self.table.columns)) - frozenset(map(str, self._own.columns))

    @cached_property
    def _own(self) -> pd.DataFrame:
        """Concepts of the dataset, of a table beside it, and the sets of images that the user gathered."""
        return sets.joined(self._known, self.subject.images.fingerprint)

    @cached_property
    def _known(self) -> pd.DataFrame:
        own = self.encoding.concepts()
        try:
            return tables.joined(own, self.options.concepts, self.subject.images)
        except BadInput as problem:  # nothing says which row is of which image: what else is known is judged
            own.attrs["notes"] = [f"{problem}; the table is not used"]
            return own

    @property
    def told(self) -> list[str]:
        """What of the user's table of concepts is not used, a sentence each."""
        return list(self._known.attrs.get("notes", ()))

    @cached_property
    def _seen(self) -> pd.DataFrame | None:
        """What the pixels of all N images say; None where there are none."""
        if not self.pictured or self.obtain is None:
            return None
        return self.obtain("pictures", self.subject)[1]

    @cached_property
    def pictures(self) -> np.ndarray:
        """(n, F) float64 of the judged images, standardised: what codes must tell more than. F = 0 without pixels.

        Lightness, hue, saturation, edges and background.
        """
        from explorer.analysis.concepts.pictures import features

        return np.zeros((len(self.rows), 0)) if self._seen is None else features(self._seen.iloc[self.rows])

    @cached_property
    def _prepared(self) -> tuple[list[Concept], dict[str, str]]:
        found, refused = [], {}
        table = self.table.iloc[self.rows]
        for name in self._names(table):
            one = values.prepared(str(name), table[name], computed=str(name) in self.computed)
            if isinstance(one, str):
                refused[str(name)] = one
            else:
                found.append(one)
        return found, refused

    def _names(self, table: pd.DataFrame) -> list[str]:
        """The columns that are asked for; names may hold commas themselves."""
        asked, known = self.options.concept, [str(name) for name in table.columns]
        if not asked:
            return known
        if asked in known:
            return [asked]
        for name in listed(asked):
            if name not in known:
                raise BadInput(f"unknown concept {name!r}; choose from {', '.join(known) or 'none: no labels'}")
        return listed(asked)

    @property
    def concepts(self) -> list[Concept]:
        """What is judged, of the n judged images."""
        return self._prepared[0]

    @property
    def refused(self) -> dict[str, str]:
        """Columns that cannot be judged, and one sentence on why not."""
        return self._prepared[1]

    # ---- pixels and networks

    @property
    def pictured(self) -> bool:
        """Whether there are pixels."""
        return getattr(self.subject.images, "pictured", True)

    def pixels(self, positions: np.ndarray) -> np.ndarray:
        """(m, h, w, 3) uint8 of judged images, by their positions in `rows`."""
        return self.subject.images.read(self.rows[positions])

    @cached_property
    def model(self) -> Autoencoder | None:
        """The network, in evaluation mode on the device; None where there are codes only."""
        if self.subject.facts.family == "codes":
            return None
        from explorer.jobs.devices import choose

        return self.subject.network().to(choose(self.subject.device))

    def untrained(self, seed: int) -> Autoencoder:
        """The same network before it learned anything, on the CPU."""
        facts = self.subject.facts
        if facts.format != "explorer":
            from explorer.analysis.concepts.untrained import untrained

            return untrained(self.model, seed)
        import torch

        from explorer.models import build

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build(facts.family, facts.settings, facts.image_size).eval().requires_grad_(False)

    def ceiling(self, positions: np.ndarray) -> tuple[str, np.ndarray]:
        """Name of the stronger encoder and its latents (m, F) of judged images, means over the grids."""
        from dataclasses import replace

        from explorer import checkpoints
        from explorer.autoencoder import device_of, to_images
        from explorer.jobs.devices import choose

        other = replace(self.subject, checkpoint=checkpoints.resolve(self.options.ceiling))
        if len(other.images) != len(self.subject.images):
            raise BadInput(f"{other.facts.name} does not open the same images of {self.subject.dataset}")
        model, found = other.network().to(choose(self.subject.device)), []
        import torch

        from explorer.precision import exact

        with exact(), torch.inference_mode():
            for start in range(0, len(positions), 64):
                self.progress.update(start, f"encoding with {other.facts.name}")
                images = other.images.read(self.rows[positions[start : start + 64]])
                latents = model.encode(to_images(images, device_of(model)))
                pooled = [one.float().mean((1, 2)).cpu().numpy() for one in latents.values()]
                found.append(np.concatenate(pooled, 1))
        return other.facts.name, np.concatenate(found)

    def batches(self, positions: np.ndarray, said: str, size: int = 64) -> Iterator[tuple[slice, np.ndarray]]:
        """Pixels (b, h, w, 3) uint8 of judged images by their positions, a batch at a time, with progress."""
        self.progress.total = len(positions)
        for start in range(0, len(positions), size):
            part = slice(start, min(start + size, len(positions)))
            self.progress.update(start, f"{said}: {part.stop:,} of {len(positions):,} images")
            yield part, self.pixels(positions[part])

    def say(self, message: str) -> None:
        """Tells what is done now; Cancelled where that was asked for."""
        self.progress.total = 0
        self.progress.update(0, message, force=True)
