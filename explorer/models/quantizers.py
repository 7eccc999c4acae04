"""One grid of latents through a bottleneck: what every quantizer offers, and those with one codebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import ranks
from explorer.autoencoder import Codebook, Fill
from explorer.models.tables import SimTable, Table

FOLLOW = 0.02  # weight of a new batch in the running means that stand in for layers that are left out


@dataclass(frozen=True)
class Learned:
    """What a training pass makes of latents (N, H, W, D).

    Attributes:
        values: (N, H, W, D), what the decoder gets; carries the gradient.
        contributions: of each part, coarse to fine; `combine` makes `values` of them. They carry no gradient.
        codes: {part: (N, H, W) int64} of the parts with a codebook.
        losses: {name: scalar}, weighted.
    """

    values: Tensor
    contributions: list[Tensor]
    codes: dict[str, Tensor]
    losses: dict[str, Tensor]


class Quantizer(nn.Module):
    """A bottleneck of one or several parts, each a layer to look at.

    Attributes:
        dim: D, channels of the latents that go in and of what the decoder gets.
        parts: {name: channels}, coarse to fine; the empty name stands for the grid itself.
    """

    parts: Mapping[str, int]

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim, self.follows, self._started = dim, False, False

    def follow_means(self) -> None:
        """Keeps the mean of each part over training, for a network with layers that can be left out."""
        self.follows = True
        for index, channels in enumerate(self.parts.values()):
            self.register_buffer(f"mean_{index}", torch.zeros(channels))

    @property
    def codebooks(self) -> dict[str, Codebook]:
        """Codebooks of the parts that have one."""
        raise NotImplementedError

    def split(self, z: Tensor) -> dict[str, Tensor]:
        """Latents (N, H, W, dim) -> {part: (N, H, W, channels)}, before quantization."""
        raise NotImplementedError

    def learn(self, z: Tensor) -> Learned:
        """A training pass over latents (N, H, W, dim) float32."""
        raise NotImplementedError

    def combine(self, contributions: list[Tensor]) -> Tensor:
        """What the decoder gets, (N, H, W, dim), of the contribution of each part."""
        return contributions[0]

    def sent(self, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """{part: (N, H, W) bool} of parts that are not needed at every position; a part not named is."""
        return {}

    def anneal(self, share: float) -> None:
        """Called before each step with the share of the training that is done, in [0, 1]."""

    def started(self) -> None:
        """Called after the first training step, and before the first one of a resumed run."""
        self._started = True

    def join(self, latents: Mapping[str, Tensor], fill: Fill, shape: tuple[int, int, int]) -> Tensor:
        """What the decoder gets of the parts given: (N, H, W, dim). Those with a codebook are quantized here.

        Args:
            latents: {part: (N, H, W, channels)}; a missing part is filled with its mean over training, or with zeros.
            shape: (N, H, W), for when all are missing.
        """
        books, contributions = self.codebooks, []
        like = next(iter(books.values())).vectors
        for index, (part, channels) in enumerate(self.parts.items()):
            if part not in latents:
                filled = self.mean(index) if fill == "mean" else like.new_zeros(channels)
                contributions.append(filled.expand(*shape, channels))
            elif part in books:
                contributions.append(books[part].quantize(latents[part]))
            else:
                contributions.append(latents[part])
        return self.combine(contributions)

    def mean(self, index: int) -> Tensor:
        """What stands for a part that is left out: its mean over training.

        A network of one layer follows no means. Its codes are weighted by their use in the last hundred batches, or,
        where a quantizer does not count that, all the same.
        """
        if self.follows:
            return getattr(self, f"mean_{index}")
        vectors, use = self.codebooks[list(self.parts)[index]].vectors, self.use
        return vectors.mean(0) if use is None else use.to(vectors) @ vectors / use.sum().clamp_min(1e-12)

    @property
    def use(self) -> Tensor | None:
        """(K,) how often each code was used of late; None where that is not counted."""
        return None

    def forward(self, z: Tensor, kept: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Latents (N, H, W, dim) -> what the decoder gets, codes by part, losses by name.

        `kept` (N,) is how many parts the decoder gets of each image; the others are filled with their means.
        """
        with torch.autocast(z.device.type, enabled=False):  # in half precision other codes would be the nearest
            learned = self.learn(z.float())
        if self.training and self.follows:
            self._follow(learned.contributions)
        values = learned.values
        if kept is not None:
            kept = kept[:, None, None, None]
            partial = self.combine(
                [torch.where(kept > index, c, self.mean(index)) for index, c in enumerate(learned.contributions)]
            )
            prefix = values + (partial - values).detach()  # the gradient of a prefix passes straight through
            prefix = torch.where(kept > 0, prefix, partial.detach())  # nothing of this grid, no gradient
            values = torch.where(kept < len(learned.contributions), prefix, values)  # a whole one may be drawn
        return values, learned.codes, learned.losses

    @torch.no_grad()
    def _follow(self, contributions: list[Tensor]) -> None:
        for index, contribution in enumerate(contributions):
            now = ranks.mean(contribution.detach().flatten(0, 2).mean(0))
            self.mean(index).lerp_(now, FOLLOW if self._started else 1.0)


