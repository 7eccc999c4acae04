"""Priors of what has no codes: of one latent vector, and of the numbers that stand beside codes; a packed file.

They are fitted to images of training and judged on others. A checkpoint has one of the two, or neither: a layer
without codes on a grid of its own gets k-means codes, and a prior of codes (`explorer prior train`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.files import digest, write_bytes
from explorer.jobs.devices import choose

if TYPE_CHECKING:
    import numpy as np

    from explorer.analysis.aggregate import Fitted
    from explorer.analysis.code_gaussians import CodeGaussians
    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Images
    from explorer.progress import Progress
    from explorer.results.subject import Subject

VERSION = 3  # counted up whenever the same input gives other numbers
VECTORS = {"train": 10_000, "held": 5_000}  # images of 64 × 64 px, at most; of larger ones as many pixels
GRIDS = {"train": 3_000, "held": 500}
LARGEST = 256 * 1024 * 1024  # bytes of a file, unpacked
NEITHER = (
    "{name} has codes and nothing continuous beside them, so a prior over its codes is all that it needs; open a VAE, "
    "such as vae-shapes, or a model with numbers beside its codes, such as projected-shapes"
)
ON_GRIDS = (
    "the layers of {name} are grids of latents without codes; they get codes by k-means, and a prior over these: "
    "explorer prior train {name} --dataset {dataset}"
)


@dataclass(frozen=True)
class Options:
    """Nothing can be chosen."""


@dataclass(frozen=True)
class Continuous:
    """What was found.

    Attributes:
        facts: numbers, as `analysis.aggregate.judge` or `analysis.continuous.judge` tell them, and what they are of.
        fitted: densities of one latent vector. beside: {layer: a Gaussian for each code}. One of the two is empty.
    """

    facts: dict[str, Any]
    fitted: Fitted | None
    beside: dict[str, CodeGaussians]


def vector(facts: Checkpoint) -> str:
    """The layer without codes of which one vector describes the image; "" where there is none."""
    found = (one["name"] for one in facts.layers if one.get("codes") is None and tuple(one["grid"]) == (1, 1))
    return next(found, "")


def beside(facts: Checkpoint) -> dict[str, str]:
    """{layer without codes: the layer of codes before it on the same grid}, of a hybrid model."""
    found, coded = {}, None
    for layer in facts.layers:
        if layer.get("codes") is not None:
            coded = layer
        elif coded is not None and layer["grid"] == coded["grid"] and tuple(layer["grid"]) != (1, 1):
            found[layer["name"]] = coded["name"]
    return found


def unfit(facts: Checkpoint, dataset: str) -> str:
    """Why there is nothing to fit, one sentence; empty where there is."""
    if facts.family == "codes" or facts.no_decoder:
        return facts.no_decoder or f"{facts.name} is a file of codes, which has nothing continuous"
    if vector(facts) or beside(facts):
        return ""
    grids = all(layer.get("codes") is None for layer in facts.layers)
    return (ON_GRIDS if grids else NEITHER).format(name=facts.name, dataset=dataset)


def key(subject: Subject, options: Options) -> str:
    """Weights and settings of the model, and the images that are measured."""
    images = subject.images
    return digest("continuous", VERSION, subject.fingerprint, images.fingerprint, images.split, len(images))


def make(subject: Subject, options: Options, path: Path, progress: Progress) -> None:
    """Fits, judges and writes; BadInput for a checkpoint that has nothing continuous."""
    import torch

    if why := unfit(subject.facts, subject.dataset):
        raise BadInput(why)

    def tell(done: int, total: int, message: str) -> None:
        progress.total = total
        progress.update(done, message)

    model, layer = subject.network().to(choose(subject.device)), vector(subject.facts)
    most = VECTORS if layer else GRIDS
    (fit_to, train, fitted_on), (read, count) = _parts(subject, most, progress)
    told = {"dataset": subject.dataset, "split": subject.images.split, "from": fitted_on}
    with torch.inference_mode():
        if layer:
            _vectors(model, (fit_to, train), (read, count), layer, told, path, tell)
        else:
            _hybrid(model, (fit_to, train), (read, count), beside(subject.facts), told, path, tell)


def _parts(subject: Subject, most: Mapping[str, int], progress: Progress) -> tuple[tuple, tuple]:
    """What is fitted to, and what is held out: how to read it, how many, and of the first where it is from.

    A set without a split of its own for training is halved, so that nothing is judged on what it was fitted to.
    """
    import numpy as np

    images = subject.images
    share = min(1.0, (64 / images.size) ** 2)
    train, held = (max(20, round(most[name] * share)) for name in ("train", "held"))
    known = None
    if images.split not in ("train", "all"):
        try:
            known = subject.load("train", None, progress)
        except BadInput:
            known = None  # a set with one split
    if known is None or known.split != "train" or known.fingerprint == images.fingerprint:
        drawn = images.sample(min(len(images), train + held))
        rows = np.random.default_rng(0).permutation(drawn)  # images may be sorted by class
        half = max(1, len(rows) // 2)
        held = min(held, len(rows) - half) or 1
        return (_reader(images, np.sort(rows[:half])), half, f"the other half of {images.split}"), (
            _reader(images, np.sort(rows[-held:])), held,
        )  # fmt: skip
    train, held = min(train, len(known)), min(held, len(images))
    return (_reader(known, known.sample(train)), train, "train"), (_reader(images, images.sample(held)), held)


def _reader(images: Images, rows: np.ndarray):
    return lambda part: images.read(rows[part])


def _vectors(model, train: tuple, held: tuple, layer: str, told: dict, path: Path, tell) -> None:
    import torch

    from explorer.analysis import aggregate, continuous, latent_samples

    known = continuous.latents(model, *train, layer, tell)
    with torch.inference_mode(False):
        fitted = aggregate.fit(known, progress=tell)
    facts, arrays = {"what": "latents", "layer": layer, **told, **fitted.facts}, _arrays_of(fitted)
    if fitted.densities:
        held_out = continuous.latents(model, *held, layer, tell)
        kept = _fitted(fitted.facts, arrays)  # which is what is judged
        facts |= aggregate.judge(kept, held_out)
        facts["quality"] = latent_samples.judge(model, kept, held_out, layer, tell=tell)
    _write(path, facts, arrays)


def _hybrid(model, train: tuple, held: tuple, pairs: dict[str, str], told: dict, path: Path, tell) -> None:
    from explorer.analysis import continuous

    found = continuous.gaussians(model, *train, pairs, tell=tell)
    # what is kept is what is judged: float32
    arrays = {f"{name}/{part}": value for name, one in found.items() for part, value in _gaussian_arrays(one).items()}
    found = {name: _gaussians(arrays, name) for name in found}
    facts = {"what": "beside codes", "beside": pairs, **told, "fitted_on": train[1]}
    _write(path, facts | continuous.judge(model, *held, pairs, found, tell=tell), arrays)


def _write(path: Path, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    import numpy as np
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(one) for name, one in arrays.items()} or {"none": np.zeros(0, np.float32)}
    data = save(whole, {"explorer": json.dumps(facts)})
    write_bytes(path, gzip.compress(data, mtime=0))


def lines(found: Continuous) -> list[str]:
    """What was found, for people to read."""
    from explorer.analysis.quality import worded

    facts = found.facts
    if "said" in facts:
        return [facts["said"]]
    at = f"{facts['images']:,} images of {facts['split']}, fitted on {facts['fitted_on']:,} of {facts['from']}"
    if found.fitted is not None:
        shown = [f"layer {facts['layer']}: {facts['active']:,} of {facts['dim']:,} units are active; {at}"]
        for name, one in facts["priors"].items():
            rate = f"; rate {worded(one['rate'], 2)} bits an image" if "rate" in one else ""
            shown.append(f"{name}: {worded(one['bits_per_unit'], 3)} bits a unit{rate}")
        for name, one in facts["quality"].get("scores", {}).items():
            told = ", ".join(f"{metric} {worded(value, 3)}" for metric, value in one.items())
            shown.append(f"pictures of {'images' if name == 'back' else name}: {told}")
        return shown
    shown = [at]
    for name, one in facts["layers"].items():
        shown.append(
            f"{name} given {one['codes']}: {worded(one['given'], 3)} bits a position, {worded(one['alone'], 3)} without"
        )
    return shown + [f"decoded {way}: PSNR {worded(one, 2)} dB" for way, one in facts["psnr"].items()]


def read(path: Path, key: str = "") -> Continuous:
    """What `make` wrote; BadInput where it is damaged or something else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        with gzip.open(path) as file:
            data = file.read(LARGEST + 1)
        size = int.from_bytes(data[:8], "little")
        facts = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["explorer"])
        arrays = load(data)
        if facts["what"] == "latents":
            return Continuous(facts, _fitted(facts, arrays), {})
        return Continuous(facts, None, {name: _gaussians(arrays, name) for name in facts["beside"]})
    except (OSError, EOFError, ValueError, LookupError, TypeError, SafetensorError) as error:
        raise BadInput(f"{path.name} is no prior of latents or is damaged: {error}") from None


