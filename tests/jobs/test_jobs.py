"""Jobs are real processes here: a small script stands in for `python -m explorer`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from explorer import jobs
from explorer.errors import BadInput
from explorer.files import write_json
from explorer.jobs import turns
from explorer.jobs.devices import choose

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import signal, sys, time
sys.path.insert(0, {root!r})
from explorer.errors import Cancelled
from explorer.progress import Progress
from explorer.jobs.turns import wait_for_turn
kind, out, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
    wait_for_turn()
except Cancelled as stopped:
    Progress(0, "steps", quiet=True).finish("stopped", str(stopped))
    raise SystemExit(130)
with open(out, "a") as file:
    file.write("begin\\n")
if kind == "memory":
    raise MemoryError("cannot take 900 GB")
if kind == "crash":
    raise RuntimeError("the loss is not finite")
progress = Progress(steps, "steps", quiet=True)
signal.signal(signal.SIGTERM, progress.cancel)
print("working", "resumed" if "--resume" in sys.argv else "", flush=True)
try:
    for step in range(steps):
        progress.update(step, "training", force=True, loss=1 / (step + 1))
        time.sleep(0.02)
    progress.finish()
except Cancelled:
    with open(out, "a") as file:
        file.write("saved\\n")
    progress.finish("stopped", "saved")
finally:
    with open(out, "a") as file:
        file.write("end\\n")
"""


@pytest.fixture(autouse=True)
def worker(tmp_path, monkeypatch):
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(root=str(ROOT)))
    monkeypatch.setattr(jobs, "COMMAND", (sys.executable, str(script)))
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path / "checkpoints"))
    yield
    for job in jobs.all_jobs():
        jobs.stop(job, kill=True)
        jobs.wait(job, 5)


def begin(out: Path, steps: int = 1000, kind: str = "train", **options) -> jobs.Job:
    return jobs.start([kind, str(out), str(steps)], title=f"{kind} {out.name}", **options)


def until(condition, job: jobs.Job, seconds: float = 20) -> jobs.Job:
    end = time.monotonic() + seconds
    while not condition(job := jobs.read(job.folder)):
        assert time.monotonic() < end, f"still {job.state}: {job.message}\n{job.log_tail}"
        time.sleep(0.03)
    return job


def is_in(state: str):
    return lambda job: job.state == state


def test_a_job_reports_its_progress_and_ends_as_done(tmp_path):
    job = begin(tmp_path / "out", steps=20)
    running = until(lambda job: job.done > 2 or not job.active, job)
    assert running.total == 20 and running.unit == "steps" and running.figures["loss"] < 1
    done = until(is_in("done"), job)
    assert jobs.wait(done, 5)
    assert done.done == 20 and "working" in done.log_tail and not done.active and done.advice == ""
    assert [found.id for found in jobs.all_jobs()] == [job.id]


def test_another_process_sees_the_same_job(tmp_path):
    """What a restarted server knows about a job comes from the disk alone."""
    job = until(lambda job: job.done > 0, begin(tmp_path / "out"))
    turns.children.clear()
    assert jobs.read(job.folder).state == "running"
    jobs.stop(jobs.all_jobs()[0])
    assert until(is_in("stopped"), job).message == "saved"


def test_stop_lets_the_work_save(tmp_path):
    job = until(lambda job: job.done > 0, begin(tmp_path / "out"))
    jobs.stop(job)
    until(is_in("stopped"), job)
    assert jobs.wait(job, 5)
    assert (tmp_path / "out").read_text().split() == ["begin", "saved", "end"]


def test_kill_minus_nine_is_seen_as_killed(tmp_path):
    job = until(lambda job: job.done > 0, begin(tmp_path / "out"))
    os.kill(job.pid, signal.SIGKILL)
    killed = until(is_in("killed"), job)
    assert "memory" in killed.advice and "smaller batch" in killed.advice and "working" in killed.log_tail
    assert not psutil.pid_exists(job.pid), "the zombie was not reaped"


