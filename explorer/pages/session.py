"""What every page shares: the choices of the sidebar, cached loaders, and how errors reach the user.

A page is a plain script. It starts with

    selection = session.selection()                      # what the sidebar says: checkpoint, dataset, split, fit
    encoding = session.encoding_or_progress(selection)   # where there is none: the work that makes it; no more page

and reads on as in `reconstructions.py`. Choices that a link should carry go through `pick` and `number` (see `state`),
long work through `background` (see `work`). Fragments carry `@session.guard()` below `@st.fragment`, because they run
again without the code around them.
"""

from __future__ import annotations

import importlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from explorer.files import cache_folder, digest
from explorer.pages import sidebar
from explorer.pages.sidebar import FITS, Selection, bits_per_pixel, summary
from explorer.pages.state import get, guard, number, pick, plain, put, read_url, shared
from explorer.pages.work import background
from explorer.sheets.drawing import MARK_CELLS

if TYPE_CHECKING:
    from explorer.autoencoder import Autoencoder
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Images
    from explorer.encodings import Encoding

__all__ = [
    "FITS",
    "Selection",
    "background",
    "bits_per_pixel",
    "encode_beside",
    "encoding_or_progress",
    "get",
    "guard",
    "images",
    "lacks_decoder",
    "link",
    "located",
    "model",
    "number",
    "pick",
    "plain",
    "put",
    "run",
    "selection",
    "summary",
    "theme",
]

# torch takes seconds to import; while it does, the sidebar is drawn and the browser loads
threading.Thread(target=importlib.import_module, args=("torch",), daemon=True).start()

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="32" viewBox="0 0 {0} 32">{1}</svg>'
MARK = _SVG.format(32, MARK_CELLS)  # a picture, because Streamlit fetches icons of a browser tab from the network
LOGO = _SVG.format(
    218,
    MARK_CELLS + '<text x="36" y="22" font-family="Source Sans, Source Sans Pro, Helvetica, Arial, sans-serif" '
    'font-size="19" font-weight="600" fill="#5b8db5">Codebook Explorer</text>',
)


def run(page: Any) -> None:
    """Draws the sidebar and `page` (an st.Page), with errors as sentences."""
    from explorer.pages import train_form

    read_url()
    st.logo(LOGO, size="large")
    with st.sidebar, guard():
        shared()["selection"] = None
        shared()["selection"] = sidebar.draw()
    with st.sidebar:
        train_form.draw()
    st.title(page.title)
    with guard():
        page.run()


def theme() -> Literal["light", "dark"]:
    """What the browser shows, for charts that choose their own colours."""
    return "dark" if st.context.theme.type == "dark" else "light"


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


def lacks_decoder(chosen: Selection) -> bool:
    """Whether the checkpoint has no decoder; says so then, in place of what would be decoded."""
    if chosen.checkpoint.no_decoder:
        st.info(plain(chosen.checkpoint.no_decoder), icon=":material/visibility_off:")
    return bool(chosen.checkpoint.no_decoder)


@st.cache_resource(max_entries=4, show_spinner="Opening the checkpoint …")
def _model(path: str, fingerprint: str) -> tuple[Autoencoder, threading.Lock]:
    from explorer import checkpoints

    return checkpoints.load(Path(path)), threading.Lock()


@contextmanager
def model(checkpoint: Checkpoint) -> Iterator[Autoencoder]:
    """The checkpoint's model, on the CPU in evaluation mode, for one thread at a time and without gradients."""
    import torch

    from explorer import checkpoints

    network, lock = _model(str(checkpoint.path), checkpoints.fingerprint(checkpoint.path))
    with lock, torch.inference_mode():
        yield network


@st.cache_resource(max_entries=8, show_spinner="Reading the dataset …")
def _images(name: str, split: str, size: int, fit: str, version: float) -> Images:
    from explorer import datasets

    return datasets.load(name, split, size, fit=fit)


