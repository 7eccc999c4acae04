"""Imports run one way, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "explorer"
INTERFACE = {"streamlit", "gradio", "plotly", "lance", "umap"}
LEAVES = {"errors", "files", "progress"}


def imported(path: Path, *, at_start: bool = False) -> set[str]:
    """Names of the modules that a file imports: all, or only those at its top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_start else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(names: set[str]) -> set[str]:
    """Modules of ours among imported names: `explorer.models.mae` -> `models`."""
    parts = {name.split(".")[1] for name in names if name.startswith("explorer.")}
    return {part for part in parts if (PACKAGE / part).is_dir() or (PACKAGE / f"{part}.py").is_file()}


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_interface_stays_in_its_place(path):
    top = {name.split(".")[0] for name in imported(path)}
    place = path.relative_to(PACKAGE).parts[0]
    if place not in ("pages", "components"):
        assert "streamlit" not in top
        assert not ours(imported(path)) & {"pages", "components"}
    if place not in ("demo", "app.py"):
        assert "demo" not in ours(imported(path))
    assert not top & {"gradio", "spaces"} or place == "demo"


@pytest.mark.parametrize("path", sorted((PACKAGE / "analysis").glob("*.py")), ids=lambda path: path.name)
def test_analysis_knows_latents_only(path):
    assert ours(imported(path)) <= {"latents", "analysis"}


def test_models_know_no_data_and_no_files():
    for path in (PACKAGE / "models").glob("*.py"):
        assert ours(imported(path)) <= {"models", "latents", "errors"}, path.name


def test_formats_of_others_know_networks_and_files_only():
    for path in (PACKAGE / "foreign").glob("*.py"):
        assert ours(imported(path)) <= {"foreign", "models", "latents", "errors", "files", "progress"}, path.name


@pytest.mark.parametrize("name", ["errors.py", "files.py", "progress.py", "shapes.py"])
def test_leaves_stay_leaves(name):
    assert ours(imported(PACKAGE / name)) <= LEAVES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_where_they_are_used(path):
    heavy = {"umap", "transformers", "lance", "sklearn", "numba", "diffusers", "torchvision", "accelerate"}
    assert not {name.split(".")[0] for name in imported(path, at_start=True)} & heavy


def test_training_needs_no_interface():
    program = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {INTERFACE!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import explorer.models, explorer.training, explorer.datasets, explorer.checkpoints
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_the_command_line_answers_without_torch():
    program = "import sys, explorer.__main__; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
