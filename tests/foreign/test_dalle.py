"""DALLE-pytorch's DiscreteVAE: written here by its names, opened, and compared with what its layers compute."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, relu

from explorer import checkpoints
from explorer.errors import BadInput

CODES, DIM, HIDDEN = 24, 6, 8


def weights(blocks: int) -> dict[str, torch.Tensor]:
    """Two levels, `blocks` residual blocks on both sides."""
    shapes = {"codebook.weight": (CODES, DIM)}

    def conv(name, out, inside, kernel):
        shapes.update({f"{name}.weight": (out, inside, kernel, kernel), f"{name}.bias": (out,)})

    def block(name):
        for index, kernel in ((0, 3), (2, 3), (4, 1)):
            conv(f"{name}.net.{index}", HIDDEN, HIDDEN, kernel)

    conv("encoder.0.0", HIDDEN, 3, 4)
    conv("encoder.1.0", HIDDEN, HIDDEN, 4)
    for index in range(blocks):
        block(f"encoder.{2 + index}")
    conv(f"encoder.{2 + blocks}", CODES, HIDDEN, 1)
    at = 0
    if blocks:
        conv("decoder.0", HIDDEN, DIM, 1)
        for index in range(blocks):
            block(f"decoder.{1 + index}")
        at = 1 + blocks
    for level in range(2):  # a transposed convolution has its inputs first
        inside = HIDDEN if blocks or level else DIM
        shapes |= {f"decoder.{at + level}.0.weight": (inside, HIDDEN, 4, 4), f"decoder.{at + level}.0.bias": (HIDDEN,)}
    conv(f"decoder.{at + 2}", 3, HIDDEN, 1)
    generator = torch.Generator().manual_seed(blocks)
    return {name: torch.randn(shape, generator=generator) / 3 for name, shape in shapes.items()}


def reference(w, images, blocks: int, pixels):
    """Codes (N, H, W) and images that come back, straight from the layers."""

    def conv(x, name, **how):
        return conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], **how)

    def block(x, name):
        inner = relu(conv(relu(conv(x, f"{name}.net.0", padding=1)), f"{name}.net.2", padding=1))
        return x + conv(inner, f"{name}.net.4")

    x = pixels[0](images)
    for level in range(2):
        x = relu(conv(x, f"encoder.{level}.0", stride=2, padding=1))
    for index in range(blocks):
        x = block(x, f"encoder.{2 + index}")
    codes = conv(x, f"encoder.{2 + blocks}").argmax(1)
    x, at = w["codebook.weight"][codes].movedim(3, 1), 0
    if blocks:
        x, at = conv(x, "decoder.0"), 1 + blocks
        for index in range(blocks):
            x = block(x, f"decoder.{1 + index}")
    for level in range(at, at + 2):
        x = relu(conv_transpose2d(x, w[f"decoder.{level}.0.weight"], w[f"decoder.{level}.0.bias"], stride=2, padding=1))
    return codes, pixels[1](conv(x, f"decoder.{at + 2}")).clamp(0, 1)


SIGNED = (lambda x: 2 * x - 1, lambda x: (x + 1) / 2)
PLAIN = (lambda x: x, lambda x: x)


@pytest.mark.parametrize("blocks", [0, 2])
@pytest.mark.parametrize(("choice", "pixels"), [("", SIGNED), ("@,range=0..1", PLAIN)])
def test_codes_and_images_are_those_of_its_layers(tmp_path, blocks, choice, pixels):
    w = weights(blocks)
    torch.save({"hparams": {"image_size": 32, "num_tokens": CODES}, "weights": w}, tmp_path / "vae.pt")
    path = f"{tmp_path}/vae.pt{choice}"
    facts = checkpoints.describe(path)
    assert facts.image_size == 32 and facts.layers[0]["grid"] == [8, 8] and facts.layers[0]["codes"] == CODES
    assert (facts.format.startswith("DALLE-pytorch DiscreteVAE") and "range=0..1" in " ".join(facts.notes)) or choice
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(9))
    model = checkpoints.load(path)
    latents = model.encode(images)
    codes, back = reference(w, images, blocks, pixels)
    assert len(codes.unique()) > 3 and torch.equal(model.codebooks["code"].assign(latents["code"]), codes)
    torch.testing.assert_close(model.decode(latents), back, atol=1e-5, rtol=0)


def test_a_bare_state_dict_opens_at_256_pixels_or_what_is_asked_for(tmp_path):
    torch.save(weights(1), tmp_path / "bare.pt")
    assert checkpoints.describe(f"{tmp_path}/bare.pt").image_size == 256
    assert checkpoints.describe(f"{tmp_path}/bare.pt@64").layers[0]["grid"] == [16, 16]


def test_another_number_of_scores_than_codes_is_refused(tmp_path):
    w = weights(0)
    w["codebook.weight"] = w["codebook.weight"][:-1]
    torch.save(w, tmp_path / "odd.pt")
    with pytest.raises(BadInput, match="scores 24 codes of 23"):
        checkpoints.describe(f"{tmp_path}/odd.pt")
