"""Where images surprise a prior, how much of a code map is predictable, and whether bits tell another set apart.

What `make` writes is a zip of arrays (`.npz`): `facts` as JSON, of each level its codes and the bits of every cell with
the class of its image and without, of each image its bits under the prior and under models that count, and, where
there is another set, scores of both.
"""

from __future__ import annotations

import functools
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, write_bytes
from explorer.results.surprisal.kept import VERSION, Options, Surprisal, elsewhere, split_of

if TYPE_CHECKING:
    import numpy as np

    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

LARGEST = 2**32  # bytes of a result, unpacked
PLACES = ("codes", "maps", "bare")  # arrays (N, H, W) of each level


def key(subject: Subject, options: Options) -> str:
    """Content of the prior, of the images, and of the other images."""
    from explorer import datasets
    from explorer.priors import folder

    path, images, foreign = folder.resolve(options.prior), subject.images, None
    if options.against:  # its version, so that nobody waits for its pixels to look whether this is there
        split = split_of(subject, options.against)
        foreign = datasets.absolute(options.against), split, datasets.version(options.against, split)
        foreign = *foreign, subject.fit, subject.limit
    made = VERSION, folder.fingerprint(path), subject.fingerprint
    return digest("surprisal", *made, images.fingerprint, images.split, len(images), foreign, elsewhere(subject))


def make(
    subject: Subject, options: Options, path: Path, progress: Progress, encoding: Encoding, obtain: Callable
) -> None:
    """Asks the prior about every image and writes what `read` gives.

    Args:
        obtain: (kind, subject, options) -> (path, content) of another result, as `results.obtain`.

    Raises:
        BadInput: there is no such prior, or it is over the codes of another checkpoint; one sentence.
    """
    from explorer.priors import folder
    from explorer.results.surprisal import against, asked

    started = time.perf_counter()
    facts = folder.describe(folder.resolve(options.prior))
    if facts.fingerprint != subject.fingerprint:
        raise BadInput(
            f"{facts.name} was learned from the codes of another checkpoint than {subject.facts.name}, or of other "
            "weights; train a prior of this one"
        )
    if options.against:
        base = obtain("surprisal", subject, replace(options, against=""))[1]
        found = against.compare(base, subject, facts, options.against, encoding, progress)
    else:
        found = asked.ask(subject, facts, encoding, progress)
    found.facts["seconds"] = time.perf_counter() - started
    write_bytes(path, _packed(found))


def _packed(found: Surprisal) -> bytes:
    import numpy as np

    arrays: dict[str, np.ndarray] = {"facts": np.frombuffer(json.dumps(found.facts).encode(), np.uint8)}
    for name in PLACES:
        arrays |= {f"{name}.{place}": one for place, one in enumerate(getattr(found, name).values())}
    arrays |= {f"table.{place}": one for place, one in enumerate(found.tables.values())}
    for step, levels in found.steps.items():
        arrays |= {f"step.{step}.{place}": one for place, one in enumerate(levels.values())}
    for name, sides in found.scores.items():
        arrays |= {f"score.{name}.{side}": one for side, one in enumerate(sides)}
    if found.rows is not None:
        arrays |= {"groups": found.groups, "rows.0": found.rows[0], "rows.1": found.rows[1]}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def read(path: Path, key: str = "") -> Surprisal:
    """What `make` wrote; BadInput where it is damaged or something else. Its arrays are shared: nobody writes them."""
    try:
        stat = path.stat()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None
    return _read(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _read(path: Path, *stamps: int) -> Surprisal:
    import numpy as np

    try:
        with zipfile.ZipFile(path) as file:
            if sum(one.file_size for one in file.infolist()) > LARGEST:
                raise ValueError("it is too large")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(arrays["facts"].tobytes())
        if facts["version"] != VERSION:
            raise ValueError("it is of another version")
        return _unpacked(facts, arrays)
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path.name} holds no surprisal or is damaged: {str(error)[:80]}") from None


def _unpacked(facts: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Surprisal:
    names = [one["name"] for one in facts["levels"]]
    places = {
        kind: {name: arrays[f"{kind}.{place}"] for place, name in enumerate(names) if f"{kind}.{place}" in arrays}
        for kind in PLACES
    }
    shapes = {name: (facts["images"], *one["grid"]) for name, one in zip(names, facts["levels"], strict=True)}
    if any(one.shape != shapes[name] for found in places.values() for name, one in found.items()):
        raise ValueError("its arrays do not agree")
    if not names or set(places["maps"]) != set(names) or set(places["codes"]) != set(names):
        raise ValueError("levels are missing")
    steps: dict[str, dict[str, np.ndarray]] = {}
    scores: dict[str, dict[int, np.ndarray]] = {}
    for name, one in arrays.items():
        kind, *rest = name.split(".")
        if kind == "step":
            steps.setdefault(rest[0], {})[names[int(rest[1])]] = one
        elif kind == "score":
            scores.setdefault(rest[0], {})[int(rest[1])] = one
    tables = {name: arrays[f"table.{place}"] for place, name in enumerate(names)}
    rows = (arrays["rows.0"], arrays["rows.1"]) if "rows.0" in arrays else None
    pairs = {name: (sides[0], sides[1]) for name, sides in scores.items()}
    return Surprisal(facts, *places.values(), steps, tables, pairs, arrays.get("groups"), rows)
