"""Maps of latents on disk: Parquet with `id, x, y` (and `z`), found again by the content of what they show.

A map of images has the image row as `id`; one of patches also has `image` (row) and `position` (in the grid, row by
row); one of a codebook has the code. How it was made and how far it can be trusted stands in the file's metadata.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder, digest, write_bytes
from explorer.progress import Progress
from explorer.sources import sample

if TYPE_CHECKING:
    import pandas as pd

    from explorer.encoding import Encoding

FORMAT = 1
METADATA = b"explorer"  # key in the Parquet schema's metadata
WHAT = ("images", "patches", "codebook")
METHODS = ("umap", "pca")
K = 15  # neighbours that trustworthiness looks at
QUERIES = 2_000  # points that it asks
LARGEST = 5_000_000  # points; more is no map of ours


@dataclass(frozen=True)
class Options:
    """What a map shows and how it is made; equal options give equal maps.

    Attributes:
        layer: name of a layer of the encoding.
        what: `images` (latents averaged over the grid), `patches` (single latents), or `codebook` (its vectors).
        method: `umap`, or `pca`, which has no use for `neighbours` and `min_dist`.
        points: at most so many, drawn without replacement by `seed`.
        min_dist: how tightly UMAP may pack points, in units of the map, from 0 to 1.
    """

    layer: str
    what: str = "images"
    method: str = "umap"
    dims: int = 2
    points: int = 5000
    neighbours: int = 15
    seed: int = 0
    min_dist: float = 0.1

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("what", self.what, WHAT),
            ("method", self.method, METHODS),
            ("dims", self.dims, (2, 3)),
        ):
            if value not in choices:
                raise BadInput(f"unknown {name} {value!r}; choose from {', '.join(map(str, choices))}")
        if self.points < 3 or self.neighbours < 2:
            raise BadInput(
                f"{self.points} points with {self.neighbours} neighbours make no map; choose at least 3 and 2"
            )
        if not 0 <= self.min_dist <= 1:
            raise BadInput(f"min_dist {self.min_dist:g} is out of range; choose from 0 to 1")


@dataclass(frozen=True)
class Map:
    """A map that was read.

    Attributes:
        table: `id, x, y` (, `z`; for patches `image`, `position`), one row a point.
        facts: `points, trustworthiness, seconds`, the options, and what the method adds.
    """

    table: pd.DataFrame
    facts: dict[str, Any]


def key(encoding: Encoding, options: Options) -> str:
    """Content key of a map: the encoding's own key and the options that matter to the method."""
    chosen = asdict(options)
    if options.method == "pca":
        chosen["neighbours"] = chosen["min_dist"] = None
    return digest("map", FORMAT, encoding.facts["key"], chosen)


def locate(encoding: Encoding, options: Options) -> Path | None:
    """The map, shipped beside the checkpoint's encodings or made before; None if there is none."""
    name = f"{key(encoding, options)}.parquet"
    for folder in (encoding.path.parent.parent / "maps", cache_folder() / "maps"):
        if (folder / name).is_file():
            return folder / name
    return None


def default_path(encoding: Encoding, options: Options) -> Path:
    """Where `make` writes the map; a page can watch for it."""
    return cache_folder() / "maps" / f"{key(encoding, options)}.parquet"


def check_path(out: Path | None) -> None:
    """Raises BadInput for an output file that is not called `….parquet`."""
    if out is not None and Path(out).suffix != ".parquet":
        raise BadInput(f"{Path(out).name} does not end in .parquet; choose a name such as {Path(out).stem}.parquet")


def make(encoding: Encoding, options: Options, *, out: Path | None = None, progress: Progress | None = None) -> Path:
    """Computes the map, unless it is there, and writes it atomically; returns its path.

    Raises:
        BadInput: an unknown layer, too few points, or `out` is not writable or does not end in `.parquet`.
    """
    check_path(out)
    found = locate(encoding, options)
    try:
        if found is not None:
            if out is None:
                return found
            write_bytes(Path(out), found.read_bytes())
            return Path(out)
        started = time.perf_counter()
        columns, vectors = _points(encoding, options)
        positions, facts = _place(vectors, options, progress)
        columns |= dict(zip("xyz", positions.T.astype(np.float32), strict=False))
        facts |= {**asdict(options), "points": len(vectors), "seconds": time.perf_counter() - started}
        path = Path(out) if out is not None else default_path(encoding, options)
        _write(path, columns, facts)
    except OSError as error:
        raise BadInput(
            f"the map cannot be written: {error.strerror or error}; free some space or choose another place"
        ) from None
    if progress is not None:
        progress.finish("done", "the map is ready")
    return path


def read(path: Path) -> Map:
    """Reads a map; BadInput for a file that is none, or is damaged."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        facts = json.loads((file.schema_arrow.metadata or {})[METADATA])
        if file.metadata.num_rows > LARGEST or not {"id", "x", "y"} <= set(file.schema_arrow.names):
            raise ValueError("it has other columns or too many rows")
        return Map(file.read().to_pandas(), dict(facts))
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise BadInput(f"{Path(path).name} is not a map of this program or is damaged: {error}") from None


def _points(encoding: Encoding, options: Options) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns that say what the points are, and their vectors (M, D) float32."""
    encoding.layer(options.layer)
    if options.what == "patches":
        vectors, images, positions = encoding.patches(options.layer, options.points, options.seed)
        columns = {"id": np.arange(len(vectors)), "image": images, "position": positions}
    elif options.what == "codebook":
        vectors = encoding.codebook(options.layer).vectors.cpu().numpy()
        rows = sample(len(vectors), options.points, options.seed)
        columns, vectors = {"id": rows}, vectors[rows]
    else:
        rows = sample(encoding.images, options.points, options.seed)
        columns, vectors = {"id": rows}, encoding.pooled(options.layer)[rows]
    if len(vectors) < 4:
        raise BadInput(f"{len(vectors)} points make no map; choose at least 4")
    return columns, vectors


def _place(vectors: np.ndarray, options: Options, progress: Progress | None) -> tuple[np.ndarray, dict[str, Any]]:
    """(M, D) -> (M, dims), and what says how far to trust it."""
    from explorer.analysis import projection

    def report(share: float, message: str) -> None:
        if progress is not None:
            progress.update(int(100 * share), message)

    if progress is not None:
        progress.total, progress.unit = 100, "%"
    try:
        if options.method == "pca":
            places = projection.pca_map(vectors, options.dims)
            facts = {"explained_variance": projection.explained_variance(vectors, options.dims).tolist()}
        else:
            how = {"neighbours": options.neighbours, "min_dist": options.min_dist, "seed": options.seed}
            places, facts = projection.umap_map(vectors, options.dims, **how, progress=report), {}
        k = min(K, (len(vectors) - 1) // 2)
        trust = projection.trustworthiness(vectors, places, k, QUERIES, options.seed)
    except ValueError as error:
        raise BadInput(f"no map can be made of layer '{options.layer}': {error}") from None
    return places, facts | {
        "trustworthiness": trust,
        "trustworthiness_k": k,
        "trustworthiness_queries": min(QUERIES, len(vectors)),
    }


def _write(path: Path, columns: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    table = pyarrow.table(columns).replace_schema_metadata({METADATA: json.dumps(facts).encode()})
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary)
