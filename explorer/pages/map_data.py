"""What the Latent map page shows, cached by keys: maps, colours of points, thumbnails, and what hovering says."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from explorer.pages import code_data, session
from explorer.pages.bridge import Sprite, sprite_sheet
from explorer.results import maps

if TYPE_CHECKING:
    from explorer.datasets import Images
    from explorer.encodings import Encoding

LARGEST = 10_000  # points on the page: as many thumbnails are about 3 MB
CONCEPTS = 6  # named when hovering
UNITS = {  # of the concepts that are known here; other datasets do not say theirs
    ("shapes", "x"): "fraction of the width",
    ("shapes", "y"): "fraction of the height",
    ("shapes", "angle"): "degrees clockwise",
}
PSNR, CODE, TOKENS = "Error (PSNR)", "Code", "Tokens"


@dataclass(frozen=True)
class Shown:
    """One map and what it is of.

    Attributes:
        key: content key of the map, part of every cache key below.
        table: `id, x, y` (, `z`; for patches `image`, `position`), a row for each point.
        facts: how the map was made and how far to trust it.
    """

    selection: session.Selection
    encoding: Encoding
    images: Images
    options: maps.Options
    key: str
    path: Path
    table: pd.DataFrame
    facts: dict[str, Any]

    @property
    def layer(self) -> str:
        return self.options.layer

    @property
    def places(self) -> np.ndarray:
        """(M, 2) or (M, 3) float32."""
        return np.array(self.table[["x", "y", "z"][: self.options.dims]], np.float32)

    @property
    def line(self) -> bool:
        """Whether a latent is one number, so that there is nothing to project."""
        return self.encoding.layer(self.layer).dim == 1

    @property
    def charted(self) -> np.ndarray:
        """(M, 2) or (M, 3) float32, where the points are drawn: their places, or dots stacked over a line."""
        if not self.line:
            return self.places
        from explorer.analysis.dots import stack

        return stack(self.places[:, 0])

    @property
    def rows(self) -> np.ndarray | None:
        """(M,) image of each point; None for codes."""
        if self.options.what == "codebook":
            return None
        return self.table["image" if self.options.what == "patches" else "id"].to_numpy()

    @property
    def file(self) -> str:
        options = self.options
        return f"{self.selection.checkpoint.name}-{options.layer}-{options.what}-{options.method}-{options.dims}d"


@st.cache_data(max_entries=32, show_spinner=False)
def read(path: str, modified: float) -> maps.Map:
    return maps.read(Path(path))


def pca_trust(shown: Shown) -> float:
    """Trustworthiness of PCA on the same points, the baseline of a UMAP map."""
    options = replace(shown.options, method="pca")
    return _pca_trust(maps.key(shown.encoding, options), options, shown.encoding)


@st.cache_data(max_entries=64, show_spinner="Comparing with PCA …")
def _pca_trust(key: str, options: maps.Options, _encoding: Encoding) -> float:
    return maps.read(maps.make(_encoding, options)).facts["trustworthiness"]


@st.cache_data(max_entries=16, show_spinner=False)
def concepts(key: str, _encoding: Encoding) -> pd.DataFrame:
    return _encoding.concepts()


def is_continuous(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column)


def unit(shown: Shown, concept: str) -> str:
    return UNITS.get((Path(shown.selection.dataset).name, concept), "")


# ------------------------------------------------------------------------------------------------------------- colours


def colourings(shown: Shown) -> list[str]:
    """What the points can be coloured by: discrete concepts first, and of those what neighbours most agree on."""
    found = concepts(shown.encoding.facts["key"], shown.encoding)
    told = agreements(shown)
    names = sorted(map(str, found.columns), key=lambda name: -told.get(name, (0, 0, -1.0))[2])
    last = [PSNR] if shown.encoding.facts["errors_of"] else []
    last += [CODE] if shown.options.what != "codebook" else []
    first = [CODE, TOKENS] if shown.options.what == "codebook" else []
    return [*first, *names, *last]


def agreements(shown: Shown) -> dict[str, tuple[float, float, float]]:
    """Of each discrete concept: how often neighbours on the map share their value, by chance, and how far beyond it."""
    return _agreements(shown.key, shown)


@st.cache_data(max_entries=32, show_spinner="Asking the points' neighbours …")
def _agreements(key: str, _shown: Shown) -> dict[str, tuple[float, float, float]]:
    from explorer.analysis.neighbours import nearest
    from explorer.analysis.points import agreement, beyond_chance

    found = concepts(_shown.encoding.facts["key"], _shown.encoding)
    discrete = [str(name) for name in found.columns if not is_continuous(found[name])]
    if _shown.rows is None or not discrete:
        return {}
    neighbours = nearest(_shown.places, int(_shown.facts["trustworthiness_k"]))[0]
    shares = {name: agreement(neighbours, found[name].to_numpy(object)[_shown.rows]) for name in discrete}
    return {name: (*both, beyond_chance(*both)) for name, both in shares.items()}


def colouring(shown: Shown, by: str) -> tuple[np.ndarray, str, str]:
    """Values (M,) of the points, their kind for `plots.latent_map`, and their name with the unit."""
    return _colouring(shown.key, by, shown)


@st.cache_data(max_entries=64, show_spinner="Colouring the points …")
def _colouring(key: str, by: str, _shown: Shown) -> tuple[np.ndarray, str, str]:
    if by == CODE:
        return point_codes(_shown), "code", "code"
    if by == TOKENS:
        from explorer.analysis.points import log_tokens

        tokens = _shown.encoding.usage(_shown.layer)[_shown.table["id"].to_numpy()]
        return log_tokens(tokens), "continuous", "tokens (log₁₀)"
    if by == PSNR:
        values, continuous, title = _shown.encoding.errors()["psnr"].to_numpy(), True, "PSNR (dB)"
    else:
        column = concepts(_shown.encoding.facts["key"], _shown.encoding)[by]
        values, continuous = column.to_numpy(), is_continuous(column)
        title = f"{by} ({unit(_shown, by)})" if unit(_shown, by) else by
        values = values if continuous else column.astype(object).where(column.notna(), None).to_numpy()
    kind = "continuous" if continuous else "discrete"
    if _shown.rows is not None:
        return values[_shown.rows], kind, title
    return _of_codes(_shown, values, continuous), kind, f"mean {title}" if continuous else f"most tokens' {title}"


def _of_codes(shown: Shown, values: np.ndarray, continuous: bool) -> np.ndarray:
    from explorer.analysis.points import mean_of_codes, value_of_codes

    size = len(shown.encoding.codebook(shown.layer))
    of = mean_of_codes if continuous else value_of_codes
    return of(shown.encoding.codes(shown.layer), values, size)[shown.table["id"].to_numpy()]


def point_codes(shown: Shown) -> np.ndarray:
    """(M,) code of each point: a patch's own, an image's most frequent one."""
    return _point_codes(shown.key, shown)


@st.cache_data(max_entries=32, show_spinner=False)
def _point_codes(key: str, _shown: Shown) -> np.ndarray:
    from explorer.analysis.points import most_frequent

    if _shown.rows is None:
        return _shown.table["id"].to_numpy()
    codes = image_codes(_shown)
    if _shown.options.what == "images":
        return most_frequent(codes, len(_shown.encoding.codebook(_shown.layer)))
    cells = codes.reshape(len(codes), -1)
    return cells[np.arange(len(cells)), _shown.table["position"].to_numpy()].astype(np.int64)


def image_codes(shown: Shown) -> np.ndarray:
    """(M, H, W) codes of each point's image; of all images, (N, H, W), where the points are codes."""
    return shown.encoding.codes(shown.layer, shown.rows)


