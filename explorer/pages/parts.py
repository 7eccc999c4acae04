"""Which part of a dataset is shown: the one for scores, that which training saw, or every image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from explorer.pages.state import bound, choose, complain, get, put, refused, shared

if TYPE_CHECKING:
    import numpy as np

    from explorer.checkpoints import Checkpoint

PARTS = {"train": "Train", "validation": "Validation", "test": "Test", "all": "All"}


def choose_part(checkpoint: Checkpoint, dataset: str) -> str:
    """The part of the dataset that the address names or the user chose; else the one to begin with."""
    from explorer import datasets

    state, first = shared(), _first_split(checkpoint, dataset)
    moved = state.get("split of") not in (None, dataset)
    state["split of"] = dataset
    if moved and "split" not in state["linked"]:
        put("split", None)
    known = (*datasets.split_names(dataset), first, *(["all"] if datasets.divided(dataset) else ()))
    there = [name for name in PARTS if name in known]
    if len(there) < 2:
        put("split", None)
        return first
    asked = get("split") is not None or refused("split") is not None
    value = choose("split", lambda name: _no_split(name, there), first) if asked else first
    chosen = bound(
        "split",
        value,
        lambda key, changed: st.segmented_control(
            "Part of the dataset",
            there,
            format_func=PARTS.get,
            required=True,
            key=key,
            on_change=changed,
            help="Test: kept from training, for scores. Train: what it may have learned from, so that scores flatter "
            "it. Validation: kept aside while training. All: every image, for looking.",
        ),
    )
    complain("split")
    return chosen


def _no_split(name: str, there: list[str]) -> str:
    return "" if name in there else f"There is no part '{name[:60]}' of this dataset; choose from {', '.join(there)}"


def _first_split(checkpoint: Checkpoint, dataset: str) -> str:
    """`all` of a folder or zip that came without splits, unless the checkpoint was trained on it; else `test`."""
    from explorer import datasets
    from explorer.datasets import seen

    if dataset in datasets.DATASETS or not datasets.divided(dataset):
        return "test"
    known = seen.read(checkpoint.path)
    trained = checkpoint.trained_on(dataset)
    if not trained and known is not None:
        trained = _holds(dataset, datasets.version(dataset, "all"), str(checkpoint.path), len(known), known)
    return "test" if trained else "all"


@st.cache_data(max_entries=64, show_spinner=False)
def _holds(dataset: str, version: str, checkpoint: str, count: int, _known: np.ndarray) -> bool:
    """Whether some of a sample of the pictures of a dataset are those that a checkpoint was trained on."""
    from explorer import datasets

    return datasets.holds(dataset, _known)
