"""The points of a map of latents: where they lie, what they are coloured by, what near ones share, what is near."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.lazy import cached_property
from explorer.results import maps
from explorer.study.colouring import CODE, PSNR, TOKENS, Column, codes, colouring, column, is_continuous, labels, unit

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.placing import Neighbours
    from explorer.analysis.trust import Asked
    from explorer.study import Picture, Study

__all__ = [
    "CODE", "PSNR", "TOKENS", "Column", "Points", "codes", "colouring", "colourings", "column", "find", "find_pca",
    "is_continuous", "labels", "notes", "pictures", "thumbnails", "unit",
]  # fmt: skip

CONCEPTS = 6  # named when hovering
SIDES = (128, 96, 64, 48, 32, 24)  # of a thumbnail in pixels; as large as so many pixels in all allow
PIXELS = 6_500_000


@dataclass(frozen=True, eq=False)
class Points:
    """One map and what it is of.

    Attributes:
        key: content key of the map. options: how it was made.
        table: `id, x, y` (, `z`; for patches `image`, `position`), a row for each point.
        facts: how far to trust it, and what else its file says.
        line: whether a latent is one number, so that there is nothing to project.
        asked: of a map of many points, those whose neighbours are known; None where all can be asked.
    """

    key: str
    options: maps.Options
    table: pd.DataFrame = field(repr=False)
    facts: dict[str, Any] = field(repr=False)
    line: bool = False
    asked: Asked | None = field(default=None, repr=False)

    @cached_property
    def places(self) -> np.ndarray:
        """(M, 2) or (M, 3) float32."""
        return np.array(self.table[["x", "y", "z"][: self.options.dims]], np.float32)

    @cached_property
    def charted(self) -> np.ndarray:
        """(M, 2) or (M, 3) float32, where the points are drawn: their places, or dots stacked over a line."""
        if not self.line:
            return self.places
        from explorer.analysis.dots import stack

        return stack(self.places[:, 0])

    @property
    def ids(self) -> np.ndarray:
        """(M,) image of each point, or its code on a map of codes."""
        return self.table["image" if self.options.what == "patches" else "id"].to_numpy()

    @property
    def rows(self) -> np.ndarray | None:
        """(M,) image of each point; None for codes."""
        return None if self.options.what == "codebook" else self.ids


def find(study: Study, options: maps.Options) -> Points | None:
    """The points of a map; None where it is not there yet."""
    options = maps.complete(study.subject, options)
    found = study.result("map", options)
    return None if found is None else _points(study, options, found)


def find_pca(study: Study, options: maps.Options) -> Points:
    """The points of a PCA, made now if it is not there; it takes no time."""
    options = replace(maps.complete(study.subject, options), method="pca")
    return _points(study, options, study.make("map", options))


def _points(study: Study, options: maps.Options, found: maps.Map) -> Points:
    key = maps.key(study.subject, options)
    return Points(key, options, found.table, found.facts, study.layer(options.layer).dim == 1, found.asked)


def of_images(study: Study, layer: str) -> Points:
    """The map of images of a layer: its UMAP where there is one, else the two main directions."""
    return find(study, maps.Options(layer)) or study.remember(find_pca, maps.Options(layer))


def pca_trust(study: Study, points: Points) -> float:
    """Trustworthiness of PCA on the same points, the baseline of a UMAP."""
    if "trustworthiness_pca" in points.facts:
        return float(points.facts["trustworthiness_pca"]["mean"])
    return float(study.remember(find_pca, points.options).facts["trustworthiness"])


def available(study: Study, layer: str, what: str) -> int:
    """How many points a map could have."""
    if what == "codebook":
        return len(study.book(layer))
    return len(study.images) * (int(study.encoding.facts["samples"][layer]) if what == "patches" else 1)


# ------------------------------------------------------------------------------------------------- what near ones share


def shared(study: Study, points: Points) -> dict[str, tuple[float, float]]:
    """Of each discrete concept: how often neighbours on the map share their value, and how often by chance."""
    from explorer.analysis.points import agreement

    table = study.concepts()
    names = [name for name in table.columns if not is_continuous(table[name])]
    if points.rows is None or not names:
        return {}
    near, queries = study.remember(_on_map, points), None if points.asked is None else points.asked.queries
    return {str(name): agreement(near, labels(study, name)[points.rows], queries) for name in names}


def telling(study: Study, points: Points) -> list[str]:
    """Concepts by how much they can tell, then by what neighbours on the map share beyond chance."""
    return list(study.remember(_by_what_they_tell, points))


def _by_what_they_tell(study: Study, points: Points) -> list[str]:
    from explorer.analysis.points import beyond_chance
    from explorer.datasets.sources import rank

    told = study.remember(shared, points)
    scores = {name: beyond_chance(*both) for name, both in told.items() if both[0] == both[0]}
    table = study.concepts()
    return sorted(map(str, table.columns), key=lambda name: (rank(table[name]), -scores.get(name, -1.0)))


@dataclass(frozen=True)
class Agreement:
    """How often near points have the same value of a concept: on the map, in the latents, and by chance.

    Attributes:
        map, latents: share of neighbours, with its 95 % interval. chance: share among any other points.
        points, images, k: points asked, images that they are of, neighbours of each.
    """

    map: tuple[float, float, float]
    latents: tuple[float, float, float]
    chance: float
    points: int
    images: int
    k: int


def agreement(study: Study, points: Points, concept: str) -> Agreement | None:
    """How far map and latents follow a discrete concept; None where that cannot be said."""
    told = study.remember(shared, points).get(concept)
    if told is None or told[0] != told[0]:
        return None
    from explorer.analysis.points import agreement_interval

    of, queries = labels(study, concept)[points.rows], None if points.asked is None else points.asked.queries
    both = [study.remember(_on_map, points), study.remember(_in_truth, points)]
    shares = [agreement_interval(near, of, points.rows, queries) for near in both]
    images = points.rows if queries is None else points.rows[queries]
    return Agreement(*shares, told[1], len(images), len(np.unique(images)), both[0].shape[1])


def _on_map(study: Study, points: Points) -> np.ndarray:
    """(Q, k) nearest points on the map of each that is asked: of all, or of some of many."""
    from explorer.analysis.neighbours import nearest

    known = points.asked
    return nearest(points.places, int(points.facts["trustworthiness_k"]))[0] if known is None else known.on_map


def _in_truth(study: Study, points: Points) -> np.ndarray:
    """(Q, k) nearest points of the same among the latents."""
    from explorer.analysis.neighbours import nearest

    if points.asked is not None:
        return points.asked.latents
    return nearest(study.remember(latents, points), int(points.facts["trustworthiness_k"]))[0]


def latents(study: Study, points: Points) -> np.ndarray:
    """(M, D) float32 that the map was made of: of images averaged over the grid, of patches, or vectors of codes."""
    options = points.options
    if options.what == "codebook":
        return study.vectors(options.layer)[points.ids]
    if options.what == "patches":
        return study.encoding.patches(options.layer, options.points, options.seed)[0]
    if len(points.ids) == len(study.images):
        return study.encoding.pooled(options.layer)
    return study.encoding.pooled(options.layer)[points.ids]


# ------------------------------------------------------------------------------------------------------- a new picture


def near(study: Study, points: Points, picture: Picture, count: int) -> tuple[Neighbours, np.ndarray]:
    """The images on a map of images that are most like a picture, and the picture's place (2,) or (3,) on it."""
    from explorer.analysis import placing

    layer = points.options.layer
    vector = study.look(picture).latents[layer].mean((0, 1))
    known, gaps = study.remember(latents, points), study.remember(_gaps, points)
    found = placing.find(vector, known, gaps, max(count, placing.K))
    return found, placing.place(found.distances[: placing.K], points.places[found.rows[: placing.K]])


