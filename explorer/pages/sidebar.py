"""The sidebar: which checkpoint, which dataset, and the facts of the checkpoint."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from explorer import access
from explorer.errors import BadInput
from explorer.files import cache_folder, write_bytes
from explorer.options import FITS
from explorer.pages import parts, visitors
from explorer.pages.facts import summary
from explorer.pages.state import (
    bound,
    called,
    choose,
    complain,
    get,
    heard,
    plain,
    put,
    refused,
    shared,
    short_path,
    together,
)  # fmt: skip
from explorer.pages.work import background

if TYPE_CHECKING:
    from collections.abc import Callable

    from explorer.checkpoints import Checkpoint


EVERY = "all"  # no limit to the number of images, in the address


@dataclass(frozen=True)
class Selection:
    """What the sidebar says.

    Attributes:
        checkpoint: facts of the checkpoint, from its JSON.
        dataset: a name in DATASETS, or a path.
        split: one of parts.PARTS; to begin with `test`, the images that training has not seen, or `all` of a dataset
            that it has seen nothing of.
        fit: how an image that is not square becomes one: `crop` or `pad`.
        limit: at most so many images, a random sample that is always the same; None is all.
    """

    checkpoint: Checkpoint
    dataset: str
    split: str = "test"
    fit: str = "crop"
    limit: int | None = None

    @property
    def arguments(self) -> list[str]:
        """What the command line calls the images: `--dataset`, `--split`, `--fit` and `--limit`."""
        found = ["--dataset", self.dataset, "--split", self.split, "--fit", self.fit]
        return found if self.limit is None else [*found, "--limit", str(self.limit)]


def draw() -> Selection:
    """The sidebar."""
    from explorer import checkpoints, datasets

    found = {checkpoint.name: checkpoint for checkpoint in checkpoints.find() if checkpoint.state != "training"}
    if not found:
        raise BadInput(
            f"there is no checkpoint yet in {checkpoints.folder()}; train one, or put a checkpoint folder there"
        )
    before = shared()["good"].get("checkpoint")
    checkpoint = _checkpoint(found)
    if before not in (None, get("checkpoint")) and "checkpoint" not in shared()["linked"]:
        with together():
            for other in ("layer", "code", "region"):
                put(other, None)
        if get("show") == "own" and not shared()["uploads"].get("own"):
            put("show", None)  # rather the new checkpoint's reconstructions than an empty upload box
    dataset = _dataset(checkpoint)
    if own := dataset not in datasets.DATASETS:
        for_photographs(checkpoint)
    part, limit = parts.choose_part(checkpoint, dataset), _limit(checkpoint, dataset)
    fit = choose("fit", _no_fit, "crop")
    if own:
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
    complain("fit")
    summary(checkpoint)
    return Selection(checkpoint, dataset, part, fit, limit)


def for_photographs(checkpoint: Checkpoint) -> None:
    """Goes on with the checkpoint that knows photographs, for pictures of one's own and where none was chosen.

    The first one that ships knows generated shapes alone, so that photographs come back as blocks.
    """
    from explorer.checkpoints import FOR_PHOTOGRAPHS, SHIPPED

    there = (SHIPPED / FOR_PHOTOGRAPHS / "config.json").is_file()
    if there and shared().get("unasked") == checkpoint.name != FOR_PHOTOGRAPHS:
        shared()["unasked"] = None
        put("checkpoint", FOR_PHOTOGRAPHS)
        st.toast(f"Now {FOR_PHOTOGRAPHS}, which was trained on photographs.", icon=":material/photo_camera:")
        st.rerun()


def _no_fit(name: str) -> str:
    return "" if name in FITS else f"There is no fit '{name[:200]}'; choose from {', '.join(FITS)}"


def _checkpoint(found: dict[str, Checkpoint]) -> Checkpoint:
    """The checkpoint that is named, or lies at the path that was typed; else the last one that could be opened.

    What was typed in vain stays in the box, with one sentence below it.
    """
    opened = dict(found)

    def attempt(name: str) -> None:
        opened[name] = opened.get(name) or _open(name)

    if get("checkpoint") is None and refused("checkpoint") is None:
        shared()["unasked"] = next(iter(found))  # nobody chose it
    value = choose("checkpoint", lambda name: _fault(name, attempt), next(iter(found)))
    if value != shared().get("unasked"):
        shared()["unasked"] = None
    shown = refused("checkpoint") or value
    labels = {name: name for name in (*found, shown)}
    labels.setdefault(value, short_path(value))
    bound(
        "checkpoint",
        shown,
        lambda key, changed: st.selectbox(
            "Checkpoint",
            list(labels),
            format_func=lambda name: labels.get(name, name),
            accept_new_options=not access.public(),
            key=key,
            on_change=changed,
            help="Networks that this server offers."
            if access.public()
            else "Shipped ones first, then those that you trained. Or type the path of one of another library: "
            "a folder, a file with weights, or a name on the Hugging Face Hub such as CompVis/ldm-celebahq-256. The "
            "README has a table of what can be opened. Nothing in such a file is run.",
        ),
    )
    if _is_on_hub(shown) and not access.public():
        _fetch(shown, value)
    else:
        complain("checkpoint")
    _upload()
    if opened[value].format not in ("explorer", "codes"):
        _inside(value)
    return opened[value]


def _fault(name: str, attempt: Callable[[str], object]) -> str:
    """What is wrong with a name or path that the user typed; empty where the attempt to open it succeeds."""
    try:
        attempt(name)
    except BadInput as error:
        return str(error)
    except (OSError, RuntimeError, ValueError) as error:  # no access, no such home, too long, not a text
        reason = getattr(error, "strerror", None) or error
        return f"'{name[:80]}' cannot be read ({reason}); choose from the list, or type another path"
    return ""


def _open(name: str) -> Checkpoint:
    """A checkpoint by a path, maybe with an image size and layers from inside; raises BadInput where there is none."""
    from explorer import checkpoints, foreign

    with st.spinner("Recognising the checkpoint …"):
        path, size, inside = foreign.split(checkpoints.resolve(name))
        own = checkpoints.describe(path)
        if own.state == "training" and "/" not in name:
            raise BadInput(f"'{name}' is still being trained; choose another, or wait until it is done")
        if own.format in ("explorer", "codes"):
            return own
        return checkpoints.describe(Path(foreign.join(path, size or own.image_size, inside)))


def _upload() -> None:
    """Weights from the user's own machine, kept under the hash of their content; of strangers none are taken."""
    from explorer import checkpoints

    if access.public():
        return

    with st.expander("Your own checkpoint", icon=":material/upload_file:"):
        given = st.file_uploader(
            "A file with weights, or with codes",
            type=[ending.removeprefix(".") for ending in (*checkpoints.SINGLE, ".npz", ".parquet")],
            key="checkpoint-file",
            help="Weights of a PyTorch VQ-VAE, a VQGAN, a masked autoencoder or a Keras VQ-VAE: see the README. "
            "Codes that any tokenizer wrote can be judged as well: an .npz with 'codes' (N, H, W) or (N, L), or a "
            "Parquet table with a column of them. Of what is a folder, type its path above. "
            "Nothing in the file is run.",
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


def _is_on_hub(name: str) -> bool:
    """Whether what was typed could be a name on the Hugging Face Hub that is not on this machine."""
    from explorer.foreign import hub

    if name != refused("checkpoint") or name.startswith(("/", ".", "~")) or "/" not in name:
        return False
    return not Path(name.split("/")[0]).exists() and hub.parse(name) is not None and hub.locate(name) is None


def _fetch(name: str, shown: str) -> None:
    """What stands below the box until a checkpoint of the Hub is on this machine."""
    from explorer.foreign import hub

    st.caption(f"{plain(name)} is not on this machine. The page shows {plain(shown)}.")
    background(
        ["fetch", name],
        hub.note(name),
        title=f"Download {name} from the Hugging Face Hub",
        about="If it is there: config and weights alone. They are kept, and found again without a network.",
        label="Download",
    )


def _inside(name: str) -> None:
    """Image size and layers from inside, of a checkpoint of another library; both are part of its name."""
    from explorer import checkpoints, foreign

    path, size, inside = foreign.split(checkpoints.resolve(name))
    made_for = checkpoints.describe(path).image_size

    def changed() -> None:
        if heard():
            put("checkpoint", foreign.join(path, st.session_state["image-size"], st.session_state["taps"]))

    st.session_state["image-size"], st.session_state["taps"] = size or made_for, list(inside)
    st.number_input(
        "Image size", foreign.SMALLEST, foreign.LARGEST, step=8, key="image-size", on_change=changed,
        help="Images are brought to this side length in pixels before they go in. The network takes others as well, "
        f"and was made for {made_for}, as far as its files say; larger images take longer.",
    )  # fmt: skip
    st.multiselect(
        "Layers from inside", list(dict.fromkeys([*_modules(str(path), path.stat().st_mtime), *inside])),
        max_selections=foreign.taps.MOST, key="taps", on_change=changed, placeholder="Blocks and convolutions",
        help="What a block or a convolution gives becomes a layer of its own: a code map by k-means, a codebook and a "
        "latent map, beside the layers that the network has by itself. Layers with large grids make large encodings.",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def _modules(path: str, version: float) -> list[str]:
    """Names of what can be tapped inside a checkpoint of another library."""
    from explorer import foreign

    found = foreign.recognise(path)
    return foreign.taps.offered(foreign.skeleton(found)) if found else []


def _dataset(checkpoint: Checkpoint) -> str:
    """The dataset that is named, or lies at the path that was typed; else the last one that could be opened."""
    from explorer import datasets

    state, asked = shared(), get("dataset")
    own = checkpoint.dataset if checkpoint.dataset and not _no_dataset(checkpoint.dataset) else None
    start = own or (checkpoint.opening[0] if checkpoint.opening else None)
    if state.get("dataset of") != checkpoint.name and asked in (None, state.get("own dataset")):
        put("dataset", start or asked)  # unless the user chose another on purpose, a checkpoint comes with its own
    state["dataset of"], state["own dataset"] = checkpoint.name, start or state.get("own dataset")
    for known in datasets.DATASETS:
        if asked != known and (asked or "").lower() == known.lower():
            put("dataset", known)
    value = choose("dataset", _no_dataset, start or "shapes")
    shown = refused("dataset") or value
    labels: dict[str, str] = {}
    for name in filter(None, (own, *datasets.DATASETS, *state["sources"], value, shown)):
        label = called(name) if name != refused("dataset") else name
        labels.setdefault(name, name if label in labels.values() else label)
    bound(
        "dataset",
        shown,
        lambda key, changed: st.selectbox(
            "Dataset",
            list(labels),
            format_func=lambda name: labels.get(name, name),
            accept_new_options=not access.public(),
            key=key,
            on_change=changed,
            help="Datasets that this server offers, and what you sent."
            if access.public()
            else f"A named dataset, or type the path of {datasets.ACCEPTED}, or org/name on the Hugging Face Hub. "
            "The held-out split is shown where the dataset has one, or the checkpoint was trained on it; else all."
            + (f"  \nNow: {plain(value)}" if "/" in value else ""),
        ),
    )
    complain("dataset")
    if own not in (None, value):
        st.button(
            f"Its own: {plain(called(own))}", icon=":material/undo:", type="tertiary", key="own-dataset",
            on_click=put, args=("dataset", own), help="The dataset that the checkpoint was trained on.",
        )  # fmt: skip
    with st.expander("Your own images", icon=":material/upload:"):
        given = st.file_uploader(
            "A zip, tar, table or arrays", type=[ending.removeprefix(".") for ending in datasets.FILES], key="zip",
            help="A zip or tar of images, of which the folders become the concept “class”; a Parquet or Arrow file; or "
            "arrays (.npz, .npy, .h5): pictures, and labels of as many rows.",
        )  # fmt: skip
        if given is not None:
            path = _keep(given.getvalue(), given.name)
            if state.get("last zip") != path:
                state["last zip"] = path
                put("dataset", path)
                st.rerun()
    return value


def _no_dataset(name: str) -> str:
    """What is wrong with the name or path of a dataset; empty where it can be opened."""

    def attempt(name: str) -> None:
        path = Path(name).expanduser()
        _recognised(name, path.stat().st_mtime if path.exists() else 0.0)

    return _fault(name, attempt)


@st.cache_data(max_entries=64, show_spinner="Looking what is there …")
def _recognised(name: str, version: float) -> int:
    """Raises BadInput unless there is such a dataset."""
    from explorer import datasets

    return datasets.native_size(name)


def _limit(checkpoint: Checkpoint, dataset: str) -> int | None:
    """At most so many images: as many as the checkpoint opens on, until the user says otherwise for a dataset."""
    state, first = shared(), checkpoint.limit_on(dataset)
    text = None if first is None else str(first)
    moved = state.get("limit of") not in (None, dataset) or get("limit") == state.get("first limit")
    if moved and "limit" not in state["linked"] and refused("limit") is None:
        put("limit", text)
    state["limit of"], state["first limit"] = dataset, text
    if get("limit") is None and refused("limit") is None:
        return None
    value = choose("limit", _no_limit, EVERY)
    complain("limit")
    if value == EVERY:
        if first is None:
            put("limit", None)
        return None
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="small"):
        st.caption(f"Only {int(value):,} images", help="A random sample, always the same.")
        st.button("All images", type="tertiary", key="all-images", on_click=put, args=("limit", EVERY))
    return int(value)


def _no_limit(text: str) -> str:
    good = text.isdecimal() and 0 < len(text) < 10 and int(text) > 0
    wrong = f"There is no limit '{text[:200]}'; give a number of images, from 1, or {EVERY}"
    return "" if good or text == EVERY else wrong


def _keep(data: bytes, name: str) -> str:
    """Stores an upload under the hash of its content and remembers what the user calls it; returns the path."""
    from explorer import datasets

    ending = max((one for one in datasets.FILES if name.lower().endswith(one)), key=len, default=".zip")
    place = visitors.folder() if access.public() else cache_folder() / "uploads"
    path = place / f"{hashlib.sha256(data).hexdigest()[:16]}{ending}"
    visitors.receive(path, len(data))
    if not path.exists():
        write_bytes(path, data)
    shared()["sources"][str(path)] = f"{name} (uploaded)"
    return str(path)
