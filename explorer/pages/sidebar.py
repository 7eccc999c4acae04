"""The sidebar: which checkpoint, which dataset, and the facts of the checkpoint."""

from __future__ import annotations

import hashlib
import math
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer.errors import BadInput
from explorer.files import cache_folder, write_bytes
from explorer.pages.state import bound, choose, get, plain, put, shared
from explorer.pages.work import background

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint

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


def draw() -> Selection | None:
    """The sidebar; None while a checkpoint is still to be downloaded."""
    from explorer import checkpoints

    found = {checkpoint.name: checkpoint for checkpoint in checkpoints.find() if checkpoint.state != "training"}
    if not found:
        raise BadInput(
            f"there is no checkpoint yet in {checkpoints.folder()}; train one, or put a checkpoint folder there"
        )
    before = get("checkpoint")
    name = _checkpoint_name(list(found))
    _upload()
    checkpoint = found.get(name) or _foreign(name)
    if checkpoint is None:
        return None
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


def _checkpoint_name(known: list[str]) -> str:
    """The name of a checkpoint that was found, or a path that the user typed."""
    put("checkpoint", (get("checkpoint") or "").strip(" \t\"'") or None)
    value = choose("checkpoint", lambda name: name in known or _is_place(name) or _is_on_hub(name), known[0])
    return bound(
        "checkpoint",
        value,
        lambda key, changed: st.selectbox(
            "Checkpoint",
            list(dict.fromkeys([*known, value])),
            format_func=lambda name: name if name in known else Path(name).name,
            accept_new_options=True,
            key=key,
            on_change=changed,
            help="Shipped ones first, then those that you trained. Or type the path of one of another library: "
            "a folder, a file with weights, or a name on the Hugging Face Hub such as CompVis/ldm-celebahq-256. The "
            "README has a table of what can be opened. Nothing in such a file is run.",
        ),
    )


def _upload() -> None:
    """Weights from the user's own machine, kept under the hash of their content."""
    with st.expander("Your own checkpoint", icon=":material/upload_file:"):
        given = st.file_uploader(
            "A file with weights",
            type=["safetensors", "pt", "pth", "ckpt", "bin", "keras"],
            key="checkpoint-file",
            help="Weights of a PyTorch VQ-VAE, a VQGAN, a masked autoencoder or a Keras VQ-VAE: see the README. "
            "Of what is a folder, type its path above. Nothing in the file is run.",
        )
    if given is None or shared().get("last weights") == given.file_id:
        return  # its hash is taken once, and what is chosen afterwards stays chosen
    data = given.getvalue()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(given.name).name)[-80:]
    path = cache_folder() / "uploads" / hashlib.sha256(data).hexdigest()[:16] / name
    if not path.exists():
        write_bytes(path, data)
    shared()["last weights"] = given.file_id
    put("checkpoint", path)
    st.rerun()


def _is_place(name: str) -> bool:
    """Whether a typed name is a path, or a name with an image size, that is there."""
    from explorer import checkpoints

    if not ("/" in name or "\\" in name or "@" in name or name.startswith("~")):
        return False
    with suppress(BadInput):
        return checkpoints.resolve(name) is not None
    return False


def _is_on_hub(name: str) -> bool:
    """Whether a typed name could be one of the Hugging Face Hub."""
    from explorer.foreign import hub

    return "/" in name and not name.startswith(("/", ".", "~")) and hub.parse(name) is not None


def _fetch(name: str) -> None:
    """What is shown until a checkpoint of the Hub is on this machine."""
    from explorer.foreign import hub

    background(
        ["fetch", name],
        hub.note(name),
        title=f"Download {name} from the Hugging Face Hub",
        about="Config and weights alone; it is kept, and found again without a network.",
    )


def _foreign(name: str) -> Checkpoint | None:
    """A checkpoint of another library, at the image size that the user chooses; None if it is not here yet."""
    from explorer import checkpoints, foreign

    if not _is_place(name):
        _fetch(name)
        return None

    with st.spinner("Recognising the checkpoint …"):
        path, size, inside = foreign.split(checkpoints.resolve(name))
        own = checkpoints.describe(path)
    if own.format == "explorer":
        return own

    def changed() -> None:
        put("checkpoint", foreign.join(path, st.session_state["image-size"], st.session_state["taps"]))

    value = size or own.image_size
    st.session_state["image-size"], st.session_state["taps"] = value, list(inside)
    st.number_input(
        "Image size", foreign.SMALLEST, foreign.LARGEST, step=8, key="image-size", on_change=changed,
        help="Images are brought to this side length in pixels before they go in. The network takes others as well, "
        f"and was made for {own.image_size}, as far as its files say; larger images take longer.",
    )  # fmt: skip
    st.multiselect(
        "Layers from inside", list(dict.fromkeys([*_modules(str(path), path.stat().st_mtime), *inside])),
        max_selections=foreign.taps.MOST, key="taps", on_change=changed, placeholder="Blocks and convolutions",
        help="What a block or a convolution gives becomes a layer of its own: a code map by k-means, a codebook and a "
        "latent map, beside the layers that the network has by itself. Layers with large grids make large encodings.",
    )  # fmt: skip
    return checkpoints.describe(Path(foreign.join(path, value, inside)))


@st.cache_data(max_entries=16, show_spinner=False)
def _modules(path: str, version: float) -> list[str]:
    """Names of what can be tapped inside a checkpoint of another library."""
    from explorer import foreign

    found = foreign.recognise(path)
    return foreign.taps.offered(foreign.skeleton(found)) if found else []


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


def summary(checkpoint: Checkpoint) -> None:
    """The facts of a checkpoint in a few lines, with help."""
    size, bits, layers = checkpoint.image_size, bits_per_pixel(checkpoint), checkpoint.layers
    kinds = [checkpoint.family if checkpoint.format == "explorer" else checkpoint.format]
    # and what it is made of, where that is not the default
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
    lines += map(plain, checkpoint.notes)
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
