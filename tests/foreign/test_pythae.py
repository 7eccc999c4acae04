"""Folders as pythae writes them, of its published keys but narrower, against a computation of their own."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional as F

from explorer import checkpoints
from explorer.autoencoder import Samples
from explorer.errors import BadInput

L, K = 4, 9  # numbers of a latent vector, codes


def random(shapes):
    generator = torch.Generator().manual_seed(3)
    state = {}
    for name, shape in shapes.items():
        scale = (3 / torch.Size(shape[1:]).numel()) ** 0.5 if len(shape) > 1 else 0.2
        state[name] = scale * torch.randn(shape, generator=generator)
        if "running_var" in name:
            state[name] = 0.5 + state[name].abs()
        if "num_batches" in name:
            state[name] = torch.tensor(5)
    return state


def layer(name, *shape, bias=None):
    return {f"{name}.weight": shape, f"{name}.bias": (shape[0] if bias is None else bias,)}


def norm(name, width):
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (width,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def up(name, channels, out, kernel):
    return layer(name, channels, out, kernel, kernel, bias=out)


def write(folder, name, image, state, **config):
    folder.mkdir()
    config = {"name": name, "input_dim": list(image), "latent_dim": L, "uses_default_encoder": True,
              "uses_default_decoder": True, **config}  # fmt: skip
    (folder / "model_config.json").write_text(json.dumps(config))
    (folder / "environment.json").write_text('{"name": "EnvironmentConfig", "python_version": "3.8"}')
    torch.save({"model_state_dict": state}, folder / "model.pt")
    return folder


def linear(state, name, x):
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def conv(state, name, x, stride=1, padding=1):
    return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding)


def transposed(state, name, x, stride=2, padding=1, more=0):
    return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding, more)


def normed(state, name, x):
    values = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return torch.relu(F.batch_norm(x, *values, eps=1e-5))


# -- pythae's default: perceptrons


def perceptrons(image, width=12):
    size = torch.Size(image).numel()
    return {
        **layer("encoder.layers.0.0", width, size), **layer("encoder.embedding", L, width),
        **layer("decoder.layers.0.0", width, L), **layer("decoder.layers.1.0", size, width),
    }  # fmt: skip


def vae(image):
    return random(perceptrons(image) | layer("encoder.log_var", L, 12))


def squeeze(state, x):
    return linear(state, "encoder.embedding", torch.relu(linear(state, "encoder.layers.0.0", x.flatten(1))))


def unfold(state, z, image):
    x = linear(state, "decoder.layers.1.0", torch.relu(linear(state, "decoder.layers.0.0", z)))
    return torch.sigmoid(x).view(-1, *image)


@pytest.mark.parametrize(("name", "image"), [("VAEConfig", (3, 8, 8)), ("BetaVAEConfig", (1, 10, 10))])
def test_the_default_vae(tmp_path, name, image):
    state = vae(image)
    folder = write(tmp_path / "vae", name, image, state)
    said, network = checkpoints.describe(folder), checkpoints.load(folder)
    assert (said.format, said.family) == (f"pythae {name.removesuffix('Config')}", "vae")
    assert said.layers == ({"name": "latent", "grid": [1, 1], "dim": L, "codes": None},)
    assert said.notes == ("Images go in with values from 0 to 1.",)
    x = torch.rand(2, *image)
    z = squeeze(state, x)
    found = network.encode(x.expand(-1, 3, -1, -1))
    assert torch.allclose(found["latent"], z.view(2, 1, 1, L), atol=1e-4)
    assert torch.allclose(network.decode(found), unfold(state, z, image).expand(-1, 3, -1, -1), atol=1e-4)


def test_draws_from_the_posterior_have_its_mean_and_deviation(tmp_path):
    state = vae((3, 8, 8))
    network = checkpoints.load(write(tmp_path / "vae", "VAEConfig", (3, 8, 8), state))
    assert isinstance(network, Samples)
    image = torch.rand(1, 3, 8, 8)
    drawn = network.sample(image.expand(4000, -1, -1, -1), torch.Generator().manual_seed(0))["latent"].view(-1, L)
    hidden = torch.relu(linear(state, "encoder.layers.0.0", image.flatten(1)))
    deviation = (linear(state, "encoder.log_var", hidden)[0] / 2).exp()
    assert torch.allclose(drawn.std(0), deviation, rtol=0.1)
    mean, variance = network.posterior(image)["latent"]
    assert torch.allclose(mean, network.encode(image)["latent"]) and mean.shape == variance.shape == (1, 1, 1, L)
    assert torch.allclose(variance.view(-1), deviation**2, rtol=1e-4)
    assert ((drawn.mean(0) - squeeze(state, image)[0]).abs() < 0.1 * deviation).all()


@pytest.mark.parametrize("table", [{"embeddings.weight": (K, 1)},
                                   {"embeddings": (K, 1), "ema_embed": (K, 1), "cluster_size": (K,)}])  # fmt: skip
def test_the_default_vqvae_looks_up_single_numbers(tmp_path, table):
    image = (1, 8, 8)
    state = random(perceptrons(image) | {f"quantizer.{name}": shape for name, shape in table.items()})
    network = checkpoints.load(write(tmp_path / "vq", "VQVAEConfig", image, state, num_embeddings=K))
    assert network.layers[0].grid == (1, L) and network.layers[0].dim == 1
    x = torch.rand(3, *image)
    values = state[f"quantizer.{next(iter(table))}"][:, 0]
    codes = (squeeze(state, x)[:, :, None] - values).abs().argmin(2)
    found = network.encode(x.expand(-1, 3, -1, -1))
    assert (network.codebooks["code"].assign(found["code"])[:, 0] == codes).all()
    expected = unfold(state, values[codes], image)
    assert torch.allclose(network.decode(found), expected.expand(-1, 3, -1, -1), atol=1e-4)


# -- the networks that pythae calls benchmarks


def test_the_convolutional_vae_for_cifar(tmp_path):
    image, widths = (3, 32, 32), (3, 4, 5, 6, 7)
    shapes = layer("encoder.embedding", L, 28) | layer("encoder.log_var", L, 28) | layer("decoder.layers.0", 448, L)
    for i in range(4):
        shapes |= layer(f"encoder.layers.{i}.0", widths[i + 1], widths[i], 4, 4)
        shapes |= norm(f"encoder.layers.{i}.1", widths[i + 1])
    for i, (channels, out) in enumerate(((7, 6), (6, 5), (5, 3)), 1):
        shapes |= up(f"decoder.layers.{i}.0", channels, out, 4) | (norm(f"decoder.layers.{i}.1", out) if i < 3 else {})
    state = random(shapes)
    folder = write(tmp_path / "vae", "VAEConfig", image, state, uses_default_encoder=False, uses_default_decoder=False)
    (folder / "encoder.pkl").write_bytes(b"never opened")
    network = checkpoints.load(folder)
    assert "pickled code beside them is not run" in checkpoints.describe(folder).notes[1]
    x = images = torch.rand(2, *image)
    for i in range(4):
        x = normed(state, f"encoder.layers.{i}.1", conv(state, f"encoder.layers.{i}.0", x, 2))
    z = linear(state, "encoder.embedding", x.flatten(1))
    x = linear(state, "decoder.layers.0", z).view(2, 7, 8, 8)
    x = normed(state, "decoder.layers.1.1", transposed(state, "decoder.layers.1.0", x))
    x = normed(state, "decoder.layers.2.1", transposed(state, "decoder.layers.2.0", x, more=1))
    expected = torch.sigmoid(transposed(state, "decoder.layers.3.0", x, 1, 2))
    found = network.encode(images)
    assert torch.allclose(found["latent"].view(2, L), z, atol=1e-4)
    assert torch.allclose(network.decode(found), expected, atol=1e-4)


def blocks(name, width, inner):
    found = {}
    for i in range(2):
        found |= layer(f"{name}.{i}.conv_block.1", inner, width, 3, 3)
        found |= layer(f"{name}.{i}.conv_block.3", width, inner, 1, 1)
    return found


def residual(state, name, x):
    for i in range(2):
        inner = torch.relu(conv(state, f"{name}.{i}.conv_block.1", torch.relu(x)))
        x = x + conv(state, f"{name}.{i}.conv_block.3", inner, padding=0)
    return x


def test_the_residual_vqvae_for_mnist(tmp_path):
    image, width = (1, 28, 28), 6
    state = random({
        **layer("encoder.layers.0.0", 3, 1, 4, 4), **layer("encoder.layers.1.0", width, 3, 4, 4),
        **layer("encoder.layers.2.0", width, width, 3, 3), **blocks("encoder.layers.3", width, 2),
        **layer("encoder.pre_qantized", L, width, 1, 1), "quantizer.embeddings.weight": (K, L),
        **up("decoder.layers.0", L, width, 1), **up("decoder.layers.1", width, width, 3),
        **blocks("decoder.layers.2", width, 2), **up("decoder.layers.3.0", width, 3, 3),
        **up("decoder.layers.4.0", 3, 1, 3),
    })  # fmt: skip
    how = {"uses_default_encoder": False, "uses_default_decoder": False}
    network = checkpoints.load(write(tmp_path / "vq", "VQVAEConfig", image, state, **how))
    assert network.layers[0].grid == (4, 4) and network.layers[0].dim == L
    x = images = torch.rand(2, *image)
    for i in range(3):
        x = conv(state, f"encoder.layers.{i}.0", x, 2)
    z = conv(state, "encoder.pre_qantized", residual(state, "encoder.layers.3", x), padding=0).movedim(1, 3)
    table = state["quantizer.embeddings.weight"]
    codes = torch.cdist(z.reshape(-1, L), table).argmin(1).view(2, 4, 4)
    x = transposed(state, "decoder.layers.0", table[codes].movedim(3, 1), 1, 0)
    x = torch.relu(residual(state, "decoder.layers.2", transposed(state, "decoder.layers.1", x)))
    x = torch.relu(transposed(state, "decoder.layers.3.0", x, more=1))
    expected = torch.sigmoid(transposed(state, "decoder.layers.4.0", x, more=1))
    found = network.encode(images.expand(-1, 3, -1, -1))
    assert torch.allclose(found["code"], z, atol=1e-4)
    assert (network.codebooks["code"].assign(found["code"]) == codes).all()
    assert torch.allclose(network.decode(found), expected.expand(-1, 3, -1, -1), atol=1e-4)


# -- what cannot be opened


@pytest.mark.parametrize("key", ["encoder.embedding.bias", "encoder.log_var.weight", "decoder.layers.1.0.bias"])
def test_a_key_that_is_missing_is_named(tmp_path, key):
    state = vae((1, 8, 8))
    del state[key]
    with pytest.raises(BadInput, match=rf"lacks .*{key}"):
        checkpoints.load(write(tmp_path / "vae", "VAEConfig", (1, 8, 8), state))


def test_keys_that_are_left_over_are_named(tmp_path):
    state = vae((1, 8, 8)) | {"discriminator.weight": torch.zeros(3)}
    with pytest.raises(BadInput, match=r"has discriminator\.weight that it should not have"):
        checkpoints.load(write(tmp_path / "vae", "VAEConfig", (1, 8, 8), state))


def test_a_network_of_ones_own_is_refused_with_the_reason(tmp_path):
    state = random(layer("encoder.body.0", 4, 1, 3, 3) | layer("decoder.body.0", 1, 4, 3, 3))
    folder = write(tmp_path / "own", "VAEConfig", (1, 8, 8), state, uses_default_encoder=False)
    (folder / "encoder.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/ran'\ntR.")
    with pytest.raises(BadInput, match=r"pickled code \(encoder\.pkl\) that is not run; train it with"):
        checkpoints.describe(folder)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "RHVAEConfig"}, "RHVAE; choose from AE, VAE, BetaVAE"),
        ({"input_dim": [784]}, r"input_dim of vae is \[784\]; grey and RGB"),
        ({"input_dim": None}, "input_dim of vae is None"),
        ({"input_dim": [1, 16, 16]}, "lacks 256 outputs"),
    ],
)
def test_configs_that_cannot_be_are_refused(tmp_path, change, sentence):
    folder = write(tmp_path / "vae", "VAEConfig", (1, 8, 8), vae((1, 8, 8)))
    config = json.loads((folder / "model_config.json").read_text())
    (folder / "model_config.json").write_text(json.dumps(config | change))
    with pytest.raises(BadInput, match=sentence):
        checkpoints.describe(folder)


def test_other_sizes_and_missing_weights_are_refused(tmp_path):
    folder = write(tmp_path / "vae", "VAEConfig", (1, 8, 8), vae((1, 8, 8)))
    with pytest.raises(BadInput, match="takes images of 8 pixels and no others, not 16"):
        checkpoints.describe(f"{folder}@16")
    (folder / "model.pt").unlink()
    with pytest.raises(BadInput, match=r"has no model\.pt"):
        checkpoints.describe(folder)
