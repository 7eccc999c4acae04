"""Training runs, newest first: live curves and samples, stop, resume, delete, open."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image

from explorer import checkpoints, jobs
from explorer.analysis import collapse
from explorer.charts import curves
from explorer.errors import BadInput
from explorer.files import read_json, write_json
from explorer.jobs import Job
from explorer.jobs.devices import called
from explorer.pages import links, prior_runs
from explorer.pages.state import guard, plain, put, shared, together
from explorer.sheets.figures import as_text

if TYPE_CHECKING:
    from explorer.priors.folder import Facts

BADGES = {  # state: icon, colour, what it means
    "queued": (":material/schedule:", "orange", "Waits until its device is free."),
    "running": (":material/play_circle:", "blue", "Working now."),
    "done": (":material/check_circle:", "green", "Finished; the checkpoint is in the picker."),
    "stopped": (":material/pause_circle:", "gray", "Stopped by hand; everything is saved."),
    "failed": (":material/error:", "red", "Ended with an error."),
    "killed": (":material/dangerous:", "red", "The process ended without a word."),
}
METRICS = {  # key: label, format, help
    "loss": ("Loss", "{:.4g}", "What training makes smaller: the mean since the point before."),
    "psnr": (
        "Held-out PSNR",
        "{:.2f} dB",
        "Mean peak signal-to-noise ratio of up to 256 images that training has not seen; higher is better.",
    ),
    "held_out_bits": (
        "Held-out bits per code",
        "{:.3f}",
        "What a code of up to 256 images that training has not seen costs, where it is written as short as the prior "
        "allows; lower is better.",
    ),
    "images_per_second": ("Speed", "{:,.0f} images/s", "Steady rate, start-up and compilation excluded."),
}


USE = {
    "perplexity": "As many equally frequent codes have the same entropy: the effective number of codes in use.",
    "used": "Codes that occurred at least once since the point before.",
    "dead": "Codes that did not occur since the point before, in all codebooks together",
}
PHASES = {  # what a training says before its first step and after its last: what that is in words
    "starting": "Starting: its libraries are loading …",
    "reading images": "Opening the dataset …",
    "counting codes": "Counting codes, to set the prior beside …",
    "making the first step": "Making the first step …",
    "stopped; can be resumed": "Saved; its process is ending …",
    "finished": "Finished; its process is ending …",
}
ASTRAY = ("not finite", "has collapsed")  # how a training says that it ended itself


def show() -> None:
    """The whole page."""
    found = list(reversed(jobs.all_jobs()))
    runs = [job for job in found if jobs.trains(job.arguments)]
    others = [job for job in found if job not in runs and job.active]
    if not runs:
        st.info(
            "There is no training yet. Open **Train a checkpoint or a prior** in the sidebar, choose a family and a "
            "dataset, and press **Start training**; its curves and samples appear here while it runs.",
            icon=":material/model_training:",
        )
        st.caption("The same from a terminal:")
        st.code("explorer train vqvae --dataset shapes --steps 2000", language="bash")
    for index, job in enumerate(runs):
        with st.container(border=True, key=f"run-{job.id}"):
            if job.active:
                _live(str(job.folder))
            else:
                _settled(job, opened=index == 0 or job.id == st.session_state.get("training-run"))
    if others:
        st.header("Other work")
        for job in others:
            with st.container(border=True, key=f"work-{job.id}"):
                _live(str(job.folder))


@st.fragment(run_every=1.0)
@guard()
def _live(folder: str) -> None:
    """An active job: polled every second; when it ends the page is drawn anew, without polling."""
    try:
        job = jobs.read(Path(folder))
    except BadInput:
        st.rerun()  # deleted in another tab
    if not job.active:
        st.rerun()
    _heading(job)
    if job.state == "queued":
        st.caption(
            f"Waits until {called(job.device)} is free: {job.position} before it. It starts by itself."
            if job.position
            else "Starting …"
        )
    else:
        st.progress(min(job.done / job.total, 1.0) if job.total else 0.0, text=_pace(job))
    with st.container(horizontal=True):
        if st.button("Stop", icon=":material/stop:", key=f"stop-{job.id}", disabled=job.stopping):
            jobs.stop(job)
            st.rerun(scope="fragment")
        if job.stopping:
            st.caption("Saving and stopping …" if job.done else f"Stopping … {_phase(job)}")
            if st.button("End without saving", icon=":material/bolt:", key=f"kill-{job.id}", type="tertiary"):
                jobs.stop(job, kill=True)
    if job.target is not None and jobs.trains(job.arguments):
        _figures(job)


def _settled(job: Job, *, opened: bool) -> None:
    """A run that has ended."""
    _heading(job)
    if job.state in ("failed", "killed"):
        st.error(f"{plain(_reason(job))}", icon=":material/error:")
        st.markdown(_kept(job) if _astray(job) else f"{plain(job.advice)} {_kept(job)}")
    elif job.state == "stopped" and job.total:
        st.caption(f"Stopped at {job.done:,} of {job.total:,} {job.unit}.")
    _buttons(job)
    details = st.expander("Curves, samples and log", expanded=opened, on_change="rerun", key=f"details-{job.id}")
    if details.open:
        with details:
            _figures(job)
            st.code(job.log_tail or "(nothing was printed)", language=None)


def _heading(job: Job) -> None:
    icon, colour, about = BADGES[job.state]
    about = prior_runs.DONE if job.state == "done" and prior_runs.is_prior(job) else about
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(f"## :small[{plain(job.title)}]", anchors=False, width="content")
        st.badge(job.state, icon=icon, color=colour, help=about)
        device = f"{called(job.device)} · " if job.device else ""
        st.caption(f"{device}{_ago(time.time() - job.created)}", help=f"`explorer {plain(' '.join(job.arguments))}`")


def _saved(job: Job) -> checkpoints.Checkpoint | Facts | None:
    """The checkpoint, or prior, as a run left it, if it has weights."""
    if job.target is None or not (job.target / checkpoints.WEIGHTS).is_file():
        return None
    if prior_runs.is_prior(job):
        return prior_runs.facts(job)
    try:
        return checkpoints.describe(job.target)
    except BadInput:
        return None


def _end(job: Job) -> None:
    """Has the checkpoint of a run that ended without a word say that nobody is writing it, so that it can be opened."""
    config = read_json(job.target / "config.json") if job.target else {}
    if config.get("state") == "training":
        write_json(job.target / "config.json", config | {"state": "stopped"})


def _astray(job: Job) -> bool:
    """Whether a training ended itself because it had gone wrong."""
    return job.state == "failed" and any(words in job.message for words in ASTRAY)


def _kept(job: Job) -> str:
    """What is left of a run that failed, and what a resumed one would do."""
    saved, astray = _saved(job), _astray(job)
    if saved is None:
        return (
            "It ended before any weights were saved (once a minute), so there is nothing to open; Resume begins anew."
        )
    kept = f"The {'last good ' if astray else ''}weights, of step {saved.training.get('step', 0):,}, are kept"
    shows = "" if prior_runs.is_prior(job) else ": **Open** shows them"
    again = "the same may well happen again, so rather start a new run" if astray else "with the same settings"
    return f"{kept}{shows}. **Resume** goes on from them{';' if astray else ''} {again}."


def _buttons(job: Job) -> None:
    name = job.target.name if job.target else job.title
    prior = prior_runs.is_prior(job)
    with st.container(horizontal=True):
        saved = _saved(job)
        there = job.state == "done" or (saved is not None and not prior)
        step = saved.training.get("step", 0) if saved else 0
        looks = "Look at its reconstructions" + ("." if job.state == "done" else f" as they were after step {step:,}.")
        if there and st.button(
            "Open",
            icon=":material/open_in_new:",
            type="primary" if job.state == "done" else "secondary",
            key=f"open-{job.id}",
            help=prior_runs.OPENS if prior else looks,
        ):
            prior_runs.open_page(job) if prior else _open(job)
        if job.state != "done" and st.button(
            "Resume",
            icon=":material/play_arrow:",
            type="secondary" if job.state == "failed" else "primary",
            key=f"resume-{job.id}",
            help="Goes on from the last step that was saved, with the same settings.",
        ):
            with st.spinner("Starting again …"):  # its process may still be ending
                jobs.resume(job)
            st.rerun()
        with st.popover("Delete", icon=":material/delete:", key=f"delete-{job.id}"):
            st.markdown(f"Delete **{plain(name)}**? Its weights, curves and samples are gone for good.")
            if st.button(
                f"Delete the {'prior' if prior else 'checkpoint'}",
                type="primary",
                icon=":material/delete:",
                key=f"really-{job.id}",
            ):
                with st.spinner("Deleting …"):
                    jobs.delete(job, with_target=True)
                st.rerun()
            if st.button("Only take it off this list", key=f"forget-{job.id}"):
                jobs.delete(job)
                st.rerun()


def _open(job: Job) -> None:
    """Goes to the reconstructions of the run's own held-out images, whatever was looked at before."""
    _end(job)
    checkpoint = checkpoints.describe(job.target)
    with together(leaves=True):
        for name, value in (("checkpoint", checkpoint.name), ("dataset", checkpoint.dataset)):
            if value:
                put(name, value)
        for name in ("layer", "image", "code", "show"):  # of another network, and maybe one's own images
            put(name, None)
    st.switch_page(shared()["pages"]["reconstructions"], query_params={})


