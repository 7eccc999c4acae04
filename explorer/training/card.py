"""The model card: what a checkpoint is, how to make it again, and how good it is."""

from __future__ import annotations

from typing import Any

from explorer.analysis import quality
from explorer.models import MODELS
from explorer.training import objectives


def model_card(
    name: str, family: str, dataset: str, model, command: str, training: dict[str, Any], metrics: dict[str, Any]
) -> str:
    """Markdown that says what the checkpoint is, how to make it again, and how good it is."""
    lines = [
        f"# {name}",
        "",
        f"{MODELS[family].summary}. Trained on `{dataset}`, {model.image_size} × {model.image_size} RGB, "
        f"{sum(p.numel() for p in model.parameters()):,} parameters.",
        "",
        "| layer | grid | dimensions | codes |",
        "|---|---|---|---|",
    ]
    books = model.codebooks
    for layer in model.layers:
        codes = f"{len(books[layer.name]):,}" if layer.name in books else "continuous"
        lines.append(f"| `{layer.name}` | {layer.grid[0]} × {layer.grid[1]} | {layer.dim} | {codes} |")
    lines += _loss(model.config)
    lines += ["", "## Made with", "", "```", command, "```", ""]
    lines += [
        f"{training['step']:,} steps in {training['seconds'] / 60:.0f} minutes on {training['device']} "
        f"({training['images_per_second']:,.0f} images/s, torch {training['torch']}).",
        "",
        f"## On {metrics['images']:,} held-out images",
        "",
        "Means over images with 95 % intervals.",
        "",
        "| | PSNR (dB) | SSIM |",
        "|---|---|---|",
        f"| this network | {quality.worded(metrics['psnr'], 2)} | {quality.worded(metrics['ssim'], 3)} |",
    ]
    if "ssim_cropped" in metrics:
        cropped = quality.worded(metrics["ssim_cropped"], 3)
        means = f"Means over images with 95 % intervals. SSIM with reflected borders; cropped, as published, {cropped}."
        lines[lines.index("Means over images with 95 % intervals.")] = means
    lines += [f"| {base} | {quality.worded(value['psnr'], 2)} | |" for base, value in metrics["baselines"].items()]
    for layer, found in metrics["layers"].items():
        lines += [
            "",
            f"Layer `{layer}`: {found['used']:,} of {found['codes']:,} codes in use "
            f"({found['used'] / found['codes']:.0%}), perplexity {found['perplexity']:.0f}, "
            f"{found['bits_per_pixel']:.3f} bits per pixel ({found['tokens']:,} tokens).",
        ]
    lines += _beside_codes(metrics)
    if "masked" in metrics:
        masked = metrics["masked"]
        base = masked["baselines"]["mean of visible patches"]["psnr"]
        lines += [
            "",
            f"With {masked['ratio']:.0%} of the patches hidden: {quality.worded(masked['psnr'], 2)} dB on hidden "
            f"patches; filling them with the mean of the visible ones gives {quality.worded(base, 2)} dB; gain "
            f"{quality.worded(masked['gain'], 2)} dB.",
        ]
    return "\n".join(lines) + "\n"


def _loss(config: Any) -> list[str]:
    """A line for each term of a loss that is not plain mse, with its weight."""
    summands = objectives.parse(getattr(config, "loss", "mse"))
    if [(one.name, one.weight) for one in summands] == [("mse", 1)]:
        return []
    lines = ["", "Reconstructions were judged by a sum of:", ""]
    for one in summands:
        name = f"{one.name}({one.argument})" if one.argument else one.name
        when = f", switched on after {config.adversarial_from:.0%} of the training" if name == "adversarial" else ""
        lines.append(f"- `{name}`, weight {one.weight:g}{when}")
    return lines


def _beside_codes(metrics: dict[str, Any]) -> list[str]:
    """The sentence that says what bits per pixel leave out."""
    if "continuous" not in metrics:
        return []
    parts = [
        f"`{name}` {found['dim']:,} at {found['sent']:.0%} of its positions"
        for name, found in metrics["continuous"].items()
    ]
    return [
        "",
        f"Beside {metrics['bits_per_pixel']:.3f} bits of codes per pixel the decoder needs "
        f"{metrics['numbers_per_pixel']:.3g} continuous numbers per pixel, which are not counted in those bits: "
        f"{', '.join(parts)}.",
    ]