def test_a_recycled_pid_is_not_mistaken_for_the_job(tmp_path):
    job = until(is_in("done"), begin(tmp_path / "out", steps=2))
    jobs.wait(job, 5)
    record = json.loads((job.folder / "job.json").read_text())
    write_json(
        job.folder / "job.json", record | {"pid": os.getpid(), "process_created": record["process_created"] - 60}
    )
    (job.folder / "status.json").write_text('{"state": "running", "done": 1, "total": 2}')
    assert jobs.read(job.folder).state == "killed"
    jobs.stop(job)  # must not signal this process


def test_out_of_memory_says_what_to_try(tmp_path):
    failed = until(is_in("failed"), begin(tmp_path / "out", kind="memory"))
    assert "out of memory" in failed.advice and "smaller batch" in failed.advice and "another device" in failed.advice
    assert "cannot take 900 GB" in failed.log_tail


def test_a_crash_shows_its_last_lines(tmp_path):
    job = until(lambda job: not job.active, begin(tmp_path / "out", kind="crash"))
    assert job.state in ("failed", "killed") and job.log_tail.endswith("the loss is not finite") and job.advice


def test_two_jobs_of_one_device_run_one_after_the_other(tmp_path):
    out = tmp_path / "out"
    first = until(lambda job: job.done > 0, begin(out, steps=40, device="cpu"))
    second = begin(out, steps=3, device="cpu")
    third = begin(out, steps=3, device="cpu")
    waiting = until(lambda job: job.message.startswith("waiting"), third)
    assert jobs.read(first.folder).state == "running"
    assert waiting.state == "queued" and waiting.position == 2 and jobs.read(second.folder).position == 1
    jobs.stop(third)
    assert until(lambda job: not job.active, third).state == "stopped"
    until(is_in("done"), second)
    assert out.read_text().split() == ["begin", "end", "begin", "end"]


def test_devices_do_not_wait_for_each_other_and_a_killed_job_frees_its_device(tmp_path):
    first = until(lambda job: job.done > 0, begin(tmp_path / "a", device="cpu"))
    other = begin(tmp_path / "b", steps=2, device="cuda:0")
    second = begin(tmp_path / "c", steps=2, device="cpu")
    until(is_in("done"), other)
    assert jobs.read(second.folder).state == "queued"
    os.kill(first.pid, signal.SIGKILL)
    until(is_in("done"), second)


def test_one_target_is_written_by_one_job(tmp_path):
    target = tmp_path / "checkpoints" / "mine"
    job = begin(tmp_path / "out", target=target)
    with pytest.raises(BadInput, match="'mine' is being written by 'train out'"):
        begin(tmp_path / "out", target=target)
    assert jobs.find(target).id == job.id


def test_resume_goes_on_in_the_same_folder(tmp_path):
    job = until(lambda job: job.done > 0, begin(tmp_path / "out"))
    with pytest.raises(BadInput, match="only a stopped"):
        jobs.resume(job)
    jobs.stop(job)
    until(is_in("stopped"), job)
    again = until(lambda job: job.done > 0, jobs.resume(job))
    assert again.state == "running" and again.arguments[-1] == "--resume" and "resumed" in again.log_tail
    assert len(jobs.all_jobs()) == 1


def test_delete_stops_and_removes(tmp_path):
    target = tmp_path / "checkpoints" / "mine"
    target.mkdir(parents=True)
    (target / "state").write_text("x")
    job = until(lambda job: job.done > 0, begin(tmp_path / "out", target=target))
    jobs.delete(job, with_target=True)
    assert not psutil.pid_exists(job.pid) and not job.folder.exists() and not target.exists()
    assert (tmp_path / "out").read_text().split()[-1] == "end", "it was not given the time to save"


@pytest.mark.parametrize("way", ["outside", "root", "link", "dots"])
def test_delete_never_leaves_its_folders(tmp_path, way):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "photograph").write_text("x")
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    target = {
        "outside": precious,
        "root": checkpoints,
        "link": checkpoints / "link",
        "dots": checkpoints / ".." / "precious",
    }[way]
    if way == "link":
        target.symlink_to(precious)
    job = until(is_in("done"), begin(tmp_path / "out", steps=1, target=target))
    with pytest.raises(BadInput, match="not inside"):
        jobs.delete(job, with_target=True)
    assert (precious / "photograph").exists() and checkpoints.exists() and job.folder.exists()


def test_an_unwritable_cache_is_one_clear_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "file"))
    with pytest.raises(BadInput, match="could not start the job"):
        begin(tmp_path / "out")
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))


