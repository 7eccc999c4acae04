"""The command `decode`: a file of codes in, one PNG file an image out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer import access
from explorer.commands.command import Json, cancellable, command, emit, tell
from explorer.commands.results import CheckpointName
from explorer.errors import BadInput, explained
from explorer.files import atomic_path
from explorer.progress import Progress
from explorer.results.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from explorer.autoencoder import Autoencoder
    from explorer.datasets.layer_codes import LayerCodes

BATCH = 32  # images decoded at once


@command((Subject, ("device",)))
def decode(
    checkpoint: CheckpointName,
    codes: Annotated[Path, typer.Argument(metavar="CODES.npz", help="Arrays (N, H, W), named after the layers.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    as_json: Json = False,
    *,
    device: str,
):
    """Decodes codes into pictures, such as those that the page Edit saves; a mean stands for layers left out."""
    import torch

    from explorer import checkpoints
    from explorer.autoencoder import no_decoder, to_pixels
    from explorer.datasets import layer_codes
    from explorer.jobs.devices import choose
    from explorer.precision import exact

    place = choose(device)
    model = checkpoints.load(checkpoints.resolve(checkpoint)).to(place)
    if why := no_decoder(model):
        raise BadInput(why.rstrip("."))
    codes = access.check(codes.expanduser())
    found = layer_codes.read(codes, model.layers, {name: len(book) for name, book in model.codebooks.items()})
    written: list[str] = []
    with cancellable(Progress(found.count, "images")) as progress, torch.inference_mode(), exact():
        for start in range(0, found.count, BATCH):
            latents = _latents(model, found, slice(start, start + BATCH))
            pixels = to_pixels(model.decode({name: part.to(place) for name, part in latents.items()}).float())
            for one in pixels:
                written.append(_save(one, out / f"{codes.stem}-{len(written):05d}.png"))
            progress.update(len(written))
        progress.finish()
    given = [layer.name for layer in model.layers if layer.name not in found.missing]
    if found.missing:
        tell(f"{codes.name} has no codes of {', '.join(found.missing)}: their mean stands for them")
    if not model.joint and len(given) > 1:
        tell(f"this network decodes from one layer alone: {given[-1]}")
    facts = {"images": written, "count": len(written), "layers": given, "missing": list(found.missing)}
    emit(facts, as_json, [f"{len(written):,} pictures in {out}"])


def _latents(model: Autoencoder, found: LayerCodes, rows: slice) -> dict[str, Tensor]:
    """(n, H, W, D) of each layer that the file has."""
    import torch

    latents = {name: torch.from_numpy(values[rows]) for name, values in found.latents.items()}
    for name, codes in found.codes.items():
        own = found.vectors.get(name)
        vectors = model.codebooks[name].vectors.cpu() if own is None else torch.from_numpy(own)
        latents[name] = vectors[torch.from_numpy(codes[rows])]
    return {layer.name: latents[layer.name] for layer in model.layers if layer.name in latents}


def _save(pixels: np.ndarray, path: Path) -> str:
    """(h, w, 3) uint8 -> PNG; the path as text."""
    from PIL import Image

    with explained("write a picture into --out", path), atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
    return str(path)
