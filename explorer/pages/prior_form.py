"""The form that trains a prior over the codes of the open checkpoint, generated from the configs of priors."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from explorer.errors import BadInput
from explorer.files import digest
from explorer.options import KMEANS
from explorer.pages import train_form
from explorer.pages.state import plain, shared

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.jobs import Job

NONE = "no class"
SIZES = [16, 32, 64, 128, 256, 512]  # of k-means codebooks


def form() -> None:
    """Kind, dataset and condition, sections that open, what it will cost, and the button that starts the run."""
    chosen = shared().get("selection")
    if chosen is None:
        st.info("Choose a checkpoint above first: a prior is over its codes.")
        return
    with st.spinner("Preparing the form …"):  # torch takes a moment, once
        from explorer.priors import PRIORS
        from explorer.training.priors import PriorTraining
    facts = chosen.checkpoint
    st.caption(f"It learns which codes of **{plain(facts.name)}** stand beside which.")
    kind = st.selectbox(
        "Kind", list(PRIORS), index=list(PRIORS).index("transformer"), key="train-prior-kind",
        help="  \n".join(f"**{name}**: {plain(entry.summary)}" for name, entry in PRIORS.items()),
    )  # fmt: skip
    dataset = train_form.choose_dataset() if facts.family != "codes" else str(facts.path)
    condition = _condition(dataset, facts)
    first, second = st.container(), st.container()
    with st.expander("Network", icon=":material/tune:"):
        layers, kmeans = _layers(facts)
        settings = _fields(PRIORS[kind].config, f"train-prior-{kind}")
    with st.expander("Training", icon=":material/settings:"):
        training = {
            "device": train_form.choose_device(),
            **_fields(PriorTraining, "train-prior", but=("device", "steps")),
        }
    with second:
        training |= _fields(PriorTraining, "train-prior", only=("steps",))
    suggestion = _suggest(f"{facts.name}-{kind}-prior")
    name = first.text_input(
        "Name", suggestion, key=f"train-prior-name-{suggestion}", max_chars=64,
        help="The name of its folder beside the checkpoints: letters, digits, dot, dash, underscore.",
    )  # fmt: skip
    _outlook(kind, facts, settings, training, layers, kmeans)
    asked = (str(facts.path), dataset, name, kind, condition, layers, kmeans, settings, training)
    if st.button(
        "Start training", icon=":material/play_arrow:", type="primary", width="stretch", key="train-prior-start"
    ):
        train_form.begin(asked, start)


def start(
    checkpoint: str, dataset: str, name: str, kind: str, condition: str | None, layers: tuple[str, ...], kmeans: int,
    settings: dict[str, Any], training: dict[str, Any],
) -> Job:  # fmt: skip
    """Checks what can be checked without reading images, and starts the training as a job.

    Raises:
        BadInput: a name that exists or is no name, settings that do not fit together or into memory.
    """
    from explorer import checkpoints, datasets, jobs
    from explorer.priors import PRIORS, folder
    from explorer.training import prior_plans
    from explorer.training.priors import PriorTraining

    if not train_form.NAME.fullmatch(name):
        raise BadInput(f"'{name}' is no name for a prior; use letters, digits, dot, dash and underscore")
    target = checkpoints.folder() / name
    if target.exists() or name in {known.name for known in (*checkpoints.find(), *folder.find())}:
        raise BadInput(f"'{name}' already exists; choose another name, or delete it on the Training page")
    made = prior_plans.plan(kind, checkpoints.describe(checkpoint), settings, training, layers=layers, kmeans=kmeans)
    train_form.check_parts(training)
    if training["device"] == "cpu":  # a server that asked a GPU would hold some of it; the job asks
        prior_plans.check_room(made, training["batch_size"], "cpu")
    path = Path(dataset).expanduser()
    source = str(path.resolve()) if dataset not in datasets.DATASETS and path.exists() else dataset
    words = ["prior", "train", checkpoint, "--dataset", source, "--kind", kind, "--kmeans", str(kmeans)]
    words += ["--condition", condition] if condition else []
    words += [word for layer in layers for word in ("--layer", layer)]
    words += ["--out", str(target.absolute()), "--steps", str(training["steps"]), "--device", training["device"]]
    changed = train_form.differing(PRIORS[kind].config, settings) | train_form.differing(PriorTraining, training)
    for key, value in changed.items():
        if key not in ("steps", "device"):
            words += ["--set", f"{key}={value}"]
    return jobs.start(words, target, title=f"Train {name}", device=training["device"])


def _condition(dataset: str, facts: Checkpoint) -> str | None:
    """The column that samples can be asked for by; those of the dataset where it is open at once, else any name."""
    known = _columns(dataset, facts.image_size, facts.family == "codes")
    chosen = st.selectbox(
        "Class", [NONE, *known], accept_new_options=True, key=f"train-prior-condition-{dataset}",
        help="A column of the dataset, whose values are told beside the codes, so that samples of one of them can be "
        "asked for: at most 256 values; quantities become eight ranges.",
    )  # fmt: skip
    return None if chosen in (None, NONE) else chosen


@st.cache_data(ttl="60s", max_entries=16, show_spinner="Reading the columns …")
def _columns(dataset: str, size: int, coded: bool) -> list[str]:
    from explorer import datasets

    try:
        if not coded and dataset != "digits" and not datasets.ready(dataset, "test", size):  # digits take a moment
            return []
        return [str(name) for name in datasets.load(dataset, "test", size).concepts.columns]
    except BadInput:
        return []  # the button says what is wrong with the dataset


def _layers(facts: Checkpoint) -> tuple[tuple[str, ...], int]:
    """The layers that the prior is over, and codes of k-means where one is continuous."""
    from explorer.training.prior_plans import layers_of

    names = [layer["name"] for layer in facts.layers]
    layers = layers_of(facts)
    if len(names) > 1:
        picked = st.multiselect(
            "Layers", names, list(layers), key=f"train-prior-layers-{facts.name}",
            help="Whose codes are learned, coarse to fine; finer ones see the coarser ones.",
        )  # fmt: skip
        layers = layers_of(facts, picked)
    continuous = any(not layer.get("codes") for layer in facts.layers if layer["name"] in layers)
    if not continuous:
        return layers, KMEANS
    told = "A continuous layer has no codes of its own: those of k-means, fitted on training images, stand for it."
    return layers, st.select_slider("k-means codes", SIZES, KMEANS, key="train-prior-kmeans", help=told)


def _fields(config: type, key: str, *, but: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = [one for one in dataclasses.fields(config) if one.name not in but and (not only or one.name in only)]
    fields.sort(key=lambda one: one.metadata.get("first", math.inf))
    return {one.name: train_form.field_widget(config, one, f"{key}-{one.name}", one.default) for one in fields}


def _outlook(
    kind: str, facts: Checkpoint, settings: dict[str, Any], training: dict[str, Any], layers: tuple[str, ...],
    kmeans: int,
) -> None:  # fmt: skip
    """How large the network is, and on a click how long the training will take; what does not fit is said here."""
    from explorer.progress import spoken
    from explorer.training import prior_estimates, prior_plans

    place = st.empty()
    try:
        made = prior_plans.plan(kind, facts, settings, training, layers=layers, kmeans=kmeans)
        key = digest("prior", kind, settings, repr(made.levels), training["batch_size"], training["precision"],
                     training["device"])  # fmt: skip
        timed = shared().setdefault("seconds per step", {})
        st.caption(f"{made.parameters:,} parameters · about {made.bytes / 1e9:.1f} GB of memory")
        if key not in timed and place.button("Estimate the time", icon=":material/timer:", key="train-prior-estimate"):
            prior_plans.check_room(made, training["batch_size"], training["device"])
            with place.container(), st.spinner("Timing a few steps …"):
                timed[key] = prior_estimates.per_step(kind, settings, training, made.levels, 0)
    except BadInput as error:
        place.caption(f":material/warning: {plain(error)}")
        return
    if key in timed:
        spent = timed[key] * training["steps"]
        place.caption(
            f":material/timer: About **{spoken(spent)}**, {timed[key]:.2g} s a step.",
            help="An estimate from a few steps on random codes. Encoding the images, scores, samples, and other work "
            "on the same device come on top.",
        )


def _suggest(base: str) -> str:
    """A name that no folder has yet."""
    from explorer import checkpoints, jobs

    taken = {job.target for job in jobs.all_jobs() if job.active}
    names = [base[:58], *(f"{base[:58]}-{number}" for number in range(2, 1000))]
    there = (checkpoints.folder().absolute() / name for name in names)
    return next((path.name for path in there if not path.exists() and path not in taken), base[:58])
