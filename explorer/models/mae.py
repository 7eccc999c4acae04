"""Masked autoencoder (He et al. 2022, arXiv:2111.06377) on transformers' ViTMAEForPreTraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from explorer.errors import BadInput
from explorer.latents import Codebook, Fill, Layer
from explorer.models.convolutions import check_divides, to_signed, to_unit

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


class MAE(nn.Module):
    """Masked autoencoder; layers `block1 … blockL` hold the patch tokens after each encoder block, (N, H, W, dim).

    `decode` continues from the deepest layer that it is given. The class token is not part of a layer: where decoding
    needs it, its mean over training (`class_tokens`) stands in. The loss is the mean squared error of masked patches,
    pixels in [-1, 1], plus `visible_weight` times that of visible ones (the paper has the first alone). With
    `norm_pix_loss` pixels are normalised patch by patch, and each patch has two outputs more: its mean, and the
    logarithm of its standard deviation.
    """

    joint = False

    def __init__(self, config: MAEConfig, image_size: int) -> None:
        super().__init__()
        from transformers import ViTMAEConfig, ViTMAEForPreTraining

        check_divides(image_size, config.patch, "patch")
        for dim, heads in ((config.dim, config.heads), (config.decoder_dim, config.decoder_heads)):
            if dim % heads or dim % 4:
                raise BadInput(
                    f"token length {dim} is not a multiple of its {heads} heads and of 4; choose another length"
                )
        self.config, self.image_size = config, image_size
        self.network = ViTMAEForPreTraining(
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
        side = image_size // config.patch
        self.patch_size, self.mask_grid = config.patch, (side, side)
        # transformers leaves the fixed positions of a fresh network at zero: it takes the parts for initialised already
        self.network.vit.embeddings.patch_embeddings.projection._is_hf_initialized = False
        self.network.vit.embeddings.initialize_weights()
        self.network.decoder.initialize_weights(side * side)
        if config.norm_pix_loss:
            self.network.decoder.decoder_pred = nn.Linear(config.decoder_dim, 3 * config.patch**2 + 2)
        self.register_buffer("class_tokens", torch.zeros(config.blocks, config.dim))
        self.layers = tuple(Layer(f"block{i + 1}", (side, side), config.dim) for i in range(config.blocks))

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        states = self._blocks(self._embed(images))
        grid = self.mask_grid
        return {
            layer.name: state[:, 1:].unflatten(1, grid).float()
            for layer, state in zip(self.layers, states, strict=True)
        }

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        index = max(i for i, layer in enumerate(self.layers) if layer.name in latents)
        tokens = latents[self.layers[index].name].flatten(1, 2)  # (N, H, W, D) -> (N, H·W, D)
        first = self.class_tokens[index].to(tokens).expand(len(tokens), 1, -1)
        state = torch.cat([first, tokens], 1)
        for block in self.network.vit.layers[index + 1 :]:
            state = block(state)
        order = torch.arange(tokens.shape[1], device=tokens.device).expand(len(tokens), -1)
        return self._unpatchify(self._predict(state, order))

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{layer: (N, H, W) bool}, False everywhere for all layers given but the deepest."""
        given = [layer.name for layer in self.layers if layer.name in latents]
        return {name: latents[name].new_zeros(latents[name].shape[:3], dtype=torch.bool) for name in given[:-1]}

    def reconstruct_masked(self, images: Tensor, mask: Tensor) -> Tensor:
        """Images and mask (N, H, W), True where hidden -> the prediction of every patch, (N, 3, h, w) in [0, 1]."""
        hidden = mask.flatten(1)
        outputs = images.new_empty(images.shape)
        for count in hidden.sum(1).unique().tolist():  # images with equally many hidden patches share a batch
            rows = hidden.sum(1) == count
            order = hidden[rows].int().argsort(dim=1, stable=True)  # visible patches first
            prediction = self._masked(images[rows], order, hidden.shape[1] - count)[0]
            outputs[rows] = self._unpatchify(prediction).to(outputs)
        return outputs

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """Losses of a batch: `loss`, `masked`, `visible` (mean squared errors of patches)."""
        patches = self.mask_grid[0] * self.mask_grid[1]
        noise = torch.rand(len(images), patches, generator=generator, device=images.device)
        order = noise.argsort(1)
        kept = max(1, round(patches * (1 - self.config.mask_ratio)))
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

    def _embed(self, images: Tensor) -> Tensor:
        """Patch embeddings with positions, in image order: (N, patches, D)."""
        embeddings = self.network.vit.embeddings
        return embeddings.patch_embeddings(to_signed(images)) + embeddings.position_embeddings[:, 1:]

    def _blocks(self, tokens: Tensor) -> list[Tensor]:
        """States after each encoder block, class token first: each (N, 1 + tokens, D)."""
        embeddings = self.network.vit.embeddings
        first = embeddings.cls_token + embeddings.position_embeddings[:, :1]
        state = torch.cat([first.expand(len(tokens), -1, -1).to(tokens), tokens], 1)
        states = []
        for block in self.network.vit.layers:
            state = block(state)
            states.append(state)
        return states

    def _masked(self, images: Tensor, order: Tensor, kept: int) -> tuple[Tensor, list[Tensor]]:
        """All patches, (N, patches, 3·patch²), predicted from the first `kept` of `order`; and the encoder's states."""
        tokens = self._embed(images)
        rows = order[:, :kept, None].expand(-1, -1, tokens.shape[2])
        states = self._blocks(tokens.gather(1, rows))
        return self._predict(states[-1], order.argsort(1)), states

    def _predict(self, state: Tensor, restore: Tensor) -> Tensor:
        return self.network.decoder(self.network.vit.layernorm(state), restore).logits

    def _targets(self, patches: Tensor) -> Tensor:
        """What the decoder should say of (N, patches, 3·patch²) pixels in [-1, 1]."""
        if not self.config.norm_pix_loss:
            return patches
        mean, variance = patches.mean(2, keepdim=True), patches.var(2, keepdim=True)
        deviation = (variance + NORM_EPSILON).sqrt()
        return torch.cat([(patches - mean) / deviation, mean, deviation.log()], 2)

    def _unpatchify(self, prediction: Tensor) -> Tensor:
        prediction = prediction.float()
        if self.config.norm_pix_loss:
            pixels, mean, deviation = prediction.split([prediction.shape[2] - 2, 1, 1], 2)
            prediction = pixels * deviation.clamp(max=1).exp() + mean
        return to_unit(self.network.unpatchify(prediction))

    @torch.no_grad()
    def _follow_class_tokens(self, states: list[Tensor]) -> None:
        now = torch.stack([state[:, 0].float().mean(0) for state in states])
        self.class_tokens.lerp_(now, 0.02)
