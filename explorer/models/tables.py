"""The state of vector-quantize-pytorch's quantizers without the library, which takes seconds to import.

Encoding and decoding need the vectors alone; the first training step puts the library's module around them, on these
very tensors, so that an optimizer made before goes on with them. Names are the library's.
"""

from __future__ import annotations

import torch
from torch import nn

from explorer import ranks

OPTIONS = {  # of the library's VectorQuantize
    "ema": {"ema_update": True, "decay": 0.99, "rotation_trick": False},
    "vq": {"learnable_codebook": True, "ema_update": False, "rotation_trick": False},
    "cosine": {"ema_update": True, "decay": 0.99, "rotation_trick": False, "use_cosine_sim": True},
    "rotation": {"ema_update": True, "decay": 0.99, "rotation_trick": True},
}


class Table(nn.Module):
    """The state of a `VectorQuantize`."""

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

    def learner(self, kind: str) -> nn.Module:
        """The library's quantizer of a `kind` of OPTIONS."""
        from vector_quantize_pytorch import VectorQuantize

        book = self._codebook
        _, codes, dim = book.embed.shape
        learner = VectorQuantize(
            dim=dim,
            codebook_size=codes,
            kmeans_init=True,
            commitment_weight=0.0,  # the losses are computed by the quantizer, with the paper's weights
            sync_codebook=False,
            **OPTIONS[kind],
        ).to(book.embed.device)
        learner._codebook.all_reduce_fn = ranks.add_up  # so that k-means, which the quantizer starts, is left alone
        for name, value in book.named_buffers():
            learner._codebook._buffers[name] = value
        if isinstance(book.embed, nn.Parameter):
            learner._codebook.embed = book.embed
        return learner.train(self.training)


class SimTable(nn.Module):
    """The state of a `SimVQ`."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("frozen_codebook", torch.randn(codes, dim) * dim**-0.5)
        self.code_transform = nn.Linear(dim, dim, bias=False)

    def learner(self) -> nn.Module:
        """The library's SimVQ; its one loss is not used, because the quantizer has its two parts."""
        from vector_quantize_pytorch import SimVQ

        codes, dim = self.frozen_codebook.shape
        learner = SimVQ(dim, codes, codebook_transform=self.code_transform)
        learner._buffers["frozen_codebook"] = self.frozen_codebook
        return learner.train(self.training)