def _figures(job: Job) -> None:
    """Latest numbers, curves, and the newest strip of held-out reconstructions."""
    lines = curves.read(job.target / "metrics.jsonl") if job.target else []
    if job.figures.get("note"):
        st.caption(f":material/info: {plain(job.figures['note'])}")
    if not lines:
        if job.state == "running":
            st.caption("The first numbers appear after the first steps.")
        return
    described = _described(job)
    sizes = {layer["name"]: layer["codes"] for layer in described.layers if layer.get("codes")} if described else {}
    if described:
        _warn(lines, sizes, described, job.active)
    with st.container(horizontal=True):
        for key, (label, form, about) in METRICS.items():
            value = curves.latest(lines, key)
            if value is not None:
                st.metric(label, form.format(value), help=about, width="content")
        for label, value, about in _use(curves.use(lines, sizes)):
            st.metric(label, value, help=about, width="content")
    columns = st.columns(2)
    for index, (title, figure) in enumerate(curves.figures(lines, links.theme(), sizes).items()):
        with columns[index % 2]:
            st.markdown(f"### :small[{title}]", anchors=False, help=curves.PANELS[title][2])
            key, said = f"curve-{title}-{job.id}", f"{job.title}: {curves.told(figure, title)}"
            st.plotly_chart(as_text(figure), key=key, theme=None, alt=said, config={"displayModeBar": "hover"})
    samples = sorted((job.target / "samples").glob("step-*.png"))
    if samples and prior_runs.is_prior(job):
        prior_runs.samples(job, samples, _enlarged)
    elif samples:
        step = int(samples[-1].stem.removeprefix("step-"))
        st.image(
            _enlarged(samples[-1]),
            caption=f"Held-out images above, their reconstructions after step {step:,} below.",
            width="stretch",
            output_format="PNG",
        )