def _gaps(study: Study, points: Points) -> np.ndarray:
    """(Q,) distance of each point that is asked to its nearest other."""
    from explorer.analysis import placing

    known, vectors = points.asked, study.remember(latents, points)
    return placing.gaps(vectors) if known is None else placing.apart(vectors, known.queries, known.latents[:, :1])[:, 0]


def missed(study: Study, points: Points) -> float:
    """How far placing by neighbours misses known images; see `placing.placing_error`."""
    from explorer.analysis import placing

    if "placing_error" in points.facts:
        return float(points.facts["placing_error"])
    known, vectors = points.asked, study.remember(latents, points)
    if known is None:
        return placing.placing_error(vectors, points.places)
    near = known.latents[:, : placing.K]
    return placing.error_of(
        points.places[known.queries], points.places, near, placing.apart(vectors, known.queries, near)
    )


# ------------------------------------------------------------------------------------------------------------- colours


def colourings(study: Study, points: Points) -> list[str]:
    """What the points can be coloured by: first what neighbours share most beyond chance."""
    names = telling(study, points)
    names += [name for name in map(str, study.known().columns) if name not in names]
    last = [PSNR] if study.encoding.facts["errors_of"] else []
    return [CODE, TOKENS, *names, *last] if points.rows is None else [*names, *last, CODE]


