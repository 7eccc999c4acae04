"""Nearest vectors among very many: IVF-PQ of Lance, with the true cosines of what it finds (Jégou et al. 2011).

The vectors are cut into clusters, of which a query visits a few, and each few numbers are packed into a byte; the best
by packed numbers are then held against the query as they are. How many clusters and how many of the best is settled
when the index is built: the fewest that find as good as all of the ten nearest images of some drawn at random. Where
no effort does, all are looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.retrieval import quantizers

if TYPE_CHECKING:
    import lance

K = 10
WANTED, ENOUGH = 0.98, 0.95  # recall@10: what is aimed at, since it is known to a hundredth or so, and the least
QUERIES = 200  # images that are asked for it
EFFORTS = ((20, 5), (20, 10), (40, 10), (40, 20), (80, 20), (160, 40), (320, 80))  # clusters visited, times k refined
FEWEST = 4096  # vectors that clusters are made of
SAMPLE, PACKED = 32, 16_384  # vectors that a cluster is found by, and that the packing is found by
NARROW = 8  # numbers of a vector, below which there is nothing to pack
PART = 4  # numbers that become a byte, about
BLOCK, COLUMN, FOLDER = 16_384, "vector", "vectors.lance"
CACHE = 1 << 29  # bytes of the index that are kept in memory

Blocks = Callable[[], Iterable[tuple[int, np.ndarray]]]  # yields the first image and rows (n, D) of it and those after
Tell = Callable[[int, int, str], None]  # is told done, total, and what is going on


@dataclass(frozen=True)
class Vectors:
    """Vectors of length 1 on disk.

    Attributes:
        dataset: with columns `id` and `vector`; rows of zeros, which are like nothing, are not in it.
        effort: clusters that are visited, and how many times k are refined; None: all are looked at.
    """

    dataset: lance.LanceDataset
    effort: tuple[int, int] | None

    def nearest(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Images (≤ k,) int64 with the largest cosines with a query (1, D), largest first, and the cosines."""
        return _ask(self.dataset, query, k, self.effort)


def build(folder: Path, blocks: Blocks, exact: int, tell: Tell, seed: int = 0) -> dict[str, Any]:
    """Writes rows that come in blocks and, where there are more than `exact`, an index; memory holds one block.

    Returns:
        facts: `vectors`, `dim`, `effort`; of an index `clusters`, `recall` in [0, 1] and the `queries` that it was
        checked on, `milliseconds` of a query; where the index was given up, `refused`.
    """
    dataset, sampled = _write(folder / FOLDER, blocks, seed)
    count, dim = dataset.count_rows(), dataset.schema.field(COLUMN).type.list_size
    facts: dict[str, Any] = {"vectors": count, "dim": dim, "effort": None}
    if count <= max(exact, FEWEST) or dim < NARROW:
        return facts
    clusters = int(np.sqrt(count))
    _index(dataset, clusters, tell, seed)
    dataset = _opened(folder)
    ids, queries = sampled
    truth = _exact(dataset, ids, queries, tell)
    facts |= {"clusters": clusters, "queries": len(ids), "recall": 0.0}
    for effort in EFFORTS:
        recall, seconds = _recall(dataset, ids, queries, truth, effort)
        tell(0, 0, f"checking: {100 * recall:.0f} % of the ten nearest are found")
        if recall > facts["recall"]:
            facts |= {"recall": recall, "milliseconds": 1000 * seconds, "effort": list(effort)}
        if recall >= WANTED:
            break
    if facts["recall"] >= ENOUGH:
        return facts
    found, asked = 100 * facts["recall"], facts["queries"]
    best = f"the index found {found:.0f} % of the ten nearest of {asked:,} images at best, so all are looked at"
    return facts | {"effort": None, "refused": best}


