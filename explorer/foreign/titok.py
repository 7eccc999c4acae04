"""TiTok (Yu et al. 2024, arXiv:2406.07550): an image as a row of 32 to 256 codes without a place; a layer of (1, L).

A transformer reads patches and L latent tokens; another gives patches back, or, in the first models ("legacy"), mixes
codes of a MaskGIT-VQGAN, whose decoder makes pixels of them. Those also flatten tokens in another order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign import maskgit, reading
from explorer.foreign.adapters import Adapter, Pixels
from explorer.foreign.recognition import WEIGHTS, Found, Place
from explorer.foreign.vqgan import count

TITLE = "TiTok"
MARKS = ("latent_tokens", "encoder.latent_token_positional_embedding", "decoder.mask_token")
HEAD = 64  # channels of each head, in all its sizes
NO_DECODER = (
    "This is the first stage of a TiTok, which predicts codes of another tokenizer and no pixels, so there are no "
    "reconstructions; the second stage (finetune_decoder) has them."
)
Shapes = Mapping[str, tuple[int, ...]]


class Block(nn.Module):
    """A transformer's block, norms first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, max(1, width // HEAD), batch_first=True)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp["c_proj"](functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


class Transformer(nn.Module):
    """What encoder and decoder share: a class token, places, blocks between two norms."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        places, width = shapes["positional_embedding"]
        self.side = math.isqrt(places - 1)
        self.class_embedding = nn.Parameter(torch.empty(1, width))
        self.positional_embedding = nn.Parameter(torch.empty(places, width))
        self.latent_token_positional_embedding = nn.Parameter(
            torch.empty(shapes["latent_token_positional_embedding"][0], width)
        )
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = nn.ModuleList(Block(width) for _ in range(count(shapes, "transformer.{}.ln_1.weight")))

    def run(self, patches: Tensor, tokens: Tensor) -> Tensor:
        """(N, P, W), (N, L, W) -> (N, 1 + P + L, W) before the last norm."""
        first = self.class_embedding.expand(len(patches), 1, -1)
        x = torch.cat([first, patches], 1) + self.positional_embedding
        x = self.ln_pre(torch.cat([x, tokens + self.latent_token_positional_embedding], 1))
        for block in self.transformer:
            x = block(x)
        return x


class Encoder(Transformer):
    """Images and latent tokens (L, W) -> (N, D, 1, L)."""

    def __init__(self, shapes: Shapes, legacy: bool) -> None:
        super().__init__(shapes)
        self.legacy = legacy
        width, channels, self.patch = shapes["patch_embed.weight"][:3]
        self.patch_embed = nn.Conv2d(channels, width, self.patch, self.patch)
        self.conv_out = nn.Conv2d(width, shapes["conv_out.weight"][0], 1)

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        patches = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = self.run(patches, tokens.expand(len(images), -1, -1))
        x = self.ln_post(x[:, 1 + self.side**2 :])  # (N, L, W)
        # the legacy order mixes tokens and channels, as its code does
        x = x.reshape(len(x), x.shape[2], 1, x.shape[1]) if self.legacy else x.transpose(1, 2)[:, :, None]
        return self.conv_out(x)


class Decoder(Transformer):
    """(N, D, 1, L) -> images, or scores of a MaskGIT-VQGAN's codes (N, K, H, W) of the legacy kind."""

    def __init__(self, shapes: Shapes, legacy: bool) -> None:
        super().__init__(shapes)
        width, dim = shapes["decoder_embed.weight"]
        self.decoder_embed, self.mask_token = nn.Linear(dim, width), nn.Parameter(torch.empty(1, 1, width))
        outs = [shapes[f"ffn.{at}.weight"][0] for at in ((0, 2) if legacy else (0,))]
        mixed = [nn.Tanh(), nn.Conv2d(outs[0], outs[-1], 1)] if legacy else []
        self.ffn = nn.Sequential(nn.Conv2d(width, outs[0], 1), *mixed)
        self.patch = 0 if legacy else math.isqrt(outs[0] // 3)
        self.conv_out = nn.Identity() if legacy else nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        tokens = self.decoder_embed(z[:, :, 0].transpose(1, 2))
        x = self.run(self.mask_token.expand(len(z), self.side**2, -1), tokens)
        x = self.ln_post(x[:, 1 : 1 + self.side**2]).transpose(1, 2).unflatten(2, (self.side, self.side))
        x = self.ffn(x)
        if self.patch:  # (N, p·p·3, H, W) -> (N, 3, H·p, W·p)
            x = x.unflatten(1, (self.patch, self.patch, 3)).permute(0, 3, 4, 1, 5, 2).flatten(4).flatten(2, 3)
        return self.conv_out(x)


class Network(nn.Module):
    """Both, and the codebook; the legacy kind with codes and decoder of a MaskGIT-VQGAN."""

    def __init__(self, shapes: Shapes, legacy: bool) -> None:
        super().__init__()
        self.encoder = Encoder(maskgit.below(shapes, "encoder."), legacy)
        self.decoder = Decoder(maskgit.below(shapes, "decoder."), legacy)
        self.latent_tokens = nn.Parameter(torch.empty(shapes["latent_tokens"]))
        for name in ("quantize", "pixel_quantize"):
            if f"{name}.embedding.weight" in shapes:
                part = nn.Module()
                part.embedding = nn.Embedding(*shapes[f"{name}.embedding.weight"])
                setattr(self, name, part)
        if "pixel_quantize.embedding.weight" in shapes:
            self.pixel_decoder = maskgit.Decoder(maskgit.below(shapes, "pixel_decoder."))


class TiTok(Adapter):
    """One row of codes, or of latents where it has no codebook; of length one where `unit`."""

    unit = False

    @property
    def vectors(self) -> Tensor | None:
        if not hasattr(self.network, "quantize"):
            return None
        table = self.network.quantize.embedding.weight
        return functional.normalize(table, dim=1) if self.unit else table

    def latents(self, images: Tensor) -> Tensor:
        z = self.network.encoder(images, self.network.latent_tokens)
        if not hasattr(self.network, "quantize"):
            return z.chunk(2, 1)[0]  # the mean of the posterior
        return functional.normalize(z, dim=1) if self.unit else z

    def image(self, latents: Tensor) -> Tensor:
        network = self.network
        x = network.decoder(latents)
        if not hasattr(network, "pixel_decoder"):
            return x
        mixed = torch.einsum("nkhw,kd->ndhw", x.softmax(1), network.pixel_quantize.embedding.weight)
        return network.pixel_decoder(mixed)


class Predicting(TiTok):
    """A first stage, without pixels."""

    no_decoder = NO_DECODER

    def image(self, latents: Tensor) -> Tensor:
        raise BadInput(NO_DECODER)


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of this network, or the folder that it was published in."""
    files, tensors = (place.path,), place.weights.tensors
    settings = (place.config.get("model") or {}) if place.path.is_dir() else {}
    settings = settings.get("vq_model") if isinstance(settings, dict) else None
    if place.path.is_dir():
        if not isinstance(settings, dict):
            return None
        files = reading.weights_of(place.path, WEIGHTS)
        tensors = reading.tensors(files, data=False)
    if not all(mark in tensors for mark in MARKS):
        return None
    if "decoder.text_guidance_proj.weight" in tensors:
        raise BadInput(f"{place.path.name} is a TA-TiTok, whose decoder needs a caption; choose a TiTok without text")
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    legacy = "decoder.ffn.2.weight" in shapes
    unit = settings.get("use_l2_norm") if settings else None
    unit, coded = (legacy if unit is None else bool(unit)), "quantize.embedding.weight" in shapes
    patch, side = shapes["encoder.patch_embed.weight"][-1], math.isqrt(shapes["encoder.positional_embedding"][0] - 1)
    size = place.size(patch * side)
    if size != patch * side:
        raise BadInput(f"this {TITLE} takes images of {patch * side} pixels, not {size}")

    def build() -> TiTok:
        try:
            made = Predicting if legacy and "pixel_decoder.conv_in.weight" not in shapes else TiTok
            dim = shapes["decoder.decoder_embed.weight"][1]
            layer = Layer("code" if coded else "latent", (1, shapes["latent_tokens"][0]), dim)
            model = made(Network(shapes, legacy), size, layer, Pixels(0.0, 1.0))
        except (KeyError, IndexError) as error:
            raise BadInput(f"{place.path.name} looks like {TITLE}, but lacks {error}") from None
        model.unit = unit
        return model

    notes = [f"Images go in with {Pixels(0.0, 1.0)}.", "Its codes are a row without places in the image."]
    if coded:
        how = "of length one" if unit else "compared as they are"
        whence = "" if settings else ", as of the published ones of its kind; its config.json would say"
        notes.append(f"Codes and latents are {how}{whence}.")
    title = f"{TITLE}{' of unit codes' if coded and unit else ''}"
    return Found(title, "vqvae" if coded else "vae", files, size, build, notes=tuple(notes))
