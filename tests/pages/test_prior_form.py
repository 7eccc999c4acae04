"""The form that trains a prior over the codes of the open checkpoint, and its run on the Training page."""

from __future__ import annotations

import json
import time

import pytest

from explorer import jobs
from explorer.errors import BadInput
from explorer.files import write_json
from explorer.pages import prior_form


@pytest.fixture
def no_process(studio, monkeypatch):
    """Runs that end at once and write nothing; forgotten after the test, for the studio is shared."""
    monkeypatch.setattr(jobs, "COMMAND", ("true",))
    before = {job.id for job in jobs.all_jobs()}
    yield
    for job in jobs.all_jobs():
        if job.id not in before:
            jobs.delete(job)


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.error, app.warning, app.info)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def test_a_prior_of_the_open_checkpoint_is_asked_for_and_its_command_is_started(open_app, no_process):
    app = open_app("training", checkpoint="tiny-vqvae")
    app.session_state["train-open"], app.session_state["train-what"] = True, "prior"
    app.session_state["train-dataset"] = "digits"
    app.run()
    assert not app.exception and "Start from" not in [box.label for box in app.selectbox]
    assert "which codes of **tiny-vqvae** stand beside which" in texts(app)
    app.selectbox(key="train-prior-kind").set_value("pixelcnn").run()
    app.selectbox(key="train-prior-condition-digits").set_value("digit")
    app.number_input(key="train-prior-pixelcnn-width").set_value(16)
    app.number_input(key="train-prior-steps").set_value(7).run()
    assert "parameters" in texts(app) and "GB of memory" in texts(app)
    app.button(key="train-prior-start").click().run()
    assert not app.exception and app.title[0].value == "Training"
    (job,) = [job for job in jobs.all_jobs() if job.arguments[0] == "prior"]
    words = " ".join(job.arguments)
    assert "tiny-vqvae --dataset digits --kind pixelcnn" in words and "--condition digit" in words
    assert "--steps 7" in words and "--set width=16" in words and job.target.name == "tiny-vqvae-pixelcnn-prior"
    assert jobs.trains(job.arguments)


def test_a_run_of_a_prior_shows_bits_and_no_psnr(open_app, no_process, studio, tmp_path):
    folder = jobs.jobs_folder() / f"{int(time.time() * 1000)}-prior"
    folder.mkdir(parents=True)
    target = tmp_path / "digits-prior"
    target.mkdir()
    record = {"title": "Train digits-prior", "arguments": ["prior", "train", "tiny-vqvae"], "target": str(target)}
    write_json(folder / "job.json", record | {"device": "cpu", "created": time.time(), "queued": 0.0, "pid": 2**22 + 1})
    write_json(folder / "status.json", {"state": "stopped", "done": 20, "total": 100, "unit": "steps"})
    bits = {"train_bits": 3.5, "held_out_bits": 3.75, "uniform": 7.0, "bigram": 4.5}
    lines = [{"step": step, "loss": 2.0, "images_per_second": 100.0, **bits} for step in (10, 20)]
    (target / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    app = open_app("training", checkpoint="tiny-vqvae")
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Held-out bits per code"] == "3.750" and "Held-out PSNR" not in metrics
    assert ":small[Bits per code]" in texts(app) and not app.exception
    labels = [button.label for button in app.button]
    assert "Delete the prior" in labels and "Resume" in labels and "Open" not in labels


def test_what_cannot_be_started_is_one_sentence(studio):
    training = {"device": "cpu", "steps": 5, "batch_size": 8}
    asked = {"kind": "transformer", "condition": None, "layers": (), "kmeans": 64, "settings": {}, "training": training}
    path = str(studio.checkpoints / "tiny-vqvae")
    with pytest.raises(BadInput, match="no name for a prior"):
        prior_form.start(path, "digits", "a b", **asked)
    with pytest.raises(BadInput, match="batch_size"):
        prior_form.start(path, "digits", "ab", **asked | {"training": training | {"batch_size": 0}})
    with pytest.raises(BadInput, match="4 heads do not divide"):
        prior_form.start(path, "digits", "ab", **asked | {"settings": {"width": 10}})
