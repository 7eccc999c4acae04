"""Groups of the codes of a layer: those that were found, or the user's own; and groups in place of codes.

In place of codes they are a file of codes (`datasets/codes.py`): the same images, the same layers, and in one of them
the number of the group where the code was. So every page and score works on them, and nothing kept is confused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder, digest, read_json, write_json
from explorer.notebook import group_files
from explorer.notebook import groups as notes
from explorer.notebook import names as code_names
from explorer.notebook.groups import key_of
from explorer.results import groups as kind

if TYPE_CHECKING:
    from explorer.study import Study

__all__ = [
    "BESIDE", "Grouping", "forget", "found", "in_place_of_codes", "key_of", "name", "name_of", "of_own", "origin",
    "own", "take",
]  # fmt: skip

ORIGIN = "of.json"  # beside a file of groups: which codes they stand in for
BESIDE = "left out"  # what stands for codes that are in no group


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of the codes of a layer.

    Attributes:
        layer: its name. of: (K,) int64 group of each code, -1 of those in none.
        title, own: where groups of the user's own are from, and their key; else "".
        tree: what the result `groups` says; None for groups of one's own. names: of each group, "" for none.
    """

    layer: str
    of: np.ndarray
    names: tuple[str, ...]
    title: str = ""
    own: str = ""
    tree: dict[str, Any] | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def key(self) -> str:
        return digest(self.layer, self.of.tolist())

    def codes(self, group: int) -> np.ndarray:
        """Codes (n,) of a group, ascending."""
        return np.flatnonzero(self.of == group)

    @property
    def groups(self) -> list[list[int]]:
        """Codes of each group."""
        return [self.codes(group).tolist() for group in range(len(self))]

    def called(self, group: int) -> str:
        """Its name, or "Group 3"."""
        return self.names[group] or f"Group {group}"


def found(study: Study, layer: str, by: str, count: int = 0) -> Grouping | None:
    """The groups that were found, `count` of them or as many as halves agree on; None where they are not there yet."""
    tree = study.result("groups", kind.Options(layer, by, count))
    if tree is None:
        return None
    of = study.remember(_cut, layer, by, count or tree["automatic"])
    return Grouping(layer, of, _names(study, layer, of), tree=tree)


def _cut(study: Study, layer: str, by: str, count: int) -> np.ndarray:
    from explorer.analysis import grouping

    tree = study.result("groups", kind.Options(layer, by, count))
    of = np.full(tree["codes"], -1)
    of[np.array(tree["kept"], np.int64)] = grouping.cut(np.array(tree["merges"], np.float64), count)
    return of


def book(study: Study, layer: str) -> str:
    """What the codebook is called in the notebook."""
    return study._named(layer)


def own(study: Study, layer: str) -> dict[str, notes.Own]:
    """Groupings of the user's own, by key."""
    return notes.own(study.subject.fingerprint, book(study, layer))


def of_own(study: Study, layer: str, key: str) -> Grouping:
    """One of them; BadInput where it is not there."""
    kept = own(study, layer)
    if key not in kept:
        raise BadInput(f"there are no groups of your own called {key[:20]!r}; bring them in again")
    of = np.full(len(study.book(layer)), -1)
    for group, codes in enumerate(kept[key].groups):
        inside = [code for code in codes if 0 <= code < len(of)]
        of[inside] = group
    return Grouping(layer, of, _names(study, layer, of, len(kept[key].groups)), kept[key].title or "a file", key)


def take(study: Study, layer: str, file: str, content: bytes) -> tuple[notes.Own, tuple[str, ...]]:
    """Keeps the groups and names of a file; and what a user should know. BadInput, one sentence, where it is unfit."""
    read = group_files.read(file, content, layer, study.sizes)
    of = study.subject.fingerprint, book(study, layer)
    kept = notes.keep(*of, file, read.groups)
    notes.rename(*of, [(codes, name) for codes, name in zip(read.groups, read.names, strict=True) if name])
    return kept, read.notes


