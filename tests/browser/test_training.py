"""A training in a real browser: started from the sidebar, watched, reloaded, stopped, resumed, and then chosen."""

from __future__ import annotations

import json
import re

import pytest

STEPS = 50_000  # more than any machine makes before the test presses Stop
SETTINGS = {  # a small network
    "train-steps": STEPS,
    "train-batch_size": 16,
    "train-image_size": 32,
    "train-vqvae-hidden": 8,
    "train-vqvae-residual_channels": 8,
    "train-vqvae-codes": 16,
    "train-vqvae-downsample": 8,
    "train-images": 200,
}


@pytest.fixture
def no_run_left(workspace, monkeypatch):
    """Ends what a failed test leaves behind."""
    from explorer import jobs

    yield
    monkeypatch.setenv("EXPLORER_CACHE", str(workspace / "cache"))
    for job in jobs.all_jobs():
        if job.arguments[0] == "train" and job.active:
            jobs.stop(job, kill=True)


def fill_form(page, settle, name: str) -> None:
    page.get_by_text("Train a checkpoint or a prior").first.click()
    page.locator(".st-key-train-start button").wait_for()
    settle(page)
    assert page.get_by_label("Name", exact=True).input_value() == "vqvae-shapes-2", "a shipped one has that name"
    for section in ("Network", "Training"):
        page.locator("summary").filter(has_text=re.compile(f"{section}$")).click()
    settle(page)
    for key, value in SETTINGS.items():
        field = page.locator(f".st-key-{key} input")
        field.fill(str(value))
        field.press("Enter")
        settle(page)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Name", exact=True).press("Enter")
    settle(page)


def run_named(page, name: str):
    return page.locator('[class*="st-key-run-"]').filter(has_text=f"Train {name}").first


def wait_for_state(run, state: str):
    run.locator(".stMarkdownBadge").filter(has_text=re.compile(rf"{state}$")).first.wait_for()


def steps_after(page, run, least: int) -> int:
    """Waits, without a click or a reload, until the page shows at least `least` steps."""
    shown = run.get_by_text(re.compile(rf"^[\d,]+ of {STEPS:,} steps"))
    for _ in range(1200):
        if shown.count():
            steps = int(shown.first.text_content().split(" of ")[0].replace(",", ""))
            if steps >= least:
                return steps
        page.wait_for_timeout(100)
    raise AssertionError(f"no {least} steps; the run shows {run.inner_text()!r}")


def test_a_training_is_started_watched_stopped_resumed_and_chosen(page, app_url, settle, workspace, no_run_left):
    page.goto(app_url)
    settle(page)
    page.get_by_role("radio", name="Your own images").click()  # the address carries it, and a widget is bound to it
    settle(page)
    fill_form(page, settle, "mine")
    assert "show=" in page.url
    page.locator(".st-key-train-start button").dblclick()
    page.get_by_role("heading", name="Training", exact=True).wait_for()
    run = run_named(page, "mine")
    run.wait_for()
    assert page.title() == "Training · Codebook Explorer"
    assert "show=" not in page.url and page.get_by_text("could not be drawn").count() == 0
    assert page.locator('[class*="st-key-run-"]').count() == 1, "a second click started a second run"
    wait_for_state(run, "running")
    first = steps_after(page, run, 1)
    assert steps_after(page, run, first + 1) > first
    run.locator('[data-testid="stMetric"]').filter(has_text="Perplexity").wait_for()
    run.locator(".js-plotly-plot").first.wait_for()

    page.reload()
    run = run_named(page, "mine")
    wait_for_state(run, "running")
    before = steps_after(page, run, first + 1)
    run.get_by_role("button", name="Stop").click()
    wait_for_state(run, "stopped")
    stopped = steps_after_stop(run)
    assert before <= stopped < STEPS

    run.get_by_role("button", name="Resume").click()
    wait_for_state(run, "running")
    assert steps_after(page, run, 1) >= stopped, "it began anew"
    run.get_by_role("button", name="Stop").click()
    wait_for_state(run, "stopped")
    settle(page)
    folder = workspace / "checkpoints" / "mine"
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps)), "steps are logged twice"

    page.get_by_label("Checkpoint", exact=True).click()  # still the same page: nothing was reloaded
    page.get_by_role("option", name="mine", exact=True).click()
    settle(page)
    assert "checkpoint=mine" in page.url and page.errors == []


def steps_after_stop(run) -> int:
    text = run.get_by_text(re.compile(rf"^Stopped at [\d,]+ of {STEPS:,} steps")).text_content()
    return int(text.split()[2].replace(",", ""))
