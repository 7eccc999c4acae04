"""Samples of a prior beside as many held-out images: drawn, decoded, and held against the training set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import copying, sample_quality, sample_reading, sample_usage
from explorer.analysis.concepts import features, shares
from explorer.analysis.usage import count_tokens
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.results.judged.material import Material
    from explorer.results.judged.seeing import Maps

AT_ONCE = 64  # maps whose bits are asked for at once
READ = 512  # training images read at once
FITTED, NUMBERS = 1_000, 2**25  # training images that the space of features is fitted to, and numbers of them
PAIRS = 12  # samples nearest to training that are kept, to be shown
CONFUSED = 40  # classes of which every pair is kept
DIMS = 64
LN2 = float(np.log(2))
FID = (
    "This program does not compute an FID: it is a distance in the features of one Inception network, whose weights do "
    "not come with it, and nothing is downloaded unasked. The Fréchet distance is the same "
    "formula in the space that is named beside it."
)


def judge(found: Material) -> dict[str, Any]:
    """What the result says; see the head of the package."""
    started, facts, subject, options = time.perf_counter(), found.facts, found.subject, found.options
    told = {
        "prior": facts.name, "kind": facts.kind, "dataset": subject.dataset,
        "split": subject.split, "n": len(found.rows), "training": len(found.training), "levels": found.names,
        "cells": found.cells, "choices": options.choices(),
        "condition": facts.condition.column if facts.condition else None,
    }  # fmt: skip
    told |= {
        "copying": _copying(found), "quality": _quality(found), "usage": _usage(found), "probe": _probe(found),
        "bits": _bits(found), "kept": _kept(found), "fid": FID,
    }  # fmt: skip
    return told | {"seconds": time.perf_counter() - started}


def _copying(found: Material) -> dict[str, Any]:
    """Nearest training images by codes and by pixels, of samples and of held-out images."""
    sets = {"samples": copying.flat(found.samples), "held_out": copying.flat(found.held)}
    sets["places"] = copying.by_place(found.training, len(found.rows), found.options.seed)
    nearest = {}
    for name, codes in sets.items():
        nearest[name] = copying.ByCodes(codes)
        for start in range(0, len(found.training), READ * 64):
            nearest[name].see(found.training[start : start + READ * 64], start)
            found.say("looking for the nearest training map")
    told = copying.compared(nearest["samples"].shares, nearest["held_out"].shares)
    known = copying.verdict(told)
    places = nearest["places"].shares
    told |= {"kind": known.kind, "sentence": known.sentence}
    told["places"] = {
        "half": copying.repeated(places), "nearly": copying.repeated(places, copying.NEARLY),
        "mean": float(places.mean()),
    }  # fmt: skip
    told["counts"] = {
        name: np.bincount(one.found.astype(np.int64), minlength=found.cells + 1).tolist()
        for name, one in nearest.items()
    }
    first = np.argsort(-nearest["samples"].shares, kind="stable")[:PAIRS]
    told["nearest"] = [
        {
            "sample": int(at), "class": int(found.classes[at]), "share": float(nearest["samples"].shares[at]),
            "row": int(nearest["samples"].rows[at]),
            "codes": {name: one[at].tolist() for name, one in found.samples.items()},
        }
        for at in first
    ]  # fmt: skip
    return told | {"pixels": _pixels(found)}


def _pixels(found: Material) -> dict[str, Any] | None:
    """The same by small pictures; samples and held-out maps are both decoded, training images are as they are."""
    if not found.seen:
        return None
    search = {name: copying.ByPixels(one.pixels) for name, one in found.seen.items()}
    images = found.learned_from.images
    for start in range(0, len(images), READ):
        small = features.pixels(images.read(slice(start, min(start + READ, len(images)))))
        for one in search.values():
            one.see(small, start)
        found.say("looking at training images", len(small))
    near = {name: -one.distances for name, one in search.items()}
    return {
        **{name: float(-one.mean()) for name, one in near.items()},
        "nearer": copying.nearer(near["samples"], near["held_out"]),
    }


def _quality(found: Material) -> dict[str, Any]:
    """Precision, recall, density, coverage and Fréchet distance of samples, and of what they are held against."""
    count = len(found.rows)
    rng = np.random.default_rng([found.options.seed, 103])
    order = rng.permutation(len(found.training))
    side, dims = sample_quality.SIDE, {name: book.vectors.shape[1] for name, book in found.books.items()}
    size = sum(min(one.grid[0], side) * min(one.grid[1], side) * dims[one.name] for one in found.levels)
    most = int(np.clip(NUMBERS // size, DIMS + 1, FITTED))
    fitted = np.sort(order[: min(most, max(2, len(order) // 2))])
    raw = _describer(found)
    space = sample_quality.fit_space(raw(found.maps(found.training[fitted]), ""), DIMS)
    place = _placer(raw, space)
    named = bool(found.options.encoder)  # whose pictures were looked at already
    real, samples = (place(one, what if named else "") for one, what in
                     ((found.held, "held_out"), (found.samples, "samples")))  # fmt: skip
    sets = [("samples", samples)]
    if len(found.rest) == count:
        sets.append(("other held-out images", place({n: found.encoding.codes(n, found.rest) for n in found.names})))
    rows = np.sort(order[::-1][:count])
    sets.append(("training images", place(found.maps(found.training[rows]))))
    drawn = copying.by_place(found.training, count, found.options.seed)
    sets.append(("codes drawn by place", place(found.maps(drawn))))
    if found.cells > len(found.levels):
        sets.append(("cells shuffled", place(_shuffled(found, rows, rng))))
    told, among = [], None
    for name, features_ in sets:
        found.say(f"comparing {name}", count * 3 // len(sets))
        distances = sample_quality.distances(real, features_, among)
        among = distances.real
        told.append({"name": name, **sample_quality.measure(distances)})
        told[-1]["frechet"] = sample_quality.frechet(real, features_)
    other = Path(found.options.encoder).name
    what = f"mean latents of {other}, of decoded maps" if other else "vectors of the codes at their places"
    said = f"{what}; {space.axes.shape[1]} principal components, {100 * space.kept:.0f} % of the variance of training"
    return {"space": said, "k": sample_quality.K, "n": count, "sets": told}


def _placer(raw: Callable[[Maps, str], np.ndarray], space: Any) -> Callable[..., np.ndarray]:
    """What puts code maps into the space, some at a time, since a large grid of vectors is many numbers."""

    def place(maps: Maps, name: str = "") -> np.ndarray:
        if name:
            return space.place(raw(maps, name))
        count = len(next(iter(maps.values())))
        some = [{level: one[at : at + AT_ONCE] for level, one in maps.items()} for at in range(0, count, AT_ONCE)]
        return np.concatenate([space.place(raw(part, "")) for part in some])

    return place


def _describer(found: Material) -> Callable[[Maps, str], np.ndarray]:
    """What makes features (n, D) of code maps; a name stands for maps whose pictures were looked at already."""
    if found.options.encoder:
        if found.eyes is None:
            raise BadInput(f"{found.subject.facts.name} has no decoder, so no other encoder can look at its samples")

        def looked(maps: Maps, name: str) -> np.ndarray:
            known = found.seen.get(name)
            return (known or found.eyes.look(maps, lambda _: found.say("asking the other encoder"))).latents

        return looked
    spread: dict[str, float] = {}

    def described(maps: Maps, name: str) -> np.ndarray:
        parts = []
        for level, codes in maps.items():
            vectors = found.books[level].vectors.detach().cpu().float().numpy()
            some = range(0, len(codes), AT_ONCE)
            part = np.concatenate([sample_quality.at_places(vectors[codes[at : at + AT_ONCE]]) for at in some])
            scale = spread.setdefault(level, float(np.sqrt(part.var(0).sum())) or 1.0)  # of the first, the training set
            parts.append(part / scale)
        return np.concatenate(parts, 1)

    return described


def _shuffled(found: Material, rows: np.ndarray, rng: np.random.Generator) -> Maps:
    """Training maps whose codes stand in other cells, within each level."""
    maps = found.maps(found.training[rows])
    return {name: rng.permuted(one.reshape(len(rows), -1), axis=1).reshape(one.shape) for name, one in maps.items()}


def _usage(found: Material) -> list[dict[str, Any]]:
    told = []
    for level in found.levels:
        reference = count_tokens(found.training_codes[level.name], level.codes)
        one = sample_usage.compare(found.samples[level.name], found.held[level.name], reference)
        told.append({"layer": level.name, "codes": level.codes, "uneven": one.pop("codes"), **one})
        found.say("counting codes")
    return told


def _probe(found: Material) -> dict[str, Any]:
    """How often a probe of real codes reads the class of samples, and of held-out images."""
    condition = found.facts.condition
    if condition is None:
        return {"missing": "The prior is conditional on nothing, so that no class can be read from its samples."}
    classes = found.classes_of(found.learned)
    if len(np.unique(classes[classes >= 0])) < 2 or not (found.classes >= 0).any():
        return {"missing": f"Fewer than two values of {condition.column} are known, so that there is nothing to read."}
    found.say("fitting a probe of the class")
    asked: dict[str, Mapping[str, np.ndarray]] = {"samples": found.samples, "held_out": found.held}
    asked |= {f"{name}_seen": one.codes for name, one in found.seen.items()}
    sizes = {level.name: level.codes for level in found.levels}
    said = sample_reading.read(found.training_codes, classes, list(asked.values()), sizes)
    told = {
        name: sample_reading.told(one, found.classes, len(condition)) for name, one in zip(asked, said, strict=True)
    }
    if len(condition) > CONFUSED:
        for one in told.values():
            one["confusion"] = None
    return {
        "column": condition.column, "values": list(condition.values), "chance": 1 / len(condition),
        "fitted": int(min(sample_reading.FIT, (classes >= 0).sum())), "sets": told,
        "difference": shares.apart(told["samples"]["right"], told["held_out"]["right"]),
    }  # fmt: skip


def _bits(found: Material) -> dict[str, Any]:
    """Bits per code under the prior: are samples as surprising to it as held-out images?"""
    from explorer.analysis import quality

    bits = {name: _bits_of(found, maps) for name, maps in (("samples", found.samples), ("held_out", found.held))}
    told: dict[str, Any] = {name: quality.interval(one) for name, one in bits.items()}
    told["difference"] = sample_usage.apart(told["samples"], told["held_out"])
    return told | {"less": copying.nearer(-bits["samples"], -bits["held_out"])}


def _bits_of(found: Material, maps: Maps) -> np.ndarray:
    """Bits per code of each map, (n,)."""
    import torch

    device, parts = next(found.prior.parameters()).device, []
    for start in range(0, len(found.rows), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        codes = {name: torch.from_numpy(one[some].astype(np.int64)).to(device) for name, one in maps.items()}
        nats = found.prior.nats(codes, torch.from_numpy(found.classes[some]).to(device))
        parts.append(torch.cat([one.flatten(1) for one in nats.values()], 1).double().mean(1).cpu().numpy() / LN2)
        found.say("asking the prior how probable they are")
    return np.concatenate(parts)


def _kept(found: Material) -> dict[str, Any] | None:
    """Share of the codes that a decoded map has when it is encoded again."""
    if not found.seen:
        return None
    return {
        name: shares.share(np.mean(copying.flat(one.codes) == copying.flat(maps), 1))
        for (name, one), maps in zip(found.seen.items(), (found.samples, found.held), strict=True)
    }
