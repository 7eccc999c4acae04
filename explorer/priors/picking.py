"""From logits to codes: which are allowed, which is drawn, and whether float32 can tell.

A sum in float32 depends in its last digits on how many rows are computed at once. Where two codes are closer than that,
or one is so near to the edge of what is allowed, the choice is marked as unsure, and is made again in float64. So a
sample is the same whatever it is drawn beside.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.analysis.choices import Choices

DOUBT = 5e-5  # by which float32 may be wrong about logits of about 10; some ten times what it is


class Pick:
    """Chooses codes from logits (n, M); the head of a prior calls it once, or once for each of two factors.

    Args:
        noise: (factor, M) -> Gumbel noise (n, M).
        guided: whether the logits are those of the class and then, in as many rows, those of no class.
        sure: whether the logits are exact, as in float64.

    Attributes:
        unsure: (n,) bool, where another order of summation might have led to another code.
    """

    def __init__(
        self, choices: Choices, noise: Callable[[int, int], Tensor], *, guided: bool = False, sure: bool = False
    ) -> None:
        self.choices, self.noise, self.guided = choices, noise, guided
        self.doubt = 0.0 if sure else DOUBT * (1 + 2 * choices.guidance if guided else 1)
        self.factor, self.unsure = 0, torch.zeros((), dtype=torch.bool)

    def __call__(self, logits: Tensor) -> Tensor:
        """(n, M) -> (n,); of guided ones (2 n, M) -> (2 n,), twice the same."""
        logits = guided(logits, self.choices.guidance) if self.guided else logits
        found, unsure = choose(logits, self.choices, lambda count: self.noise(self.factor, count), self.doubt)
        self.factor, self.unsure = self.factor + 1, self.unsure.to(unsure.device) | unsure
        return torch.cat([found, found]) if self.guided else found


class Told:
    """A `pick` that takes the codes that it is told, (n,), and adds up how probable they are.

    What is cut off by top-k and top-p is not counted as impossible here: a code that is kept may be rare.

    Attributes:
        logs: (n,) ln p of the codes under temperature and guidance.
    """

    def __init__(self, codes: Tensor, base: int | None, choices: Choices, *, guided: bool = False) -> None:
        self.parts = [codes] if base is None else [codes // base, codes % base]
        self.choices, self.guided, self.factor = choices, guided, 0
        self.logs = torch.zeros(len(codes), dtype=torch.float64, device=codes.device)

    def __call__(self, logits: Tensor) -> Tensor:
        """(n, M) -> (n,); of guided ones (2 n, M) -> (2 n,), twice the same."""
        logits = guided(logits, self.choices.guidance) if self.guided else logits
        codes = self.parts[self.factor]
        tempered = logits.double() / (self.choices.temperature or 1)
        self.logs += tempered.log_softmax(1).gather(1, codes[:, None])[:, 0]
        self.factor += 1
        return torch.cat([codes, codes]) if self.guided else codes


def guided(logits: Tensor, guidance: float) -> Tensor:
    """Logits of no class + g (of the class − of no class), from both, (2 n, M) -> (n, M).

    Source: classifier-free guidance, Ho and Salimans 2022, arXiv:2207.12598.
    """
    of_class, of_none = logits.chunk(2)
    return (of_none + guidance * (of_class - of_none)).masked_fill(of_none.isneginf(), float("-inf"))


def choose(
    logits: Tensor, choices: Choices, noise: Callable[[int], Tensor], doubt: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Codes (n,) drawn from logits (n, M), and (n,) bool of those that rounding might have decided.

    The temperature comes first, then top-k, then top-p among what that leaves; codes as likely as the last one that is
    allowed are allowed, too.

    Args:
        noise: M -> Gumbel noise (n, M); not asked at temperature 0.
        doubt: by how much logits of about 10 may be wrong.
    """
    scale = logits.amax(1, keepdim=True).abs().div(10).clamp(min=1) * doubt  # (n, 1)
    if choices.temperature == 0:
        keys, allowed = logits, None
    else:
        logits, scale = logits / choices.temperature, scale / choices.temperature
        allowed = _allowed(logits, choices, scale)
        keys = logits + noise(logits.shape[1]).to(logits)
        keys = keys if allowed is None else keys.masked_fill(~allowed[0], float("-inf"))
    best, codes = keys.topk(min(2, keys.shape[1]), dim=1)
    unsure = torch.zeros(len(keys), dtype=torch.bool, device=keys.device)
    if doubt and keys.shape[1] > 1:
        unsure = best[:, 0] - best[:, 1] <= 2 * scale[:, 0]
    if doubt and allowed is not None:
        unsure |= ~allowed[1].gather(1, codes[:, :1])[:, 0]
    return codes[:, 0], unsure


def _allowed(logits: Tensor, choices: Choices, doubt: Tensor) -> tuple[Tensor, Tensor] | None:
    """(n, M) bool of what may be drawn, and of what may be drawn whatever was rounded; None where all may be."""
    count = logits.shape[1]
    most = min(choices.top_k or count, count)
    if most == count and choices.top_p >= 1:
        return None
    ordered = logits.topk(min(most + 1, count), dim=1).values  # descending
    fewest, most = _counts(ordered[:, :most], choices.top_p, doubt)  # (n, 1) each
    edge = torch.nn.functional.pad(ordered, (0, 1), value=float("-inf"))
    last, first = edge.gather(1, most - 1), edge.gather(1, fewest)  # that may be in, and that may be out
    return logits >= last - doubt, logits > first + doubt


def _counts(ordered: Tensor, top_p: float, doubt: Tensor) -> tuple[Tensor, Tensor]:
    """How many of the likeliest codes make up `top_p`, at least and at most, where their sums may be rounded."""
    if top_p >= 1:
        count = torch.full_like(ordered[:, :1], ordered.shape[1], dtype=torch.int64)
        return count, count
    shares = ordered.double().softmax(1)
    before = shares.cumsum(1) - shares
    return tuple((before < top_p + by).sum(1, keepdim=True).clamp(min=1) for by in (-doubt, doubt))