def _described(job: Job) -> checkpoints.Checkpoint | None:
    """The facts of the run's checkpoint; None before the run has said what it makes."""
    try:
        return checkpoints.describe(job.target)
    except BadInput:
        return None


def _warn(lines: list[dict], sizes: dict[str, int], described: checkpoints.Checkpoint, active: bool) -> None:
    """Says that codebooks have collapsed, in words, and what to change."""
    batch, rate = described.training.get("batch_size", 0), described.training.get("learning_rate")
    cells = {layer["name"]: layer["grid"][0] * layer["grid"][1] for layer in described.layers}
    for one in collapse.find(lines, sizes, {layer: batch * count for layer, count in cells.items()}):
        of = f" of {plain(one.layer)}" if len(sizes) > 1 else ""
        st.warning(
            f"**The codebook{of} has collapsed**: {one.codes - one.used:,} of its {one.codes:,} codes did not occur in "
            f"the last {one.steps:,} steps, and those that did are worth {one.perplexity:.1f} equally frequent ones. "
            f"This seldom mends itself. {'Rather stop, and train' if active else 'Train'} again with one of these: "
            f"{'; '.join(collapse.advice(described.settings, rate))}.",
            icon=":material/trending_down:",
        )


def _use(found: list[curves.Use]) -> list[tuple[str, str, str]]:
    """Label, value and help of what the codebooks are used for: of several, that of the one that is used least."""
    if not found:
        return []
    least = min(found, key=lambda use: use.perplexity / (use.codes or 1))
    of = f" of {plain(least.layer)}" if len(found) > 1 else ""
    why = f" The lowest of {len(found)} layers for its size; the chart has all." if of else ""
    size = f" of {least.codes:,}" if least.codes else ""
    told = [
        (f"Perplexity{of}", f"{least.perplexity:,.1f}", USE["perplexity"] + why),
        (f"Used codes{of}", f"{least.used:,}{size}", USE["used"]),
    ]
    if all(use.codes for use in found):
        each = ", ".join(f"{plain(use.layer)} {use.codes - use.used:,} of {use.codes:,}" for use in found)
        dead, codes = sum(use.codes - use.used for use in found), sum(use.codes for use in found)
        told.append(("Dead codes", f"{dead:,} of {codes:,}", f"{USE['dead']}: {each}."))
    return told


def _enlarged(path: Path, width: int = 1000) -> Image.Image:
    """The image at a whole-number size near `width`, so that the browser does not blur its pixels."""
    with Image.open(path) as image:
        factor = max(1, width // image.width)
        return image.convert("RGB").resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def _phase(job: Job) -> str:
    """What a run does before its first step, in words; what it says itself where there are no other words."""
    said = job.message or "starting"
    start, colon, rest = said.partition(":")
    known = PHASES.get(start)
    return plain(said) if known is None else f"{known} {rest.strip()}" if colon else known


def _pace(job: Job) -> str:
    parts = [f"{job.done:,} of {job.total:,} {job.unit}"] if job.done else []  # a resumed run does not begin at 0
    if job.message != "training" or not parts:
        parts.append(_phase(job))
    if job.stopping or job.message in PHASES:
        return " · ".join(parts)  # no pace of what has not begun, or is over
    rate = job.figures.get("images_per_second")
    if rate:
        parts.append(f"{rate:,.0f} images/s")
    if job.figures.get("seconds_left") and job.done < job.total:  # its own estimate: the first steps are slow
        parts.append(f"about {_span(job.seconds_left)} left")
    return " · ".join(parts)


def _reason(job: Job) -> str:
    if job.state == "killed":
        return "The process is gone: it was killed, or the machine went down."
    return job.message or (job.log_tail.splitlines() or ["It ended without a word."])[-1]


def _ago(seconds: float) -> str:
    return "just now" if seconds < 60 else f"{_span(seconds)} ago"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"


show()
