"""What every page shares: the pickers in the sidebar, cached loaders, and the facts of the checkpoint.

A page is a plain script. It starts with

    selection = session.selection()                      # what the sidebar says: checkpoint, dataset, split, fit
    encoding = session.encoding_or_progress(selection)   # where there is none: the work that makes it; no more page

and reads on as in `reconstructions.py`. Choices that a link should carry go through `pick` and `number` (see `state`),
long work through `background` (see `work`). Fragments carry `@session.guard()` below `@st.fragment`, because they run
again without the code around them.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from explorer.drawing import MARK_CELLS
from explorer.errors import BadInput
from explorer.files import cache_folder, digest, write_bytes
from explorer.pages.state import bound, choose, get, guard, number, pick, plain, put, read_url, shared
from explorer.pages.work import background

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Images
    from explorer.encoding import Encoding
    from explorer.latents import Autoencoder

__all__ = [
    "Selection",
    "background",
    "bits_per_pixel",
    "encode_beside",
    "encoding_or_progress",
    "get",
    "guard",
    "images",
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

FITS = {"crop": "Crop to the centre square", "pad": "Pad to a square"}


@dataclass(frozen=True)
class Selection:
    """What the sidebar says.

    Attributes:
        checkpoint: facts of the checkpoint, from its JSON.
        dataset: a name in DATASETS, or a path.
        split: `test`, the images that training has not seen, or `all` of a dataset that it has seen nothing of.
        fit: how an image that is not square becomes one: `crop` or `pad`.
    """

    checkpoint: Checkpoint
    dataset: str
    split: str = "test"
    fit: str = "crop"


def run(page: Any) -> None:
    """Draws the sidebar and `page` (an st.Page), with errors as sentences."""
    from explorer.components import train_form

    read_url()
    st.logo(LOGO, size="large")
    with st.sidebar, guard():
        shared()["selection"] = None
        shared()["selection"] = _pickers()
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


def _pickers() -> Selection:
    from explorer import checkpoints

    found = {checkpoint.name: checkpoint for checkpoint in checkpoints.find() if checkpoint.state != "training"}
    if not found:
        raise BadInput(
            f"there is no checkpoint yet in {checkpoints.folder()}; train one, or put a checkpoint folder there"
        )
    before = get("checkpoint")
    name = pick("checkpoint", "Checkpoint", list(found), help="Shipped ones first, then those that you trained.")
    checkpoint = found[name]
    if before != name:
        for other in ("layer", "code"):
            put(other, None)
    dataset = _dataset(checkpoint)
    fit = choose("fit", FITS.__contains__, "crop")
    if Path(dataset).exists():
        fit = bound(
            "fit",
            fit,
            lambda key, changed: st.radio(
                "Images that are not square",
                list(FITS),
                format_func=FITS.get,
                key=key,
                on_change=changed,
                horizontal=True,
            ),
        )
    summary(checkpoint)
    return Selection(checkpoint, dataset, _split(checkpoint, dataset), fit)


def _split(checkpoint: Checkpoint, dataset: str) -> str:
    """`all` of a folder or zip that came without splits, unless the checkpoint was trained on it; else `test`."""
    from explorer import datasets

    if dataset in datasets.DATASETS:
        return "test"
    path, trained_on = (os.path.abspath(os.path.expanduser(name)) for name in (dataset, checkpoint.dataset or os.sep))
    return "test" if path == trained_on else "all"


def _dataset(checkpoint: Checkpoint) -> str:
    from explorer import datasets

    state = shared()
    own = checkpoint.dataset if checkpoint.dataset and _is_dataset(checkpoint.dataset) else "shapes"
    if state.get("dataset of") not in (None, checkpoint.name) and get("dataset") == state.get("own dataset"):
        put("dataset", own)  # who looked at the checkpoint's own dataset goes on to the next one's own
    state["dataset of"], state["own dataset"] = checkpoint.name, own
    put("dataset", (get("dataset") or "").strip(" \t\"'") or None)  # a path pasted from a file manager or a terminal
    value = choose("dataset", _is_dataset, own)
    options = list(dict.fromkeys([own, *datasets.DATASETS, *state["sources"], value]))
    chosen = bound(
        "dataset",
        value,
        lambda key, changed: st.selectbox(
            "Dataset",
            options,
            format_func=lambda option: state["sources"].get(option, option),
            accept_new_options=True,
            key=key,
            on_change=changed,
            help="A named dataset, or type the path of a folder of images, a zip file, or a Parquet file with images. "
            "The held-out split is shown where the dataset has one, or the checkpoint was trained on it; else all.",
        ),
    )
    with st.expander("Your own images", icon=":material/upload:"):
        given = st.file_uploader(
            "A zip of images", type="zip", key="zip", help="Folders inside the zip become the concept “class”."
        )
        if given is not None:
            path = _keep(given.getvalue(), given.name)
            if state.get("last zip") != path:
                state["last zip"] = path
                put("dataset", path)
                st.rerun()
    return chosen


def _is_dataset(name: str) -> bool:
    from explorer import datasets

    return name in datasets.DATASETS or (
        ("/" in name or "\\" in name or name.startswith("~")) and Path(name).expanduser().exists()
    )


def _keep(data: bytes, name: str) -> str:
    """Stores an upload under the hash of its content and remembers what the user calls it; returns the path."""
    path = cache_folder() / "uploads" / f"{hashlib.sha256(data).hexdigest()[:16]}.zip"
    if not path.exists():
        write_bytes(path, data)
    shared()["sources"][str(path)] = f"{name} (uploaded)"
    return str(path)


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
    from explorer import encoding

    path = encoding.locate(chosen.checkpoint.path, images(chosen), kmeans)
    return None if path is None else _encoding(str(path), path.stat().st_mtime)


@st.cache_resource(max_entries=16, show_spinner=False)
def _encoding(path: str, version: float) -> Encoding:
    from explorer.encoding import Encoding

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
        begin=begin,
        about="The codes, latents and errors of every image are computed once, beside this page, and kept.",
    )


def link(page: str, label: str, icon: str, **carried: object) -> None:
    """A link to the page of the file `page`.py that carries the sidebar's choice and `carried`, such as `image=17`."""
    path = Path(__file__).with_name(f"{page}.py")
    if path.exists():
        parameters = {name: get(name) for name in ("checkpoint", "dataset", "fit") if get(name) is not None}
        parameters |= {name: str(value) for name, value in carried.items()}
        st.page_link(path, label=label, icon=icon, query_params=parameters)


