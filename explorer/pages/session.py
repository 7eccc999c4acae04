"""What every page shares: the frame, the study that the sidebar chose, and ways from page to page.

Choices that a link should carry go through `get` and `put` (see `state`), long work through `background` (see `work`).
Fragments carry `@guard()` below `@st.fragment`, because they run again without the code around them.
"""

from __future__ import annotations

import gc
import importlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer import results
from explorer.files import cache_folder, digest
from explorer.options import KMEANS
from explorer.pages.links import SELECTS
from explorer.pages.sidebar import EVERY, Selection
from explorer.pages.state import bound, called, choose, get, plain, put, shared
from explorer.pages.work import background
from explorer.results.subject import Subject
from explorer.study import Study, estimates

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Images


def _import_torch() -> None:
    """It takes seconds; meanwhile the sidebar is drawn and the browser loads.

    What it leaves in memory stays for good, so the garbage collector need not look through it, now or later.
    """
    gc.disable()
    try:
        importlib.import_module("torch")
        gc.freeze()
    finally:
        gc.enable()


threading.Thread(target=_import_torch, daemon=True).start()

SIZES = [16, 32, 64, 128, 256, 512]  # of k-means codebooks
CENTRES = (
    "Layers of this checkpoint are continuous. So that they have codes, k-means puts so many centres among their "
    "latents on training images, and each latent counts as the nearest. More centres are finer codes."
)
PARTS = {"train": "training ", "validation": "validation "}  # of a dataset, where nothing better is known of them
SEEN = "  \n{} was trained on these, so codes and scores fit them better than new images; for scores, choose test"
NOTES = 5  # lines on what was left out of a dataset or chosen
READ = 5_000_000  # tokens that are read beside the page
FEW = 500  # images that are offered where all would take long


def selects() -> tuple:
    """What the numbers of a page belong to."""
    return tuple(get(name) for name in SELECTS)


def head(chosen: Selection, found: Images | None = None) -> None:
    """Says below the title what the numbers of the page belong to; how many images, as soon as that is known."""
    counts = shared().setdefault("counts", {})
    if found is not None:
        which = "held-out " if found.held_out and found.split != "all" else PARTS.get(found.split, "")
        sample = ", a random sample" if chosen.limit is not None and chosen.limit <= len(found) else ""
        trained = found.split == "train" and chosen.checkpoint.trained_on(chosen.dataset)
        sample += SEEN.format(plain(chosen.checkpoint.name)) if trained else ""
        notes = "".join(f"  \n{plain(note)}" for note in found.notes[:NOTES])
        counts[selects()] = f" · {len(found):,} {which}images{sample}{notes}"
    names = plain(chosen.checkpoint.name), plain(called(chosen.dataset))
    shared()["heading"].caption(f"**{names[0]}** on **{names[1]}**{counts.get(selects(), '')}")


def selection() -> Selection:
    """What the sidebar says; ends the page where nothing can be chosen (the sidebar then says why)."""
    chosen = shared().get("selection")
    if chosen is None:
        st.info(
            "Choose a checkpoint and a dataset in the sidebar, or train a first one there.",
            icon=":material/arrow_back:",
        )
        st.stop()
    return chosen


@st.cache_resource(max_entries=8, show_spinner="Reading the dataset …")
def _images(subject: str, model: str, version: str, _subject: Subject) -> Images:
    return _subject.images


def images(chosen: Selection) -> Images:
    """The dataset of the sidebar at the checkpoint's image size.

    What must be downloaded or decoded first is encoded as well, beside the page, which ends here meanwhile.
    """
    from explorer import datasets

    size, path = chosen.checkpoint.image_size, Path(chosen.dataset).expanduser()
    version = datasets.version(chosen.dataset, chosen.split)  # a folder in which anything changed is read again
    there = datasets.ready(chosen.dataset, chosen.split, size, fit=chosen.fit, limit=chosen.limit)
    if not there and not _quick(chosen.dataset, path):
        encode_beside(chosen, None)
        st.stop()
    of = _subject(chosen)
    found = _images(repr(of), of.fingerprint, version, of)
    head(chosen, found)
    return found


def _quick(name: str, path: Path) -> bool:
    """Whether a dataset is decoded within a second or two, so that a process of its own would only cost time."""
    return (
        name == "digits"
        or (path.is_dir() and estimates.counted(path, 301) <= 300)
        or (path.is_file() and path.stat().st_size < 5e6)
    )