def images(chosen: Selection) -> Images:
    """The dataset of the sidebar at the checkpoint's image size.

    What must be downloaded or decoded first is encoded as well, beside the page, which ends here meanwhile.
    """
    from explorer import datasets

    size, path = chosen.checkpoint.image_size, Path(chosen.dataset).expanduser()
    if not datasets.ready(chosen.dataset, chosen.split, size, fit=chosen.fit) and not _quick(chosen.dataset, path):
        encode_beside(chosen, None)
        st.stop()
    version = path.stat().st_mtime if path.exists() else 0.0  # a folder that changed is read again
    return _images(chosen.dataset, chosen.split, size, chosen.fit, version)


def _quick(name: str, path: Path) -> bool:
    """Whether a dataset is decoded within a second or two, so that a process of its own would only cost time."""
    return (
        name == "digits"
        or (path.is_dir() and _files(path, 301) <= 300)
        or (path.is_file() and path.stat().st_size < 5e6)
    )


def _files(path: Path, most: int) -> int:
    """How many files are in and below a folder; `most` if there are more."""
    return sum(1 for _ in itertools.islice((file for file in path.rglob("*") if file.is_file()), most))


def located(chosen: Selection, kmeans: int = 64) -> Encoding | None:
    """The Encoding of the sidebar's choice if it is there: shipped, or made before."""
    from explorer import encodings

    path = encodings.locate(chosen.checkpoint.path, images(chosen), kmeans)
    return None if path is None else _encoding(str(path), path.stat().st_mtime)


@st.cache_resource(max_entries=16, show_spinner=False)
def _encoding(path: str, version: float) -> Encoding:
    from explorer.encodings import Encoding

    return Encoding(Path(path))


def encoding_or_progress(chosen: Selection, kmeans: int = 64) -> Encoding:
    """The Encoding of the sidebar's choice; while there is none, the work that makes it, and the page ends here."""
    found = located(chosen, kmeans)
    if found is None:
        encode_beside(chosen, images(chosen), kmeans)
        st.stop()
    return found


def encode_beside(chosen: Selection, found: Images | None, kmeans: int = 64) -> None:
    """Shows the work that makes the Encoding which `located` misses; the page may go on below without it.

    Up to 20,000 images on this machine are encoded without asking; more, and what must be downloaded, need a click.

    Args:
        found: the images if they are decoded already; None includes decoding, and downloading.
    """
    from explorer import checkpoints

    checkpoint, path = chosen.checkpoint, Path(chosen.dataset).expanduser()
    arguments = ["encode", str(checkpoint.path), "--dataset", chosen.dataset, "--split", chosen.split]
    arguments += ["--fit", chosen.fit, "--kmeans", str(kmeans)]
    key = digest(
        checkpoints.fingerprint(checkpoint.path), chosen.dataset, chosen.split, chosen.fit, kmeans, found is None
    )
    if found is not None:
        counted, begin = f"{len(found):,} images of ", len(found) <= 20_000
    else:
        counted, begin = "", path.is_file() or (path.is_dir() and _files(path, 20_001) <= 20_000)
    background(
        arguments,
        cache_folder() / "encodings" / f"asked-{key}",
        title=f"Encoding {counted}{shared()['sources'].get(chosen.dataset, path.name)} with {checkpoint.name}",
        begin=begin and checkpoint.format == "explorer",  # one of another library may take hours: its user decides
        about="The codes, latents and errors of every image are computed once, beside this page, and kept.",
    )


def link(page: str, label: str, icon: str, **carried: object) -> None:
    """A link to the page of the file `page`.py that carries the sidebar's choice and `carried`, such as `image=17`."""
    path = Path(__file__).with_name(f"{page}.py")
    if path.exists():
        parameters = {name: get(name) for name in ("checkpoint", "dataset", "fit") if get(name) is not None}
        parameters |= {name: str(value) for name, value in carried.items()}
        st.page_link(path, label=label, icon=icon, query_params=parameters)