class VectorQuantizer(Quantizer):
    """Replaces each latent by its nearest code; gradients pass straight through (the VQ-VAE paper's equations 2 and 3).

    `ema`: the codebook is a moving average of its latents (appendix A.1). `vq`: it follows a loss (equation 3).
    `cosine`: both are normalised (ViT-VQGAN); with a small `dim` the convolutions around the codes are its factorised
    projections. `rotation`: gradients are rotated and scaled on their way back (Fifty et al. 2024, arXiv:2410.06424).

    Codes that fewer than `revive_below` latents of a batch use, averaged over the last hundred batches, move to latents
    of the current batch (Jukebox, Dhariwal et al. 2020, section 3.1). It is done here with `torch.where`, because the
    library's own revival waits for the device at every step. K-means initialisation is the library's; it leaves codes
    for which the first batch has no latents at the origin, and these move to latents of the next batches.
    """

    def __init__(self, kind: str, codes: int, dim: int, beta: float, revive_below: float) -> None:
        super().__init__(dim)
        self.kind, self.beta, self.parts = kind, beta, {"": dim}
        self.revive_below = 0.0 if kind == "vq" else revive_below
        self.table: nn.Module = Table(codes, dim, learnable=kind == "vq")

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.table._codebook.embed[0].detach().float())}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": F.normalize(z, dim=-1) if self.kind == "cosine" else z}

    def learn(self, z: Tensor) -> Learned:
        self._load()
        N, H, W, D = z.shape
        z = self.split(z)[""]
        if self.training and not self._started:
            self._start(z.detach().reshape(-1, D))
        values, codes, _ = self.table(z.reshape(N, H * W, D))
        values, codes = values.view(N, H, W, D), codes.view(N, H, W)
        losses = {"commitment": self.beta * F.mse_loss(z, values.detach())}
        if self.table.learnable_codebook:
            losses["codebook"] = F.mse_loss(F.embedding(codes, self.table.codebook), z.detach())
        if self.training and self.revive_below > 0:
            self._revive(z.detach().reshape(-1, D))
        elif self.training and self._started:  # the first batch's latents have their codes
            self._place(z.detach().reshape(-1, D))
        return Learned(values, [values.detach()], {"": codes}, losses)

    @property
    def use(self) -> Tensor | None:
        return None if self.kind == "vq" else self.table._codebook.cluster_size[0]

    def frequent(self, count: int) -> Tensor:
        """(K,) bool, True for the `count` codes that were used most in the last hundred batches."""
        chosen = self.table._codebook.cluster_size[0].topk(count).indices
        return torch.zeros_like(self.table._codebook.cluster_size[0], dtype=torch.bool).index_fill_(0, chosen, True)

    def _load(self) -> None:
        if isinstance(self.table, Table):
            self.table = self.table.learner(self.kind)

    @torch.no_grad()
    def _start(self, latents: Tensor) -> None:
        """Of several ranks each makes the k-means of all latents of the first batch, which one alone leaves to the
        library: it would draw other ones."""
        if ranks.count() > 1:
            table = self.table._codebook
            table.init_embed_(table.transform_input(ranks.gathered(latents))[None])
            ranks.follow((table.embed, table.embed_avg, table.cluster_size))  # a GPU sums in any order

    @torch.no_grad()
    def _revive(self, latents: Tensor) -> None:
        table = self.table._codebook
        dead = table.cluster_size < self.revive_below  # (1, K)
        rows = torch.randint(ranks.count() * len(latents), dead.shape, device=latents.device)
        fresh = ranks.chosen(latents, rows[0])[None]  # (1, K, D)
        size = torch.full_like(table.cluster_size, 2 * self.revive_below)
        table.embed.copy_(torch.where(dead[..., None], fresh, table.embed))
        table.embed_avg.copy_(torch.where(dead[..., None], fresh * size[..., None], table.embed_avg))
        table.cluster_size.copy_(torch.where(dead, size, table.cluster_size))

    @torch.no_grad()
    def _place(self, latents: Tensor) -> None:
        """Codes that no latent has used yet move to latents, each to one of its own; the rest wait for more of them."""
        table = self.table._codebook
        bare, whole = table.cluster_size == 0, ranks.count() * len(latents)  # (1, K)
        turn = bare.cumsum(1) - 1
        here = bare & (turn < whole)
        rows = torch.randperm(whole, device=latents.device)[turn.clamp(0, whole - 1)]
        fresh = ranks.chosen(latents, rows[0])[None]  # (1, K, D)
        for vectors in (table.embed.data, table.embed_avg):
            vectors.copy_(torch.where(here[..., None], fresh, vectors))
        table.cluster_size.copy_(torch.where(here, 1.0, table.cluster_size))

    def started(self) -> None:
        """Says that k-means initialisation is over, so that no later step has to ask the device."""
        super().started()
        self._load()
        self.table._codebook.init_embed_ = lambda *_, **__: None