def forget(study: Study, layer: str, key: str) -> None:
    """Removes groups of the user's own; their names stay."""
    notes.forget(study.subject.fingerprint, book(study, layer), key)


def name(study: Study, layer: str, codes: tuple[int, ...], text: str) -> str:
    """Names the group of some codes; BadInput for an unfit name."""
    return notes.name(study.subject.fingerprint, book(study, layer), codes, text)


def name_of(study: Study, layer: str, codes: tuple[int, ...]) -> str:
    """The name of the group of some codes; "" for none."""
    return notes.names(study.subject.fingerprint, book(study, layer)).get(key_of(codes), "")


def _names(study: Study, layer: str, of: np.ndarray, count: int = 0) -> tuple[str, ...]:
    known = notes.names(study.subject.fingerprint, book(study, layer))
    count = max(count, int(of.max(initial=-1)) + 1)
    return tuple(known.get(key_of(np.flatnonzero(of == group)), "") if known else "" for group in range(count))


def in_place_of_codes(study: Study, grouping: Grouping) -> Path:
    """A file of codes in which the groups stand for codes; its groups have their names. Written once.

    The vector of a group is the mean of its codes' vectors, each as often as it is used. Codes that are in no group
    are the last code, `left out`.
    """
    beside = bool(((grouping.of < 0) & (study.usage(grouping.layer) > 0)).any())
    count = len(grouping)
    of = np.where(grouping.of < 0, count, grouping.of)
    arrays: dict[str, np.ndarray] = {}
    for layer in study.layers:
        codes, vectors = study.codes(layer.name), study.vectors(layer.name)
        if layer.name == grouping.layer:
            size = count + beside
            codes = of[codes.astype(np.int64)].astype(np.min_scalar_type(max(size - 1, 1)))
            vectors = _means(vectors, study.usage(layer.name), of, size)
        arrays[f"codes_{layer.name}"], arrays[f"codebook_{layer.name}"] = codes, vectors
        arrays[f"latents_{layer.name}"] = study.encoding.pooled(layer.name).astype(np.float32)
    title = f"{study.checkpoint.name} in {count} groups of {grouping.layer}.npz"
    path = cache_folder() / "grouped" / digest(study.subject.encoding_key, grouping.key) / title.replace("/", "-")
    if not path.exists():
        write_json(path.parent / ORIGIN, {"checkpoint": str(study.subject.checkpoint), "name": study.checkpoint.name})
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    _named(path, grouping, beside)
    return path


def origin(study: Study) -> dict[str, str] | None:
    """`checkpoint` and `name` of what groups stand in for; None of what is no file of groups."""
    if study.checkpoint.family != "codes":
        return None
    try:
        found = read_json(Path(study.subject.checkpoint).parent / ORIGIN)
        return {name: str(found[name]) for name in ("checkpoint", "name")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _means(vectors: np.ndarray, tokens: np.ndarray, of: np.ndarray, size: int) -> np.ndarray:
    """(size, D) float32 means of vectors (K, D), weighted by tokens (K,); of a group without tokens the plain mean."""
    weight = np.where(np.bincount(of, tokens, size + 1)[of] > 0, tokens, 1).astype(np.float64)
    inside = of < size
    total = np.zeros((size, vectors.shape[1]))
    np.add.at(total, of[inside], vectors[inside] * weight[inside, None])
    return (total / np.maximum(np.bincount(of[inside], weight[inside], size), 1e-12)[:, None]).astype(np.float32)


def _named(path: Path, grouping: Grouping, beside: bool) -> None:
    """The names of groups are those of the file's codes."""
    from explorer.datasets import codes

    model, called = codes.fingerprint(path), code_names.of(grouping.layer)
    known = code_names.find(model, called)
    wanted = {group: text for group, text in enumerate(grouping.names) if text}
    wanted |= {len(grouping): BESIDE} if beside else {}
    for group, text in wanted.items():
        if known.get(group) != text:
            code_names.put(model, called, group, text)
    for group in known.keys() - wanted.keys():
        code_names.put(model, called, group, "")
