"""The Train form of the sidebar, generated from the config dataclasses of the families and of the training."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.errors import BadInput
from explorer.pages.state import get, guard, plain, shared

if TYPE_CHECKING:
    from explorer.jobs import Job

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FIRST = ("steps", "batch_size", "image_size")  # training fields that stand above the expanders


@st.fragment
@guard()
def draw() -> None:
    """The form in the sidebar; nothing heavy is imported before it is opened."""
    box = st.expander("Train a new checkpoint", icon=":material/model_training:", on_change="rerun", key="train-open")
    if not box.open:
        return
    with box:
        form()


def form() -> None:
    """All fields, and the button that starts the run and goes to its page."""
    with st.spinner("Preparing the form …"):  # torch takes a moment, once
        from explorer.models import MODELS
    from explorer.training.config import TrainingConfig

    family = st.selectbox(
        "Family",
        list(MODELS),
        key="train-family",
        help="The kind of autoencoder.  \n" + "  \n".join(f"{name}: {entry.summary}" for name, entry in MODELS.items()),
    )
    dataset = _dataset()
    suggestion = _suggest(family, dataset)
    name = st.text_input(
        "Name",
        suggestion,
        key=f"train-name-{suggestion}",
        max_chars=64,
        help="The checkpoint's name in the picker, and the name of its folder: letters, digits, dot, dash, underscore.",
    )
    options = {field.name: field for field in dataclasses.fields(TrainingConfig)}
    model = _model(family)
    with st.container(horizontal=True):
        training = {key: _widget(options[key], f"train-{key}") for key in FIRST}
    training["device"] = _device()
    with st.expander("Training settings", icon=":material/settings:"):
        rest = [field for key, field in options.items() if key not in (*FIRST, "device")]
        training |= {field.name: _widget(field, f"train-{field.name}") for field in rest}
    if st.button("Start training", icon=":material/play_arrow:", type="primary", width="stretch", key="train-start"):
        with st.spinner("Checking the settings …"):
            job = start(family, dataset, name, model, training)
        st.session_state["training-run"] = job.id
        st.switch_page("explorer/pages/training.py")


def start(family: str, dataset: str, name: str, model: dict[str, Any], training: dict[str, Any]) -> Job:
    """Checks everything that can be checked without reading images, and starts the training as a job.

    Raises:
        BadInput: a name that exists or is no name, an unknown dataset, settings or sizes that do not fit.
    """
    from explorer import checkpoints, datasets, jobs
    from explorer.models import MODELS
    from explorer.training import config
    from explorer.training.config import TrainingConfig

    if not NAME.fullmatch(name):
        raise BadInput(f"'{name}' is no name for a checkpoint; use letters, digits, dot, dash and underscore")
    target = checkpoints.folder() / name
    if target.exists() or name in {known.name for known in checkpoints.find()}:
        raise BadInput(f"'{name}' already exists; choose another name, or delete it on the Training page")
    config.check(family, dataset, model, training)
    path = Path(dataset).expanduser()
    source = str(path.resolve()) if dataset not in datasets.DATASETS and path.exists() else dataset
    arguments = ["train", family, "--dataset", source, "--out", str(target.absolute())]
    arguments += ["--steps", str(training["steps"]), "--device", training["device"]]
    changed = _changed(MODELS[family].config, model) | _changed(TrainingConfig, training)
    for key, value in changed.items():
        if key not in ("steps", "device"):
            arguments += ["--set", f"{key}={value}"]
    return jobs.start(arguments, target, title=f"Train {name}", device=training["device"])


def _model(family: str) -> dict[str, Any]:
    """The family's settings; what does not count for the choices made is not asked for, and keeps its default."""
    from explorer.models import MODELS

    fields = dataclasses.fields(MODELS[family].config)
    values = {field.name: field.default for field in fields}
    leading = sorted((field for field in fields if "first" in field.metadata), key=lambda one: one.metadata["first"])
    with st.container(horizontal=True):
        for field in leading:
            if counts(field, values):
                values[field.name] = _widget(field, f"train-{family}-{field.name}")
    with st.expander("Model settings", icon=":material/tune:"):
        for field in fields:
            if field not in leading and counts(field, values):
                values[field.name] = _widget(field, f"train-{family}-{field.name}")
    return values


