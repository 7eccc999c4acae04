"""What a reader does behind the fence, the process that asked goes on."""

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from explorer import fence
from explorer.errors import BadInput, Cancelled
from explorer.progress import Progress
from tests.fence import readers

UNKNOWN = "cannot be read, since it is damaged or of an unknown kind"
ROOT = Path(__file__).resolve().parents[2]


def test_values_and_arrays_come_back():
    found = fence.ask(readers.both, 1, Path("a"))
    assert found["one"] == 1 and found["other"] == Path("a") and np.array_equal(found["numbers"], [0, 1, 2])


@pytest.mark.parametrize(
    ("reader", "sentence"),
    [
        (readers.hashing, "'a.pt' takes more than 0.5 seconds to read"),
        (readers.enormous, "'a.pt' needs more memory to read than a file may"),
        (readers.crashing, "'a.pt' ends the program that reads it (Segmentation fault)"),
        (
            readers.failing,
            "'a.pt' cannot be read, since it is damaged or of an unknown kind (KeyError: 'no such name')",
        ),
        (readers.hostile, "'a.pt' cannot be read: posix.system does not pass the fence"),
    ],
)
def test_whatever_a_reader_does_is_one_sentence(reader, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(fence.Fault) as raised:
        fence.ask(reader, what="'a.pt'", seconds=0.5)
    assert str(raised.value) == sentence and not (tmp_path / readers.CANARY).exists()
    assert fence.ask(readers.both, 1, 2)["one"] == 1


def test_memory_is_bounded():
    with pytest.raises(fence.Fault, match=r"needs more (than 0\.1 GB of memory|memory to read than a file may)"):
        fence.ask(readers.growing, memory=100 * 1024**2)


def test_bad_input_is_told_as_it_is():
    with pytest.raises(BadInput, match=r"^row 3 has no picture$"):
        fence.ask(readers.complaining)


def test_others_are_answered_meanwhile():
    def hang():
        with pytest.raises(fence.Fault):
            fence.ask(readers.hashing, seconds=1.5)

    fence.ask(readers.number)
    slow = threading.Thread(target=hang)
    slow.start()
    began = time.monotonic()
    for _ in range(5):
        fence.ask(readers.number)
    assert time.monotonic() - began < 1.4 and slow.is_alive()
    slow.join()


def test_progress_is_told_and_keeps_a_reader_alive():
    said, progress = [], Progress(5, "pictures", quiet=True)
    progress.update = lambda done, message="": said.append((done, message))
    assert fence.ask(readers.told, seconds=0.6, progress=progress) == "all"
    assert said[0] == (0, "picture 0") and len(said) >= 3


def test_a_beat_keeps_a_silent_reader_alive():
    assert fence.ask(readers.beating, seconds=0.5) == "alive"


def test_a_cancelled_reader_ends():
    progress = Progress(0, "pictures", quiet=True)
    threading.Timer(0.3, progress.cancel).start()
    with pytest.raises(Cancelled):
        fence.ask(readers.asleep, progress=progress)


def test_a_reader_sees_the_environment_and_folder_of_who_asks(tmp_path, monkeypatch):
    fence.ask(readers.number)
    monkeypatch.setenv("EXPLORER_CACHE", "elsewhere")
    monkeypatch.chdir(tmp_path)
    assert fence.ask(readers.place, "EXPLORER_CACHE") == ("elsewhere", str(tmp_path))


def test_a_reader_may_ask_as_well():
    own, inner = fence.ask(readers.nested)
    assert len({os.getpid(), own, inner}) == 3


def test_nothing_is_left_when_who_asked_is_killed():
    program = (
        "import os, threading, time\nfrom explorer import fence\nfrom tests.fence import readers\n"
        "print(fence.ask(readers.number), flush=True)\n"
        "threading.Thread(target=fence.ask, args=(readers.asleep,), daemon=True).start()\ntime.sleep(60)"
    )
    asking = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    asking.stdout.readline()

    mine = {process.pid for process in psutil.Process(asking.pid).children(recursive=True)}
    assert mine
    asking.kill()
    asking.wait()
    until = time.monotonic() + 10
    while any(map(psutil.pid_exists, mine)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, mine))


def test_a_keeper_that_was_killed_is_started_again():
    fence.ask(readers.number)
    for process in psutil.Process().children():
        if "explorer.fence.keeper" in process.cmdline():
            process.kill()
            process.wait()
    assert fence.ask(readers.both, 1, 2)["other"] == 2


def test_a_file_that_ends_its_reader_is_read_once_however_often_it_is_asked_for(tmp_path, monkeypatch):
    file, begun = tmp_path / "a.bin", []
    file.write_bytes(b"x")
    worker = fence._worker
    monkeypatch.setattr(fence, "_worker", lambda wanted: begun.append(wanted) or worker(wanted))

    def refused():
        with pytest.raises(fence.Fault, match="Segmentation fault") as raised:
            fence.ask(readers.crashing_at, file)
        return raised.value.at

    threads = [threading.Thread(target=refused) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert refused() == 7 and len(begun) == 1
    file.write_bytes(b"sound")
    assert fence.ask(readers.crashing_at, file) == b"sound" and len(begun) == 2


def test_who_waits_for_another_that_reads_the_same_is_told():
    said = []

    def first():
        fence.ask(readers.slow, "same")

    other = threading.Thread(target=first)
    other.start()
    time.sleep(0.3)
    progress = Progress(5, "pictures", quiet=True)
    progress.update = lambda done, message="": said.append(message)
    assert fence.ask(readers.slow, "same", progress=progress) == "same" and said[0].startswith("waiting")
    other.join()


def test_where_many_take_much_together_who_came_last_has_to_wait(monkeypatch):
    mine, theirs = socket.socketpair()
    keeping = "import sys, socket; from explorer.fence import keeper; keeper.TOGETHER = 300 * 1024**2; "
    keeping += "keeper.keep(socket.socket(fileno=int(sys.argv[1])))"
    with theirs:
        command = [sys.executable, "-c", keeping, str(theirs.fileno())]
        keeper = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
    monkeypatch.setattr(fence, "_control", mine)
    fence.ask(readers.number)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(fence.ask, readers.holding, 200, 1.5)
        time.sleep(0.7)
        with pytest.raises(fence.Fault, match="other files take the memory"):
            fence.ask(readers.holding, 200, 1.0)
        assert fence.ask(readers.holding, 20, 0.0) == 20 * 131_072
        assert first.result() == 200 * 131_072
    assert fence.ask(readers.holding, 250, 0.1) == 250 * 131_072
    mine.close()
    keeper.wait(10)
