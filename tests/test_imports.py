"""Imports run one way, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "explorer"
# Each may import only what stands before it. Those in one tuple never import one another.
ORDER = (
    ("lazy",),
    ("errors",),
    ("files",),
    ("access",),
    ("places",),
    ("progress",),
    ("fence",),
    ("ranks",),
    ("chance",),
    ("hub",),
    ("glossary",),
    ("precision",),
    ("autoencoder",),
    ("options",),
    ("analysis",),
    ("sheets",),
    ("charts",),
    ("models",),
    ("foreign",),
    ("datasets",),
    ("jobs",),
    ("notebook",),
    ("checkpoints",),
    ("encodings",),
    ("priors",),
    ("training",),
    ("results",),
    ("study",),
    ("views",),
    ("pages", "demo", "commands"),
    ("__main__",),
)
FLOOR = {name: floor for floor, names in enumerate(ORDER) for name in names}
INTERFACE = {"streamlit", "gradio", "plotly", "lance", "umap"}
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 18  # files in a chain of imports, errors.py at its end


def imported(path: Path, *, at_start: bool = False) -> set[str]:
    """Names of the modules that a file imports: all but those for types only, or only those at its top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found, nodes = set(), list(tree.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole & modules() or {node.module}
        elif not at_start:
            nodes += ast.iter_child_nodes(node)
    return found


@functools.cache
def modules() -> frozenset[str]:
    """Dotted names of all files of ours."""
    return frozenset(".".join(("explorer", *parts(path))) for path in FILES)


def parts(path: Path) -> tuple[str, ...]:
    """`explorer/models/mae.py` -> ("models", "mae"); the face of a package is the package."""
    found = path.relative_to(PACKAGE).with_suffix("").parts
    return found[:-1] if found[-1] == "__init__" else found


@functools.cache
def arrows() -> dict[str, frozenset[str]]:
    """Files by dotted name, and the files of ours that each imports."""
    names = {".".join(("explorer", *parts(path))): path for path in FILES}
    return {name: frozenset(imported(path) & names.keys() - {name, "explorer"}) for name, path in names.items()}


def place(name: str) -> str:
    return name.split(".")[1]


def test_every_import_of_ours_runs_down():
    wrong = [
        f"{name} -> {target}"
        for name, targets in arrows().items()
        for target in targets
        if name != "explorer" and place(name) != place(target) and FLOOR[place(name)] <= FLOOR[place(target)]
    ]
    assert not wrong


def test_no_file_imports_itself_in_a_circle_and_chains_are_short():
    depth: dict[str, int] = {}

    def measure(name: str, above: tuple[str, ...]) -> int:
        assert name not in above, f"a circle: {' -> '.join((*above[above.index(name) :], name))}"
        if name not in depth:
            depth[name] = 1 + max((measure(target, (*above, name)) for target in arrows()[name]), default=0)
        return depth[name]

    assert max(measure(name, ()) for name in arrows()) <= LONGEST


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_interfaces_and_heavy_libraries_are_imported_where_they_are_used(path):
    everything, at_start = ({name.split(".")[0] for name in imported(path, at_start=start)} for start in (False, True))
    where = path.relative_to(PACKAGE).parts[0]
    assert "streamlit" not in everything or where == "pages"
    assert not everything & {"gradio", "spaces"} or where == "demo"
    assert "typer" not in everything or where == "commands"
    heavy = {"umap", "transformers", "lance", "sklearn", "numba", "diffusers", "torchvision", "accelerate"}
    assert not at_start & heavy


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


@pytest.mark.parametrize("module", ["commands", "__main__", "study", "views", "jobs.devices"])
def test_the_command_line_answers_without_torch(module):
    program = f"import sys, explorer.{module}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
