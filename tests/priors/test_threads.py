"""Sampling takes one thread, and gives the others back."""

from __future__ import annotations

import threading

import pytest
import torch

from explorer.priors.sampling import sample
from explorer.priors.threads import one_thread


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_samples_are_drawn_with_one_thread(tiny_prior, three_threads):
    seen = []
    sample(tiny_prior("pixelcnn"), [0, 1], told=lambda level, row, codes: seen.append(torch.get_num_threads()))
    assert seen == [1, 1, 1]
    assert torch.get_num_threads() == 3


def test_threads_are_given_back_after_what_goes_wrong(three_threads):
    with pytest.raises(LookupError), one_thread():
        raise LookupError
    assert torch.get_num_threads() == 3


def test_what_is_inside_gives_nothing_back(three_threads):
    with one_thread():
        with one_thread():
            pass
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_they_are_given_back_by_whoever_leaves_last(three_threads):
    entered, leave = threading.Event(), threading.Event()

    def other():
        with one_thread():
            entered.set()
            leave.wait(10)

    beside = threading.Thread(target=other)
    with one_thread():
        beside.start()
        assert entered.wait(10)
    leave.set()
    beside.join()
    assert torch.get_num_threads() == 3
