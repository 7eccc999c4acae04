"""What a masked autoencoder on transformers' ViT-MAE does once it is trained, here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from explorer.autoencoder import Codebook, Fill, Layer


class Masked(nn.Module):
    """A `ViTMAEForPreTraining` whose layers `block1 … blockL` are the patch tokens after each encoder block.

    `decode` continues from the deepest layer that it is given. The class token is not part of a layer: where decoding
    needs it, `class_tokens` (L, D) stand in. Subclasses have those, and say how pixels go in (`_into`) and how a
    prediction becomes pixels (`_unpatchify`).
    """

    joint = False
    peeks = False  # whether hidden patches are put back with something of the original
    first_tokens = 1  # the class token
    class_tokens: Tensor

    def __init__(self, network: nn.Module, image_size: int) -> None:
        super().__init__()
        self.network, self.image_size = network, image_size
        self.layers = block_layers(network.vit)
        self.patch_size, self.mask_grid = network.config.patch_size, self.layers[0].grid
        self.attention_blocks, self.decoder_blocks = len(self.layers), len(network.decoder.decoder_layers)

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        return {}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        return by_layer(self.layers, self._blocks(self._embed(images)))

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
            outputs[rows] = self._unpatchify(prediction, images[rows]).to(outputs)
        return outputs

    def attention(self, images: Tensor, mask: Tensor) -> Iterator[Tensor]:
        """Weights (N, heads, 1 + visible, 1 + visible) of each block of the encoder, the class token first."""
        return attention(self.network.vit.layers, begun(self.network.vit, visible(self._embed(images), mask)))

    def decoder_attention(self, images: Tensor, mask: Tensor) -> Iterator[Tensor]:
        """Weights (N, heads, 1 + patches, 1 + patches) of each block of the decoder, the class token first."""
        encoder, decoder = self.network.vit, self.network.decoder
        states = self._blocks(visible(self._embed(images), mask))
        seen = decoder.decoder_embed(encoder.layernorm(states[-1]))
        hidden = mask.flatten(1)
        tokens = decoder.mask_token.to(seen).expand(*hidden.shape, -1).clone()
        tokens[~hidden] = seen[:, 1:].flatten(0, 1)  # both row by row
        return attention(decoder.decoder_layers, torch.cat([seen[:, :1], tokens], 1) + decoder.decoder_pos_embed)

    def _into(self, images: Tensor) -> Tensor:
        """(N, 3, h, w) in [0, 1] -> what the network takes."""
        raise NotImplementedError

    def _unpatchify(self, prediction: Tensor, images: Tensor | None = None) -> Tensor:
        """Predictions (N, patches, …), and the images they are of where those are known -> (N, 3, h, w) in [0, 1]."""
        raise NotImplementedError

    def _embed(self, images: Tensor) -> Tensor:
        return embed(self.network.vit, self._into(images))

    def _blocks(self, tokens: Tensor) -> list[Tensor]:
        return blocks(self.network.vit, tokens)

    def _masked(self, images: Tensor, order: Tensor, kept: int) -> tuple[Tensor, list[Tensor]]:
        """All patches, (N, patches, 3·patch²), predicted from the first `kept` of `order`; and the encoder's states."""
        tokens = self._embed(images)
        rows = order[:, :kept, None].expand(-1, -1, tokens.shape[2])
        states = self._blocks(tokens.gather(1, rows))
        return self._predict(states[-1], order.argsort(1)), states

    def _predict(self, state: Tensor, restore: Tensor) -> Tensor:
        return self.network.decoder(self.network.vit.layernorm(state), restore).logits


def block_layers(encoder: nn.Module) -> tuple[Layer, ...]:
    """The layers of a `ViTMAEModel`."""
    config = encoder.config
    side = config.image_size // config.patch_size
    return tuple(Layer(f"block{i + 1}", (side, side), config.hidden_size) for i in range(config.num_hidden_layers))


def embed(encoder: nn.Module, inputs: Tensor) -> Tensor:
    """Patch embeddings with positions, in image order: (N, C, h, w) -> (N, patches, D)."""
    embeddings = encoder.embeddings
    return embeddings.patch_embeddings(inputs) + embeddings.position_embeddings[:, 1:]


def begun(encoder: nn.Module, tokens: Tensor) -> Tensor:
    """What the first block of a `ViTMAEModel` gets: tokens behind the class token, (N, 1 + tokens, D)."""
    embeddings = encoder.embeddings
    first = embeddings.cls_token + embeddings.position_embeddings[:, :1]
    return torch.cat([first.expand(len(tokens), -1, -1).to(tokens), tokens], 1)


def visible(tokens: Tensor, mask: Tensor) -> Tensor:
    """Tokens (N, patches, D) of what `mask` (N, H, W) leaves, as many in each image, row by row: (N, visible, D)."""
    rows = (~mask.flatten(1)).nonzero()[:, 1].view(len(tokens), -1, 1)
    return tokens.gather(1, rows.expand(-1, -1, tokens.shape[2]))


def attention(layers: Iterable[nn.Module], state: Tensor) -> Iterator[Tensor]:
    """Attention weights of blocks of a ViT-MAE from what the first one gets: each (N, heads, tokens, tokens).

    Computed from queries and keys, because fused attention keeps no weights.
    """
    for block in layers:
        part, inputs = block.attention, block.layernorm_before(state)
        queries, keys = (
            project(inputs).unflatten(2, (part.num_attention_heads, -1)).transpose(1, 2)
            for project in (part.q_proj, part.k_proj)
        )  # (N, heads, tokens, D / heads)
        yield (queries @ keys.mT * part.scaling).float().softmax(-1)
        state = block(state)


def blocks(encoder: nn.Module, tokens: Tensor) -> list[Tensor]:
    """States after each block of a `ViTMAEModel`, class token first: each (N, 1 + tokens, D)."""
    state, states = begun(encoder, tokens), []
    for block in encoder.layers:
        state = block(state)
        states.append(state)
    return states


def by_layer(layers: tuple[Layer, ...], states: list[Tensor]) -> dict[str, Tensor]:
    """States of all patches without their class tokens: `{layer: (N, H, W, D)}`."""
    return {
        layer.name: state[:, 1:].unflatten(1, layer.grid).float() for layer, state in zip(layers, states, strict=True)
    }
