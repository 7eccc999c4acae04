"""Programs that serve while a test or a benchmark runs: on a free port of this machine, ended whatever happens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def ended(process: subprocess.Popen, patience: float = 10) -> Iterator[subprocess.Popen]:
    """The process, asked to end after the block, and killed if it has not after so many seconds."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def running(command: list[str], log: Path, url: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen]:
    """A server until the end of the block, from when it answers at `url` on; what it says goes to the file `log`.

    Args:
        environment: all of it.
    """
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=environment)
    with ended(server):
        until = time.monotonic() + 120
        while not _answers(url):
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no server: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield server


@contextmanager
def app(script: Path, folder: Path, **environment: str) -> Iterator[tuple[int, subprocess.Popen]]:
    """`streamlit run script` until the end of the block: its port and its process."""
    port = free_port()
    options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    changed = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    url = f"http://127.0.0.1:{port}/_stcore/health"
    with running(command, folder / "server.log", url, changed) as server:
        yield port, server


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
