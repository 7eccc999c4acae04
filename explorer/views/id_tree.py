"""The tree of ids with pictures, and the id of one image."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.results import id_choices
from explorer.results import ids as made
from explorer.sheets import Block, Go, Link, Note, Picture, Pictures, Piece, Row, drawing

if TYPE_CHECKING:
    from explorer.analysis.concepts.values import Concept
    from explorer.study import Picture as Looked
    from explorer.study import Study

SIDE = 64  # pixels of a picture
OF_BRANCH, OF_NODE = 4, 18  # pictures of each branch, and of the place that the tree is opened at
BRANCHES = 64  # that are shown, those with most images
WHOLE = 50_000  # images whose vectors are kept; of more, those that are asked for are read
BESIDE = 8  # images with the same id
HOW = (
    "Each box is a branch: all images whose id begins so, with those that are nearest to its middle. Open one to see "
    "what it is sorted into; a picture opens its own id."
)
OWN = "This id is that of {count}; images of a dataset get a number more that tells them apart."


def opened(study: Study, asked: id_choices.Options) -> made.Ids:
    """Ids that are there, read once."""
    return study.result("ids", asked)


def vectors(study: Study, layer: str, of: str) -> np.ndarray:
    """What ids are made of, (N, D)."""
    from explorer.results import id_vectors

    return id_vectors.of_images(study.encoding, [layer], of)[0][0]


def concepts(study: Study) -> list[Concept]:
    """Concepts of all images that branches can go with."""
    from explorer.results import id_scores

    return id_scores.prepared(study.encoding, np.arange(len(study.encoding)))


def piece(study: Study, asked: id_choices.Options, prefix: tuple[int, ...]) -> Piece:
    """The tree, opened at a prefix; its script asks for other places."""
    data = {"here": study.remember(node, asked, prefix), "key": repr(asked)}
    return Piece(
        "prefix-tree", "prefixes", data, _alt(data["here"]),
        Go(None, {"image": "{image}", "prefix": "{prefix}"}), partial(answer, study, asked),
    )  # fmt: skip


def _alt(here: dict[str, Any]) -> str:
    said = [f"{one['text']}: {one['count']:,} images" + (f", {one['tied']}" if one["tied"] else "")
            for one in here["branches"][:BRANCHES]]  # fmt: skip
    return f"Tree of ids at {here['text'] or 'its root'}, {here['count']:,} images. Branches: {'; '.join(said)}"


def answer(study: Study, asked: id_choices.Options, message: Any) -> dict[str, Any]:
    """What is below the prefix that the script asks for: {"prefix": [12, 7]}."""
    prefix = message.get("prefix") if isinstance(message, dict) else None
    depth = study.remember(opened, asked).codes.shape[1]
    if not isinstance(prefix, list) or len(prefix) > depth or not all(type(one) is int for one in prefix):
        raise BadInput("a branch is asked for by its codes")
    found = study.remember(node, asked, tuple(prefix))
    if not found["count"]:
        raise BadInput("no image has such an id")
    return found


def node(study: Study, asked: id_choices.Options, prefix: tuple[int, ...]) -> dict[str, Any]:
    """A place in the tree as JSON: how many images, what they go with, pictures, and its branches."""
    from explorer.analysis import id_branches, ids

    found = study.remember(opened, asked)
    codes, known = found.codes, study.remember(concepts)
    rows = id_branches.below(codes, prefix)
    shown = id_branches.branches(codes, prefix)
    counts = [OF_NODE, *[OF_BRANCH] * min(len(shown), BRANCHES)]
    middle, *heads = _middles(study, found, [rows, *(under for _, under in shown[:BRANCHES])], counts)
    urls = _pictured(study, np.unique(np.concatenate([middle, *heads]).astype(np.int64)))
    here = ids.worded(prefix)
    branches = [
        {
            "prefix": [*prefix, code], "text": ids.worded([*prefix, code]), "count": len(under),
            "share": len(under) / max(len(rows), 1), "tied": _said(id_branches.tied(known, under, rows), here),
            "images": _images(study, found, head, urls),
        }
        for (code, under), head in zip(shown, heads, strict=False)
    ]  # fmt: skip
    return {
        "prefix": list(prefix), "text": here, "count": len(rows), "all": len(codes),
        "depth": codes.shape[1], "tied": _said(id_branches.tied(known, rows)) if prefix else "",
        "branches": branches, "more": max(len(shown) - BRANCHES, 0), "images": _images(study, found, middle, urls),
    }  # fmt: skip


def _middles(study: Study, found: made.Ids, parts: list[np.ndarray], counts: list[int]) -> list[np.ndarray]:
    """The images that stand for each of some sets of rows: those nearest to its mean, by the last, finest vectors."""
    from explorer.analysis import id_branches
    from explorer.results import id_vectors

    few = [id_branches.sampled(rows) for rows in parts]
    layers, of = found.facts["layers"], found.facts["of"]
    if len(study.images) <= WHOLE:
        every = study.remember(vectors, layers[-1], of)
        return [id_branches.middle(every[rows], rows, count) for rows, count in zip(few, counts, strict=True)]
    asked = np.unique(np.concatenate(few))
    some = id_vectors.of_images(study.encoding, layers[-1:], of, asked)[0][0]
    at = [np.searchsorted(asked, rows) for rows in few]
    return [id_branches.middle(some[at], rows, count) for at, rows, count in zip(at, few, counts, strict=True)]


def _said(tied: Any, above: str = "") -> str:
    """As "colour: red 96 % (of all 12 %)", or of the branch above."""
    if tied is None:
        return ""
    return f"{tied.concept}: {tied.value} {tied.share:.0%} (of {above or 'all'} {tied.overall:.0%})"


def _pictured(study: Study, rows: np.ndarray) -> dict[int, str]:
    from explorer.analysis.patches import smaller

    if not len(rows):
        return {}
    return dict(zip(rows.tolist(), drawing.urls(smaller(study.shown.read(rows), SIDE)), strict=True))


def _images(study: Study, found: made.Ids, rows: np.ndarray, urls: dict[int, str]) -> list[dict[str, Any]]:
    from explorer.analysis import ids

    names = study.images.names
    return [
        {"row": row, "url": urls[row], "name": str(names[row]), "text": ids.worded(found.whole[row])}
        for row in rows.tolist()
    ]


# ---- one image


def of_picture(study: Study, asked: id_choices.Options, picture: Looked | None) -> list[Block]:
    """The id of an image, ways to its branches, and the images that share the most of it."""
    from explorer.analysis import id_branches, ids
    from explorer.views import words

    if picture is None:
        return [Note("Choose an image to see its id.", "info")]
    found = study.remember(opened, asked)
    code = study.remember(own, asked, picture)
    last = found.whole[picture.row] if picture.row is not None else code
    same = id_branches.below(found.codes, code.tolist())
    text = f"The id of {'your picture' if picture.row is None else f'image {picture.row:,}'} is {ids.worded(last)}."
    text += " " + OWN.format(count=words.many(len(same), "image")) if picture.row is None else ""
    links = []
    for level in range(1, len(code) + 1):
        prefix = code[:level].tolist()
        count = len(id_branches.below(found.codes, prefix))
        label = f"{ids.worded(prefix)} ({words.many(count, 'image')})"
        links.append([Link(label, "account_tree", Go(None, {"prefix": ids.worded(prefix)}))] if count else [])
    return [
        Note(text, "plain"),
        Row([one for one in links if one], 60, even=False),
        *_beside(study, found, code, picture),
    ]


def own(study: Study, asked: id_choices.Options, picture: Looked) -> np.ndarray:
    """The codes (L,) of a picture's id; one of the dataset has its own, another is passed through the network."""
    found = study.remember(opened, asked)
    if picture.row is not None:
        return found.codes[picture.row]
    inputs = []
    for layer in found.facts["layers"]:
        if found.facts["of"] == "ze":
            latents = study.look(picture).latents[layer]
        else:
            latents = study.vectors(layer)[study.codes_of(picture, layer)[0]]
        inputs.append(latents.mean((0, 1), dtype=np.float64).astype(np.float32)[None])
    return made.maker(found, study.encoding).ids(inputs)[0]


