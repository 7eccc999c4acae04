"""Priors in folders of their own, over tiny checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch

from explorer import checkpoints, datasets
from explorer.priors import Level, build, folder
from explorer.priors.conditions import Condition
from explorer.results import obtain
from explorer.results.subject import Subject

SMALL = {"width": 16, "blocks": 1, "dim": 8, "dropout": 0.0}


def keep(
    path: Path, checkpoint: Path, dataset: str, column: str | None = None, layers: tuple[str, ...] = (), **settings
) -> Path:
    """An untrained prior over codes of a checkpoint, at `path`; conditional on a column of the dataset."""
    encoding = obtain("encoding", Subject(checkpoint, dataset))[1]
    books = {layer.name: encoding.codebook(layer.name) for layer in encoding.layers}
    own = [layer for layer in encoding.layers if books[layer.name].kind != "kmeans"] or list(encoding.layers[-1:])
    chosen = [layer for layer in encoding.layers if layer.name in layers] if layers else own
    levels = tuple(Level(layer.name, layer.grid, len(books[layer.name])) for layer in chosen)
    images = datasets.load(dataset, "train", checkpoints.describe(checkpoint).image_size)
    condition = Condition.fit(images.concepts[column]) if column else None
    torch.manual_seed(1)
    prior = build("transformer", SMALL | settings, levels, len(condition) if condition else 0)
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    about = {
        "condition": None if condition is None else condition.facts(), "checkpoint": str(checkpoint),
        "fingerprint": checkpoints.fingerprint(checkpoint), "dataset": dataset, "kmeans": None,
    }  # fmt: skip
    path.mkdir(parents=True)
    fitted = {one.name: books[one.name] for one in chosen if books[one.name].kind == "kmeans"}
    if fitted:
        from explorer.encodings import codebooks

        codebooks.save(path / folder.BOOKS, fitted, dict.fromkeys(fitted, 0))
    folder.save_config(path, prior.eval(), about, {}, "done")
    folder.save_weights(path, prior)
    folder.save_card(path, {}, "# tiny")
    return path