# ---------------------------------------------------------------------------------------------- thumbnails, hover text


def sprite(shown: Shown) -> Sprite | None:
    """A thumbnail of each point, or None where there are too many."""
    return _sprite(shown.key, shown.images.fingerprint, shown) if len(shown.table) <= LARGEST else None


@st.cache_data(max_entries=8, show_spinner="Cutting out the thumbnails …")
def _sprite(key: str, fingerprint: str, _shown: Shown) -> Sprite:
    tile = code_data.TILE if len(_shown.table) <= 5_000 else 24
    if _shown.rows is None:
        return sprite_sheet(pictures(_shown, np.arange(len(_shown.table)), tile), tile)
    blocks = np.array_split(np.arange(len(_shown.table)), -(-len(_shown.table) // 512))  # pixels of so many at once
    return sprite_sheet(np.concatenate([pictures(_shown, block, tile) for block in blocks]), tile)


def pictures(shown: Shown, points: np.ndarray, side: int) -> np.ndarray:
    """The image of each of some points, or its patch in its surroundings: (m, s, s, 3) uint8, s near `side`."""
    from explorer.analysis.patches import tiles

    if shown.rows is None:
        return code_data.thumbnails(shown.encoding, shown.images, shown.layer)[shown.table["id"].to_numpy()[points]]
    pixels = shown.images.read(shown.rows[points])
    if shown.options.what == "patches":
        grid = shown.encoding.layer(shown.layer).grid
        return tiles(pixels, shown.table["position"].to_numpy()[points], grid, side)
    return shrink(pixels, side)


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Images (m, h, h, 3) uint8 at most `side` pixels wide, each pixel the mean of what it covers."""
    import torch
    from torch.nn.functional import interpolate

    if pixels.shape[1] <= side:
        return pixels
    small = interpolate(torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), (side, side), mode="area")
    return small.round().byte().permute(0, 2, 3, 1).numpy()


def notes(shown: Shown) -> np.ndarray:
    """(M,) what hovering over each point says: name, concepts, error and code, safe as HTML."""
    return _notes(shown.key, shown)


@st.cache_data(max_entries=16, show_spinner=False)
def _notes(key: str, _shown: Shown) -> np.ndarray:
    codes = point_codes(_shown).tolist()
    if _shown.rows is None:
        tokens = _shown.encoding.usage(_shown.layer)[_shown.table["id"].to_numpy()].tolist()
        lines = [[f"<b>code {code:,}</b>", f"{count:,} tokens"] for code, count in zip(codes, tokens, strict=True)]
        return np.array(["<br>".join(line) for line in lines], object)
    rows = _shown.rows
    columns = [[f"<b>image {row:,}</b>" for row in rows]]
    if _shown.options.what == "patches":
        width = _shown.encoding.layer(_shown.layer).grid[1]
        where = np.divmod(_shown.table["position"].to_numpy(), width)
        columns.append([f"row {row}, column {column}" for row, column in zip(*where, strict=True)])
    table = concepts(_shown.encoding.facts["key"], _shown.encoding).iloc[rows]
    for name in list(table.columns)[:CONCEPTS]:
        title, real = html.escape(str(name))[:40], is_continuous(table[name])
        values = [("–" if value != value else f"{value:.3g}") if real else _text(value) for value in table[name]]
        columns.append([f"{title}: {value}" for value in values])
    if _shown.encoding.facts["errors_of"]:
        psnr = _shown.encoding.errors()["psnr"].to_numpy()[rows]
        columns.append(["PSNR: –" if value != value else f"PSNR: {value:.1f} dB" for value in psnr])
    most = "code" if _shown.options.what == "patches" else "most frequent code"
    columns.append([f"{most}: {code:,}" for code in codes])
    return np.array(["<br>".join(line) for line in zip(*columns, strict=True)], object)


def _text(value: object) -> str:
    return "–" if value is None or value != value else html.escape(str(value)[:40])