class SimVQ(Quantizer):
    """Codes are a linear map of a frozen random codebook, so that all of them learn at once (Zhu et al. 2024,
    arXiv:2411.02038); gradients take the rotation trick."""

    def __init__(self, codes: int, dim: int, beta: float) -> None:
        super().__init__(dim)
        self.beta, self.parts = beta, {"": dim}
        self.table: nn.Module = SimTable(codes, dim)

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.table.code_transform(self.table.frozen_codebook).detach().float())}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": z}

    def learn(self, z: Tensor) -> Learned:
        if isinstance(self.table, SimTable):
            self.table = self.table.learner()
        values, codes, _ = self.table(z)
        vectors = F.embedding(codes, self.table.codebook)
        losses = {
            "commitment": self.beta * F.mse_loss(z, vectors.detach()),
            "codebook": F.mse_loss(vectors, z.detach()),
        }
        return Learned(values, [values.detach()], {"": codes}, losses)


class Gumbel(Quantizer):
    """The discrete VAE of DALL-E (Ramesh et al. 2021, arXiv:2102.12092): codes are drawn, with Gumbel noise that cools.

    The logits are minus the squared distances to the codes, so the most likely code is the nearest. Temperature falls
    from 1 to 1/16 over the training. `divergence` from evenly used codes has a weight of 5e-4.
    """

    HOT, COLD, WEIGHT = 1.0, 1 / 16, 5e-4

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__(dim)
        self.parts, self.temperature = {"": dim}, self.COLD
        self.vectors = nn.Parameter(F.normalize(torch.randn(codes, dim), dim=-1))

    @property
    def codebooks(self) -> dict[str, Codebook]:
        return {"": Codebook(self.vectors.detach().float())}

    def split(self, z: Tensor) -> dict[str, Tensor]:
        return {"": z}

    def anneal(self, share: float) -> None:
        self.temperature = self.HOT * (self.COLD / self.HOT) ** share

    def learn(self, z: Tensor) -> Learned:
        flat = z.flatten(0, 2)
        logits = -torch.cdist(flat, self.vectors, compute_mode="use_mm_for_euclid_dist").square()  # (N·H·W, K)
        codes = logits.argmax(-1)
        chosen = self.vectors[codes]
        drawn = self._drawn(logits) @ self.vectors if self.training else chosen
        logs = logits.log_softmax(-1)
        divergence = (logs.exp() * logs).sum(-1).mean() + torch.tensor(float(len(self.vectors))).log().to(z)
        shape = z.shape
        return Learned(
            drawn.view(shape),
            [chosen.detach().view(shape)],
            {"": codes.view(shape[:-1])},
            {"divergence": self.WEIGHT * divergence},
        )

    def _drawn(self, logits: Tensor) -> Tensor:
        """Shares (N·H·W, K) of codes, drawn; equation 1 of Jang et al. 2017, arXiv:1611.01144."""
        shape = logits.shape[1:]
        noise = ranks.drawn(lambda size: logits.new_empty(size, *shape).exponential_(), len(logits))
        return ((logits - noise.log()) / self.temperature).softmax(-1)
