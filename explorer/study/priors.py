"""Priors of the open checkpoint: the door to their networks, and codes that they draw as pictures."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import BadInput
from explorer.priors import folder
from explorer.study import passes

if TYPE_CHECKING:
    from explorer.autoencoder import Autoencoder, Codebook
    from explorer.priors.folder import Facts
    from explorer.priors.prior import Prior
    from explorer.study import Study

BATCH = 64  # images at a time


def available(study: Study) -> list[Facts]:
    """Finished priors over the codes of the open checkpoint, shipped ones first, then newest first."""
    found = [one for one in folder.find(study.subject.fingerprint) if one.state == "done"]
    return [one for one in found if folder.agrees(one, study.checkpoint)]


def older(study: Study) -> list[Facts]:
    """Priors over codes of the open checkpoint as it was: by its name, with other weights."""
    named, content = study.checkpoint.name, study.subject.fingerprint
    return [one for one in folder.find() if Path(one.checkpoint).name == named and one.fingerprint != content]


def facts_of(study: Study, name: str) -> Facts | None:
    """The prior of that name, or the first; None where there is none of this checkpoint."""
    found = available(study)
    return next((one for one in found if one.name == name), found[0] if found else None)


@functools.lru_cache(maxsize=4)
def _network(path: Path, fingerprint: str) -> tuple[Prior, threading.Lock]:
    from explorer.jobs.devices import choose

    prior = folder.load(path)
    try:
        return prior.to(choose("auto")), threading.Lock()
    except RuntimeError:  # the GPU is full of somebody's training; the CPU always has room
        return folder.load(path), threading.Lock()


def through_prior(function: Callable) -> Callable:
    """Makes `function(prior, …)` a pass `(path, fingerprint, …)`: one thread at a time, float32, no gradients."""

    @functools.wraps(function)
    def passed(path: Path, fingerprint: str, *arguments: Any, **options: Any) -> Any:
        import torch

        from explorer.precision import exact

        with passes.OPENING:
            prior, lock = _network(path, fingerprint)
        with lock, exact(), torch.inference_mode():
            return function(prior, *arguments, **options)

    return passes.spaces.GPU(duration=passes.SECONDS)(passed) if passes.spaces else passed


def ask(function: Callable, facts: Facts, *arguments: Any, **options: Any) -> Any:
    """A pass of `through_prior` through the network of a prior."""
    return function(facts.path, folder.fingerprint(facts.path), *arguments, **options)


def classes_of(facts: Facts, value: str | None, count: int, seed: int) -> np.ndarray:
    """Class of each sample, (count,): that of `value`, else as often as in training; −1 of a prior without condition.

    Raises:
        BadInput: a value that it does not know, or any of one that was trained without.
    """
    from explorer.analysis.noise import spread

    if facts.condition is None:
        if value is not None:
            raise BadInput(
                f"{facts.name} was trained without a column, so it knows no '{value[:100]}'; leave the value out, or "
                "train a prior with --condition"
            )
        return np.full(count, -1)
    if value is not None:
        return np.full(count, facts.condition.index(value))
    shares = np.array(facts.condition.counts or [1] * len(facts.condition))
    return spread(shares if shares.sum() else np.ones(len(shares)), seed, np.arange(count))


def nats(facts: Facts, codes: Mapping[str, np.ndarray], classes: np.ndarray) -> dict[str, np.ndarray]:
    """−ln p of each code given those before it: codes (N, H, W) and classes (N,), −1 for none -> (N, H, W) float32."""
    return ask(_nats, facts, codes, classes)


@through_prior
def _nats(prior: Prior, codes: Mapping[str, np.ndarray], classes: np.ndarray) -> dict[str, np.ndarray]:
    import torch

    device = next(prior.parameters()).device
    found: dict[str, list[np.ndarray]] = {level.name: [] for level in prior.levels}
    for start in range(0, len(classes), BATCH):
        part = slice(start, start + BATCH)
        given = {n: torch.from_numpy(np.asarray(c[part]).astype(np.int64)).to(device) for n, c in codes.items()}
        told = prior.nats(given, torch.from_numpy(np.asarray(classes[part], np.int64)).to(device))
        for name, values in told.items():
            found[name].append(values.cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def decoded(study: Study, facts: Facts, codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Codes (N, H, W) of each level as pictures (N, h, w, 3) uint8; a mean stands for layers that have no codes."""
    return study.through(_decoded, dict(codes), folder.books(facts.path))


@passes.through
def _decoded(model: Autoencoder, codes: Mapping[str, np.ndarray], books: Mapping[str, Codebook]) -> np.ndarray:
    import torch

    from explorer.autoencoder import to_pixels

    found = []
    device = next(model.parameters()).device
    count = len(next(iter(codes.values())))
    for start in range(0, count, BATCH):
        latents = {}
        for name, values in codes.items():
            book = books.get(name) or model.codebooks[name]
            rows = torch.from_numpy(np.asarray(values[start : start + BATCH]).astype(np.int64))
            latents[name] = book.lookup(rows.to(book.vectors.device)).to(device)
        found.append(to_pixels(model.decode(latents).float()))
    return np.concatenate(found)