def _arrays_of(fitted: Fitted) -> dict[str, np.ndarray]:
    """What is kept of densities; a mixture by the square roots of its covariances, of which half are zeros."""
    import numpy as np

    found = {"active": fitted.active.astype(np.int32), "rest": fitted.rest.astype(np.float32)}
    for name, one in fitted.densities.items():
        if name == "gaussian":
            found |= {f"{name}/centre": _short(one.centre), f"{name}/root": _short(one.root)}
        elif name == "mixture":
            roots = np.linalg.cholesky(one.covariances) if one.kind == "full" else np.sqrt(one.covariances)
            found |= {f"{name}/weights": _short(one.weights), f"{name}/means": _short(one.means)}
            found[f"{name}/roots"] = _short(roots)
        elif name == "flow":
            found |= {f"{name}/{part}": value for part, value in one.weights.items()}
    return found


def _fitted(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> Fitted:
    """Densities of what was kept."""
    import numpy as np

    from explorer.analysis import aggregate, flows, mixture

    found: dict[str, Any] = {"standard": aggregate.Standard()} if facts["posterior"] and "chosen_on" in facts else {}
    if "gaussian/root" in arrays:
        centre, root = (arrays[f"gaussian/{part}"].astype(np.float64) for part in ("centre", "root"))
        found["gaussian"] = aggregate.Gaussian(centre, root)
        weights, means, roots = (arrays[f"mixture/{part}"].astype(np.float64) for part in ("weights", "means", "roots"))
        covariances = roots @ roots.swapaxes(1, 2) if roots.ndim == 3 else roots**2
        found["mixture"] = mixture.Mixture(weights / weights.sum(), means, covariances)
        of_flow = {name.removeprefix("flow/"): one for name, one in arrays.items() if name.startswith("flow/")}
        if of_flow:
            looked = tuple((int(step), float(nats)) for step, nats in facts["looked"])
            found["flow"] = flows.Flow(centre, root, of_flow, facts["flow_steps"], looked)
    return aggregate.Fitted(found, arrays["active"].astype(np.int64), arrays["rest"].astype(np.float64), facts)


def _gaussian_arrays(one: CodeGaussians) -> dict[str, np.ndarray]:
    import numpy as np

    parts = {name: _short(getattr(one, name)) for name in ("covariances", "mean", "covariance")}
    parts["means"] = one.means.astype(np.float32)  # they may all be close to one another
    return parts | {
        "counts": one.counts.astype(np.int32), "needed": one.needed.astype(np.uint8),
        "strength": np.array(one.strength, np.float32),
    }  # fmt: skip


def _gaussians(arrays: Mapping[str, np.ndarray], name: str) -> CodeGaussians:
    import numpy as np

    from explorer.analysis.code_gaussians import CodeGaussians

    of = {part: arrays[f"{name}/{part}"] for part in ("means", "covariances", "counts", "needed", "mean", "covariance")}
    numbers = {part: of[part].astype(np.float64) for part in ("means", "covariances", "mean", "covariance")}
    strength = tuple(arrays[f"{name}/strength"].tolist())
    return CodeGaussians(counts=of["counts"], needed=of["needed"].astype(bool), strength=strength, **numbers)


def _short(values: np.ndarray) -> np.ndarray:
    """float32 of which 12 bits of the mantissa are kept, so that files pack; what is judged is what is kept."""
    import numpy as np

    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x400)) & np.uint32(0xFFFFF800)).view(np.float32)
