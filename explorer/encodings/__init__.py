"""Encodings: what one checkpoint makes of one dataset split, on disk, found again by the content of both."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer import places
from explorer.autoencoder import Codebook, Layer
from explorer.datasets.sources import sample
from explorer.encodings import codebooks, concepts, counts, postings
from explorer.encodings.layout import FORMAT, MARKER, build_postings, column_of, complete
from explorer.errors import BadInput
from explorer.files import cache_folder, digest
from explorer.lazy import cached_property

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from explorer.analysis.tallies import ByValue, Tally
    from explorer.datasets import Images

TOKENS = 1_000_000  # in a block of codes


def content_key(model: str, images: Images, kmeans: int | None) -> str:
    """Content key of an Encoding: the model's fingerprint, pixels and concepts of the images, and K.

    K counts only where a layer is continuous, and is None elsewhere. Size, fit and limit are part of the fingerprint
    of the images.
    """
    return digest(FORMAT, model, images.fingerprint, images.split, len(images), kmeans)


class Encoding:
    """A complete Encoding on disk; columns are read when they are asked for.

    Attributes:
        path: the Lance dataset. images: N. layers: coarse to fine.
        facts: what `encoding.json` says: `seconds`, the steady `images_per_second`, `errors_of` and more, and of
            each layer `codes`, `kind` and, for k-means, `fitted_on` vectors and `codes_asked`.
    """

    def __init__(self, path: Path | str, key: str | None = None) -> None:
        self.path = places.current(places.local(path), MARKER)
        facts = complete(self.path, key)
        if facts is None:
            raise BadInput(f"{places.shown(self.path)} is not a complete encoding; encode the dataset again")
        self.facts: dict[str, Any] = facts
        try:
            self.images = int(facts["images"])
            self.layers = tuple(
                Layer(str(f["name"]), tuple(map(int, f["grid"])), int(f["dim"])) for f in facts["layers"]
            )
            self._facts = {str(f["name"]): {**f, "codes": int(f["codes"])} for f in facts["layers"]}
            if any(set(name) & set("/\\") or not name.strip(".") for name in self._facts):
                raise ValueError("a layer name is a path")
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{MARKER} of {self.path.name} lacks or misstates {error}; encode again") from None
        self._postings: dict[str, postings.Postings] = {}

    def __len__(self) -> int:
        return self.images

    def layer(self, name: str) -> Layer:
        """The layer called `name`; raises BadInput that lists the layers."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise BadInput(f"unknown layer {name!r}; choose from {', '.join(layer.name for layer in self.layers)}")

    def codes(self, layer: str, rows=None) -> np.ndarray:
        """(N, H, W), the smallest unsigned integer that holds K codes; `rows` is a slice or integers, in any order."""
        height, width = self.layer(layer).grid
        return self._column(column_of("codes", layer), rows).reshape(-1, height, width)

    def blocks(self, layer: str) -> Iterator[tuple[int, np.ndarray]]:
        """All codes a block at a time, in memory bounded: its first image, and codes (n, H, W) of it and the next."""
        height, width = self.layer(layer).grid
        column, each, first = column_of("codes", layer), max(1, TOKENS // (height * width)), 0
        with self._reading():
            for batch in self.dataset.to_batches(
                columns=[column], batch_size=each, batch_readahead=1, fragment_readahead=1
            ):
                yield first, batch.column(column).flatten().to_numpy().reshape(-1, height, width)
                first += batch.num_rows

    def distances(self, layer: str, rows=None) -> np.ndarray:
        """(N, H, W) float32 Euclidean distance of each latent to the vector of its code."""
        height, width = self.layer(layer).grid
        return self._column(column_of("distances", layer), rows).reshape(-1, height, width)

    def pooled(self, layer: str, rows=None) -> np.ndarray:
        """(N, D) float32, mean of each image's latents over the grid."""
        return self._column(column_of("pooled", layer), rows).reshape(-1, self.layer(layer).dim)

    def patches(self, layer: str, limit: int | None = None, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A sample of latents: vectors (M, D) float32, image row (M,) int64, position in the grid (M,) int64.

        A few random positions of every image are stored; `limit` takes a seeded sample of those, in image order.
        """
        dim, each = self.layer(layer).dim, int(self.facts["samples"][layer])
        chosen = sample(self.images * each, limit, seed)
        rows, where = np.unique(chosen // each, return_inverse=True)
        everything = None if len(rows) == self.images else rows
        vectors = self._column(column_of("sample", layer), everything).reshape(-1, each, dim)
        positions = self._column(column_of("positions", layer), everything).reshape(-1, each)
        return vectors[where, chosen % each], chosen // each, positions[where, chosen % each].astype(np.int64)

    def errors(self) -> pd.DataFrame:
        """mse, psnr in dB and ssim of each image's reconstruction, float32; NaN in those not measured (`errors_of`)."""
        return self._table(["mse", "psnr", "ssim"]).to_pandas()

    def names(self, rows=None) -> list[str]:
        """What to call each image."""
        return self._table(["name"], rows).column(0).to_pylist()

    def concepts(self) -> pd.DataFrame:
        """N rows: discrete concepts as categories, continuous ones as float64."""
        return concepts.to_pandas(lambda column: self._table([column]).column(0), self.facts["concepts"], self.images)

    @property
    def concept_names(self) -> tuple[str, ...]:
        """The columns of `concepts`; none of them is read."""
        return tuple(str(fact["name"]) for fact in self.facts["concepts"])

    def codebook(self, layer: str) -> Codebook:
        """The layer's codebook: learned with the model, implicit, or fitted by k-means."""
        return self._codebooks[self.layer(layer).name]

    def usage(self, layer: str) -> np.ndarray:
        """(K,) int64 tokens of each code over all images."""
        return self._index(layer).usage()

    def tally(self, layer: str) -> Tally:
        """How often the codes of a layer occur, and in how many images; of a large set kept once it is counted."""
        return counts.of_layer(self, layer)

    def lengths(self, layer: str) -> np.ndarray:
        """(N,) float32 lengths of the weighted bags of codes (`analysis.tallies.lengths`); kept likewise."""
        return counts.lengths(self, layer)

    def by_values(self, layer: str, concepts: Sequence[tuple[np.ndarray, int]]) -> list[ByValue]:
        """Codes of a layer by the values of concepts (position (N,) of each image's value or -1, V); kept likewise."""
        return counts.by_values(self, layer, concepts)

    def top_patches(self, layer: str, code: int, k: int = 24) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image rows, positions and distances of the `k` patches nearest to the code's vector, one of an image at most.

        Nearest first; empty for a dead code. Reads the code's part of the index only. Where no latents are known, one
        token of each of the images with most tokens of the code, ties in a seeded order, and distances are NaN.
        """
        if not self._facts[self.layer(layer).name].get("near", True):
            return self._fullest(layer, code, k)
        return self._index(layer).top_patches(code, k)

    def _fullest(self, layer: str, code: int, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, counts = self.images_with(layer, code)
        shuffled = np.random.default_rng([code, 5]).permutation(len(rows))
        rows = rows[shuffled[np.argsort(-counts[shuffled], kind="stable")]][:k]
        at = (self.codes(layer, rows).reshape(len(rows), -1) == code).argmax(1) if len(rows) else np.empty(0, np.int64)
        return rows, at, np.full(len(rows), np.nan, np.float32)

    def images_with(self, layer: str, code: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of all images that have the code and how many tokens of it each has; most first."""
        return self._index(layer).images_with(code)

    def standing(self, layer: str, code: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same, and (H, W) how many tokens of the code stand in each cell."""
        rows, tokens, cells = self._index(layer).standing(code)
        return rows, tokens, cells.reshape(self.layer(layer).grid)

    @cached_property
    def dataset(self):
        """The `lance.LanceDataset`; it reads into pandas, polars and DuckDB by its Arrow table."""
        with self._reading():
            return places.dataset(self.path)

    @cached_property
    def _codebooks(self) -> dict[str, Codebook]:
        try:
            found, _ = codebooks.load(self.path / codebooks.FILE)
            for layer in self.layers:
                shape = (self._facts[layer.name]["codes"], layer.dim)
                if layer.name not in found or tuple(found[layer.name].vectors.shape) != shape:
                    raise ValueError(f"no codebook of shape {shape} for layer '{layer.name}'")
        except (OSError, ValueError) as error:
            raise self._damaged(error) from None
        return found

    def _index(self, layer: str) -> postings.Postings:
        if layer not in self._postings:
            facts = self.layer(layer)
            shape = (layer, self._facts[layer]["codes"], self.images, facts.grid[0] * facts.grid[1])
            elsewhere = cache_folder() / "postings" / str(self.facts["key"])
            found = postings.open_layer(self.path / "postings", *shape) or postings.open_layer(elsewhere, *shape)
            if found is None:  # an Encoding may travel without its index
                build_postings(self.path, facts, shape[1], self.images, elsewhere)
                found = postings.open_layer(elsewhere, *shape)
            if found is None:
                raise BadInput(f"{elsewhere} was deleted while the index was written there; try again")
            self._postings[layer] = found
        return self._postings[layer]

    def _column(self, column: str, rows=None) -> np.ndarray:
        """A fixed-size list column as one flat array."""
        chunks = self._table([column], rows).column(0).chunks
        parts = [chunk.flatten().to_numpy() for chunk in chunks]
        found = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.empty(0)
        return found.astype(np.float32) if found.dtype == np.float16 else found  # a compact Encoding

    def _table(self, columns: list[str], rows=None):
        with self._reading():
            if rows is None:
                return self.dataset.to_table(columns=columns)
            if isinstance(rows, slice):
                rows = np.arange(self.images)[rows]
            return self.dataset.take(np.asarray(rows, np.int64).tolist(), columns=columns)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Says in a sentence what Lance makes of damage; where it gives up altogether, that is no Exception."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, (OSError, ValueError)) or type(error).__name__ == "PanicException":
                raise self._damaged(error) from None
            raise

    def _damaged(self, error: BaseException) -> BadInput:
        if isinstance(error, BadInput):
            return error
        if (there := places.remote(self.path)) is not None:  # nothing that a moment without a network is deleted for
            return there.refused(error)
        return BadInput(f"{self.path.name} is damaged ({str(error)[:120]}); delete it and encode again")
