"""What a host demands: the front matter, the requirements, where files go, and what may be imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import yaml
from huggingface_hub import SpaceHardware
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def front_matter() -> dict:
    text = (ROOT / "README.md").read_text()
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def run(code: str, folder: Path, **environment: str) -> str:
    """Runs Python code in a process of its own, at the project's root; what it printed."""
    changed = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "TMPDIR": str(folder)} | environment
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=os.environ | changed, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_requirements_are_the_dependencies_of_the_project():
    listed = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.strip()]
    assert listed == PROJECT["dependencies"]


def test_the_front_matter_is_one_that_spaces_takes():
    said = front_matter()
    assert said["sdk"] == "gradio"
    assert (ROOT / said["app_file"]).is_file()
    assert said["python_version"] == "3.12"
    assert said["suggested_hardware"] in [str(value.value) for value in SpaceHardware]
    assert len(said["short_description"]) <= 60
    bounds = {Requirement(one).name: Requirement(one).specifier for one in PROJECT["dependencies"]}
    assert Version(said["sdk_version"]) in bounds["gradio"]
    assert all(version in bounds["torch"] for version in ("2.10.0", "2.11.0", "2.13.0"))  # what ZeroGPU offers
    assert "2.9.1" not in bounds["torch"]  # loads weights less safely


def test_the_demo_knows_no_streamlit_leaves_plotly_alone_and_bounds_what_comes_in(tmp_path):
    code = """
import sys
from explorer import demo
page = demo.build()
page.launch(prevent_thread_lock=True, quiet=True)
import plotly.io
print("streamlit" in sys.modules, plotly.io.templates.default, page._queue.max_size, page.max_file_size)
"""
    streamlit, template, waiting, size = run(code, tmp_path).splitlines()[-1].split()
    assert (streamlit, template) == ("False", "plotly")
    assert 20 < int(waiting) <= 200
    assert int(size) == 20 * 1024**2


def test_on_a_gpu_space_every_pass_through_a_network_is_decorated(tmp_path):
    """A stand-in for the host's package: it wants to come before torch, and moves everything between processes."""
    (tmp_path / "spaces.py").write_text(
        """
import pickle, sys
assert "torch" not in sys.modules, "spaces has to be imported first"
calls = []
def GPU(duration=60):
    def decorate(function):
        def called(*arguments, **options):
            calls.append((function.__name__, duration))
            arguments, options = pickle.loads(pickle.dumps((arguments, options)))
            return pickle.loads(pickle.dumps(function(*arguments, **options)))
        return called
    return decorate
"""
    )
    code = """
import numpy, spaces
from explorer import demo
from explorer.demo import shipped, tabs
from explorer.study import passes
demo.build()
assert passes._network.cache_info().currsize == len(shipped.offered()), "the host moves what is there at the start"
study = shipped.study("mae-shapes")
path = shipped.file("seven", study.images.read([7])[0])
assert "Your picture uses" in tabs.draw("codebook", "mae-shapes", path, "crop", {}, "light")
mask, picture = numpy.eye(8, dtype=bool), shipped.picture("mae-shapes", path, "crop")
assert study.compare(picture.pixels[None], mask=mask[None]).psnr[0] > 0
study.change(picture, "block4", mask, study.vectors("block4")[3], (3,))
print(sorted({name for name, _ in spaces.calls}), max(seconds for _, seconds in spaces.calls) <= 60)
"""
    assert run(code, tmp_path).strip() == "['change', 'compare', 'look'] True"


def test_nothing_is_written_outside_of_the_temporary_folder(server):
    for endpoint in ("checkpoints", "usage"):
        httpx.post(f"{server.address}/gradio_api/call/v2/{endpoint}", json={"checkpoint": "mae-shapes"}, timeout=60)
    assert list(server.home.iterdir()) == []
    kept = [ROOT / name for name in ("app.py", "README.md")]
    files = [*kept, *(file for name in ("checkpoints", "explorer") for file in (ROOT / name).rglob("*.*"))]
    assert not [file for file in files if file.stat().st_mtime > server.started and file.parent.name != "__pycache__"]
    assert not list(ROOT.glob("explorer/**/*.pyi")) and not (ROOT / ".gradio").exists()
    assert [path.name for path in server.temporary.iterdir() if path.name.startswith("codebook-explorer-")]
