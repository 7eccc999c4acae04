"""What programs get from the demo's five endpoints about one held-out picture."""

from __future__ import annotations

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from explorer import datasets
from tests.demo.conftest import server  # noqa: F401  a fixture

CALLS = {  # endpoint, does it take the picture, its other inputs
    "checkpoints": ("checkpoints", False, ()),
    "reconstruct": ("reconstruct", True, ("vqvae2-shapes",)),
    "codes": ("codes", True, ("vqvae2-shapes", "bottom")),
    "usage": ("usage", False, ("mae-shapes",)),
    "nearest": ("nearest", True, ("vqvae-shapes", "", 5)),
}


@pytest.fixture(scope="module")
def client(server):  # noqa: F811
    return Client(server.address, verbose=False)


@pytest.fixture(scope="module")
def picture(home, tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "seven.png"
    Image.fromarray(datasets.load("shapes", "test", 64).read([7])[0]).save(path)
    return path


def told(part):
    """A part of an answer; of a picture its sides and its mean brightness."""
    if not isinstance(part, str):
        return part
    shown = np.asarray(Image.open(part).convert("RGB"), float)
    return {"height": shown.shape[0], "width": shown.shape[1], "brightness": float(shown.mean())}


@pytest.mark.parametrize("name", CALLS)
def test_an_endpoint_answers_what_it_answered(client, picture, golden, name):
    endpoint, about_picture, inputs = CALLS[name]
    first = (handle_file(picture),) if about_picture else ()
    found = client.predict(*first, *inputs, api_name=f"/{endpoint}")
    golden(f"api-{name}", [told(part) for part in found] if isinstance(found, list | tuple) else found, 1e-3)
