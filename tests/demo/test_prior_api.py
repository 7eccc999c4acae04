"""The demo's endpoint that draws from priors: what the command line draws, bounded, and sentences for the rest."""

from __future__ import annotations

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from explorer import checkpoints
from explorer.priors import folder
from explorer.priors.sampling import Choices, sample


@pytest.fixture(scope="module")
def client(server):
    return Client(server.address, verbose=False)


def test_samples_are_those_of_the_prior(client):
    told, picture = client.predict("vqvae-digits", "7", 3, seed=4, temperature=0.9, api_name="/prior_sample")
    prior = folder.load(folder.resolve("vqvae-digits-prior"))
    expected = sample(prior, np.full(3, 7), Choices(seed=4, temperature=0.9))["code"].numpy()
    assert (np.array(told["codes"]["code"]) == expected).all()
    assert (told["prior"], told["condition"], told["values"]) == ("vqvae-digits-prior", "digit", ["7"] * 3)
    assert all(0 <= share <= 1 for share in told["kept"])
    assert 0 < told["held_out_bits_per_code"] < told["uniform"] == 7
    size = checkpoints.describe(checkpoints.resolve("vqvae-digits")).image_size
    assert Image.open(picture).size == (3 * size, size)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vqvae-digits", "13"), "(?i)no training image has digit .13."),
        (("vqvae-digits", "", 17), "choose from 1 to 16"),
        (("mae-shapes",), "(?i)no prior ships with checkpoint mae-shapes; choose from"),
        (("vqvae-digits", "", 2, 11), "(?i)temperature"), (("nowhere",), "(?i)unknown checkpoint|not in the list"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_a_sentence(client, arguments, said):
    with pytest.raises((AppError, ValueError), match=said):
        client.predict(*arguments, api_name="/prior_sample")