def subject(chosen: Selection, kmeans: int = KMEANS) -> Subject:
    """What the sidebar chose, as the results know it; its images and facts are those that are open already."""
    found = _subject(chosen, kmeans)
    found.__dict__.update(images=images(chosen))
    return found


def _subject(chosen: Selection, kmeans: int = KMEANS) -> Subject:
    found = Subject(chosen.checkpoint.path, chosen.dataset, chosen.split, chosen.fit, chosen.limit, kmeans)
    found.__dict__.update(facts=chosen.checkpoint)
    return found


def study(chosen: Selection, *, encoded: bool = True) -> Study:
    """The study of the sidebar's choice; while its encoding is not there, the work that makes it, and the page ends."""
    kmeans = _kmeans(chosen) if encoded else KMEANS
    of = subject(chosen, kmeans)
    found = _study(repr(of), of.fingerprint, of.images.fingerprint, of)
    if encoded and not found.encoded and _few(chosen.checkpoint, len(of.images)):
        with st.spinner("Reading the codes …"):
            found.make("encoding")
    if encoded and not found.encoded:
        encode_beside(chosen, of.images, kmeans)
        st.stop()
    return found


def stands(found: Study, *, encoded: bool) -> bool:
    """Whether a study that was opened before is of what is there now: the same weights, and its encoding if needed."""
    from explorer import checkpoints

    same = checkpoints.fingerprint(found.subject.checkpoint) == found.subject.fingerprint
    return same and (found.encoded or not encoded)


def _few(checkpoint: Checkpoint, images: int) -> bool:
    """Whether there are codes without a network, and so few that they are read within a second or two."""
    cells = sum(layer["grid"][0] * layer["grid"][1] for layer in checkpoint.layers)
    return checkpoint.family == "codes" and images * cells <= READ


@st.cache_resource(max_entries=16, show_spinner=False)
def _study(name: str, model: str, pixels: str, _subject: Subject) -> Study:
    return Study(_subject)


def _kmeans(chosen: Selection) -> int:
    """K of the codebooks of continuous layers, a picker where there are any."""
    if all(layer.get("codes") for layer in chosen.checkpoint.layers):
        return KMEANS
    text = choose(
        "kmeans", lambda text: "" if text in map(str, SIZES) else "that is no size of a codebook here", str(KMEANS)
    )
    return bound(
        "kmeans",
        int(text),
        lambda key, changed: st.select_slider(
            "k-means codes", SIZES, key=key, on_change=changed, width=260, help=CENTRES
        ),
    )


def encode_beside(chosen: Selection, found: Images | None, kmeans: int = KMEANS) -> None:
    """Offers the work that makes the Encoding which `located` misses; the page may go on below without it.

    Args:
        found: the images if they are decoded already; None includes decoding, and downloading.
    """
    from explorer import checkpoints, jobs

    checkpoint, state = chosen.checkpoint, shared()
    target = _asked(checkpoints.fingerprint(checkpoint.path), chosen, kmeans)
    count = chosen.limit if found is None else len(found)
    counted = "the images" if count is None else f"{count:,} images"
    every = "" if chosen.limit else "all "

    def choose(limit: int | str) -> None:
        put("limit", limit)
        state["asked"] = state["clicked"] = True

    def beside() -> None:
        if chosen.limit is not None:
            st.button("All images", key="encode-all", on_click=choose, args=(EVERY,))
        elif count is None or count > FEW:
            st.button(f"Only {FEW} images", key="encode-few", on_click=choose, args=(FEW,))

    background(
        ["encode", str(checkpoint.path), *chosen.arguments, "--kmeans", str(kmeans)],
        target,
        title=f"Encode {counted} of {called(chosen.dataset)} with {checkpoint.name}",
        begin=state.get("begin", False),
        about="" if jobs.find(target) else estimates.promise(checkpoint, count),
        label=f"Encode {every}images" if count is None else f"Encode {every}{count:,} images",
        beside=beside,
    )


def encode_other(of: Subject, title: str) -> None:
    """The same of a checkpoint that stands beside the one of the sidebar; its own page sees the same work."""
    background(
        results.command("encoding", of), _asked(of.fingerprint, of, of.kmeans), title=title,
        about=estimates.promise(of.facts, len(of.images) if "images" in of.__dict__ else of.limit), label="Encode",
    )  # fmt: skip


def _asked(model: str, of: Subject | Selection, kmeans: int) -> Path:
    """What stands for an encoding that was asked for, before its images are known."""
    key = digest(model, of.dataset, of.split, of.fit, of.limit, kmeans)
    return cache_folder() / "encodings" / f"asked-{key}"
