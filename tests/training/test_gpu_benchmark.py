"""The benchmark of a GPU runs where nothing but torch and what trains is installed, and without a GPU says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
MISSING = (
    "lance", "streamlit", "gradio", "plotly", "diffusers", "umap", "torchvision", "torchmetrics",
    "vector_quantize_pytorch",
)  # fmt: skip
BARE = f"""
import runpy, sys
for name in {MISSING!r}:
    sys.modules[name] = None  # importing it fails
sys.argv = [{str(SCRIPT)!r}, "--quick", "--json", "--only", "fsq|encod|memory"]
sys.path.insert(0, {str(SCRIPT.parent)!r})
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""


def test_it_runs_on_a_bare_machine(tmp_path):
    shared = os.environ | {"OMP_NUM_THREADS": "1", "EXPLORER_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", BARE], env=shared, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["device"] == "no GPU here: rates are of the CPU"
    assert len(found["rows"]) == 4 and all(row["images_per_second"] > 0 for row in found["rows"]), found["rows"]
    assert set(found["checks"]) == {"out of memory"}
    assert all(said.startswith("right") for said in found["checks"].values()), found["checks"]
