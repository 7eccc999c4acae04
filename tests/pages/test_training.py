"""The Train form and the Training page, with real processes behind them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from explorer import jobs
from explorer.analysis import collapse
from explorer.charts import curves
from explorer.errors import BadInput
from explorer.files import write_json
from explorer.pages import train_form

ROOT = Path(__file__).resolve().parents[2]
PAGE = "explorer/pages/training.py"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path / "checkpoints"))
    yield tmp_path
    for job in jobs.all_jobs():
        jobs.stop(job, kill=True)
        jobs.wait(job, 5)


@pytest.fixture
def app():
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)


def a_run(home: Path, name: str, state: str, *, log: str = "", **status) -> jobs.Job:
    """The folders of a training as its process leaves them behind."""
    folder = jobs.jobs_folder() / f"{1000 + len(jobs.all_jobs())}-{name}"
    folder.mkdir(parents=True)
    target = home / "checkpoints" / name
    arguments = ["train", "vqvae", "--dataset", "digits", "--out", str(target)]
    record = {"title": f"Train {name}", "arguments": arguments, "target": str(target), "device": "cpu"}
    write_json(folder / "job.json", record | {"created": time.time(), "queued": 0.0, "pid": 2**22 + 1})
    write_json(folder / "status.json", {"state": state, "done": 30, "total": 100, "unit": "steps", **status})
    (folder / "log.txt").write_text(log)
    target.mkdir(parents=True)
    lines = [
        {"step": step, "loss": 1 / step, "perplexity": 9.5, "used": 12, "images_per_second": 800.0} for step in (1, 2)
    ]
    lines[1]["psnr"] = 21.5
    (target / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 3, "lo')
    (target / "samples").mkdir()
    Image.new("RGB", (256, 64)).save(target / "samples" / "step-0000002.png")
    return jobs.read(folder)


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def open_page(app: AppTest) -> AppTest:
    app.run()
    app.switch_page(PAGE).run()
    assert not app.exception
    return app


def test_an_empty_page_says_what_to_do(app):
    open_page(app)
    assert "Train a checkpoint or a prior" in app.info[0].value and "explorer train" in app.code[0].value


def test_runs_are_listed_newest_first_with_their_state(app, home):
    a_run(home, "first", "done")
    a_run(home, "second", "failed", message="the loss is not finite at step 30; lower the learning rate")
    a_run(home, "third", "running", log="working")
    a_run(home, "fourth", "failed", log="torch.OutOfMemoryError: CUDA out of memory")
    open_page(app)
    shown = texts(app)
    places = [shown.index(f":small[Train {name}]") for name in ("fourth", "third", "second", "first")]
    assert places == sorted(places)
    assert "lower the learning rate" in shown and "ran out of memory" in shown and "smaller batch" in shown
    assert "process is gone" in shown, "a run whose process vanished is not shown as running"
    assert {button.label for button in app.button} >= {"Open", "Resume", "Delete the checkpoint"}


def test_the_newest_run_shows_its_numbers_and_curves(app, home):
    a_run(home, "first", "stopped", log="the last line")
    open_page(app)
    metrics = {metric.label: metric.value for metric in app.metric}
    assert metrics["Held-out PSNR"] == "21.50 dB" and metrics["Perplexity"] == "9.5" and metrics["Used codes"] == "12"
    assert len(app.get("plotly_chart")) == 4, "loss, held-out PSNR, codes in use, speed"
    assert "after step 2" in str(app.image[0].captions)
    assert "Stopped at 30 of 100 steps" in texts(app) and "the last line" in texts(app)


def test_delete_removes_the_checkpoint_and_forget_keeps_it(app, home):
    gone, kept = a_run(home, "gone", "failed"), a_run(home, "kept", "stopped")
    open_page(app)
    app.button(key=f"really-{gone.id}").click().run()
    app.button(key=f"forget-{kept.id}").click().run()
    assert not app.exception and jobs.all_jobs() == []
    assert not gone.target.exists() and kept.target.exists()


def test_open_selects_the_checkpoint(app, home):
    from explorer import checkpoints
    from explorer.models import build

    job = a_run(home, "mine", "done")
    model = build("vqvae", {"hidden": 8, "residual_channels": 8, "codes": 16, "dim": 4}, 32)
    checkpoints.save(job.target, model, family="vqvae", dataset="digits", training={}, metrics={}, card="")
    app.query_params["dataset"], app.query_params["show"] = "shapes", "own"
    app.run()
    assert app.segmented_control(key="pick-show").value == "own"
    open_page(app)
    app.button(key=f"open-{job.id}").click().run()
    assert not app.exception and app.title[0].value == "Reconstructions"
    carried = {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}
    assert carried["checkpoint"] == "mine" and carried["dataset"] == "digits" and "image" not in carried
    assert app.segmented_control(key="pick-show").value == "random", "not an empty box for one's own images"


def test_a_training_started_from_the_form_can_be_watched_and_stopped(app, home):
    app.run()
    assert not [box for box in app.selectbox if box.label == "Family"], "the closed form is drawn"
    app.session_state["train-open"] = True
    app.run()
    app.selectbox(key="train-dataset").set_value("digits").run()
    app.selectbox(key="train-device").set_value("cpu")
    tiny = {"hidden": 8, "residual_channels": 8, "codes": 16, "dim": 4}
    for name, value in tiny.items():
        app.number_input(key=f"train-vqvae-{name}").set_value(value)
    app.number_input(key="train-images").set_value(64)
    app.number_input(key="train-batch_size").set_value(16)
    app.selectbox(key="train-compile").set_value("no")
    app.number_input(key="train-steps").set_value(3000)
    app.button(key="train-start").click().run()
    assert not app.exception and not [error.value for error in app.error if "checkpoint yet" not in error.value]
    (job,) = jobs.all_jobs()
    assert job.target == home / "checkpoints" / "vqvae-digits-2" and job.device == "cpu"
    assert app.title[0].value == "Training" and ":small[Train vqvae-digits-2]" in texts(app)
    wait(lambda: (job.target / "metrics.jsonl").exists(), job)
    app.run()
    assert app.get("progress") and {metric.label for metric in app.metric} >= {"Loss", "Used codes"}
    app.button(key=f"stop-{job.id}").click().run()
    wait(lambda: not jobs.read(job.folder).active, job)
    app.run()
    assert jobs.read(job.folder).state == "stopped" and (job.target / "state.safetensors").exists()
    assert "Stopped at" in texts(app) and app.button(key=f"resume-{job.id}")


def test_a_run_started_on_the_training_page_appears_there(app, monkeypatch):
    monkeypatch.setattr(jobs, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    app.session_state["train-open"] = True
    open_page(app)
    app.selectbox(key="train-dataset").set_value("digits").run()
    app.button(key="train-start").click().run()
    (job,) = jobs.all_jobs()
    assert ":small[Train vqvae-digits-2]" in texts(app) and app.button(key=f"stop-{job.id}")
    assert app.text_input(key="train-name-vqvae-digits-3").value == "vqvae-digits-3", "the name is taken"


def wait(condition, job: jobs.Job, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        current = jobs.read(job.folder)
        assert time.monotonic() < end and current.state in ("queued", "running", "stopped"), current
        time.sleep(0.1)


def test_every_field_of_the_form_has_help(app):
    app.session_state["train-open"] = True
    app.run()
    fields = [*app.selectbox, *app.number_input, *app.text_input]
    named = [field for field in fields if str(field.key).startswith("train-")]
    assert len(named) > 15 and all(field.help for field in named)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "../out"}, "no name for a checkpoint"),
        ({"name": "taken"}, "already exists"),
        ({"name": "vqvae-shapes"}, "already exists"),  # a shipped one would vanish behind it
        ({"training": {"image_size": 33}}, "32 or 36"),
        ({"model": {"codes": 1}}, "codes"),
        ({"model": {"loss": "mse+lpips"}}, "unknown term 'lpips'.*ms_ssim"),
        ({"model": {"quantizer": "frequency", "frequent": 600}}, "frequent 600.*0 to 512"),
        ({"model": {"quantizer": "fsq", "codes": 100}}, "codes 100.*choose from"),
        ({"family": "vqvae2", "model": {"levels": 3}, "training": {"image_size": 40}}, "32 or 48"),
        ({"dataset": "nowhere"}, "nowhere"),
    ],
)
def test_the_form_refuses_before_anything_starts(home, change, words):
    (home / "checkpoints" / "taken").mkdir(parents=True)
    training = {"steps": 10, "device": "cpu"} | change.pop("training", {})
    asked = {"family": "vqvae", "dataset": "digits", "name": "new", "model": {}} | change
    with pytest.raises(BadInput, match=words):
        train_form.start(**asked, training=training)
    assert jobs.all_jobs() == []


def test_only_what_differs_from_the_defaults_is_passed_on(home, monkeypatch):
    monkeypatch.setattr(jobs, "COMMAND", ("true",))
    training = {"steps": 10, "device": "cpu", "batch_size": 128, "image_size": None, "seed": 3}
    job = train_form.start("vqvae", "digits", "new", {"codes": 16, "dim": 64}, training)
    assert [value for key, value in zip(job.arguments, job.arguments[1:], strict=False) if key == "--set"] == [
        "codes=16",
        "seed=3",
    ]


def test_a_damaged_log_of_metrics_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "loss": 0.5, "reconstruction": 0.4}\nnull\n[1]\n{"step": 2, "loss": 0.25, "psnr": 20.0}\n{"ste'
    )
    lines = curves.read(path)
    assert [line["step"] for line in lines] == [1, 2] and curves.latest(lines, "psnr") == 20.0
    drawn = {trace.name: list(trace.y) for figure in curves.figures(lines).values() for trace in figure.data}
    assert drawn == {"loss": [0.5, 0.25], "reconstruction": [0.4], "psnr": [20.0]}
    assert curves.read(tmp_path / "nothing") == []


LAYERS = ("code.0", "code.1", "code.2")


def a_residual_run(home: Path, name: str, state: str, *, saved: int | None = None, **status) -> jobs.Job:
    """A run with three codebooks of 64 codes, maybe with the weights of a step."""
    from explorer import checkpoints
    from explorer.models import build

    job = a_run(home, name, state, **status)
    settings = {"hidden": 8, "residual_channels": 8, "codes": 64, "dim": 4, "quantizer": "residual", "stages": 3}
    model = build("vqvae", settings, 32)
    checkpoints.save_config(job.target, model, "vqvae", "digits", {"step": saved or 0}, "training")
    if saved:
        checkpoints.save_weights(job.target, model)
    lines = [
        {"step": step, "loss": 0.5, "mse": 0.2, "adversarial": -0.01 * step, "images_per_second": 9.0}
        | {f"perplexity.{layer}": 30.0 - 10 * index for index, layer in enumerate(LAYERS)}
        | {f"used.{layer}": 60 - 20 * index for index, layer in enumerate(LAYERS)}
        for step in (1, 2)
    ]
    (job.target / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return jobs.read(job.folder)


def test_of_several_codebooks_the_least_used_is_named_and_dead_codes_are_counted(app, home):
    a_residual_run(home, "first", "stopped", saved=30)
    open_page(app)
    metrics = {metric.label: metric for metric in app.metric}
    assert metrics["Perplexity of code.2"].value == "10.0" and metrics["Used codes of code.2"].value == "20 of 64"
    assert metrics["Dead codes"].value == "72 of 192" and "code.1 24 of 64" in metrics["Dead codes"].help
    assert not {"Perplexity", "Used codes"} & set(metrics)


@pytest.mark.parametrize(
    "message",
    [
        "the loss is not finite at step 90: the last good weights are kept; train again with a learning rate below 1",
        "the codebook of code.0 has collapsed at step 900, with a perplexity of 1.02 for 64 codes",
    ],
)
def test_a_run_that_went_astray_says_what_is_kept_and_opens_it(app, home, message):
    job = a_residual_run(home, "astray", "failed", saved=1200, message=message)
    open_page(app)
    assert message in app.error[0].value.replace("\\", "")
    assert "last good weights, of step 1,200, are kept" in texts(app) and "rather start a new run" in texts(app)
    app.button(key=f"open-{job.id}").click().run()
    assert app.query_params["checkpoint"] in ("astray", ["astray"]) and app.title[0].value == "Reconstructions"


def collapsing(codes: int, used: int, *, perplexity: float = 4.0, first: int = 200, step: int = 20) -> list[dict]:
    """Four lines of the log of a network with one codebook."""
    return [
        {"step": first + step * row, "loss": 0.5, "perplexity": perplexity, "used": used, "images_per_second": 9.0}
        for row in range(4)
    ]


@pytest.mark.parametrize(
    ("lines", "latents", "found"),
    [
        (collapsing(128, 13), 4096, True),  # 115 of 128 are dead
        (collapsing(128, 16), 4096, False),
        (collapsing(128, 13, first=100), 4096, False),  # the warm-up is not over
        (collapsing(128, 13)[1:], 4096, False),  # too few lines
        ([*collapsing(128, 13)[:3], *collapsing(128, 90, first=260)[:1]], 4096, False),  # it recovered
        (collapsing(128, 128, perplexity=1.2), 4096, True),  # all occur, but one is nearly everywhere
        (collapsing(65536, 900), 64, False),  # 1,280 latents cannot take 65,536 codes
        (collapsing(65536, 100), 64, True),
        ([{"step": 200 + row, "loss": 0.5} for row in range(4)], 64, False),
    ],
)
def test_a_collapse_is_told_from_a_slow_start(lines, latents, found):
    codes = 65536 if latents == 64 else 128
    known = collapse.find(lines, {"code": codes}, {"code": latents})
    assert bool(known) == found
    if found:
        assert known[0] == collapse.Collapse("code", codes, lines[-1]["used"], lines[-1]["perplexity"], 20)


def test_the_layer_that_collapsed_is_named():
    lines = [
        {"step": 300 + row, "used.top": 60, "perplexity.top": 40.0, "used.bottom": 3, "perplexity.bottom": 2.5}
        for row in range(4)
    ]
    sizes = {"top": 64, "bottom": 64}
    (known,) = collapse.find(lines, sizes, dict.fromkeys(sizes, 1000))
    assert known.layer == "bottom" and known.used == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quantizer": "vq"}, "`ema`"),
        ({"quantizer": "fsq"}, "smaller"),
        ({"quantizer": "ema", "revive_below": 0.0}, "switched off"),
        ({"quantizer": "ema", "revive_below": 0.1}, "above 0.1"),
    ],
)
def test_what_to_change_depends_on_the_quantizer(settings, words):
    tips = collapse.advice(settings, 0.001)
    assert words in tips[0] and "below 0.001" in tips[-1]


def test_the_page_names_a_collapse_while_it_happens(app, home):
    from explorer import checkpoints
    from explorer.models import build

    job = a_run(home, "wasting", "stopped")
    model = build("vqvae", {"hidden": 8, "residual_channels": 8, "codes": 128, "dim": 4, "quantizer": "vq"}, 32)
    training = {"batch_size": 32, "learning_rate": 0.001, "step": 260}
    checkpoints.save_config(job.target, model, "vqvae", "digits", training, "training")
    log = job.target / "metrics.jsonl"
    log.write_text("\n".join(map(json.dumps, collapsing(128, 13))))
    open_page(app)
    said = app.warning[0].value.replace("\\", "")
    assert "115 of its 128 codes" in said and "last 20 steps" in said and "4.0 equally frequent" in said
    assert "`ema`" in said and "below 0.001" in said
    log.write_text("\n".join(map(json.dumps, collapsing(128, 100))))
    assert not open_page(app).warning


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("starting", "libraries are loading"),
        ("reading images: 2,048 of 5,000", "Opening the dataset … 2,048 of 5,000"),
        ("making the first step", "Making the first step"),
        ("scoring on held-out images", "scoring on held-out images"),
    ],
)
def test_what_a_run_does_before_its_first_step_is_said(app, home, message, words):
    job = a_run(home, "young", "running")
    write_json(job.folder / "status.json", {"state": "running", "done": 0, "total": 100, "message": message})
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)  # stands for the run's process
    try:
        record = json.loads((job.folder / "job.json").read_text())
        write_json(job.folder / "job.json", record | jobs.identity(sleeper.pid))
        open_page(app)
        assert words in app.get("progress")[0].text.replace("\\", "")
        write_json(job.folder / "stop.json", {"time": time.time()})
        app.run()
        assert "Stopping … " in texts(app) and words in texts(app)
    finally:
        sleeper.kill()
        sleeper.wait()


def test_charts_are_named_and_told_in_words(app, home):
    a_run(home, "first", "stopped")
    open_page(app)
    headings = [one.value for one in app.markdown if one.value.startswith("#")]
    assert headings[0] == "## :small[Train first]" and "### :small[Held-out PSNR]" in headings
    alts = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert "Train first: Held-out PSNR over steps; at step 2: psnr 21.5" in alts and len(set(alts)) == 4
    assert all('"hover"' in chart.proto.config for chart in app.get("plotly_chart"))


def test_names_of_curves_stand_below_the_chart_where_the_tool_bar_is_not():
    drawn = curves.figures([{"step": step, "loss": 0.5, "mse": 0.25} for step in (0, 1)])
    legend = drawn[curves.LOSSES].layout.legend
    assert legend.yref == "container" and legend.y == 0, "plotly then makes room for it below the axis"


def test_a_run_that_failed_before_anything_was_saved_offers_nothing_to_open(app, home):
    a_residual_run(home, "early", "failed", message="the loss is not finite at step 2")
    open_page(app)
    assert "nothing to open" in texts(app) and "Open" not in {button.label for button in app.button}


def test_terms_that_are_not_above_zero_have_a_linear_axis(home):
    lines = [{"step": step, "loss": 0.5, "mse": 0.25, "entropy": 0.1 - step, "zero": 0.0} for step in (0, 1)]
    drawn = curves.figures(lines)
    terms, below = drawn[curves.LOSSES], drawn[curves.BELOW]
    assert {trace.name for trace in terms.data} == {"loss", "mse"} and terms.layout.yaxis.type == "log"
    assert {trace.name: trace.y for trace in below.data} == {"entropy": (0.1, -0.9), "zero": (0.0, 0.0)}
    assert below.layout.yaxis.type != "log" and set(drawn) == {curves.LOSSES, curves.BELOW}


def test_a_term_alone_in_its_chart_is_named():
    drawn = curves.figures([{"step": step, "loss": 0.5, "adversarial": 0.1 - step} for step in (0, 1)])
    assert drawn[curves.BELOW].layout.showlegend and drawn[curves.BELOW].data[0].name == "adversarial"


def test_twelve_codebooks_have_a_name_and_a_colour_each(home):
    names = [f"code.{index}" for index in range(12)]
    lines = [{"step": 1, **{f"perplexity.{name}": 9.5 for name in names}, **{f"used.{name}": 12 for name in names}}]
    figure = curves.figures(lines, sizes=dict.fromkeys(names, 64))[curves.CODES]
    assert len(figure.data) == 24 and [trace.name for trace in figure.data if trace.showlegend] == names
    assert len({trace.line.color for trace in figure.data}) == 12 and figure.layout.legend.x > 1
    assert figure.layout.height > 12 * 18, "all names fit beside the chart"
    pair = [trace for trace in figure.data if trace.name == "code.3"]
    assert pair[0].line.color == pair[1].line.color and pair[0].line.dash != pair[1].line.dash
    assert "of 64" in pair[1].hovertemplate
    assert curves.use(lines, dict.fromkeys(names, 64))[3] == curves.Use("code.3", 9.5, 12, 64)


def test_fields_that_do_not_count_are_hidden_until_they_do(app):
    app.session_state["train-open"] = True
    app.run()

    def fields() -> set[str]:
        kinds = (app.selectbox, app.number_input, app.text_input)
        found = {str(field.key) for kind in kinds for field in kind}
        return {key.removeprefix("train-vqvae-") for key in found if key.startswith("train-vqvae-")}

    always = {"hidden", "residual_blocks", "downsample", "codes", "quantizer", "backbone", "loss"}
    assert fields() == always | {"residual_channels", "dim", "beta", "revive_below"}
    box = app.selectbox(key="train-vqvae-quantizer")
    assert all(f"**{choice}**" in box.help for choice in box.options), "every choice is explained"
    assert all(term in app.text_input(key="train-vqvae-loss").help.replace("\\", "") for term in ("ms_ssim", "peco"))
    box.set_value("fsq").run()
    assert fields() == always | {"residual_channels"}
    app.selectbox(key="train-vqvae-quantizer").set_value("residual").run()
    assert fields() == always | {"residual_channels", "dim", "beta", "revive_below", "stages", "layer_dropout"}
    app.selectbox(key="train-vqvae-quantizer").set_value("hybrid").run()
    assert "frequent" in fields() and "stages" not in fields()
    app.selectbox(key="train-vqvae-backbone").set_value("vit").run()
    assert "heads" in fields() and "residual_channels" not in fields()
    app.text_input(key="train-vqvae-loss").set_value("mse+0.1*adversarial").run()
    assert "adversarial_from" in fields()
    app.selectbox(key="train-family").set_value("vqvae2").run()
    assert app.selectbox(key="train-vqvae2-levels").options == ["2", "3"]
    assert app.number_input(key="train-vqvae2-layer_dropout"), "there are always several layers"


def test_what_is_hidden_is_not_passed_on(app, home, monkeypatch):
    monkeypatch.setattr(jobs, "COMMAND", ("true",))
    app.session_state["train-open"] = True
    app.run()
    app.selectbox(key="train-dataset").set_value("digits").run()
    app.selectbox(key="train-vqvae-quantizer").set_value("residual").run()
    app.number_input(key="train-vqvae-stages").set_value(2).run()
    app.selectbox(key="train-vqvae-quantizer").set_value("projected").run()
    app.button(key="train-start").click().run()
    (job,) = jobs.all_jobs()
    assert "quantizer=projected" in job.arguments and not [word for word in job.arguments if "stages" in word]


def test_a_wrong_loss_is_one_sentence_in_the_form(app, home):
    app.session_state["train-open"] = True
    app.run()
    app.selectbox(key="train-dataset").set_value("digits").run()
    app.text_input(key="train-vqvae-loss").set_value("mse+lpips").run()
    app.button(key="train-start").click().run()
    errors = [error.value.replace("\\", "") for error in app.error if "lpips" in error.value]
    assert len(errors) == 1 and "ms_ssim" in errors[0] and jobs.all_jobs() == [] and not app.exception


def test_a_killed_server_loses_no_run(app, home, monkeypatch):
    """What another server process sees is what the files and the process table say."""
    job = a_run(home, "orphan", "running")
    sleeper = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")
    try:
        record = json.loads((job.folder / "job.json").read_text())
        import psutil

        born = psutil.Process(sleeper).create_time()
        write_json(job.folder / "job.json", record | {"pid": sleeper, "process_created": born})
        open_page(app)
        assert app.get("progress") and "30 of 100 steps" in app.get("progress")[0].text
    finally:
        os.kill(sleeper, signal.SIGKILL)
        os.waitpid(sleeper, 0)
    app.run()
    assert "process is gone" in texts(app)


def test_the_form_offers_all_gpus_where_there_are_several(app, home, monkeypatch):
    found = [("cuda:0", "GPU 0: A (80 GB free)"), ("cuda:1", "GPU 1: A (80 GB free)"), ("cpu", "CPU, 8 cores")]
    monkeypatch.setattr(jobs, "devices", lambda: found)
    monkeypatch.setattr(jobs, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    train_form.known_devices.clear()
    app.session_state["train-open"] = True
    open_page(app)
    box = app.selectbox(key="train-device")
    assert box.options == ["GPU 0: A (80 GB free)", "GPU 1: A (80 GB free)", "All 2 GPUs together", "CPU, 8 cores"]
    assert "divide the batch" in box.help
    app.selectbox(key="train-dataset").set_value("digits")
    box.set_value("all")
    app.number_input(key="train-batch_size").set_value(127).run()
    app.button(key="train-start").click().run()
    assert "a batch of 127 images does not divide among 2 processes; choose a batch_size of 126 or 128" in texts(app)
    app.number_input(key="train-batch_size").set_value(128).run()
    app.button(key="train-start").click().run()
    (job,) = jobs.all_jobs()
    assert job.device == "all" and job.arguments[job.arguments.index("--device") + 1] == "all"
    assert "all GPUs · just now" in texts(app)
    train_form.known_devices.clear()
