"""Checkpoints of Sonnet's VQ-VAE, written here by hand; what is expected is computed by TensorFlow's rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer import checkpoints
from explorer.errors import BadInput
from tests.foreign import tensorflow_files as files
from tests.foreign.test_keras import convolve, spread

WIDE, INNER, DIM, CODES = 6, 3, 4, 9


def arrays(channels=3):
    random = np.random.default_rng(2)

    def some(*shape):
        return (random.normal(size=shape) * (2 / np.prod(shape[:-1])) ** 0.5).astype(np.float32)

    kernels = {
        "_encoder/_enc_1": (4, 4, channels, 3), "_encoder/_enc_2": (4, 4, 3, WIDE),
        "_encoder/_enc_3": (3, 3, WIDE, WIDE),
        "_pre_vq_conv1": (1, 1, WIDE, DIM), "_decoder/_dec_1": (3, 3, DIM, WIDE),
        "_decoder/_dec_2": (4, 4, 3, WIDE), "_decoder/_dec_3": (4, 4, channels, 3),
    }  # fmt: skip
    for half in ("_encoder", "_decoder"):
        for i in range(2):
            kernels[f"{half}/_residual_stack/_layers/{i}/0"] = (3, 3, WIDE, INNER)
            kernels[f"{half}/_residual_stack/_layers/{i}/1"] = (1, 1, INNER, WIDE)
    found = {}
    for name, shape in kernels.items():
        out = shape[2] if name.endswith(("_dec_2", "_dec_3")) else shape[3]
        found |= {f"{name}/w": some(*shape), f"{name}/b": 0.2 * random.normal(size=out).astype(np.float32)}
    found["_vqvae/embeddings"] = 0.5 * random.normal(size=(DIM, CODES)).astype(np.float32)
    return found


def write(folder, found, root=("module",), name="ckpt-1"):
    more = {"_vqvae/ema_dw/average": np.zeros((DIM, CODES)), "_vqvae/ema_cluster_size/_hidden": np.zeros(CODES)}
    held = {(*root, *key.split("/")): value for key, value in (found | more).items()}
    files.bundle(folder / name, held | {("save_counter",): np.float32(1)}, True)
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\nall_model_checkpoint_paths: "{name}"\n')
    return folder


def expected(image, found):
    """(h, w, 3) in [0, 1] -> latents (H, W, D), codes (H, W), reconstruction (h, w, 3)."""

    def conv(x, name, stride=1):
        return convolve(x, found[f"{name}/w"], found[f"{name}/b"], stride)

    def stack(x, half):
        for i in range(2):
            at = f"{half}/_residual_stack/_layers/{i}"
            x = x + conv(np.maximum(conv(np.maximum(x, 0), f"{at}/0"), 0), f"{at}/1")
        return np.maximum(x, 0)

    x = np.maximum(conv(image - 0.5, "_encoder/_enc_1", 2), 0)
    x = np.maximum(conv(np.maximum(conv(x, "_encoder/_enc_2", 2), 0), "_encoder/_enc_3"), 0)
    z, table = conv(stack(x, "_encoder"), "_pre_vq_conv1"), found["_vqvae/embeddings"]
    codes = ((z[..., None] - table) ** 2).sum(2).argmin(2)
    x = stack(conv(table.T[codes], "_decoder/_dec_1"), "_decoder")
    x = np.maximum(spread(x, found["_decoder/_dec_2/w"], found["_decoder/_dec_2/b"], 2), 0)
    return z, codes, (spread(x, found["_decoder/_dec_3/w"], found["_decoder/_dec_3/b"], 2) + 0.5).clip(0, 1)


@pytest.mark.parametrize("given", ["", "ckpt-1.index", "ckpt-1.data-00000-of-00001"])
def test_a_checkpoint_gives_what_tensorflow_does(tmp_path, given):
    found = arrays()
    network = checkpoints.load(f"{write(tmp_path / 'vq', found) / given}@16")
    image = np.random.default_rng(4).random((16, 16, 3)).astype(np.float32)
    latents, codes, shown = expected(image, found)
    z = network.encode(torch.from_numpy(image).permute(2, 0, 1)[None])
    assert network.codebooks["code"].vectors.shape == (CODES, DIM) and len(set(codes.flat)) > 1
    assert np.abs(z["code"][0].numpy() - latents).max() < 1e-4
    assert (network.codebooks["code"].assign(z["code"])[0].numpy() == codes).all()
    assert np.abs(network.decode(z)[0].permute(1, 2, 0).numpy() - shown).max() < 1e-4


def test_the_modules_are_found_wherever_they_lie(tmp_path):
    path = files.saved_model(tmp_path / "vq", {}, {("a", "b", *key.split("/")): one for key, one in arrays().items()})
    (path / "keras_metadata.pb").unlink()
    assert checkpoints.describe(path).format == "Sonnet VQ-VAE"


def test_of_several_checkpoints_the_last_is_taken(tmp_path):
    write(tmp_path / "vq", arrays(), name="ckpt-1")
    found = arrays()
    found["_vqvae/embeddings"] = found["_vqvae/embeddings"] + 1
    write(tmp_path / "vq", found, name="ckpt-2")
    vectors = checkpoints.load(tmp_path / "vq").codebooks["code"].vectors
    assert np.allclose(vectors.numpy().T, found["_vqvae/embeddings"])
    (tmp_path / "vq/checkpoint").unlink()
    with pytest.raises(BadInput, match=r"2 checkpoints of TensorFlow.*\.index"):
        checkpoints.load(tmp_path / "vq")


@pytest.mark.parametrize("gone", ["_encoder/_enc_2/b", "_decoder/_residual_stack/_layers/1/1/w", "_vqvae/embeddings"])
def test_numbers_that_are_missing_are_named(tmp_path, gone):
    found = arrays()
    del found[gone]
    with pytest.raises(BadInput, match=r"lacks|without their numbers"):
        checkpoints.load(write(tmp_path / "vq", found))


def test_another_checkpoint_of_tensorflow_says_what_to_do(tmp_path):
    files.bundle(tmp_path / "other", {("dense", "kernel"): np.zeros((3, 3))}, True)
    with pytest.raises(BadInput, match=r"layers lie in code.*model\.keras"):
        checkpoints.load(tmp_path / "other.index")