def _index(dataset: lance.LanceDataset, clusters: int, tell: Tell, seed: int) -> None:
    """Cuts the vectors into clusters and packs them.

    The centres are made here: Lance takes twenty seconds for the codes of any set, and stopped for good at 1,000
    clusters on two cores.
    """
    count, dim = dataset.count_rows(), dataset.schema.field(COLUMN).type.list_size
    rows = np.sort(np.random.default_rng([seed, 1]).permutation(count)[: max(SAMPLE * clusters, PACKED)])
    taken = dataset.take(rows.tolist(), columns=[COLUMN]).column(0).combine_chunks()
    points = taken.flatten().to_numpy().reshape(-1, dim)
    centres = quantizers.clusters(
        points, clusters, seed, lambda done: tell(done, quantizers.ROUNDS, "finding clusters")
    )
    parts = max(part for part in range(1, dim // PART + 1) if dim % part == 0)
    tell(0, 0, "packing vectors")
    some = points[np.random.default_rng([seed, 2]).permutation(len(points))[:PACKED]]
    dataset.create_index(
        COLUMN, "IVF_PQ", metric="L2", num_partitions=clusters, num_sub_vectors=parts, ivf_centroids=centres,
        pq_codebook=quantizers.packing(some, centres, parts, seed),
        progress_callback=lambda event: tell(event.completed or 0, event.total or 0, f"index: {event.stage}"),
    )  # fmt: skip


def open_vectors(folder: Path, effort: list[int] | None) -> Vectors:
    """What `build` wrote; raises OSError or ValueError where it is missing or damaged."""
    return Vectors(_opened(folder), None if effort is None else (int(effort[0]), int(effort[1])))


def _opened(folder: Path) -> lance.LanceDataset:
    import lance

    return lance.dataset(str(folder / FOLDER), index_cache_size_bytes=CACHE)


def _write(path: Path, blocks: Blocks, seed: int) -> tuple[lance.LanceDataset, tuple[np.ndarray, np.ndarray]]:
    """The dataset, and some of it to check with: images (q,) and their vectors (q, D)."""
    import lance
    import pyarrow as pa

    generator, asked, held = np.random.default_rng(seed), [], []

    def batches() -> Iterable[pa.RecordBatch]:
        for first, rows in blocks():
            inside = np.flatnonzero(np.abs(rows).max(1) > 0)
            keys = generator.random(len(inside))
            ids, rows = (first + inside).astype(np.int32), np.ascontiguousarray(rows[inside], np.float32)
            _draw(asked, held, keys, ids, rows)
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
            yield pa.RecordBatch.from_arrays([pa.array(ids), vectors], names=["id", COLUMN])

    stream = iter(batches())
    head = next(stream)

    def everything() -> Iterable[pa.RecordBatch]:
        yield head
        yield from stream

    reader = pa.RecordBatchReader.from_batches(head.schema, everything())
    dataset = lance.write_dataset(reader, str(path))
    return dataset, (np.array([one[1] for one in asked], np.int64), np.array(held))


def _draw(asked: list, held: list, keys: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """Keeps the QUERIES rows with the smallest of random keys, so that each is drawn as likely as another."""
    for at in np.argsort(keys)[:QUERIES]:
        if len(asked) == QUERIES:
            worst = max(range(QUERIES), key=lambda place: asked[place][0])
            if asked[worst][0] <= keys[at]:
                return
            asked[worst], held[worst] = (float(keys[at]), int(ids[at])), rows[at].copy()
        else:
            asked.append((float(keys[at]), int(ids[at])))
            held.append(rows[at].copy())


def _exact(dataset: lance.LanceDataset, ids: np.ndarray, queries: np.ndarray, tell: Tell) -> np.ndarray:
    """(q,) the tenth largest cosine of each query with other images; fewer where there are fewer, then the least."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    done, total = 0, dataset.count_rows()
    for batch in dataset.to_batches(columns=["id", COLUMN], batch_size=BLOCK, batch_readahead=1):
        rows = batch.column(COLUMN).flatten().to_numpy().reshape(-1, queries.shape[1])
        cosines = queries @ rows.T
        cosines[batch.column("id").to_numpy()[None] == ids[:, None]] = -np.inf
        best = -np.partition(-np.concatenate([best, cosines], 1), K - 1, 1)[:, :K]
        done += len(rows)
        tell(done, total, "looking at all images, to check the index")
    return best.min(1)


def _recall(
    dataset: lance.LanceDataset, ids: np.ndarray, queries: np.ndarray, truth: np.ndarray, effort: tuple[int, int]
) -> tuple[float, float]:
    """Share of the ten nearest that are found, equally near ones counting alike, and the median seconds of a query."""
    hits, seconds = 0, []
    for image, query, least in zip(ids, queries, truth, strict=True):
        started = time.perf_counter()
        found, cosines = _ask(dataset, query[None], K + 1, effort)
        seconds.append(time.perf_counter() - started)
        hits += int((cosines[found != image][:K] >= least - 1e-6).sum())
    return hits / (K * len(ids)), float(np.median(seconds))


def _ask(
    dataset: lance.LanceDataset, query: np.ndarray, k: int, effort: tuple[int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    query = np.ascontiguousarray(query, np.float32).reshape(-1)
    wanted = {"column": COLUMN, "q": query, "k": int(k), "use_index": effort is not None, "metric": "L2"}
    if effort is not None:
        wanted |= {"nprobes": effort[0], "refine_factor": effort[1]}
    found = dataset.to_table(columns=["id", COLUMN, "_distance"], nearest=wanted)
    rows = found.column(COLUMN).combine_chunks().flatten().to_numpy().reshape(-1, len(query))
    images, cosines = found.column("id").to_numpy().astype(np.int64), rows @ query
    order = np.lexsort((images, -cosines))
    return images[order], cosines[order]
