"""Maps of latent vectors in two or three dimensions, and how far to trust them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from explorer.analysis.neighbours import BLOCK, finite, nearest

if TYPE_CHECKING:
    from scipy.sparse import coo_array

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

    Differs from umap-learn's defaults where that costs time without a better map: neighbours are exact, the start is
    PCA instead of a spectral layout (Kobak and Linderman, 2021), and 200 epochs do for more than 2,000 points.
    Distances on the map mean little; who is near whom is what it keeps, as far as `trustworthiness` says.

    Args:
        neighbours: size of a neighbourhood, the point itself counted, as in umap-learn; cut to M where there are fewer.
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
    if len(points) < 3:
        return pca_map(vectors, dims)
    report(0.0, "searching neighbours")
    index, distances = nearest(
        points, neighbours - 1, progress=lambda done, total: report(0.2 * done / total, "searching neighbours")
    )
    epochs = epochs or (500 if len(points) <= 2_000 else 200)
    report(0.2, "preparing the layout")
    graph = _neighbour_graph(index, distances, epochs)
    generator = np.random.default_rng(seed)
    start = _start(pca_map(vectors, dims), generator)
    return _lay_out(start, graph, _curve(min_dist), epochs, generator, report)


def pca_map(vectors: np.ndarray, dims: int = 2) -> np.ndarray:
    """Projection on the main directions of variance: (M, D) -> (M, dims) float32, zeros where D < dims.

    The sign of a direction is arbitrary; here its largest entry is positive, so that the map is always the same.
    """
    points = finite(vectors)
    projected = np.zeros((len(points), dims), np.float32)
    if len(points) < 2:
        return projected
    # eigenvectors of (D, D): a hundred times cheaper than the SVD of (M, D) for many points
    _, directions = torch.linalg.eigh(points.double().T @ points.double())
    directions = directions.flip(1)[:, :dims]
    largest = directions.abs().argmax(0)
    directions = directions * directions[largest, torch.arange(directions.shape[1])].sign()
    projected[:, : directions.shape[1]] = (points.double() @ directions).numpy()
    return projected


def explained_variance(vectors: np.ndarray, dims: int = 2) -> np.ndarray:
    """Share of the variance along each of the main directions: (M, D) -> (dims,), falling, sum ≤ 1."""
    points = finite(vectors).double()
    shares = np.zeros(dims)
    variances = torch.linalg.eigvalsh(points.T @ points).flip(0).clamp_min(0)
    if len(points) and float(variances.sum()) > 0:
        shares[: len(variances)] = (variances / variances.sum())[:dims].numpy()
    return shares


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


def _neighbour_graph(index: np.ndarray, distances: np.ndarray, epochs: int) -> coo_array:
    """Fuzzy union of the neighbourhoods: (M, k) neighbours and distances -> symmetric weights in (0, 1].

    Within a neighbourhood a weight is exp(-(d - rho) / sigma), rho the nearest distance above zero, and sigma such that
    the weights sum to log2(k + 1). Edges too weak to be drawn once in `epochs` are dropped. Source: section 3.1.
    """
    from scipy.sparse import coo_array

    rows, k = index.shape
    positive = np.where(distances > 0, distances, np.inf)
    nearest_distance = np.where(np.isfinite(positive.min(1)), positive.min(1), 0).astype(np.float64)
    beyond = np.maximum(distances - nearest_distance[:, None], 0).astype(np.float64)
    target = np.log2(k + 1)
    low, high = np.zeros(rows), np.full(rows, np.inf)
    sigma = np.ones(rows)
    for _ in range(64):
        too_many = np.exp(-beyond / sigma[:, None]).sum(1) > target
        high, low = np.where(too_many, sigma, high), np.where(too_many, low, sigma)
        sigma = np.where(np.isinf(high), low * 2, (low + high) / 2)
    # a floor, as in umap-learn: ties must not make a neighbourhood a single point
    own = distances.mean(1) * k / (k + 1)
    sigma = np.maximum(sigma, 1e-3 * np.where(nearest_distance > 0, own, max(float(own.mean()), 1e-12)))
    weights = np.exp(-beyond / sigma[:, None]).astype(np.float32)
    directed = coo_array((weights.ravel(), (np.repeat(np.arange(rows), k), index.ravel())), shape=(rows, rows)).tocsr()
    both = directed.multiply(directed.T)
    graph = (directed + directed.T - both).tocoo()
    keep = graph.data >= graph.data.max() / epochs
    return coo_array((graph.data[keep], (graph.row[keep], graph.col[keep])), shape=graph.shape)


def _curve(min_dist: float) -> tuple[float, float]:
    """a, b of 1 / (1 + a d^2b), fitted to a curve that is 1 up to min_dist and falls off as exp(min_dist - d)."""
    from scipy.optimize import curve_fit

    distance = np.linspace(0, 3, 300)
    wanted = np.where(distance < min_dist, 1.0, np.exp(min_dist - distance))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), distance, wanted)
    return float(a), float(b)


def _start(places: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Places (M, d) scaled to [0, 10] along each axis, with noise that tells equal points apart."""
    scale = float(np.abs(places).max())
    places = places * (10 / scale) if scale > 0 else places
    places = places + generator.normal(scale=1e-4, size=places.shape)
    span = np.ptp(places, axis=0)
    return (10 * (places - places.min(0)) / np.where(span > 0, span, 1)).astype(np.float32)


def _lay_out(points, graph, curve, epochs, generator, report: Report) -> np.ndarray:
    """Runs the epochs, the learning rate falling from 1 to 0; centred places (M, d) float32."""
    from explorer.analysis.layout import run_epoch  # numba takes a moment to import and, once, to compile

    negatives = np.float32(5)
    period = (graph.data.max() / graph.data).astype(np.float32)
    due, negative_due = period.copy(), period / negatives
    heads, tails = graph.row.astype(np.int32), graph.col.astype(np.int32)
    state = generator.integers(1, 2**63, 1, dtype=np.uint64)
    a, b = (np.float32(value) for value in curve)
    for epoch in range(epochs):
        alpha = np.float32(1 - epoch / epochs)
        run_epoch(points, heads, tails, period, due, negative_due, negatives, epoch, alpha, a, b, state)
        report(0.2 + 0.8 * (epoch + 1) / epochs, "laying out")
    return points - points.mean(0)