def test_strange_folders_among_the_jobs_are_left_out(tmp_path):
    (jobs.jobs_folder() / "odd").mkdir(parents=True)
    (jobs.jobs_folder() / "odd" / "job.json").write_text("[1, 2")
    assert jobs.all_jobs() == []
    with pytest.raises(BadInput, match="no job"):
        jobs.read(jobs.jobs_folder() / "odd")


def test_devices_name_the_cpu_with_its_free_memory():
    names = dict(jobs.devices())
    assert "cpu" in names and "GB free" in names["cpu"]


def test_a_device_that_is_not_here_is_refused_with_those_that_are():
    assert choose("auto") == jobs.devices()[0][0] and choose("cpu") == "cpu"
    for name in ("warp", "cuda:99"):
        with pytest.raises(BadInput, match=f"no device '{name}' here; choose from auto, .*cpu"):
            choose(name)


def damaged(name, record=None, status=None):
    """A job that ended, with something in its files that does not belong there."""
    folder = turns.jobs_folder() / name
    folder.mkdir(parents=True)
    sound = {
        "title": "Train x",
        "arguments": ["train", "vqvae"],
        "target": None,
        "created": 1.0,
        "queued": 1.0,
        "pid": 1,
    }
    said = {"state": "done", "done": 5, "total": 5, "unit": "steps"}
    (folder / "job.json").write_text(json.dumps(sound | (record or {})))
    (folder / "status.json").write_text(json.dumps(said | (status or {})))
    return folder


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({}, {"done": "x"}),
        ({}, {"done": -3, "total": [5], "heartbeat": "noon", "started": {}, "images_per_second": "fast", "note": 5}),
        ({}, {"total": float("nan"), "seconds_left": float("inf"), "state": 7}),
        ({"created": "x", "queued": None, "process_created": "y"}, {}),
        ({"target": 5, "title": ["x"], "device": 3}, {}),
        ({"pid": -1}, {"state": "running"}),
        ({"pid": 2**62}, {"state": "running"}),
        ({"arguments": ["train", 5]}, {}),
    ],
)
def test_one_damaged_job_leaves_the_others(tmp_path, record, status):
    damaged("1-sound")
    damaged("2-damaged", record, status)
    damaged("3-sound")
    found = {job.id: job for job in jobs.all_jobs()}
    assert found.keys() >= {"1-sound", "3-sound"} and not any(job.active for job in found.values())
    for job in found.values():
        assert job.done >= 0 and job.total >= 0 and isinstance(job.title, str)
        assert all(isinstance(value, float | int) for name, value in job.figures.items() if name != "note")
    job = jobs.start(["quick", str(tmp_path / "out"), "1"], title="next", device="cpu")
    assert jobs.wait(job, 30) and jobs.read(job.folder).state == "done"


@pytest.mark.parametrize(
    "body", [b"", b"\xff{", b"null", b"[1]", b"[" * 50_000, b'{"kill": "' + b"x" * 2**21, "folder", "pipe"]
)
def test_a_request_to_stop_that_is_damaged_is_one_to_stop(body):
    damaged("1-sound")
    asked = damaged("2-damaged", {}, {"state": "running"}) / "stop.json"
    if body == "folder":
        asked.mkdir()
    elif body == "pipe":
        os.mkfifo(asked)
    else:
        asked.write_bytes(body)
    assert {job.id: job.state for job in jobs.all_jobs()} == {"1-sound": "done", "2-damaged": "stopped"}


def test_what_a_damaged_job_says_is_short_lines_without_codes():
    codes = "\x1b[2J\x9b31m\u202e" + "x" * 10**5
    folder = damaged("1", {"title": codes}, {"state": "failed", "message": codes, "unit": codes, "note": codes})
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps(status | {f"figure {i}": i for i in range(10**4)} | {"deep": [[1]]}))
    with (folder / "log.txt").open("wb") as log:
        log.truncate(5 * 10**9)  # no space is taken
        log.seek(0, os.SEEK_END)
        log.write(f"\n{codes}\nthe last line".encode())
    job = jobs.read(folder)
    said = [job.title, job.message, job.unit, job.figures["note"], *job.log_tail.split("\n")]
    assert job.log_tail.endswith("the last line") and len(job.figures) <= 50 and "deep" not in job.figures
    assert all(len(line) < 1300 and line.isprintable() for line in said)


