"""Codes in and out, in one piece and in two factors."""

from __future__ import annotations

import pytest
import torch

from explorer.priors import Level, build, heads


def filled(head, seed: int = 0):
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return head


@pytest.mark.parametrize("codes", [1, 2, 3, 16, 17, 25, 26])
def test_two_factors_are_a_distribution_over_the_codes(codes):
    head = filled(heads.head(codes, 6, whole=0)).double()
    query = torch.randn(5, 6, dtype=torch.float64)
    chances = head.logits(query).exp()
    assert chances.shape == (5, codes)
    torch.testing.assert_close(chances.sum(1), torch.ones(5, dtype=torch.float64))
    each = torch.stack([head.nats(query, torch.full((5,), code)) for code in range(codes)], 1)
    torch.testing.assert_close(each, -head.logits(query))


def test_one_piece_is_a_softmax():
    head = filled(heads.head(7, 6)).double()
    query, codes = torch.randn(2, 3, 6, dtype=torch.float64), torch.randint(7, (2, 3))
    by_hand = -head.logits(query).log_softmax(-1).gather(-1, codes[..., None])[..., 0]
    torch.testing.assert_close(head.nats(query, codes), by_hand)


@pytest.mark.parametrize("whole", [0, 100])
def test_drawing_follows_the_chances(whole):
    head, generator = filled(heads.head(17, 4, whole=whole)), torch.Generator().manual_seed(0)
    query = torch.randn(1, 4)
    with torch.no_grad():
        many = head.draw(
            query.expand(100_000, -1), lambda logits: torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
        )
        chances = head.logits(query).softmax(1)[0]
    assert many.max() < 17
    assert (torch.bincount(many, minlength=17) / 100_000 - chances).abs().max() < 0.006  # four standard errors


def test_parts_are_the_whole(monkeypatch):
    """Logits of a few places at a time give the same bits and the same gradients."""
    for whole in (0, 100):
        head = filled(heads.head(50, 4, whole=whole)).double()
        query, codes = torch.randn(3, 5, 4, dtype=torch.float64), torch.randint(50, (3, 5))
        at_once = head.nats(query, codes)
        slopes = torch.autograd.grad(at_once.sum(), list(head.parameters()))
        monkeypatch.setattr(heads, "AT_ONCE", 200)
        in_parts = head.nats(query, codes)
        torch.testing.assert_close(in_parts, at_once)
        torch.testing.assert_close(torch.autograd.grad(in_parts.sum(), list(head.parameters())), slopes)
        monkeypatch.undo()


def test_131072_codes_are_learned_and_sampled():
    """No tensor has K numbers a place: 2,048 places of them would be a gigabyte."""
    levels = (Level("code", (16, 16), 131_072),)
    torch.manual_seed(0)
    prior = build("pixelcnn", {"width": 16, "blocks": 2, "dim": 16}, levels, 0)
    codes = {"code": torch.randint(131_072, (8, 16, 16))}
    optimizer = torch.optim.AdamW(prior.parameters(), 1e-2)
    largest = Largest()
    with largest:
        first = prior(codes)["loss"]
        first.backward()
        optimizer.step()
        cursor = prior.begin("code", {}, torch.full((8,), -1))
        drawn = prior.head("code").draw(cursor.step(None), lambda logits: logits.argmax(1))
    assert largest.numbers <= 8 * 256 * 400
    assert prior(codes)["loss"] < first
    assert drawn.shape == (8,) and drawn.min() >= 0 and drawn.max() < 131_072
    assert sum(one.numel() for one in prior.parameters()) < 200_000


class Largest(torch.utils._python_dispatch.TorchDispatchMode):
    """How many numbers the largest tensor has that is made."""

    numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        found = function(*arguments, **(keywords or {}))
        for one in found if isinstance(found, (tuple, list)) else (found,):
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.numel())
        return found
