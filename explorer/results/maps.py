"""Maps of latents on disk: Parquet with `id, x, y` (and `z`), found again by the content of what they show.

A map of images has the image row as `id`; one of patches also has `image` (row) and `position` (in the grid, row by
row); one of a codebook has the code. How it was made and how far it can be trusted stands in the file's metadata.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import atomic_path, digest
from explorer.options import check, choice, number
from explorer.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from explorer.analysis.projection import Report
    from explorer.analysis.trust import Asked
    from explorer.encodings import Encoding
    from explorer.results.subject import Subject

FORMAT = 1
METADATA, ASKED = b"explorer", b"explorer.asked"  # keys in the Parquet schema's metadata
WHAT = ("images", "patches", "codebook")
METHODS = ("umap", "pca")
FEWEST = 4  # points
K = 15  # neighbours that trustworthiness looks at
QUERIES = 2_000  # points that it asks
MANY = 20_000  # points; of more a UMAP lays out so many and places the others, and neighbours are asked of some
LARGEST = 5_000_000  # points; more is no map of ours


@dataclass(frozen=True)
class Options:
    """What a map shows and how it is made; PCA has no use for `neighbours` and `min_dist`."""

    layer: str = field(default="", metadata={"help": "Which layer. [the first]"})
    what: str = choice(
        "images", WHAT,
        "images: the latents of an image, averaged over the grid; patches: single latents, a few of each image drawn "
        "at random; codebook: the vectors of its codes.",
    )  # fmt: skip
    method: str = choice(
        "umap", METHODS,
        "umap keeps who is near whom, and bends space for it; pca is a flat view along the directions in which the "
        "latents vary most, there at once.",
    )  # fmt: skip
    dims: int = choice(2, (2, 3), "Axes of the map.")
    points: int = number(5000, "At most so many points, drawn at random.", low=3, high=LARGEST)
    neighbours: int = number(
        15, "Nearest latents that UMAP keeps together: few show fine structure, and chance; many the large picture.",
        low=2,
    )  # fmt: skip
    seed: int = number(0, "Of the sample of points and of the layout.", low=0, high=2**32 - 1)
    min_dist: float = number(
        0.1, "How tightly UMAP may pack points, in units of the map; small values make tight clumps.", low=0, high=1
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            check(one, getattr(self, one.name))


@dataclass(frozen=True)
class Map:
    """A map that was read.

    Attributes:
        table: `id, x, y` (, `z`; for patches `image`, `position`), one row a point.
        facts: `points, trustworthiness, seconds`, the options, and what the method adds.
        asked: of a map of many points, those that its trustworthiness was asked of; None where all can be.
    """

    table: pd.DataFrame
    facts: dict[str, Any]
    asked: Asked | None = None


def key(subject: Subject, options: Options) -> str:
    """Content key of a map: the encoding's own key and the options that matter to the method."""
    chosen = asdict(complete(subject, options))
    if options.method == "pca":
        chosen["neighbours"] = chosen["min_dist"] = None
    many = ("many", MANY) if options.points > MANY else ()
    return digest("map", FORMAT, subject.encoding_key, chosen, *many)


def complete(subject: Subject, options: Options) -> Options:
    """The same with the first layer where none is named."""
    return options if options.layer else replace(options, layer=subject.facts.layers[0]["name"])


def make(subject: Subject, options: Options, path: Path, progress: Progress, found: Encoding) -> None:
    """Computes the map of an encoding and writes it; BadInput for an unknown layer or too few points."""
    import numpy as np

    started, options = time.perf_counter(), complete(subject, options)
    columns, vectors = _points(found, options)
    positions, facts, asked = _placed(vectors, options, progress)
    columns |= dict(zip("xyz", positions.T.astype(np.float32), strict=False))
    facts |= {**asdict(options), "points": len(vectors), "seconds": time.perf_counter() - started}
    _write(path, columns, facts, asked)
    progress.finish("done", "the map is ready")


