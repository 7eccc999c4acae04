"""One open checkpoint on one dataset, which every face reads: the app, the demo, the report and the command line.

Whatever is read or computed here is kept by content in one bounded memory, and made once however many ask for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer import results
from explorer.errors import BadInput
from explorer.files import digest
from explorer.lazy import cached_property
from explorer.notebook import names, sets
from explorer.results.subject import Subject, main_layer
from explorer.study import passes
from explorer.study.drawn import Drawn
from explorer.study.memory import MEMORY, name_of
from explorer.study.picture import Picture

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.comparison import Comparison
    from explorer.analysis.interventions import Change
    from explorer.analysis.painting import Painted, Stroke
    from explorer.analysis.tallies import Tally
    from explorer.autoencoder import Codebook, Layer
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Images
    from explorer.encodings import Encoding

TILE = 32  # pixels of a thumbnail
TOKENS = 16_000_000  # of a layer, up to which all its codes are kept where some are asked for
LARGE = 20_000  # codes; of more the thumbnails are not all kept
PIXELS, FEWEST, MOST = 64**3, 16, 64  # of the images that the scale of errors is taken from, and how many
RANDOM = 16  # random codes that a change is compared with


def kept(method: Callable) -> Callable:
    """Keeps what a method of a Study returns, by the content of study and arguments."""

    @functools.wraps(method)
    def asked(self: Study, *arguments: Any, **options: Any) -> Any:
        return self._kept(method, arguments, options)

    return asked


class Study:
    """A checkpoint × the images of a dataset.

    Attributes:
        subject: names of both. checkpoint: facts of the checkpoint.
        asked: what scores of concepts are asked of, where it is not everything: fields of their options.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._encoding: Encoding | None = None
        self._computed: pd.DataFrame | None = None
        self.asked: dict[str, str] = {}

    @property
    def checkpoint(self) -> Checkpoint:
        return self.subject.facts

    @cached_property
    def images(self) -> Images:
        return self.subject.images

    @cached_property
    def shown(self) -> Images | Drawn:
        """What shows the images: their pixels, or maps of their codes where there are none."""
        return self.images if self.images.pictured else Drawn(self)

    @cached_property
    def key(self) -> str:
        """Content of the model, of the images, and the number of k-means codes."""
        return digest(self.subject.fingerprint, self.images.fingerprint, self.images.split, self.subject.kmeans)

    def _kept(self, function: Callable, arguments: tuple, options: dict, *more: str) -> Any:
        named = [name_of(one) for one in arguments], {name: name_of(one) for name, one in options.items()}
        key = digest(f"{function.__module__}.{function.__qualname__}", self.key, named, *more)
        return MEMORY.get(key, lambda: function(self, *arguments, **options))

    def remember(self, function: Callable, *arguments: Any) -> Any:
        """`function(study, *arguments)`, kept like everything here until the user gathers other sets of images."""
        return self._kept(function, arguments, {}, *filter(None, [sets.version(self.images.fingerprint)]))

    def beside(self, subject: Subject) -> Study:
        """The study of another subject."""
        return Study(subject)

    # ---- results

    def result(self, kind: str, options: Any = None) -> Any | None:
        """What is kept of a kind of result; None where it is not there yet."""
        found = results.find(kind, self.subject, options)
        return None if found is None else found[1]

    def make(self, kind: str, options: Any = None) -> Any:
        """The result, made now if it is not there; for what takes no time."""
        return results.obtain(kind, self.subject, options)[1]

    def score(self, name: str) -> dict[str, Any] | None:
        """What is kept of a score of concepts; None where it is not there yet."""
        return self.result("score", self.asked | {"score": name})

    @property
    def encoding(self) -> Encoding:
        """The encoding; BadInput where there is none yet (`encoded` tells)."""
        if not self.encoded:
            raise BadInput(f"{self.checkpoint.name} has no encoding of {self.images.name} yet; encode it first")
        return self._encoding

    @property
    def encoded(self) -> bool:
        if self._encoding is None or not self._encoding.path.exists():
            self._encoding = self.result("encoding")
        return self._encoding is not None

    # ---- layers and codes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Coarse to fine."""
        return self.encoding.layers

    @property
    def layer_names(self) -> list[str]:
        return [layer["name"] for layer in self.checkpoint.layers]

    @property
    def continuous(self) -> bool:
        """Whether some layer has no codebook of its own, so that k-means gives it one."""
        return any(layer.get("codes") is None for layer in self.checkpoint.layers)

    def layer(self, name: str) -> Layer:
        return self.encoding.layer(name)

    @property
    def main_layer(self) -> str:
        """The layer to begin with: the first on the finest grid of those with codes of their own; else the last."""
        return main_layer(self.checkpoint)

    def book(self, layer: str) -> Codebook:
        return self.encoding.codebook(layer)

    def vectors(self, layer: str) -> np.ndarray:
        """(K, D) float32."""
        return self.book(layer).vectors.detach().cpu().numpy()

    def usage(self, layer: str) -> np.ndarray:
        """(K,) tokens of each code."""
        return self.encoding.usage(layer)

    @kept
    def codes(self, layer: str) -> np.ndarray:
        """(N, H, W) codes of all images; of a large set `Encoding.blocks` and `tally` hold less at once."""
        return self.encoding.codes(layer)

    def some_codes(self, layer: str, rows: np.ndarray) -> np.ndarray:
        """(n, H, W) codes of some images; of a large set no others are read."""
        height, width = self.layer(layer).grid
        few = self.encoding.images * height * width <= TOKENS
        return self.codes(layer)[rows] if few else self.encoding.codes(layer, rows)

    def table(self, layer: str) -> pd.DataFrame:
        """One row for each code; see `analysis.codes.counted`. `name` is a column where the user named some codes."""
        found, names = self._table(layer), self.names(layer)
        return found.assign(name=[names.get(code, "") for code in range(len(found))]) if names else found

    @kept
    def _table(self, layer: str) -> pd.DataFrame:
        from explorer.analysis import codes

        found = self.tally(layer)
        return codes.counted(found.tokens, found.having, found.images, self.vectors(layer))

    @kept
    def tally(self, layer: str) -> Tally:
        """How often the codes of a layer occur, counted a block of images at a time."""
        return self.encoding.tally(layer)

    @kept
    def lengths(self, layer: str) -> np.ndarray:
        """(N,) lengths of the bags of codes of each image, by which a search for some codes divides."""
        return self.encoding.lengths(layer)

    @kept
    def standing(self, layer: str, code: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the images that have a code, most tokens of it first, these tokens, and those in each cell (H, W)."""
        return self.encoding.standing(layer, code)

    def names(self, layer: str) -> dict[int, str]:
        """What the user called codes of a layer, by number."""
        return names.find(self.subject.fingerprint, self._named(layer))

    def name(self, layer: str, code: int, name: str) -> str:
        """Gives a code a name, or takes it away where that is empty; BadInput for an unfit one."""
        return names.put(self.subject.fingerprint, self._named(layer), code, name)

    @kept
    def _named(self, layer: str) -> str:
        """What the codebook of a layer is called in the notebook: k-means codes are others for other images."""
        fitted = self.book(layer).kind == "kmeans"
        return names.of(layer, str(name_of(self.vectors(layer))) if fitted else "")

    @kept
    def colours(self, layer: str) -> np.ndarray:
        """(K, 3) uint8: near codes look alike."""
        from explorer.analysis.colours import colour_codes

        return colour_codes(self.vectors(layer), self.usage(layer))

    @kept
    def thumbnails(self, layer: str) -> np.ndarray:
        """The best patch of each code in its surroundings, grey for a dead code: (K, TILE, TILE, 3) uint8."""
        from explorer.study import cutouts

        return cutouts.of_each(self.encoding, self.shown, layer, side=TILE)

    def tiles(self, layer: str, codes: np.ndarray) -> np.ndarray:
        """The same of some codes: (n, TILE, TILE, 3) uint8; of a large codebook no others are cut out."""
        from explorer.study import cutouts

        if len(self.vectors(layer)) <= LARGE:
            return self.thumbnails(layer)[codes]
        return cutouts.of_each(self.encoding, self.shown, layer, codes, side=TILE)

    @kept
    def top_patches(self, layer: str, code: int, count: int, side: int = 128) -> tuple:
        """The patches nearest to a code's vector: crops (n, s, s, 3) uint8, image rows, positions, distances."""
        from explorer.study import cutouts

        return cutouts.of_code(self.encoding, self.shown, layer, code, count, side)

    @kept
    def nearest_codes(self, layer: str, code: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The codes (n,) with the vectors nearest to that of a code, and their Euclidean distances (n,)."""
        from explorer.analysis.neighbours import nearest

        found, distances = nearest(self.vectors(layer), count, queries=np.array([code]))
        return found[0], distances[0]

    def concepts(self) -> pd.DataFrame:
        """Concepts of the images, a row for each; those that the user gathered are the last."""
        return self.remember(_concepts)

    def computed(self) -> pd.DataFrame | None:
        """Lightness, hue, … of the images, a row for each; None where that was not computed yet."""
        if self._computed is None:
            found = results.find("pictures", self.subject, None, results.pictures.read_concepts)
            own = self.encoding.concept_names if self.encoded else self.images.concepts.columns
            self._computed = None if found is None else results.pictures.concepts(found[1], own)
        return self._computed

    def known(self) -> pd.DataFrame:
        """Concepts of the images, and then what is computed from their pixels, where that is there."""
        return self.concepts() if self.computed() is None else self.remember(_known)

    @kept
    def errors(self) -> pd.DataFrame:
        """mse, psnr in dB and ssim of each image's reconstruction; NaN in those not measured."""
        return self.encoding.errors()

    # ---- pictures

    def pictures(self, rows: np.ndarray) -> tuple[Picture, ...]:
        """Some images of the dataset."""
        names, pixels = self.images.names, self.shown.read(rows)
        return tuple(Picture(one, names[row], int(row)) for one, row in zip(pixels, rows, strict=True))

    def image(self, row: int) -> Picture:
        """An image of the dataset."""
        return Picture(self.shown.read([row])[0], self.images.names[row], row)

    @kept
    def look(self, picture: Picture) -> passes.Passed:
        """What the network makes of a picture."""
        return self._pass(passes.look, picture.pixels)

    def codes_of(self, picture: Picture, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Codes (H, W) of a picture in a layer, and the distance (H, W) of each latent to its code's vector."""
        if picture.row is not None:
            return self.encoding.codes(layer, [picture.row])[0], self.encoding.distances(layer, [picture.row])[0]
        import torch

        codes, distances = self.book(layer).nearest(torch.from_numpy(self.look(picture).latents[layer]))
        return codes.cpu().numpy(), distances.cpu().numpy()

    def every_code(self, picture: Picture) -> dict[str, np.ndarray]:
        """Codes (H, W) of a picture in each layer."""
        return {name: self.codes_of(picture, name)[0].astype(np.int64) for name in self.layer_names}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """K of each layer."""
        return {name: len(self.book(name)) for name in self.layer_names}

    @kept
    def abilities(self) -> dict[str, Any]:
        """`joint`, `samples`, `posterior`, `attends` and `mask_grid` of the model."""
        return self._pass(passes.abilities)

    @kept
    def compare(self, pixels: np.ndarray, mask: np.ndarray | None = None, sample_seed: int | None = None) -> Comparison:
        """Images (N, h, w, 3) uint8 beside what comes back."""
        return self._pass(passes.compare, pixels, mask=mask, sample_seed=sample_seed)

    @kept
    def error_top(self, hidden: bool = False) -> float:
        """Where the colours of errors end, one scale for all images: 1 of 200 pixels of a sample errs by more.

        With `hidden`, errors of the patches that are filled in, three of four; errors are from 0 to 1.
        """
        from explorer.analysis.comparison import random_masks
        from explorer.analysis.grids import cover
        from explorer.sheets.drawing import error_top

        most = min(max(PIXELS // self.checkpoint.image_size**2, FEWEST), MOST)
        rows = np.sort(np.random.default_rng(0).permutation(len(self.images))[:most])
        masks = random_masks(len(rows), self.abilities()["mask_grid"], 0.75, 0) if hidden else None
        found = []
        for start in range(0, len(rows), 25):
            part = slice(start, start + 25)
            mask = None if masks is None else masks[part]
            errors = self._pass(passes.compare, self.images.read(rows[part]), mask=mask).errors
            found.append(errors if mask is None else errors[np.stack([cover(one, errors.shape[1:]) for one in mask])])
        return error_top(np.concatenate([one.reshape(-1) for one in found]))

    @kept
    def decoded(self, pixels: np.ndarray, view: str, fill: str) -> dict[str, Comparison]:
        """Images decoded from the layers up to each, or from each alone; `other` fills with the image before."""
        return self._pass(passes.decode_some, pixels, view, fill, np.roll(pixels, 1, 0))

    @kept
    def recombined(self, first: np.ndarray, second: np.ndarray, of_first: tuple[str, ...]) -> np.ndarray:
        """An image (h, w, 3) uint8 of some layers of one image and the others of another."""
        return self._pass(passes.recombine, first, second, of_first)

    @kept
    def change(
        self, picture: Picture, layer: str, where: np.ndarray, vector: np.ndarray, but: tuple[int, ...]
    ) -> Change:
        """The picture decoded with a vector in the cells `where` (H, W), beside random codes other than `but` there."""
        from explorer.analysis import interventions

        random = interventions.other_vectors(self.vectors(layer), self.usage(layer), but, RANDOM)
        return self._pass(passes.change, picture.pixels, layer, where, vector, random)

    def paint(self, picture: Picture, strokes: dict[str, Stroke], layers: Sequence[str]) -> Painted:
        """The picture decoded of some layers, with codes painted over its own; not kept, there are too many."""
        latents = self.look(picture).latents
        books = {name: self.book(name) for name in strokes}
        return self._pass(passes.paint, {name: latents[name] for name in layers}, strokes, books)

    def through(self, function: Callable, *arguments: Any, **options: Any) -> Any:
        """A pass through the network that a view needs; whoever wants it kept asks `remember`."""
        return self._pass(function, *arguments, **options)

    def _pass(self, function: Callable, *arguments: Any, **options: Any) -> Any:
        return function(Path(self.subject.checkpoint), self.subject.fingerprint, *arguments, **options)


def _concepts(study: Study) -> pd.DataFrame:
    from explorer.datasets.sources import ordered

    return sets.joined(ordered(study.encoding.concepts()), study.images.fingerprint)


def _known(study: Study) -> pd.DataFrame:
    own, computed = study.concepts(), study.computed()
    return own.join(computed[[name for name in computed.columns if name not in own.columns]])


def open_study(checkpoint: str | Path, dataset: str | None = None, **subject: Any) -> Study:
    """Opens a checkpoint by name or path, on the images that it opens on unless a dataset is named.

    Raises:
        BadInput: an unknown checkpoint or dataset.
    """
    from explorer import checkpoints

    path = checkpoints.resolve(checkpoint)
    if dataset is None:
        facts = checkpoints.describe(path)
        dataset = facts.opening[0] if facts.opening else facts.dataset or "shapes"
        subject = {"limit": facts.limit_on(dataset), **subject}
    return Study(Subject(path, dataset, **subject))
