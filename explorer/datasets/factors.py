"""Names of the factors of sets that are known by heart: dSprites and 3dshapes."""

from __future__ import annotations

import numpy as np
import pandas as pd

DSPRITES = ("color", "shape", "scale", "orientation", "posX", "posY")
DSPRITES_SHAPES = ("square", "ellipse", "heart")
SHAPES3D = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")


def named(file: str, shape: tuple[int, ...], values: dict[str, np.ndarray]) -> dict[str, object] | None:
    """Columns of factors under their names; None where the arrays are of no set that is known.

    Args:
        file: name of the file, without its ending.
        shape: of the pictures.
        values: arrays of the file by name, each (n, columns).

    dSprites (github.com/deepmind/dsprites-dataset): `latents_classes` and `latents_values`, six columns each; of colour
    and shape the class is the factor, of the others the value. 3dshapes (github.com/deepmind/3d-shapes): `labels`.
    """
    classes, held = values.get("latents_classes"), values.get("latents_values")
    six = [one for one in (classes, held) if one is not None and one.shape[1] == len(DSPRITES)]
    if six and len(six) == len(values):
        first = classes if classes is not None else held
        found = {name: (held if held is not None else classes)[:, place] for place, name in enumerate(DSPRITES)}
        found["color"] = first[:, 0]
        kinds = first[:, 1].astype(np.int64) - (classes is None)
        kinds = np.where((kinds >= 0) & (kinds < len(DSPRITES_SHAPES)), kinds, -1)
        return found | {"shape": pd.Categorical.from_codes(kinds, categories=DSPRITES_SHAPES)}
    labels = values.get("labels") if "shapes" in file.lower() and shape[1:] == (64, 64, 3) else None
    if len(values) == 1 and labels is not None and labels.shape[1] == len(SHAPES3D):
        return {name: labels[:, place] for place, name in enumerate(SHAPES3D)}
    return None