def _beside(study: Study, found: made.Ids, code: np.ndarray, picture: Looked) -> list[Block]:
    """The images that share most of the id; of those that share as much, a few in a fixed random order."""
    from explorer.analysis import ids, ids_scoring

    shared = ids_scoring.shared(code[None], found.codes)[0]
    shared[[] if picture.row is None else [picture.row]] = -1
    order = np.random.default_rng(len(shared)).permutation(len(shared))
    rows = order[np.argsort(-shared[order], kind="stable")][:BESIDE]
    rows = rows[shared[rows] > 0]
    if not len(rows):
        return [Note("No other image has an id that begins alike.")]
    shown = [
        Picture(
            one.pixels, ids.worded(found.whole[row]), f"shares {shared[row]} of {len(code)}",
            f"{one.name}, id {ids.worded(found.whole[row])}", one.name, Go(None, {"image": int(row)}), int(row),
        )
        for row, one in zip(rows.tolist(), study.pictures(rows), strict=True)
    ]  # fmt: skip
    most = int(shared[rows[0]])
    count = int((shared == most).sum())
    said = (
        f"{count:,} other {'image shares' if count == 1 else 'images share'} {most} of its {len(code)} codes, the most."
    )
    return [Pictures("id-neighbours", shown, 96, grow=False), Note(said)]
