"""What reconstructions are judged by in training: sums of terms, such as `mse+0.1*perceptual`, each with its curve."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import ranks
from explorer.errors import BadInput

VGG_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
DISAGREE = 1e-3  # the least that a scale of MS-SSIM counts, where the paper has powers of negative numbers
VGG_STAGES = (4, 9, 16, 23, 30)  # the poolings of VGG-16; before them are relu1_2 … relu5_3
SUMMAND = re.compile(
    r"\s*(?:(?P<weight>[0-9.eE+-]+)\s*\*\s*)?(?P<name>[a-z0-9_-]+)\s*(?:\(\s*(?P<argument>[^()]*[^()\s])\s*\))?\s*"
)
SMALLEST = {"ms_ssim": 11, "perceptual": 16}  # image sizes: the window, and four halvings
PECO = "mae-shapes"  # the checkpoint of `peco` without a name
Term = Callable[[Tensor, Tensor], Tensor]  # output, target (N, 3, h, w) in [-1, 1] -> scalar


@dataclass(frozen=True)
class Summand:
    """One term of a loss as it is written: `0.1*peco(mae-shapes)`."""

    weight: float
    name: str
    argument: str | None


def parse(text: str) -> tuple[Summand, ...]:
    """The summands of a loss; raises BadInput that names the terms there are."""
    found, known = [], ", ".join(TERMS)
    for part in re.split(r"\+(?![^(]*\))(?<![0-9][eE]\+)", text):
        match = SUMMAND.fullmatch(part)
        name = match["name"].replace("-", "_") if match else None
        if name not in TERMS:
            raise BadInput(
                f"unknown term {part.strip()!r} in loss {text!r}; choose from {known}, as in mse+0.1*perceptual"
            )
        try:
            weight = float(match["weight"] or 1)
        except ValueError:
            raise BadInput(f"{match['weight']!r} is no weight in loss {text!r}; write a number, as in 0.1*l1") from None
        if not 0 < weight < float("inf"):
            raise BadInput(f"weight {weight:g} in loss {text!r} is out of range; choose a number above 0")
        if match["argument"] and name != "peco":
            raise BadInput(f"{name} in loss {text!r} takes no argument; only peco(CHECKPOINT) does")
        found.append(Summand(weight, name, match["argument"]))
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BadInput(f"{twice} stands twice in loss {text!r}; write it once, with one weight")
    if set(names) <= {"adversarial"}:
        raise BadInput(f"loss {text!r} has no term that compares with the original; add one of {known}")
    return tuple(found)


def check(text: str, image_size: int) -> None:
    """Raises BadInput on what is wrong with a loss, as far as that is known without a download or weights."""
    from explorer import checkpoints

    for one in parse(text):
        if one.name == "peco":
            checkpoints.describe(checkpoints.resolve(one.argument or PECO))
        if image_size < SMALLEST.get(one.name, 0):
            raise BadInput(
                f"image size {image_size} is too small for {one.name}, which needs {SMALLEST[one.name]} pixels; "
                "choose l1 or mse"
            )


class Objective(nn.Module):
    """The reconstruction loss of a training: a weighted sum of terms.

    `adversarial` (VQGAN, Esser et al. 2021, arXiv:2012.09841, section 3.1) brings a patch discriminator, which learns
    between the steps of the network and is switched on after `adversarial_from` of the training. Its weight is
    multiplied by the ratio of the other terms' gradient to its own, equation 7; gradients are those of the output,
    which needs no knowledge of the last layer.
    """

    def __init__(self, text: str, image_size: int, adversarial_from: float = 0.0) -> None:
        super().__init__()
        check(text, image_size)
        self.summands, self.adversarial_from = parse(text), adversarial_from
        self.terms: dict[str, Term] = {}
        self.discriminator: nn.Module | None = None
        for one in self.summands:
            if one.name == "adversarial":
                self.discriminator = TERMS[one.name](one.argument, image_size).requires_grad_(False)
                self.optimizer = torch.optim.AdamW(
                    self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.9), weight_decay=0.0, fused=True
                )
            else:
                self.terms[one.name] = TERMS[one.name](one.argument, image_size)
        self.active, self._seen = False, None

    def capturable(self, wanted: bool) -> None:
        """Whether steps of the discriminator may be recorded as a CUDA graph."""
        for group in self.optimizer.param_groups if self.discriminator is not None else ():
            group["capturable"] = wanted

    def anneal(self, share: float) -> None:
        """Called before each step with the share of the training that is done, in [0, 1]."""
        self.active = self.discriminator is not None and share >= self.adversarial_from

    def forward(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """(N, 3, h, w) in [-1, 1] twice -> `reconstruction`, the sum, and each weighted term if there are several."""
        weights = {one.name: one.weight for one in self.summands}
        found = {name: weights[name] * term(output, target) for name, term in self.terms.items()}
        total = torch.stack(list(found.values())).sum()
        if self.active:
            fooled = -self.discriminator(output).mean()
            found["adversarial"] = weights["adversarial"] * self._balance(total, fooled, output) * fooled
            self._seen = output.detach(), target.detach()
            total = total + found["adversarial"]
        return {"reconstruction": total, **(found if len(self.summands) > 1 else {})}

    def learn(self) -> dict[str, Tensor]:
        """One step of the discriminator on what `forward` saw last, with the hinge loss; its loss by name."""
        if self._seen is None:
            return {}
        output, target = self._seen
        self._seen = None
        self.discriminator.requires_grad_(True)
        self.optimizer.zero_grad(set_to_none=True)
        loss = 0.5 * (F.relu(1 - self.discriminator(target)) + F.relu(1 + self.discriminator(output))).mean()
        loss.backward()
        ranks.share_gradients(self.discriminator.parameters())
        self.optimizer.step()
        self.discriminator.requires_grad_(False)
        return {"discriminator": loss.detach()}

    def _balance(self, total: Tensor, fooled: Tensor, output: Tensor) -> Tensor:
        if not output.requires_grad:
            return total.new_ones(())
        squares = (torch.autograd.grad(x, output, retain_graph=True)[0].square().sum() for x in (total, fooled))
        # an image of a part weighs as many times more as there are ranks
        ours, theirs = (ranks.total(found).sqrt() / ranks.count() for found in squares)
        return (ours / (theirs + 1e-8)).clamp(max=1e4).detach()


def discriminator(image_size: int, channels: int = 64) -> nn.Sequential:
    """PatchGAN (Isola et al. 2017, arXiv:1611.07004, section 6.1.2): images -> one verdict a patch, (N, 1, H, W).

    Three halvings, or as many as leave 4 × 4 cells; group norm instead of batch norm, so that a verdict depends on its
    own image alone.
    """
    halvings = max(1, min(3, int(image_size).bit_length() - 3))
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, 2, 1), nn.LeakyReLU(0.2)]
    for step in range(1, halvings):
        before, after = channels << (step - 1), channels << step
        layers += [nn.Conv2d(before, after, 4, 2, 1), nn.GroupNorm(8, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(channels << (halvings - 1), 1, 3, 1, 1))


def _ms_ssim(argument: str | None, image_size: int) -> Term:
    """1 - MS-SSIM (Wang et al. 2003) by torchmetrics; small images have fewer of the five scales."""
    betas = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # the paper's weights of the scales, finest first
    scales = sum(image_size // 2**scale > 10 for scale in range(len(betas)))
    kept = tuple(beta / sum(betas[:scales]) for beta in betas[:scales])

    def term(output: Tensor, target: Tensor) -> Tensor:
        from torchmetrics.functional.image import structural_similarity_index_measure as ssim

        with torch.autocast(output.device.type, enabled=False):  # it takes small differences of large sums
            a, b = (output.float() / 2 + 0.5).clamp(0, 1), target.float() / 2 + 0.5
            found = a.new_ones(len(a))
            for index, beta in enumerate(kept):
                whole, contrast = ssim(a, b, data_range=1.0, reduction="none", return_contrast_sensitivity=True)
                # a scale that does not agree at all leaves the others their gradient
                found = found * (whole if index == scales - 1 else contrast).clamp_min(DISAGREE) ** beta
                a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        return 1 - found.mean()

    return term


class _Frozen:
    """A network whose features are compared: the mean over layers of the squared distance of unit feature vectors.

    That is LPIPS without learned channel weights (Zhang et al. 2018, arXiv:1801.03924, equation 1).
    """

    def __init__(self, network: nn.Module, features: Callable[[nn.Module, Tensor], list[Tensor]]) -> None:
        self.network, self.features = network.eval().requires_grad_(False), features

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        self.network.to(output.device)
        with torch.no_grad():
            wanted = self.features(self.network, target)
        pairs = zip(self.features(self.network, output), wanted, strict=True)  # (N, C, …) each
        distances = [(F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean() for a, b in pairs]
        return torch.stack(distances).mean()


def _perceptual(argument: str | None, image_size: int) -> Term:
    from torchvision.models import vgg16

    with torch.device("meta"):  # its dense layers, which are most of it, are never allocated
        network = vgg16(weights=None).features
    try:
        weights = torch.hub.load_state_dict_from_url(VGG_URL, progress=False, check_hash=True, weights_only=True)
        state = {k.removeprefix("features."): v for k, v in weights.items() if k.startswith("features.")}
        network.load_state_dict(state, assign=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise BadInput(
            f"perceptual needs the weights of VGG-16, which cannot be had from {VGG_URL} ({why}); put that file into "
            f"{torch.hub.get_dir()}/checkpoints, or use peco(CHECKPOINT) with the features of a checkpoint, such as "
            f"peco({PECO})"
        ) from None
    # of ImageNet; they go where the network goes, so that no step brings them
    network.register_buffer("of_mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
    network.register_buffer("of_deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None])

    def features(network: nn.Module, images: Tensor) -> list[Tensor]:
        x = (images / 2 + 0.5 - network.of_mean) / network.of_deviation
        found = []
        for index, layer in enumerate(network):
            if index in VGG_STAGES:  # a pooling, so x is what its last ReLU gave
                found.append(x)
            if index < VGG_STAGES[-1]:
                x = layer(x)
        return found

    return _Frozen(network, features)


def _peco(argument: str | None, image_size: int) -> Term:
    """Features of a checkpoint, all layers (PeCo, Dong et al. 2021, arXiv:2111.12710, equation 6)."""
    from explorer import checkpoints

    network = checkpoints.load(checkpoints.resolve(argument or PECO))

    def features(network: nn.Module, images: Tensor) -> list[Tensor]:
        unit = images / 2 + 0.5
        if image_size != network.image_size:
            unit = F.interpolate(unit, size=network.image_size, mode="bilinear", antialias=True)
        return [z.movedim(3, 1) for z in network.encode(unit).values()]  # (N, H, W, D) -> (N, D, H, W)

    return _Frozen(network, features)


TERMS: dict[str, Callable[[str | None, int], Term]] = {
    "mse": lambda argument, image_size: F.mse_loss,
    "l1": lambda argument, image_size: F.l1_loss,
    "ms_ssim": _ms_ssim,
    "perceptual": _perceptual,
    "peco": _peco,
    "adversarial": lambda argument, image_size: discriminator(image_size),
}
