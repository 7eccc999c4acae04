"""Masked autoencoder (He et al. 2022, arXiv:2111.06377) on transformers' ViTMAEForPreTraining."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from explorer import ranks
from explorer.chance import Chance
from explorer.errors import BadInput
from explorer.models.convolutions import check_divides, to_signed, to_unit
from explorer.models.masked import Masked

STATISTICS = 0.1  # weight of the errors of a patch's mean and log deviation, with `norm_pix_loss`
NORM_EPSILON = 1e-6  # added to the variance of a patch, as in the authors' code


@dataclass(frozen=True)
class MAEConfig:
    """Settings of a small masked autoencoder."""

    patch: int = field(
        default=8, metadata={"min": 1, "max": 256, "first": 0, "help": "Pixels along each side of a patch."}
    )
    dim: int = field(
        default=192,
        metadata={"min": 4, "max": 8192, "help": "D, the length of one token; a multiple of the heads and of 4."},
    )
    blocks: int = field(
        default=6,
        metadata={"min": 1, "max": 64, "help": "Transformer blocks of the encoder; each is a layer to look at."},
    )
    heads: int = field(default=6, metadata={"min": 1, "max": 64, "help": "Attention heads of the encoder."})
    decoder_dim: int = field(
        default=128, metadata={"min": 4, "max": 8192, "help": "Length of one token in the decoder; a multiple of 4."}
    )
    decoder_blocks: int = field(default=2, metadata={"min": 1, "max": 64, "help": "Transformer blocks of the decoder."})
    decoder_heads: int = field(default=4, metadata={"min": 1, "max": 64, "help": "Attention heads of the decoder."})
    mask_ratio: float = field(
        default=0.75,
        metadata={"min": 0.0, "max": 0.95, "first": 1, "help": "Share of patches hidden in training."},
    )
    visible_weight: float = field(
        default=0.1,
        metadata={
            "min": 0.0,
            "help": "Weight of the error on visible patches; 0, as in the paper, leaves them undefined.",
        },
    )
    norm_pix_loss: bool = field(
        default=False,
        metadata={
            "help": "Predict each patch minus its mean, divided by its standard deviation, as the paper's best models "
            "do. Mean and deviation are then predicted beside it, so that pixels can be shown."
        },
    )


class MAE(Masked):
    """Masked autoencoder; layers `block1 … blockL` hold the patch tokens after each encoder block, (N, H, W, dim).

    Where decoding needs the class token, its mean over training (`class_tokens`) stands in. The loss is the mean
    squared error of masked patches, pixels in [-1, 1], plus `visible_weight` times that of visible ones (the paper has
    the first alone). With `norm_pix_loss` pixels are normalised patch by patch, and each patch has two outputs more:
    its mean, and the logarithm of its standard deviation.
    """

    def __init__(self, config: MAEConfig, image_size: int) -> None:
        from transformers import ViTMAEConfig, ViTMAEForPreTraining

        check_divides(image_size, config.patch, "patch")
        _check_masks((image_size // config.patch) ** 2, config, image_size)
        for dim, heads in ((config.dim, config.heads), (config.decoder_dim, config.decoder_heads)):
            if dim % heads or dim % 4:
                raise BadInput(
                    f"token length {dim} is not a multiple of its {heads} heads and of 4; choose another length"
                )
        network = ViTMAEForPreTraining(
            ViTMAEConfig(
                hidden_size=config.dim,
                num_hidden_layers=config.blocks,
                num_attention_heads=config.heads,
                intermediate_size=4 * config.dim,
                image_size=image_size,
                patch_size=config.patch,
                decoder_hidden_size=config.decoder_dim,
                decoder_num_hidden_layers=config.decoder_blocks,
                decoder_num_attention_heads=config.decoder_heads,
                decoder_intermediate_size=4 * config.decoder_dim,
            )
        )
        super().__init__(network, image_size)
        self.config = config
        # transformers leaves the fixed positions of a fresh network at zero: it takes the parts for initialised already
        self.network.vit.embeddings.patch_embeddings.projection._is_hf_initialized = False
        self.network.vit.embeddings.initialize_weights()
        self.network.decoder.initialize_weights(self.mask_grid[0] * self.mask_grid[1])
        if config.norm_pix_loss:
            self.network.decoder.decoder_pred = nn.Linear(config.decoder_dim, 3 * config.patch**2 + 2)
        self.register_buffer("class_tokens", torch.zeros(config.blocks, config.dim))

    def forward(self, images: Tensor, chance: Chance | torch.Generator | None = None) -> dict[str, Tensor]:
        """Losses of a batch: `loss`, `masked`, `visible` (mean squared errors of patches)."""
        patches = self.mask_grid[0] * self.mask_grid[1]
        chance = Chance.of(chance)
        order = ranks.drawn(lambda size: chance.uniform((size, patches), images.device), len(images)).argsort(1)
        kept = visible_patches(patches, self.config.mask_ratio)
        prediction, states = self._masked(images, order, kept)
        if self.training:
            self._follow_class_tokens(states)
        target = self._targets(self.network.patchify(to_signed(images)))
        error = (prediction.float() - target).square()
        pixels = 3 * self.patch_size**2  # what follows them are statistics of the patch
        error = error[..., :pixels].mean(2) + STATISTICS * error[..., pixels:].sum(2)  # (N, patches)
        visible = error.gather(1, order[:, :kept]).mean()
        masked = error.gather(1, order[:, kept:]).mean() if kept < patches else visible * 0
        return {"loss": masked + self.config.visible_weight * visible, "masked": masked, "visible": visible}

    def compile_parts(self, **options) -> None:
        """Compiles what gains from it."""
        for block in [*self.network.vit.layers, *self.network.decoder.decoder_layers]:
            block.compile(**options)

    def _into(self, images: Tensor) -> Tensor:
        return to_signed(images)

    def _targets(self, patches: Tensor) -> Tensor:
        """What the decoder should say of (N, patches, 3·patch²) pixels in [-1, 1]."""
        if not self.config.norm_pix_loss:
            return patches
        mean, variance = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
        deviation = (variance + NORM_EPSILON).sqrt()
        return torch.cat([(patches - mean) / deviation, mean, deviation.log()], 2)

    def _unpatchify(self, prediction: Tensor, images: Tensor | None = None) -> Tensor:
        prediction = prediction.float()
        if self.config.norm_pix_loss:
            pixels, mean, deviation = prediction.split([prediction.shape[2] - 2, 1, 1], 2)
            prediction = pixels * deviation.clamp(max=1).exp() + mean
        return to_unit(self.network.unpatchify(prediction))

    @torch.no_grad()
    def _follow_class_tokens(self, states: list[Tensor]) -> None:
        now = torch.stack([state[:, 0].float().mean(0) for state in states])
        self.class_tokens.lerp_(ranks.mean(now), 0.02)


def visible_patches(patches: int, mask_ratio: float) -> int:
    """How many of so many patches the encoder sees in training."""
    return max(1, round(patches * (1 - mask_ratio)))


def _check_masks(patches: int, config: MAEConfig, image_size: int) -> None:
    """Raises BadInput where there is nothing to hide, or nothing that a loss would be of."""
    if patches < 2:
        raise BadInput(
            f"patch {config.patch} makes one patch of an image of {image_size} pixels, and a masked autoencoder hides "
            f"some patches and sees others; choose a patch of at most {image_size // 2} pixels, or larger images"
        )
    if config.visible_weight == 0 and visible_patches(patches, config.mask_ratio) == patches:
        raise BadInput(
            f"mask_ratio {config.mask_ratio:g} hides none of {patches} patches, and visible_weight 0 leaves nothing to "
            "learn; raise one of the two"
        )