def test_a_process_that_does_not_run_the_job_s_words_is_never_ended(tmp_path):
    """Process numbers in files are those of a leader of a group, of the birth that they say, and still of another."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        folder = damaged("1", turns.identity(other.pid) | {"arguments": ["train", "vqvae"]}, {"state": "running"})
        for kill in (False, True):
            jobs.stop(jobs.read(folder), kill=kill)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    finally:
        other.kill()
        other.wait()


def test_the_time_left_is_that_of_what_is_not_done_yet():
    folder = turns.jobs_folder() / "running"
    folder.mkdir(parents=True)
    record = {"title": "x", "arguments": ["train"], "created": 1.0, **turns.identity(os.getpid())}
    (folder / "job.json").write_text(json.dumps(record))
    status = {"state": "running", "done": 25, "total": 100, "started": 1000.0, "heartbeat": 1050.0}
    (folder / "status.json").write_text(json.dumps(status))
    assert jobs.read(folder).seconds_left == pytest.approx(150.0)  # 75 to go at half a unit a second
    (folder / "status.json").write_text(json.dumps(status | {"seconds_left": 7.0}))
    assert jobs.read(folder).seconds_left == 7.0, "what the work itself says is better"
    shutil.rmtree(folder)  # else the job is waited for, which is this process


def test_pipes_in_the_place_of_a_job_s_files_are_not_waited_for():
    damaged("1-sound")
    damaged("2-piped")
    for name in ("status.json", "log.txt"):
        path = turns.jobs_folder() / "2-piped" / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    assert {job.id: job.state for job in jobs.all_jobs()} == {"1-sound": "done", "2-piped": "killed"}


def test_a_job_on_all_gpus_and_one_on_one_of_them_run_one_after_the_other(tmp_path):
    assert turns.shares("all", "cuda:0") and turns.shares("cuda:1", "all") and turns.shares("cpu", "cpu")
    assert not turns.shares("all", "cpu") and not turns.shares("cuda:1", "cuda:0")
    running = until(lambda job: job.done > 0, begin(tmp_path / "a", steps=40, device="cuda:1"))
    waiting = until(lambda job: job.message.startswith("waiting"), begin(tmp_path / "b", steps=2, device="all"))
    assert waiting.message == "waiting for all GPUs, 1 before it"
    other = begin(tmp_path / "c", steps=2, device="cpu")
    assert jobs.read(running.folder).state == "running" and jobs.read(waiting.folder).position == 1
    until(is_in("done"), other)
    until(is_in("done"), waiting)


def test_a_clock_that_is_set_back_neither_kills_a_job_nor_hides_the_one_after_it(tmp_path, monkeypatch):
    target = tmp_path / "checkpoints" / "mine"
    before = jobs.start(["crash", str(tmp_path / "a"), "1"], target, title="before")
    jobs.wait(before, 20)
    back = time.time() - 86_400
    monkeypatch.setattr("explorer.jobs.time.time", lambda: back)
    born = psutil.Process.create_time  # which psutil counts from the clock of now
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: born(process) - 86_400)
    job = until(lambda job: job.done > 0, begin(tmp_path / "b", target=target))
    monkeypatch.setattr(psutil.Process, "create_time", born)
    assert jobs.read(job.folder).state == "running", "its process was born when it was"
    assert jobs.find(target).id == job.id and [one.id for one in jobs.all_jobs()] == [before.id, job.id]
    with pytest.raises(BadInput, match="is being written by"):
        begin(tmp_path / "c", target=target)


def test_a_job_from_the_future_without_a_process_does_not_wait_for_ever():
    folder = turns.jobs_folder() / "1-early"
    folder.mkdir(parents=True)
    record = {"title": "x", "arguments": ["train"], "created": 9e9, "queued": 9e9, "launched": 9e9}
    (folder / "job.json").write_text(json.dumps(record))
    (folder / "status.json").write_text(json.dumps({"state": "running", "heartbeat": 9e9, "started": 9e9}))
    assert jobs.read(folder).state == "killed" and jobs.read(folder).seconds_left is None