def summary(checkpoint: Checkpoint) -> None:
    """The facts of a checkpoint in a few lines, with help."""
    size, bits, layers = checkpoint.image_size, bits_per_pixel(checkpoint), checkpoint.layers
    kinds = [checkpoint.family]  # and what it is made of, where that is not the default
    kinds += [
        v for name in ("quantizer", "backbone") if (v := checkpoint.settings.get(name)) not in (None, "ema", "conv")
    ]
    lines = [
        f"**{plain(' · '.join(map(str, kinds)))}** · {_short(checkpoint.parameters)} parameters · {size} × {size} px"
    ]
    alike = len({(*layer["grid"], layer["dim"], layer.get("codes")) for layer in layers}) == 1
    for layer in layers[:1] if alike else layers:
        codes = f"{layer['codes']:,} codes" if layer.get("codes") else "continuous"
        name = f"{layer['name']} to {layers[-1]['name']}" if alike and len(layers) > 1 else layer["name"]
        lines.append(f"{plain(name)} · {layer['grid'][0]} × {layer['grid'][1]} grid · {codes} · {layer['dim']}-d")
    psnr = checkpoint.metrics.get("psnr")
    if isinstance(psnr, dict) and all(isinstance(psnr.get(name), int | float) for name in ("mean", "low", "high", "n")):
        lines.append(f"{psnr['mean']:.2f} dB [{psnr['low']:.2f}, {psnr['high']:.2f}] on {psnr['n']:,} held-out images")
    if bits is not None:
        numbers = checkpoint.metrics.get("numbers_per_pixel")
        more = f" in codes, and {numbers:.3g} continuous numbers" if isinstance(numbers, int | float) else ""
        lines.append(f"{bits:.3g} bits per pixel{more}")
    st.caption(
        "  \n".join(lines),
        help="Each layer is a grid of latent vectors with so many numbers (d) each. The decibels are the mean PSNR on "
        "images that training never saw, with its 95 % interval, measured when training ended. Bits per pixel is what "
        "storing the codes costs without further compression: log₂(codes) for every cell; a photograph as PNG needs "
        "about 10 to 15.",
    )


def bits_per_pixel(checkpoint: Checkpoint) -> float | None:
    """Σ H·W·log₂ K over the layers with a codebook of their own, per pixel; None where there is no such layer."""
    sizes = [(layer["grid"][0] * layer["grid"][1], layer["codes"]) for layer in checkpoint.layers if layer.get("codes")]
    if not sizes:
        return None
    return sum(cells * math.log2(codes) for cells, codes in sizes) / checkpoint.image_size**2


def _short(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e6 else f"{count / 1e3:.0f} k" if count >= 1e3 else str(count)
