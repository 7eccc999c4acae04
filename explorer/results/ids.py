"""Ids of all images, made of codes, with what they are worth: a Parquet file that a recommender reads as it is.

A row an image: `image_id` (its row in the split), `name`, `id` (list of int32, the codes and then a number that tells
images with the same codes apart), the same as columns `level_0`, `level_1`, …, and as `text`, "12-7-3-0". How the ids
were made, how well they use their codes and what their neighbours are worth stands in the file's metadata.
"""

from __future__ import annotations

import io
import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import atomic_path, digest
from explorer.results.id_choices import Options, complete, layers_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from explorer.analysis.ids import Maker
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

    Parts = tuple[np.ndarray, np.ndarray]  # rows (n,) that books were fitted on, and (n, L) the part of each

VERSION = 1  # counted up whenever the same input gives other ids or numbers
METADATA, BOOKS = "explorer", "explorer.books"
LARGEST = 50_000_000  # rows; more is no file of ours


@dataclass(frozen=True)
class Ids:
    """Ids that were read.

    Attributes:
        path: the file. facts: how they were made, and what they are worth.
        parts: what books were fitted on, and how it was parted: with the vectors, all that they are (`maker`); None
            where books are the checkpoint's own.
        whole: (N, L + 1) int64, the codes and the number that tells images apart.
    """

    path: Path
    facts: dict[str, Any]
    parts: Parts | None
    whole: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """(N, L) int64."""
        return self.whole[:, :-1]

    @property
    def table(self) -> pd.DataFrame:
        """One row an image, columns as above, read anew."""
        import pandas as pd

        return pd.read_parquet(self.path)


def settled(subject: Subject, options: Options) -> Options:
    """`complete` for a subject."""
    return complete(list(subject.facts.layers), subject.facts.name, options)


def key(subject: Subject, options: Options) -> str:
    """The encoding's own key, and how ids are made."""
    return digest("ids", VERSION, subject.encoding_key, asdict(settled(subject, options)))


def make(subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding) -> None:
    """Makes ids of all images, scores them and writes both; BadInput where images have no finite latents."""
    from explorer.analysis import ids
    from explorer.results import id_scores, id_vectors

    options = settled(subject, options)
    progress.total, progress.unit = 100, "%"
    layers = layers_of(list(subject.facts.layers), options)
    inputs, of = id_vectors.of_images(encoding, layers, options.of)
    fitted, labels = id_vectors.half(len(encoding)), None
    if options.books == "own":
        maker = id_vectors.own(encoding, options.way)
    else:
        labels = _labels(options, [one[fitted] for one in inputs], progress)
        maker = ids.built(options.way, [one[fitted] for one in inputs], labels, options.branch)
    progress.update(30, "giving every image its id")
    codes = maker.ids(inputs)
    facts = {"way": options.way, "layers": layers, "of": of, "books": options.books, "options": asdict(options)}
    facts |= {"images": len(codes), "dataset": subject.dataset, "split": encoding.facts["split"]}
    facts |= {"fitted_on": _fitted_on(options, len(fitted), len(codes))}
    sizes = maker.sizes() if options.books == "own" else (options.branch,) * codes.shape[1]  # of few images fewer fit
    facts |= id_scores.found(subject, encoding, options, codes, sizes, fitted, progress)
    write(path, codes, encoding.names(), facts, None if labels is None else (fitted, labels))
    progress.finish("done", "the ids are ready")


def _labels(options: Options, inputs: list[np.ndarray], progress: Progress) -> np.ndarray:
    """Fits books; the part of each vector at each level."""
    from explorer.analysis import ids

    def tell(level: int, at: int, of: int) -> None:
        progress.update(int(30 * (level + at / of) / options.levels), f"level {level + 1}: fitting its centres")

    return ids.labelled(options.way, inputs, (options.branch,) * options.levels, tell=tell)


def _fitted_on(options: Options, fitted: int, images: int) -> str:
    if options.books == "own":
        return "nothing here, since the codebooks are the checkpoint's own"
    half = "half of" if 2 * fitted >= images - 1 else "some of"
    return f"{fitted:,} of the {images:,} images, {half} them, drawn at random; neighbours are asked of the others"


def write(path: Path, codes: np.ndarray, names: list[str], facts: dict[str, Any], parts: Parts | None) -> None:
    """Writes ids (N, L) with what is needed to make more of them."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet as parquet

    from explorer.analysis import ids

    whole = np.concatenate([codes, ids.told_apart(codes)[:, None]], 1).astype(np.int32)
    offsets = np.arange(len(whole) + 1, dtype=np.int32) * whole.shape[1]
    columns = {
        "image_id": np.arange(len(whole), dtype=np.int64),
        "name": pyarrow.array(names, pyarrow.string()),
        "id": pyarrow.ListArray.from_arrays(offsets, whole.reshape(-1)),
        **{f"level_{level}": whole[:, level] for level in range(whole.shape[1])},
        "text": pyarrow.array([ids.worded(one) for one in whole.tolist()], pyarrow.string()),
    }
    packed = io.BytesIO()
    if parts is not None:
        np.savez_compressed(packed, rows=parts[0].astype(np.uint32), labels=parts[1].astype(np.uint8))
    about = {
        METADATA: json.dumps({"version": VERSION, **facts}),
        BOOKS: b64encode(packed.getvalue()).decode(),
    }
    table = pyarrow.table(columns)
    levels = [name for name in columns if name.startswith("level_")]
    how = {"compression": "zstd", "compression_level": 12, "use_dictionary": levels}
    how["store_schema"] = False  # it would hold the metadata a second time
    with atomic_path(path) as temporary, parquet.ParquetWriter(temporary, table.schema, **how) as file:
        file.write_table(table)
        file.add_key_value_metadata(about)


def read(path: Path, key: str = "") -> Ids:
    """Reads ids; BadInput for a file that is none, or is damaged."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        about = {name.decode(): value for name, value in (file.metadata.metadata or {}).items()}
        facts = json.loads(about[METADATA])
        depth = len(facts["levels"])
        wanted = {"image_id", "name", "id", "text"}
        if not wanted <= set(file.schema_arrow.names):
            raise ValueError("it has other columns")
        if facts.get("version") != VERSION or file.metadata.num_rows > LARGEST:
            raise ValueError("it is of another version, or has too many rows")
        parts = None
        if packed := b64decode(about[BOOKS]):
            with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
                parts = arrays["rows"].astype(np.int64), arrays["labels"].astype(np.int64)
        columns = file.read([f"level_{level}" for level in range(depth + 1)]).columns
        whole = np.stack([one.to_numpy() for one in columns], 1).astype(np.int64)
        return Ids(Path(path), facts, parts, whole)
    except (OSError, ValueError, KeyError, TypeError, EOFError, pyarrow.ArrowException) as error:
        raise BadInput(f"{Path(path).name} is not a file of ids of this program or is damaged: {error}") from None


def maker(found: Ids, encoding: Encoding) -> Maker:
    """What makes such ids of other pictures."""
    from explorer.analysis import ids
    from explorer.results import id_vectors

    if found.parts is None:
        return id_vectors.own(encoding, found.facts["way"])
    rows, labels = found.parts
    inputs = id_vectors.of_images(encoding, found.facts["layers"], found.facts["of"], rows)[0]
    return ids.built(found.facts["way"], inputs, labels, found.facts["options"]["branch"])
