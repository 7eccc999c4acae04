"""The command `prior judge`: whether samples are copied, look like images, and show their class."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from explorer.commands.command import Json, emit, prior
from explorer.commands.results import Out, result
from explorer.results import judged as kind


@prior.command("judge")
def judge_prior(
    name: Annotated[str, typer.Argument(metavar="PRIOR", help="A name under checkpoints/, or a path.")],
    dataset: Annotated[str | None, typer.Option(help="Images that were held out. [what it was trained on]")] = None,
    split: Annotated[str, typer.Option(help="Which part of the dataset; not the one that it was trained on.")] = "test",
    limit: Annotated[int | None, typer.Option(min=2, help="At most so many held-out images.")] = None,
    fit: Annotated[str, typer.Option(help="crop: the centre square; pad: borders around the whole image.")] = "crop",
    kmeans: Annotated[int | None, typer.Option(min=2, help="As the prior was trained.", hidden=True)] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=2, max=kind.MOST, help="Samples and held-out images.")] = 500,
    encoder: Annotated[
        str, typer.Option(help="Another checkpoint whose latents say what is alike. [the prior's own codes]")
    ] = "",
    temperature: Annotated[float, typer.Option(min=0, max=10, help="Of the samples.")] = 1.0,
    top_k: Annotated[int, typer.Option(min=0, help="Only the likeliest codes; 0 for all.")] = 0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Only the fewest codes that are so probable.")] = 1.0,
    guidance: Annotated[float, typer.Option(min=0, max=20, help="How much the class counts; 1 as learned.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other samples.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, mps, cuda, cuda:0 …")] = "auto",
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Judges samples beside held-out images: copying, precision and recall, usage of codes, a probe of the class."""
    from explorer.options import KMEANS
    from explorer.priors import folder

    facts = folder.describe(folder.resolve(name))
    options = kind.Options(str(facts.path), n, encoder, temperature, top_k, top_p, guidance, seed)
    of: dict[str, Any] = {"dataset": dataset or facts.dataset, "split": split, "limit": limit, "fit": fit}
    of |= {"kmeans": facts.kmeans or kmeans or KMEANS, "device": device}
    path, found, notes = result("judged", str(folder.checkpoint_of(facts)), options, out=out, **of)
    emit({"path": path, **found, **notes}, as_json, lines(found))


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people to read."""
    from explorer.analysis.copying import worded

    count = f"{found['n']:,} samples of {found['prior']}, as many held-out images"
    count += f", {found['training']:,} training images"
    shown = [count, f"copying: {found['copying']['sentence']}"]
    for one in found["quality"]["sets"]:
        said = ", ".join(f"{name} {_number(one[name])}" for name in ("precision", "recall", "density", "coverage"))
        shown.append(f"{one['name']}: {said}, Fréchet distance {one['frechet']:.3g}")
    shown.append(f"  in the space of {found['quality']['space']}")
    for level in found["usage"]:
        shown.append(f"usage of {level['layer']}, bits from that of training: {_both(level['kl'])}")
    if "missing" in found["probe"]:
        shown.append(found["probe"]["missing"])
    else:
        for name, one in found["probe"]["sets"].items():
            what = name.replace("_seen", ", decoded and encoded again").replace("_", "-")
            shown.append(f"{found['probe']['column']} read from {what}: {worded(one['right'])}")
    return [*shown, f"bits per code: {_both(found['bits'])}", found["fid"], f"{found['seconds']:.0f} s"]


def _both(found: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', '-')} {_number(found[name], 3)}" for name in ("samples", "held_out"))


def _number(one: dict[str, Any], digits: int = 2) -> str:
    if one["low"] is None:
        return f"{one['mean']:.{digits}f}"
    return f"{one['mean']:.{digits}f} [{one['low']:.{digits}f}, {one['high']:.{digits}f}]"