# ---------------------------------------------------------------------------------------------- thumbnails, hover text


def pictures(study: Study, points: Points, which: np.ndarray, side: int) -> np.ndarray:
    """The image of each of some points, or its patch in its surroundings: (m, s, s, 3) uint8, s near `side`."""
    from explorer.analysis.patches import smaller, tiles

    layer = points.options.layer
    if points.rows is None:
        return study.tiles(layer, points.ids[which])
    pixels = study.shown.read(points.rows[which])
    if points.options.what == "patches":
        return tiles(pixels, points.table["position"].to_numpy()[which], study.layer(layer).grid, side)
    return smaller(pixels, side)


def thumbnails(study: Study, points: Points) -> np.ndarray:
    """A picture of every point, the larger the fewer there are: (M, s, s, 3) uint8."""
    count = len(points.table)
    side = next((side for side in SIDES if count * side**2 <= PIXELS), SIDES[-1])
    parts = np.array_split(np.arange(count), -(-count // 512))  # pixels of so many at once
    return np.concatenate([pictures(study, points, part, side) for part in parts])


def notes(
    study: Study, points: Points, names: tuple[tuple[int, str], ...] = (), which: np.ndarray | None = None
) -> np.ndarray:
    """(M,) what hovering over each point, or each of some, says: name, concepts, error and code, safe as HTML."""
    of_points = (study.remember(codes, points) if which is None else codes(study, points, which)).tolist()
    which = slice(None) if which is None else which
    if points.rows is None:
        tokens = study.usage(points.options.layer)[points.ids[which]]
        called = {code: f" {html.escape(name)}" for code, name in names}
        told = zip(of_points, tokens, strict=True)
        return np.array([f"<b>code {code:,}</b>{called.get(code, '')}<br>{n:,} tokens" for code, n in told], object)
    rows = points.rows[which]
    columns = [[f"<b>image {row:,}</b>" for row in rows]]
    if points.options.what == "patches":
        width = study.layer(points.options.layer).grid[1]
        where = np.divmod(points.table["position"].to_numpy()[which], width)
        columns.append([f"row {row}, column {column}" for row, column in zip(*where, strict=True)])
    table = study.concepts().iloc[rows]
    for name in list(table.columns)[:CONCEPTS]:
        title, real = html.escape(str(name))[:40], is_continuous(table[name])
        columns.append([f"{title}: {_said(value, real)}" for value in table[name]])
    if study.encoding.facts["errors_of"]:
        psnr = study.errors()["psnr"].to_numpy()[rows]
        columns.append(["PSNR: –" if value != value else f"PSNR: {value:.1f} dB" for value in psnr])
    most = "code" if points.options.what == "patches" else "most frequent code"
    columns.append([f"{most}: {code:,}" for code in of_points])
    return np.array(["<br>".join(line) for line in zip(*columns, strict=True)], object)


def _said(value: object, real: bool) -> str:
    if value is None or value != value:
        return "–"
    return f"{value:.3g}" if real else html.escape(str(value)[:40])
