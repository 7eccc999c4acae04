"""Locks among threads, and among processes, one of which is killed."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from explorer.errors import Cancelled
from explorer.jobs.locks import exclusive, hold
from explorer.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
OTHER = """
import sys, time
from pathlib import Path
from explorer.jobs.locks import exclusive, hold
with exclusive(Path(sys.argv[1])):
    print(hold("device"), flush=True)
    time.sleep(600)
"""


class Waiting(Progress):
    """Gives up at the first word of a wait."""

    def update(self, done, message="", **figures):
        self.cancelled = "another process is writing this; waiting" in message
        super().update(done, message, **figures)


def refused(target: Path) -> bool:
    try:
        with exclusive(target, Waiting(0, "images", quiet=True)):
            return False
    except Cancelled:
        return True


def in_thread(work, *arguments):
    found = []
    thread = threading.Thread(target=lambda: found.append(work(*arguments)))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def other(tmp_path):
    """A process that has the lock of `x` and holds the name `device`."""
    command = [sys.executable, "-c", OTHER, str(tmp_path / "x")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_has_the_lock_until_it_is_killed(tmp_path, other):
    assert refused(tmp_path / "x") and refused(tmp_path / "y" / ".." / "x") and not refused(tmp_path / "y")
    assert not hold("device") and hold("another device")
    other.kill()
    other.wait()
    assert not refused(tmp_path / "x") and hold("device") and not hold("device")


def test_a_thread_enters_again_and_others_wait(tmp_path):
    with exclusive(tmp_path / "x"):
        with exclusive(tmp_path / "x"):
            assert in_thread(refused, tmp_path / "x") and not in_thread(refused, tmp_path / "y")
        assert in_thread(refused, tmp_path / "x")
    assert not in_thread(refused, tmp_path / "x")


def test_a_failure_inside_gives_the_lock_back(tmp_path):
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "x"):
        raise ZeroDivisionError
    assert not in_thread(refused, tmp_path / "x")


def test_one_thread_at_a_time_is_inside(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with exclusive(tmp_path / "x"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 80 and set(most) == {1}


def test_a_lock_whose_file_was_deleted_with_the_cache_is_taken_anew(tmp_path, other):
    """Whoever waited for the deleted one looks again at what lies there, or two would write at once."""
    from explorer.files import cache_folder

    shutil.rmtree(cache_folder())
    assert not refused(tmp_path / "x") and (cache_folder() / "locks").is_dir()
    with exclusive(tmp_path / "x"):
        assert in_thread(refused, tmp_path / "x")
