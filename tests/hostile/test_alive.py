"""The app and the demo answer everybody while a hostile case is opened in them."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

pytest.importorskip("websockets")
from tests.hostile.alive import Opened, asked, open_in_app, watching
from tests.hostile.cases import CASES
from tests.hostile.lives import ROOT, lives, remove
from tests.serving import app, free_port, running

SAMPLE = (
    "pickle: a key that is hashed 2^60 times",
    "pickle: bytearray of 10 GB",
    "pickle: an old file of 2^60 keys",
    "pickle: data.pkl that unpacks to 4 GB",
    "safetensors: a header 10^6 deep",
    "HDF5 of images: images of 4 GB in 400 KB",
    "config: diffusers, layers of 10^8",
    "config: diffusers, 3,000 blocks",
    "own folder: residual blocks of 10^8",
    "special file: a pipe as x.pt",
    "special file: a link to /dev/zero as x.safetensors",
    "special file: a pipe as x.zip",
    "special file: a link to /dev/zero as x.parquet",
    "special file: a pipe as training_images.npy of an inspected checkpoint",
    "folder: 3,000 deep",
    "picture among sound ones: AVIF that Pillow calls a RuntimeError",
    "picture among sound ones: PNG of packed text, 200 MB",
    "zip: 100,000 entries",
    "Parquet: 7 KB that expand to 4 GB",
    "Parquet: 200,000 names of classes",
    "table beside pictures: CSV of 10^6 columns",
)
PICTURES = (  # for the demo, which is sent nothing else
    "AVIF that Pillow calls a RuntimeError",
    "PNG of 20,000 a side, whole",
    "PNG of packed text, 200 MB",
    "TIFF of 2^31 strips",
    "PPM as text of 10^12 numbers",
    "GIF of 100,000 frames",
    "JPEG of 3,000 scans",
)


@pytest.fixture(scope="module")
def server():
    with lives() as served, app(ROOT / "app.py", served.place, EXPLORER_CACHE=str(served.place / "cache")) as running:
        yield served, *running


@pytest.mark.parametrize("name", SAMPLE)
def test_health_is_answered_meanwhile(name, server):
    served, port, process = server
    case = next(case for case in CASES if case.id == name)
    at = served.folder()
    try:
        assert asked(case, at)
        served.write(name, at, served.place / "canary")
        with ThreadPoolExecutor(1) as apart:
            found = apart.submit(asyncio.run, open_in_app(port, process.pid, case, at)).result()
        assert found.wrong == []
        assert process.poll() is None
    finally:
        remove(at)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("EXPLORER_", "GRADIO_", "XDG_"))}
    (folder / "tmp").mkdir()
    changed = {"GRADIO_SERVER_PORT": str(port), "HOME": str(folder), "TMPDIR": str(folder / "tmp")}
    address = f"http://127.0.0.1:{port}"
    with running([sys.executable, "app.py"], folder / "server.log", f"{address}/config", kept | changed) as process:
        yield address, process


@pytest.mark.parametrize("title", PICTURES)
def test_the_demo_answers_while_it_is_sent_a_picture(title, demo, tmp_path):
    address, process = demo
    case = next(case for case in CASES if case.id == f"picture: {title}")
    case.write(tmp_path, tmp_path / "canary")
    sent = base64.b64encode((tmp_path / case.name).read_bytes()).decode()
    image = {"path": f"data:image/png;base64,{sent}", "meta": {"_type": "gradio.FileData"}}
    found = Opened()
    with httpx.Client(timeout=60) as client, watching(f"{address}/gradio_api/app_id", process.pid, found):
        asked = client.post(
            f"{address}/gradio_api/call/v2/codes", json={"checkpoint": "vqvae-shapes", "image": image}
        ).raise_for_status()
        text = client.get(f"{address}/gradio_api/call/codes/{asked.json()['event_id']}").text
    assert text.startswith(("event: complete", "event: error"))
    assert found.wrong == []
    assert "Traceback" not in text and "something went wrong" not in text
