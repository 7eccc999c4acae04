"""Maps of latent vectors in two or three dimensions, and how far to trust them."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch

from explorer.analysis.neighbours import BLOCK, Centred, finite, nearest

Report = Callable[[float, str], None]  # share done in [0, 1], what is being done; may raise to cancel


def umap_map(
    vectors: np.ndarray,
    dims: int = 2,
    neighbours: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    progress: Report | None = None,
    epochs: int | None = None,
) -> np.ndarray:
    """UMAP of vectors by Euclidean distance: (M, D) -> (M, dims) float32, the same for the same seed.

    The layout is umap-learn's. Differs from its defaults where those cost time without a better map: neighbours are
    exact and searched here, the start is PCA instead of a spectral layout (Kobak and Linderman, 2021), and 200 epochs
    do for more than 2,000 points. Distances on the map mean little; who is near whom is what it keeps, as far as
    `trustworthiness` says.

    Args:
        neighbours: size of a neighbourhood, the point itself counted, as in umap-learn; cut to M - 1 where M is small.
        min_dist: how tightly points may pack, in units of the map.
        progress: called with the share done and a message.

    Raises:
        ValueError: NaN or infinity in vectors, fewer than 2 neighbours, or dims below 1.

    Source: McInnes, Healy and Melville, UMAP: Uniform Manifold Approximation and Projection, 2018.
    """
    if neighbours < 2 or dims < 1:
        raise ValueError(f"a map needs at least 2 neighbours and 1 dimension; got {neighbours} and {dims}")
    report = progress or (lambda share, message: None)
    points = finite(vectors)
    if len(points) < 4:
        return pca_map(vectors, dims)
    report(0.0, "searching neighbours")
    neighbours = min(neighbours, len(points) - 1)
    index, distances = nearest(
        points, neighbours - 1, progress=lambda done, total: report(0.2 * done / total, "searching neighbours")
    )
    itself = np.arange(len(points))[:, None]
    report(0.2, "preparing the layout")
    from umap import UMAP  # takes seconds to import, and its first layout to compile

    layout = UMAP(
        n_neighbors=neighbours,
        n_components=dims,
        min_dist=min_dist,
        n_epochs=epochs or (500 if len(points) <= 2_000 else 200),
        init=_start(pca_map(vectors, dims), np.random.default_rng(seed)),
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(np.hstack([itself, index]), np.hstack([np.zeros(itself.shape, np.float32), distances])),
        tqdm_kwds={"file": _Epochs(report), "disable": False, "bar_format": "{n_fmt}/{total_fmt}", "mininterval": 0.2},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that new points cannot be placed later, which is not asked for
        places = layout.fit_transform(points.float().numpy())
    report(1.0, "laid out")
    return np.ascontiguousarray(places, np.float32)


class _Epochs:
    """Stands for the terminal that umap-learn draws its progress bar on: `12/200` becomes a report."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def write(self, text: str) -> None:
        done, _, total = text.strip().partition("/")
        if done.isdigit() and total.isdigit():
            self.report(0.2 + 0.8 * int(done) / int(total), "laying out")

    def flush(self) -> None:
        """Nothing is held back."""


def pca_map(vectors: np.ndarray, dims: int = 2) -> np.ndarray:
    """Projection on the main directions of variance: (M, D) -> (M, dims) float32, zeros where D < dims.

    The sign of a direction is arbitrary; here its largest entry is positive, so that the map is always the same.
    No copy of all vectors in float64 is made.
    """
    return pca(vectors, dims)[0]


def explained_variance(vectors: np.ndarray, dims: int = 2) -> np.ndarray:
    """Share of the variance along each of the main directions: (M, D) -> (dims,), falling, sum ≤ 1."""
    return pca(vectors, dims)[1]


def pca(vectors: np.ndarray, dims: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """`pca_map` and `explained_variance` at once."""
    projected, shares = np.zeros((len(vectors), dims), np.float32), np.zeros(dims)
    points = Centred(vectors)
    if len(projected) < 2:
        return projected, shares
    # eigenvectors of (D, D): a hundred times cheaper than the SVD of (M, D) for many points
    variances, directions = torch.linalg.eigh(sum(part.T @ part for part in points.parts()))
    variances, directions = variances.flip(0).clamp_min(0), directions.flip(1)[:, :dims]
    largest = directions.abs().argmax(0)
    directions = directions * directions[largest, torch.arange(directions.shape[1])].sign()
    placed = [(part @ directions).float() for part in points.parts()]
    projected[:, : directions.shape[1]] = torch.cat(placed).numpy()
    if float(variances.sum()) > 0:
        shares[: len(variances)] = (variances / variances.sum())[:dims].numpy()
    return projected, shares


def trustworthiness(high: np.ndarray, low: np.ndarray, k: int = 15, sample: int | None = 2_000, seed: int = 0) -> float:
    """How far neighbours on the map are neighbours in truth: 1 is perfect, about 0.5 is a random map.

    Every point on the map that is among a point's k nearest there, but has rank r > k among all points in the
    original space, costs r - k. Exact for a random sample of query points against all points, so that memory stays at
    a block of distances; `sample=None` queries all of them. Equal distances share the better rank.

    Args:
        high: (M, D) vectors. low: (M, d) their places on the map. k: neighbours, below M / 2.

    Returns:
        A number in [0, 1].

    Source: Venna and Kaski, Neighborhood preservation in nonlinear projection methods, 2001.
    """
    first, second = finite(high), finite(low)
    total = len(first)
    if len(second) != total:
        raise ValueError(f"{total:,} vectors but {len(second):,} places on the map")
    if not 1 <= k < total / 2:
        raise ValueError(f"trustworthiness needs 1 ≤ k < half the number of points; got k = {k} of {total} points")
    queries = np.arange(total)
    if sample is not None and sample < total:
        queries = np.sort(np.random.default_rng(seed).choice(total, sample, replace=False))
    found = torch.as_tensor(nearest(second, k, queries=queries)[0])  # (Q, k)
    half_norms = first.square().sum(1) / 2
    cost, start = 0, 0
    for part in torch.as_tensor(queries).split(max(1, BLOCK // total)):
        distance = torch.addmm(half_norms, first[part], first.T, alpha=-1)  # orders points by distance from the query
        distance[torch.arange(len(part)), part] = torch.inf  # a point is not its own neighbour
        of_found = distance.gather(1, found[start : start + len(part)])
        ranks = torch.stack([(distance < of_found[:, j, None]).sum(1) + 1 for j in range(k)], 1)
        cost += int((ranks - k).clamp_min(0).sum())
        start += len(part)
    return 1 - 2 * cost / (len(queries) * k * (2 * total - 3 * k - 1))


def _start(places: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Places (M, d) scaled to [0, 10] along each axis, with noise that tells equal points apart."""
    scale = float(np.abs(places).max())
    places = places * (10 / scale) if scale > 0 else places
    places = places + generator.normal(scale=1e-4, size=places.shape)
    span = np.ptp(places, axis=0)
    return (10 * (places - places.min(0)) / np.where(span > 0, span, 1)).astype(np.float32)
