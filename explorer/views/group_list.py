"""The list of groups and the tree above it, and the facts of each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Go, Heading, Note, Piece, drawing
from explorer.views import words

if TYPE_CHECKING:
    from explorer.analysis.concepts.values import Concept
    from explorer.analysis.group_concepts import Tie
    from explorer.study import Study
    from explorer.study.grouped import Grouping

IMAGES = 10_000  # whose concepts are looked at, a seeded sample
TILES = 8  # of a group in the list, its most used codes
FEWER, MANY = 4, 48  # of each of more groups
HOW = (
    "Each row is a group with patches of its most used codes; the tree joins what is alike, the further left the less. "
    "Click a row for all about it."
)


@dataclass(frozen=True)
class Facts:
    """What is known of G groups. Attributes: tokens: (G,). codes: codes of each, the most used first. ties: of each."""

    tokens: np.ndarray
    codes: tuple[np.ndarray, ...]
    ties: tuple[Tie | None, ...]


def tokens(study: Study, grouping: Grouping) -> np.ndarray:
    """(G,) int64 tokens of each group."""
    inside = grouping.of >= 0
    return np.bincount(grouping.of[inside], study.usage(grouping.layer)[inside], len(grouping)).astype(np.int64)


def facts(study: Study, grouping: Grouping) -> Facts:
    """What is known of each group."""
    used = study.usage(grouping.layer)
    codes = [grouping.codes(group) for group in range(len(grouping))]
    ordered = tuple(one[np.argsort(-used[one], kind="stable")] for one in codes)
    found = study.remember(_ties, grouping.layer, grouping.of, len(grouping), study.computed() is None)
    return Facts(tokens(study, grouping), ordered, tuple(found))


def sampled(study: Study) -> np.ndarray:
    """Rows of the images whose concepts are looked at."""
    from explorer.datasets.sources import sample

    return sample(study.encoding.images, IMAGES)


def concepts(study: Study, rows: np.ndarray) -> list[Concept]:
    """What is known of some images; those that are computed from the pixels are the last."""
    from explorer.analysis.concepts import values

    known, own = study.known().iloc[rows], set(map(str, study.concepts().columns))
    found = [values.prepared(str(name), known[name], computed=str(name) not in own) for name in known.columns]
    return [one for one in found if not isinstance(one, str)]


def _ties(study: Study, layer: str, of: np.ndarray, count: int, _: bool) -> list[Tie | None]:
    from explorer.analysis import group_concepts

    rows = sampled(study)
    known = concepts(study, rows)
    if not known or len(rows) < 4:
        return [None] * count
    return group_concepts.ties(group_concepts.shares(study.some_codes(layer, rows), of, count), known)


def colours(count: int) -> np.ndarray:
    """(G, 3) uint8, round the circle of hues in the order of the tree, so that near groups look alike."""
    from explorer.analysis.colours import oklab_to_srgb

    turn = 2 * np.pi * np.arange(count) / max(count, 1)
    light = np.where(np.arange(count) % 2, 0.62, 0.74)
    return oklab_to_srgb(np.stack([light, 0.13 * np.cos(turn), 0.13 * np.sin(turn)], 1))


def told(study: Study, grouping: Grouping, facts: Facts, group: int) -> dict[str, Any]:
    """A group as plain values."""
    tie = facts.ties[group]
    names = ("concept", "value", "ratio", "low", "high", "q", "inside", "having", "outside", "lacking")
    found = {name: None if tie is None else getattr(tie, name) for name in names}
    share = facts.tokens[group] / max(study.usage(grouping.layer).sum(), 1)
    return {
        "id": group, "name": grouping.names[group], "codes": grouping.codes(group).tolist(),
        "tokens": int(facts.tokens[group]), "share": float(share), **found, "sure": bool(tie and tie.sure),
    }  # fmt: skip


def blocks(study: Study, grouping: Grouping, facts: Facts, chosen: int) -> list[Block]:
    """The tree with its groups as rows."""
    from explorer.notebook import group_files
    from explorer.views.group_panel import PANEL

    heading = Heading(
        "The groups", help_of("tree of groups"),
        lambda: group_files.table(grouping.layer, grouping.groups, grouping.names),
        f"{study.checkpoint.name}-{grouping.layer}-groups",
    )  # fmt: skip
    piece = Piece(
        "groups-tree", "grouptree", _data(study, grouping, facts, chosen),
        f"{words.many(len(grouping), 'group')} of codes of layer {grouping.layer}",
        Go(carried={"group": "{group}"}), waits=(PANEL,),
    )  # fmt: skip
    return [heading, piece, Note(HOW if grouping.tree else HOW.partition(";")[0] + ". Click a row for all about it.")]


def tied(tie: Tie | None) -> str:
    """ "background: night", or nothing where nothing is sure."""
    return f"{tie.concept}: {tie.value}" if tie is not None and tie.sure else ""


def _data(study: Study, grouping: Grouping, facts: Facts, chosen: int) -> dict[str, Any]:
    each = TILES if len(grouping) <= MANY else FEWER
    shown = [codes[:each] for codes in facts.codes]
    some = np.concatenate(shown) if shown else np.empty(0, np.int64)
    tiles, across = drawing.sprite(study.tiles(grouping.layer, some.astype(np.int64)))
    shades, total = colours(len(grouping)), max(int(study.usage(grouping.layer).sum()), 1)
    starts = np.cumsum([0, *(len(one) for one in shown)])
    rows = [
        {
            "id": group, "name": grouping.called(group), "colour": "#" + bytes(shades[group]).hex(),
            "codes": words.many(len(facts.codes[group]), "code"), "share": float(facts.tokens[group] / total),
            "tied": tied(facts.ties[group]), "first": int(starts[group]), "tiles": len(shown[group]),
        }
        for group in range(len(grouping))
    ]  # fmt: skip
    sheet = {"url": drawing.jpeg_url(tiles), "across": across, "rows": -(-len(some) // across)}
    return {"groups": rows, "sprite": sheet, "tree": branches(grouping), "chosen": chosen}


def branches(grouping: Grouping) -> list[list[float]]:
    """The tree above the groups: [one, other, height from 0 to 1] of each merge, the root last.

    Groups are numbers below G, the branch of merge i is G + i. Empty for groups of one's own.
    """
    if grouping.tree is None or len(grouping) < 2:
        return []
    kept = np.array(grouping.tree["kept"], np.int64)
    merges, leaves, count = np.array(grouping.tree["merges"], np.float64), len(kept), len(grouping)
    first = len(merges) - (count - 1)  # merges before are inside of groups
    under = np.arange(leaves + len(merges))  # some leaf of each node
    for place, (one, *_) in enumerate(merges):
        under[leaves + place] = under[int(one)]
    top = max(float(merges[-1, 2]), 1e-12)

    def number(node: float) -> int:
        node = int(node)
        return count + node - leaves - first if node >= leaves + first else int(grouping.of[kept[under[node]]])

    return [[number(one), number(other), round(height / top, 4)] for one, other, height, _ in merges[first:]]
