"""The form that trains an autoencoder, generated from the config dataclasses of the families and of the training."""

from __future__ import annotations

import dataclasses
import math
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.errors import BadInput
from explorer.files import digest
from explorer.pages.state import get, plain, shared

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

    from explorer.jobs import Job
    from explorer.training.presets import Preset

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
AGAIN = 5.0  # seconds in which the same start is a second click, and no second run


def form() -> None:
    """What matters first, then sections that open, then what it will cost, and the button that starts the run."""
    with st.spinner("Preparing the form …"):  # torch takes a moment, once
        from explorer.models import MODELS
        from explorer.training.presets import PRESETS

    chosen = st.selectbox(
        "Start from",
        list(PRESETS),
        key="train-preset",
        on_change=_apply,
        help="Fills in the fields below; each of them can be changed afterwards.",
    )
    preset = PRESETS[chosen]
    st.caption(preset.about)
    dataset = choose_dataset()
    first, second = st.container(), st.container()  # filled below: the name follows from the family
    with st.expander("Network", icon=":material/tune:"):
        st.session_state.setdefault("train-family", preset.family)
        family = st.selectbox(
            "Family",
            list(MODELS),
            key="train-family",
            help="The kind of autoencoder.  \n"
            + "  \n".join(f"{name}: {entry.summary}" for name, entry in MODELS.items()),
        )
        model = _model(family, preset)
    with st.expander("Training", icon=":material/settings:"):
        training = _training(preset, second)
    suggestion = _suggest(family, dataset)
    name = first.text_input(
        "Name",
        suggestion,
        key=f"train-name-{suggestion}",
        max_chars=64,
        help="The checkpoint's name in the picker, and the name of its folder: letters, digits, dot, dash, underscore.",
    )
    _outlook(family, dataset, model, training)
    if st.button("Start training", icon=":material/play_arrow:", type="primary", width="stretch", key="train-start"):
        begin((family, dataset, name, model, training), start)


def _apply() -> None:
    """Fills the form with the preset that was chosen."""
    from explorer.models import MODELS
    from explorer.training.config import TrainingConfig
    from explorer.training.presets import PRESETS

    preset = PRESETS[st.session_state["train-preset"]]
    st.session_state["train-family"] = preset.family
    for field in dataclasses.fields(MODELS[preset.family].config):
        st.session_state[f"train-{preset.family}-{field.name}"] = preset.model.get(field.name, field.default)
    for field in dataclasses.fields(TrainingConfig):
        if field.name != "device":
            st.session_state[f"train-{field.name}"] = preset.training.get(field.name, field.default)


def begin(asked: tuple, start: Callable[..., Job]) -> None:
    """Starts the run `start(*asked)` once, and goes to its page."""
    memory = shared()
    last = memory.get("started")
    if last is None or last["asked"] != asked or time.monotonic() - last["time"] > AGAIN:
        with st.spinner("Checking the settings …"):
            job = start(*asked)
            # in a plain dict: a second click may end this run of the script at the next word to Streamlit
            memory["started"] = {"asked": asked, "time": time.monotonic(), "job": job.id}
    st.session_state["training-run"] = memory["started"]["job"]
    # without parameters of its own it refuses to leave a page with widgets that are bound to the address
    st.switch_page(shared()["pages"]["training"], query_params={})


def _outlook(family: str, dataset: str, model: dict[str, Any], training: dict[str, Any]) -> None:
    """How large the network is, and on a click how long the training will take; what does not fit is said here."""
    from explorer.progress import spoken
    from explorer.training import estimates

    place = st.empty()
    try:
        size, parameters = _network(family, dataset, model, training["image_size"])
        key = digest(family, model, size, training["batch_size"], training["precision"], training["device"])
        timed = shared().setdefault("seconds per step", {})
        st.caption(f"{parameters:,} parameters · {size} × {size} pixels")
        if key not in timed and place.button("Estimate the time", icon=":material/timer:", key="train-estimate"):
            with place.container(), st.spinner("Timing a few steps …"):
                timed[key] = estimates.per_step(family, model, training, size)
    except BadInput as error:
        place.caption(f":material/warning: {plain(error)}")
        return
    if key in timed:
        spent = estimates.seconds(timed[key], training["steps"], training["batch_size"])
        where = choices().get(training["device"], training["device"]).partition(" (")[0]
        where = "one of these GPUs, and less on all" if training["device"] == "all" else where
        place.caption(
            f":material/timer: About **{spoken(spent)}** on {plain(where)}, {timed[key]:.2g} s a step.",
            help="An estimate from a few steps of this network with random pixels. Reading the images before, the "
            "scores at the end, and other work on the same device come on top.",
        )


