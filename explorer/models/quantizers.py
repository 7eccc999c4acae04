"""Vector quantizers of vector-quantize-pytorch, with the paper's losses and dead-code revival without waiting."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.errors import BadInput
from explorer.latents import Codebook

QUANTIZERS = {
    "ema": {"ema_update": True, "decay": 0.99},  # codebook = moving average of its latents (appendix A.1)
    "vq": {"learnable_codebook": True, "ema_update": False},  # equation 3
}


class _Table(nn.Module):
    """The state of a `VectorQuantize`, under the same names, without the library: it takes seconds to import.

    Encoding and decoding need the vectors alone; the first training step puts the library's module around them.
    """

    def __init__(self, codes: int, dim: int, *, learnable: bool) -> None:
        super().__init__()
        book = self._codebook = nn.Module()
        book.register_buffer("initted", torch.tensor(False))
        book.register_buffer("cluster_size", torch.ones(1, codes))
        book.register_buffer("embed_avg", torch.zeros(1, codes, dim))
        if learnable:
            book.embed = nn.Parameter(torch.zeros(1, codes, dim))
        else:
            book.register_buffer("embed", torch.zeros(1, codes, dim))

    def learner(self, options: dict) -> nn.Module:
        """The library's quantizer on these very tensors, so that an optimizer made before goes on with them."""
        from vector_quantize_pytorch import VectorQuantize

        book = self._codebook
        _, codes, dim = book.embed.shape
        learner = VectorQuantize(
            dim=dim,
            codebook_size=codes,
            kmeans_init=True,
            commitment_weight=0.0,  # the losses are computed below, with the paper's weights
            rotation_trick=False,
            **options,
        ).to(book.embed.device)
        for name, value in book.named_buffers():
            learner._codebook._buffers[name] = value
        if isinstance(book.embed, nn.Parameter):
            learner._codebook.embed = book.embed
        return learner.train(self.training)


class Quantizer(nn.Module):
    """Replaces each latent by its nearest code; gradients pass straight through (the paper's equations 2 and 3).

    Codes that fewer than `revive_below` latents of a batch use, averaged over the last hundred batches, move to latents
    of the current batch (Jukebox, Dhariwal et al. 2020, section 3.1). It is done here with `torch.where`, because the
    library's own revival waits for the device at every step. K-means initialisation is the library's.
    """

    def __init__(self, kind: str, codes: int, dim: int, beta: float, revive_below: float) -> None:
        super().__init__()
        if kind not in QUANTIZERS:
            raise BadInput(f"unknown quantizer {kind!r}; choose from {', '.join(sorted(QUANTIZERS))}")
        self.kind, self.beta = kind, beta
        self.revive_below = revive_below if kind == "ema" else 0.0
        self.table: nn.Module = _Table(codes, dim, learnable=kind == "vq")

    @property
    def codebook(self) -> Codebook:
        return Codebook(self.table._codebook.embed[0].detach().float())

    def forward(self, latents: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Latents (N, H, W, D) -> quantized (N, H, W, D), codes (N, H, W) int64, and losses.

        The losses are `commitment` and, for `vq`, `codebook`.
        """
        self._learn()
        N, H, W, D = latents.shape
        latents = latents.float()
        quantized, codes, _ = self.table(latents.reshape(N, H * W, D))
        quantized, codes = quantized.view(N, H, W, D), codes.view(N, H, W)
        losses = {"commitment": self.beta * F.mse_loss(latents, quantized.detach())}
        if self.table.learnable_codebook:
            losses["codebook"] = F.mse_loss(F.embedding(codes, self.table.codebook), latents.detach())
        if self.training and self.revive_below > 0:
            self._revive(latents.detach().reshape(-1, D))
        return quantized, codes, losses

    def _learn(self) -> None:
        if isinstance(self.table, _Table):
            self.table = self.table.learner(QUANTIZERS[self.kind])

    @torch.no_grad()
    def _revive(self, latents: Tensor) -> None:
        table = self.table._codebook
        dead = table.cluster_size < self.revive_below  # (1, K)
        rows = torch.randint(len(latents), dead.shape, device=latents.device)
        fresh = latents[rows]  # (1, K, D)
        size = torch.full_like(table.cluster_size, 2 * self.revive_below)
        table.embed.copy_(torch.where(dead[..., None], fresh, table.embed))
        table.embed_avg.copy_(torch.where(dead[..., None], fresh * size[..., None], table.embed_avg))
        table.cluster_size.copy_(torch.where(dead, size, table.cluster_size))

    def started(self) -> None:
        """Says that k-means initialisation is over, so that no later step has to ask the device."""
        self._learn()
        self.table._codebook.init_embed_ = lambda *_, **__: None