def counts(field: dataclasses.Field, values: dict[str, Any]) -> bool:
    """Whether a field of a config means anything beside the values of the others; its metadata `only` says where."""
    conditions = field.metadata.get("only", {})
    return all(set(words) & set(re.findall(r"\w+", str(values[name]))) for name, words in conditions.items())


def _dataset() -> str:
    from explorer import datasets

    sources = shared()["sources"]
    options = list(dict.fromkeys([*datasets.DATASETS, *sources]))
    current = get("dataset")
    if current is not None and current not in options:
        options.append(current)
    return st.selectbox(
        "Dataset to train on",
        options,
        index=options.index(current) if current in options else 0,
        format_func=lambda option: sources.get(option, option),
        accept_new_options=True,
        key="train-dataset",
        help="A named dataset, or type the path of a folder of images, a zip file, or a Parquet file with images. "
        "A zip uploaded under “Your own images” is listed here too. A tenth is held out where there is no test split.",
    )


def _device() -> str:
    known = dict(_devices())
    return st.selectbox(
        "Device",
        list(known),
        format_func=lambda device: known.get(device, device),
        key="train-device",
        help="What computes. One run at a time uses a device; the next one waits in a queue.",
    )


@st.cache_data(ttl="10s", max_entries=1, show_spinner="Looking for devices …")
def _devices() -> list[tuple[str, str]]:
    from explorer import jobs

    return jobs.devices()


def _widget(field: dataclasses.Field, key: str) -> Any:
    """The widget of a config field, by its type and its metadata `help`, `about`, `choices`, `min`, `max`."""
    from explorer.options import kind_of

    kind, optional = kind_of(field)
    facts = field.metadata
    label = field.name.replace("_", " ").capitalize()
    about = f"{plain(facts.get('help', ''))} Written `{field.name}` on the command line."
    for choice, meaning in facts.get("about", {}).items():
        about += f"  \n**{plain(choice)}**: {plain(meaning)}"
    if facts.get("choices"):
        choices = list(facts["choices"])
        return st.selectbox(label, choices, index=choices.index(field.default), key=key, help=about)
    if kind is bool:
        return st.toggle(label, field.default, key=key, help=about)
    if kind is str:
        return st.text_input(label, field.default or "", key=key, help=about) or (None if optional else "")
    bounds = {f"{end}_value": kind(facts[end]) for end in ("min", "max") if end in facts}
    step = 1 if kind is int else _step(field.default)
    number = {} if kind is int else {"format": "%g"}
    empty = {"placeholder": "automatic"} if optional else {}
    return st.number_input(label, value=field.default, step=step, key=key, help=about, **bounds, **number, **empty)


def _step(value: float | None) -> float:
    """A tenth of the size of the default, so that the arrows of 0.001 and of 4.0 are both of use."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.1


def _suggest(family: str, dataset: str) -> str:
    from explorer import checkpoints, jobs

    stem = (
        re.sub(r"[^A-Za-z0-9._-]+", "-", Path(shared()["sources"].get(dataset, dataset)).stem).strip("-.") or "images"
    )
    base = f"{family}-{stem}"[:56]
    folder = checkpoints.folder().absolute()
    known = {checkpoint.name for checkpoint in checkpoints.find()}  # a shipped one must stay in the picker
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    taken = {job.target for job in jobs.all_jobs() if job.active}  # a queued run has no folder yet
    free = (name for name in names if name not in known and not (folder / name).exists() and folder / name not in taken)
    return next(free, base)


def _changed(config: type, values: dict[str, Any]) -> dict[str, Any]:
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    return {key: value for key, value in values.items() if value != defaults[key]}