@st.cache_data(ttl="60s", max_entries=64, show_spinner=False)
def _network(family: str, dataset: str, model: dict[str, Any], image_size: int | None) -> tuple[int, int]:
    from explorer.training import config

    return config.check(family, dataset, model, {"image_size": image_size})


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
    check_parts(training)
    path = Path(dataset).expanduser()
    source = str(path.resolve()) if dataset not in datasets.DATASETS and path.exists() else dataset
    arguments = ["train", family, "--dataset", source, "--out", str(target.absolute())]
    arguments += ["--steps", str(training["steps"]), "--device", training["device"]]
    changed = differing(MODELS[family].config, model) | differing(TrainingConfig, training)
    for key, value in changed.items():
        if key not in ("steps", "device"):
            arguments += ["--set", f"{key}={value}"]
    return jobs.start(arguments, target, title=f"Train {name}", device=training["device"])


def _model(family: str, preset: Preset) -> dict[str, Any]:
    """The family's settings; what does not count for the choices made is not asked for, and keeps its default."""
    from explorer.models import MODELS

    config = MODELS[family].config
    fields = dataclasses.fields(config)
    values = {field.name: field.default for field in fields}
    given = preset.model if preset.family == family else {}
    for field in sorted(fields, key=lambda one: one.metadata.get("first", math.inf)):
        if counts(field, values):
            start_at = given.get(field.name, field.default)
            values[field.name] = field_widget(config, field, f"train-{family}-{field.name}", start_at)
    return values


def _training(preset: Preset, above: DeltaGenerator) -> dict[str, Any]:
    """The settings of the training; the number of steps stands in `above`, and the device comes first."""
    from explorer.training.config import TrainingConfig

    values = {"device": choose_device()}
    for field in dataclasses.fields(TrainingConfig):
        if field.name != "device":
            start_at = preset.training.get(field.name, field.default)
            with above if field.name == "steps" else nullcontext():
                values[field.name] = field_widget(TrainingConfig, field, f"train-{field.name}", start_at)
    return values


def counts(field: dataclasses.Field, values: dict[str, Any]) -> bool:
    """Whether a field of a config means anything beside the values of the others; its metadata `only` says where."""
    conditions = field.metadata.get("only", {})
    return all(set(words) & set(re.findall(r"\w+", str(values[name]))) for name, words in conditions.items())


def choose_dataset() -> str:
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
        help=f"A named dataset, or type the path of {datasets.ACCEPTED}, or org/name on the Hugging Face Hub. "
        "Uploads under “Your own images” are listed too. A tenth is held out of what has no test split.",
    )


def choose_device() -> str:
    known = choices()
    more = " All GPUs take an equal part of every batch each, so their number has to divide the batch."
    return st.selectbox(
        "Device",
        list(known),
        format_func=lambda device: known.get(device, device),
        key="train-device",
        help="What computes. One run at a time uses a device; the next one waits in a queue." + more * ("all" in known),
    )


def choices() -> dict[str, str]:
    """What a training can run on: each device, and all GPUs together where there are several."""
    known = known_devices()
    gpus = [name for name, _ in known if name.startswith("cuda")]
    whole = [("all", f"All {len(gpus)} GPUs together")] if len(gpus) > 1 else []
    return dict([*known[: len(gpus)], *whole, *known[len(gpus) :]])


def check_parts(training: dict[str, Any]) -> None:
    """Raises BadInput where a batch cannot be shared among all GPUs."""
    from explorer import ranks

    if training["device"] == "all":
        ranks.check_divides(training["batch_size"], sum(name.startswith("cuda") for name in choices()))


@st.cache_data(ttl="10s", max_entries=1, show_spinner="Looking for devices …")
def known_devices() -> list[tuple[str, str]]:
    from explorer import jobs

    return jobs.devices()


def field_widget(config: type, field: dataclasses.Field, key: str, start_at: Any) -> Any:
    """The widget of a config field, by its type and its metadata `help`, `about`, `choices`, `min`, `max`."""
    from explorer.glossary import label
    from explorer.options import kind_of

    kind, optional = kind_of(field)
    facts, name = field.metadata, label(config, field)
    about = f"{plain(facts.get('help', ''))} Written `{field.name}` on the command line."
    for choice, meaning in facts.get("about", {}).items():
        about += f"  \n**{plain(choice)}**: {plain(meaning)}"
    if key not in st.session_state:  # there and not in the widget, so that a preset can change it
        st.session_state[key] = start_at if kind is not str or facts.get("choices") else start_at or ""
    if facts.get("choices"):
        return st.selectbox(name, list(facts["choices"]), key=key, help=about)
    if kind is bool:
        return st.toggle(name, key=key, help=about)
    if kind is str:
        return st.text_input(name, key=key, help=about) or (None if optional else "")
    bounds = {f"{end}_value": kind(facts[end]) for end in ("min", "max") if end in facts}
    step = 1 if kind is int else _step(field.default)
    number = {} if kind is int else {"format": "%g"}
    empty = {"value": None, "placeholder": "automatic"} if optional else {}
    return st.number_input(name, step=step, key=key, help=about, **bounds, **number, **empty)


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


def differing(config: type, values: dict[str, Any]) -> dict[str, Any]:
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    return {key: value for key, value in values.items() if value != defaults[key]}