def read(path: Path, key: str = "") -> Map:
    """Reads a map; BadInput for a file that is none, or is damaged."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        facts = json.loads((file.schema_arrow.metadata or {})[METADATA])
        if file.metadata.num_rows > LARGEST or not {"id", "x", "y"} <= set(file.schema_arrow.names):
            raise ValueError("it has other columns or too many rows")
        return Map(
            file.read().to_pandas(),
            dict(facts),
            _unpacked(file.schema_arrow.metadata.get(ASKED), file.metadata.num_rows),
        )
    except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
        raise BadInput(f"{Path(path).name} is not a map of this program or is damaged: {error}") from None


def _points(encoding: Encoding, options: Options) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns that say what the points are, and their vectors (M, D) float32."""
    import numpy as np

    from explorer.datasets.sources import sample

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
    if len(vectors) < FEWEST:
        which = "one point makes" if len(vectors) == 1 else f"{len(vectors)} points make"
        raise BadInput(f"{which} no map; choose at least {FEWEST}")
    if np.ptp(vectors, 0).max() <= 1e-6 * np.abs(vectors).max():  # what another batch may change by rounding
        raise BadInput(f"all {len(vectors):,} points of layer '{options.layer}' are equal, so there is no map of them")
    return columns, vectors


def _placed(vectors: np.ndarray, options: Options, progress: Progress) -> tuple[np.ndarray, dict, Asked | None]:
    """(M, D) -> (M, dims), what says how far to trust it, and of whom that was asked where not of anybody."""
    from explorer.analysis import large_map

    progress.total, progress.unit = 100, "%"

    def report(share: float, message: str) -> None:
        progress.update(int(100 * share), message)

    try:
        if len(vectors) <= MANY:
            return *_place(vectors, options, report), None
        if options.method == "pca":
            return large_map.pca(vectors, options.dims, K, options.seed, report)
        how = {"neighbours": options.neighbours, "min_dist": options.min_dist}
        return large_map.umap(vectors, options.dims, MANY, K, options.seed, report, **how)
    except ValueError as error:
        raise BadInput(f"no map can be made of layer '{options.layer}': {error}") from None


def _place(vectors: np.ndarray, options: Options, report: Report) -> tuple[np.ndarray, dict[str, Any]]:
    """The same of few points, which are all laid out."""
    from explorer.analysis import projection

    if options.method == "pca":
        places, shares = projection.pca(vectors, options.dims)
        facts = {"explained_variance": shares.tolist()}
    else:
        how = {"neighbours": options.neighbours, "min_dist": options.min_dist, "seed": options.seed}
        places, facts = projection.umap_map(vectors, options.dims, **how, progress=report), {}
    k = min(K, (len(vectors) - 1) // 2)
    trust = projection.trustworthiness(vectors, places, k, QUERIES, options.seed)
    return places, facts | {
        "trustworthiness": trust,
        "trustworthiness_k": k,
        "trustworthiness_queries": min(QUERIES, len(vectors)),
    }


def _write(path: Path, columns: dict[str, np.ndarray], facts: dict[str, Any], asked: Asked | None) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    metadata = {METADATA: json.dumps(facts).encode()} | ({} if asked is None else {ASKED: _packed(asked)})
    table = pyarrow.table(columns).replace_schema_metadata(metadata)
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary)


def _packed(asked: Asked) -> bytes:
    """int32: how many were asked, of how many neighbours, which, and their neighbours on the map and in truth."""
    import numpy as np

    parts = ([*asked.on_map.shape], asked.queries, asked.on_map, asked.latents)
    return np.concatenate([np.asarray(part, "<i4").reshape(-1) for part in parts]).tobytes()


def _unpacked(data: bytes | None, points: int) -> Asked | None:
    """What `_packed` packed, of a map of so many points; ValueError where it is damaged."""
    import numpy as np

    from explorer.analysis.trust import Asked

    if data is None:
        return None
    numbers = np.frombuffer(data, "<i4").astype(np.int64)
    count, k = numbers[:2]
    if len(numbers) != 2 + count * (1 + 2 * k) or (numbers[2:] < 0).any() or (numbers[2:] >= points).any():
        raise ValueError("the points that were asked are damaged")
    queries, on_map, latents = np.split(numbers[2:], [count, count * (1 + k)])
    return Asked(queries, on_map.reshape(count, k), latents.reshape(count, k))
