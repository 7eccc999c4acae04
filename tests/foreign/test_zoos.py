"""State dicts of AntixK/PyTorch-VAE, nadavbh12/VQ-VAE and guspih/Perceptual-Autoencoders, against a computation of
their own, written after the authors' code."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

from explorer import checkpoints, foreign
from explorer.errors import BadInput

IMAGES = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))


class State(dict):
    """Random weights by name, and the layers that use them."""

    def __init__(self) -> None:
        self.random = torch.Generator().manual_seed(0)

    def normal(self, *shape: int, scale: float = 0.2) -> torch.Tensor:
        return scale * torch.randn(shape, generator=self.random)

    def add(self, name: str, *shape: int, bias: int | None = None) -> None:
        self[f"{name}.weight"] = self.normal(*shape, scale=(2 / torch.Size(shape[1:]).numel()) ** 0.5)
        if bias:
            self[f"{name}.bias"] = self.normal(bias)

    def norms(self, name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            self[f"{name}.{part}"] = self.normal(channels)
        self[f"{name}.running_var"] = self[f"{name}.running_var"].abs() + 0.5
        self[f"{name}.weight"] = self[f"{name}.weight"] + 1
        self[f"{name}.num_batches_tracked"] = torch.tensor(3)

    def conv(self, name, x, stride=1, padding=1):
        return F.conv2d(x, self[f"{name}.weight"], self.get(f"{name}.bias"), stride, padding)

    def up(self, name, x, padding=1, more=0):
        return F.conv_transpose2d(x, self[f"{name}.weight"], self.get(f"{name}.bias"), 2, padding, more)

    def norm(self, name, x):
        values = (self[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *values)

    def linear(self, name, x):
        return F.linear(x, self[f"{name}.weight"], self[f"{name}.bias"])


def vanilla(ends: tuple[str, ...] = ("fc_mu", "fc_var"), wide: int = 6) -> State:
    """VanillaVAE with hidden_dims 4, 6, 8."""
    state, widths = State(), (3, 4, 6, 8)
    for i, (before, after) in enumerate(itertools.pairwise(widths)):
        state.add(f"encoder.{i}.0", after, before, 3, 3, bias=after)
        state.norms(f"encoder.{i}.1", after)
    for end in ends:
        state.add(end, wide, 32, bias=wide)
    state.add("decoder_input", 32, wide, bias=32)
    for i, (before, after) in enumerate(((8, 6), (6, 4))):
        state.add(f"decoder.{i}.0", before, after, 3, 3, bias=after)
        state.norms(f"decoder.{i}.1", after)
    state.add("final_layer.0", 4, 4, 3, 3, bias=4)
    state.norms("final_layer.1", 4)
    state.add("final_layer.3", 3, 4, 3, 3, bias=3)
    return state


def run_vanilla(state: State, x: torch.Tensor, end: str = "fc_mu") -> tuple[torch.Tensor, torch.Tensor]:
    for i in range(3):
        x = F.leaky_relu(state.norm(f"encoder.{i}.1", state.conv(f"encoder.{i}.0", x, 2)))
    z = state.linear(end, x.flatten(1))
    x = state.linear("decoder_input", z).view(-1, 8, 2, 2)
    for at, after in (
        ("decoder.0.0", "decoder.0.1"),
        ("decoder.1.0", "decoder.1.1"),
        ("final_layer.0", "final_layer.1"),
    ):
        x = F.leaky_relu(state.norm(after, state.up(at, x, more=1)))
    return z, torch.tanh(state.conv("final_layer.3", x))


def lightning(state: State, path, **more):
    torch.save({"state_dict": {f"model.{name}": value for name, value in state.items()}, "epoch": 3, "global_step": 9}
               | more, path)  # fmt: skip
    return path


def opened(path, images, layer):
    model = checkpoints.load(path)
    with torch.no_grad():
        z = model.encode(images)[layer]
        return model, z, model.decode({layer: z})


@pytest.mark.parametrize("end", ["fc_mu", "fc_z"])
def test_a_vae_of_lightning_encodes_and_decodes_as_in_its_own_code(tmp_path, end):
    state, images = vanilla(("fc_mu", "fc_var") if end == "fc_mu" else ("fc_z",)), IMAGES[..., :16, :16]
    state["feature_network.features.0.weight"] = torch.zeros(4, 3, 3, 3)  # of DFCVAE's loss
    path = lightning(state, tmp_path / "last.ckpt", **{"pytorch-lightning_version": "1.5.6"})
    model, z, made = opened(path, images, "latent")
    latents, image = run_vanilla(state, images, end)
    assert (model.layers[0].grid, model.layers[0].dim, model.image_size) == ((1, 1), 6, 16)
    torch.testing.assert_close(z[:, 0, 0], latents)
    torch.testing.assert_close(made, image.clamp(0, 1))


def test_a_vae_draws_from_its_posterior(tmp_path):
    state = vanilla()
    state["fc_var.weight"], state["fc_var.bias"] = (
        torch.zeros(6, 32),
        torch.full((6,), 2 * torch.log(torch.tensor(0.3))),
    )
    model, z, _ = opened(lightning(state, tmp_path / "a.ckpt"), IMAGES[..., :16, :16].repeat(99, 1, 1, 1), "latent")
    drawn = model.sample(IMAGES[..., :16, :16].repeat(99, 1, 1, 1), torch.Generator().manual_seed(0))["latent"]
    assert (drawn - z).std().item() == pytest.approx(0.3, rel=0.05)
    mean, variance = model.posterior(IMAGES[..., :16, :16])["latent"]
    torch.testing.assert_close(mean, z[: len(IMAGES)])
    assert variance.shape == mean.shape and torch.allclose(variance, torch.tensor(0.09))


@pytest.mark.parametrize(
    ("version", "asked", "signed"),
    [
        ("1.5.6", "", False),
        ("2.1.0", "", False),
        ("0.9.0", "", True),
        (None, "", True),
        ("0.9.0", "@,range=0..1", False),
    ],
)
def test_pixels_are_those_of_the_time_of_its_training(tmp_path, version, asked, signed):
    state, images = vanilla(), IMAGES[..., :16, :16]
    path = lightning(state, tmp_path / "a.ckpt", **({"pytorch-lightning_version": version} if version else {}))
    _, z, made = opened(f"{path}{asked}", images, "latent")
    latents, image = run_vanilla(state, 2 * images - 1 if signed else images)
    torch.testing.assert_close(z[:, 0, 0], latents)
    torch.testing.assert_close(made, (image / 2 + 0.5 if signed else image).clamp(0, 1))


def zoo_vqvae() -> State:
    state = State()
    state.add("encoder.0.0", 6, 3, 4, 4, bias=6)
    state.add("encoder.1.0", 8, 6, 4, 4, bias=8)
    state.add("encoder.2.0", 8, 8, 3, 3, bias=8)
    for side, first in (("encoder", 3), ("decoder", 1)):
        for i in range(first, first + 6):
            state.add(f"{side}.{i}.resblock.0", 8, 8, 3, 3)
            state.add(f"{side}.{i}.resblock.2", 8, 8, 1, 1)
    state.add("encoder.10.0", 5, 8, 1, 1, bias=5)
    state["vq_layer.embedding.weight"] = state.normal(24, 5, scale=2.0)
    state.add("decoder.0.0", 8, 5, 3, 3, bias=8)
    state.add("decoder.8.0", 8, 6, 4, 4, bias=6)
    state.add("decoder.9.0", 6, 3, 4, 4, bias=3)
    return state


def run_zoo_vqvae(state: State, x: torch.Tensor):
    def blocks(x, side, first):
        for i in range(first, first + 6):
            inner = torch.relu(state.conv(f"{side}.{i}.resblock.0", x))
            x = x + state.conv(f"{side}.{i}.resblock.2", inner, padding=0)
        return F.leaky_relu(x)

    x = F.leaky_relu(state.conv("encoder.0.0", x, 2))
    x = F.leaky_relu(state.conv("encoder.2.0", F.leaky_relu(state.conv("encoder.1.0", x, 2))))
    z = F.leaky_relu(state.conv("encoder.10.0", blocks(x, "encoder", 3), padding=0)).movedim(1, 3)
    codes, q = nearest(z, state["vq_layer.embedding.weight"])
    x = blocks(F.leaky_relu(state.conv("decoder.0.0", q)), "decoder", 1)
    return z, codes, torch.tanh(state.up("decoder.9.0", F.leaky_relu(state.up("decoder.8.0", x))))


def nearest(z: torch.Tensor, vectors: torch.Tensor):
    codes = torch.cdist(z.flatten(0, 2), vectors).argmin(1).view(z.shape[:3])
    return codes, vectors[codes].movedim(3, 1)


def test_the_vqvae_of_the_zoo(tmp_path):
    state, images = zoo_vqvae(), IMAGES[..., :32, :32]
    path = lightning(state, tmp_path / "vq.ckpt", **{"pytorch-lightning_version": "1.5.6"})
    assert checkpoints.load(path).image_size == 64
    model, z, made = opened(f"{path}@32", images, "code")
    latents, codes, image = run_zoo_vqvae(state, images)
    assert len(codes.unique()) > 2 and torch.equal(model.codebooks["code"].assign(z), codes)
    torch.testing.assert_close(z, latents)
    torch.testing.assert_close(made, image.clamp(0, 1))


@pytest.mark.parametrize(
    ("mark", "shape", "model"),
    [("embed_class.weight", (9, 4), "ConditionalVAE"), ("fc_mu.0.weight", (6, 32), "GammaVAE"),
     ("ladders.0.fc_mu.weight", (6, 6), "LVAE"), ("encoder_z2_layers.0.0.weight", (4, 3, 3, 3), "HVAE")],
)  # fmt: skip
def test_models_of_the_zoo_that_need_more_say_what_they_are(tmp_path, mark, shape, model):
    state = vanilla()
    state[mark] = torch.zeros(shape)
    with pytest.raises(BadInput, match=f"{model} of AntixK/PyTorch-VAE"):
        checkpoints.load(lightning(state, tmp_path / "a.ckpt"))


def test_a_vector_of_categories_is_not_taken_for_latents(tmp_path):
    with pytest.raises(BadInput, match="CategoricalVAE"):
        checkpoints.load(lightning(vanilla(("fc_z",), wide=48), tmp_path / "a.ckpt"))


# -- nadavbh12/VQ-VAE


def blocks(state: State, name: str, channels: int, normed: bool) -> None:
    state.add(f"{name}.convs.1", channels, channels, 3, 3, bias=channels)
    if normed:
        state.norms(f"{name}.convs.2", channels)
    state.add(f"{name}.convs.{4 if normed else 3}", channels, channels, 1, 1, bias=channels)


def run_block(state: State, name: str, x: torch.Tensor) -> torch.Tensor:
    inner = state.conv(f"{name}.convs.1", torch.relu(x))
    normed = f"{name}.convs.2.weight" in state
    inner = state.norm(f"{name}.convs.2", inner) if normed else inner
    return x + state.conv(f"{name}.convs.{4 if normed else 3}", torch.relu(inner), padding=0)


def nearest_embed(channels: int, discrete: bool) -> State:
    state, d, bias = State(), 6, 6 if discrete else None
    state.add("encoder.0", d, channels, 4, 4, bias=bias)
    state.add("encoder.3", d, d, 4, 4, bias=bias)
    for index in (1, 4, 7, 9) if discrete else (1, 4, 7):
        state.norms(f"encoder.{index}", d)
    for name in ("encoder.6", "encoder.8", "decoder.0", "decoder.2"):
        blocks(state, name, d, name.startswith("encoder") or not discrete)
    at = 3 if discrete else 4
    for index in (1, at + 1) if discrete else (1, 3, at + 1):
        state.norms(f"decoder.{index}", d)
    state.add(f"decoder.{at}", d, d, 4, 4, bias=bias)
    state.add(f"decoder.{at + 3}", d, channels, 4, 4, bias=channels if discrete else None)
    if discrete:
        state["emb.weight"] = state.normal(d, 9, scale=1.0)
    else:
        for name in ("fc11", "fc12"):
            state.add(name, d * 64, d * 64, bias=d * 64)
    return state


def run_nearest_embed(state: State, x: torch.Tensor):
    discrete = "emb.weight" in state
    x = torch.relu(state.norm("encoder.1", state.conv("encoder.0", x, 2)))
    x = torch.relu(state.norm("encoder.4", state.conv("encoder.3", x, 2)))
    x = run_block(state, "encoder.8", state.norm("encoder.7", run_block(state, "encoder.6", x)))
    if discrete:
        z = state.norm("encoder.9", x).movedim(1, 3)
        codes, x = nearest(z, state["emb.weight"].T)
    else:
        z, codes = state.linear("fc11", x.flatten(1)).view(-1, 6, 8, 8), None
        z, x = z.movedim(1, 3), z
    x = run_block(state, "decoder.2", state.norm("decoder.1", run_block(state, "decoder.0", x)))
    x, at = (x, 3) if discrete else (state.norm("decoder.3", x), 4)
    x = torch.relu(state.norm(f"decoder.{at + 1}", state.up(f"decoder.{at}", x)))
    return z, codes, torch.tanh(state.up(f"decoder.{at + 3}", x))


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_a_codebook_of_columns_and_batch_norm(tmp_path, channels, size):
    state, images = nearest_embed(channels, True), IMAGES[..., :size, :size]
    torch.save(dict(state), tmp_path / "model_3.pth")
    model, z, made = opened(tmp_path / "model_3.pth", images, "code")
    grey = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    latents, codes, image = run_nearest_embed(state, grey if channels == 1 else 2 * images - 1)
    assert model.image_size == size and model.codebooks["code"].vectors.shape == (9, 6)
    assert len(codes.unique()) > 2 and torch.equal(model.codebooks["code"].assign(z), codes)
    torch.testing.assert_close(z, latents)
    torch.testing.assert_close(made, (image if channels == 1 else image / 2 + 0.5).clamp(0, 1).expand(-1, 3, -1, -1))


def test_a_convolutional_vae_with_a_grid_of_latents(tmp_path):
    state, images = nearest_embed(3, False), IMAGES[..., :32, :32]
    torch.save(dict(state), tmp_path / "model_3.pth")
    model, z, made = opened(tmp_path / "model_3.pth", images, "latent")
    latents, _, image = run_nearest_embed(state, 2 * images - 1)
    assert model.layers[0].grid == (8, 8)
    torch.testing.assert_close(z, latents)
    torch.testing.assert_close(made, (image / 2 + 0.5).clamp(0, 1))


def test_the_vae_of_pytorchs_examples(tmp_path):
    state, images = State(), IMAGES[..., :8, :8]
    for name, out, into in (("fc1", 10, 64), ("fc21", 4, 10), ("fc22", 4, 10), ("fc3", 10, 4), ("fc4", 64, 10)):
        state.add(name, out, into, bias=out)
    torch.save(dict(state), tmp_path / "vae.pt")
    _, z, made = opened(tmp_path / "vae.pt", images, "latent")
    grey = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1).flatten(1)
    latents = state.linear("fc21", torch.relu(state.linear("fc1", grey)))
    image = torch.sigmoid(state.linear("fc4", torch.relu(state.linear("fc3", latents)))).view(-1, 1, 8, 8)
    torch.testing.assert_close(z[:, 0, 0], latents)
    torch.testing.assert_close(made, image.expand(-1, 3, -1, -1))


# -- guspih/Perceptual-Autoencoders


def perceptual() -> State:
    state, widths, kernels = State(), (3, 4, 5, 6, 7), (5, 5, 6, 6)
    for i in range(4):
        state.add(f"encoder.conv{i}", widths[i + 1], widths[i], 4, 4, bias=widths[i + 1])
        state.norms(f"encoder.norm{i}", widths[i + 1])
    for name in ("mu", "logvar"):
        state.add(name, 9, 7 * 4, bias=9)
    state.add("dense", 8, 9, bias=8)
    for i, (before, after) in enumerate(((8, 6), (6, 5), (5, 4), (4, 3))):
        state.add(f"decoder.conv{i}", before, after, kernels[i], kernels[i], bias=after)
        if i < 3:
            state.norms(f"decoder.norm{i}", after)
    return state


def test_a_four_layer_vae_and_the_network_of_its_loss(tmp_path):
    state = perceptual()
    torch.save(dict(state) | {"perceptual_net.features.0.weight": torch.zeros(2, 3, 3, 3)}, tmp_path / "cvae.pt")
    model, z, made = opened(tmp_path / "cvae.pt", IMAGES, "latent")
    x = IMAGES
    for i in range(4):
        x = torch.relu(state.norm(f"encoder.norm{i}", state.conv(f"encoder.conv{i}", x, 2, 0)))
    latents = state.linear("mu", x.flatten(1))
    x = torch.relu(state.linear("dense", latents)).view(-1, 8, 1, 1)
    for i in range(4):
        x = state.up(f"decoder.conv{i}", x, padding=0)
        x = torch.sigmoid(x) if i == 3 else torch.relu(state.norm(f"decoder.norm{i}", x))
    assert model.image_size == 64
    torch.testing.assert_close(z[:, 0, 0], latents)
    torch.testing.assert_close(made, x)


class Whole(torch.nn.Module):
    """A module that its authors pickle."""


def test_a_pickled_module_says_how_to_save_its_weights(tmp_path):
    torch.save(Whole(), tmp_path / "cvae.pt")
    with pytest.raises(BadInput, match=r"state_dict\(\)"):
        checkpoints.load(tmp_path / "cvae.pt")


@pytest.mark.parametrize("make", [vanilla, zoo_vqvae, lambda: nearest_embed(3, True), perceptual])
def test_a_tensor_that_is_missing_is_named(tmp_path, make):
    state = make()
    gone = next(name for name in reversed(list(state)) if name.endswith("bias"))
    del state[gone]
    torch.save(dict(state), tmp_path / "a.pt")
    with pytest.raises(BadInput, match="lacks"):
        foreign.load(foreign.recognise(tmp_path / "a.pt"), "a.pt")
