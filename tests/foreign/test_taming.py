"""VQGANs of taming-transformers and latent-diffusion: what opens here is what their own arithmetic gives."""

from __future__ import annotations

import json
import sys
import types

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from explorer import checkpoints, foreign
from explorer.autoencoder import Autoencoder, Codebook, Samples
from explorer.errors import BadInput

pytest.importorskip("diffusers", reason="diffusers is not installed")

SIZE, CODES, WIDE, DIM = 16, 24, 6, 4  # images, K, z_channels, D
WIDTHS = {  # the second has a `ch_mult` that does not begin with 1
    "plain": (32, 32, 64), "mult": (64, 32, 64), "narrow": (32, 32, 32),
}  # fmt: skip
KINDS = ("VQModel", "GumbelVQ", "AutoencoderKL")


def state(kind="VQModel", *, widths="plain", levels=(1,), middle=True, channels=3, seed=0):
    """A state dict by the published names, every number random; attention at some levels, and in the middle."""
    generator, found = torch.Generator().manual_seed(seed), {}
    widths = WIDTHS[widths]
    dim = WIDE if kind == "GumbelVQ" else DIM

    def conv(name, into, out, side):
        found[f"{name}.weight"] = torch.randn(out, into, side, side, generator=generator) * (into * side**2) ** -0.5
        found[f"{name}.bias"] = 0.2 * torch.randn(out, generator=generator)

    def norm(name, width):
        found[f"{name}.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.bias"] = 0.2 * torch.randn(width, generator=generator)

    def block(name, into, out):
        norm(f"{name}.norm1", into), conv(f"{name}.conv1", into, out, 3)
        norm(f"{name}.norm2", out), conv(f"{name}.conv2", out, out, 3)
        if into != out:
            conv(f"{name}.nin_shortcut", into, out, 1)

    def attention(name, width):
        norm(f"{name}.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", width, width, 1)

    def centre(part):
        block(f"{part}.mid.block_1", widths[-1], widths[-1]), block(f"{part}.mid.block_2", widths[-1], widths[-1])
        if middle:
            attention(f"{part}.mid.attn_1", widths[-1])

    def level(part, index, blocks, into, out):
        for number in range(blocks):
            block(f"{part}.{index}.block.{number}", into if number == 0 else out, out)
            if index in levels:
                attention(f"{part}.{index}.attn.{number}", out)

    conv("encoder.conv_in", channels, 32, 3), conv("decoder.conv_in", WIDE, widths[-1], 3)
    centre("encoder"), centre("decoder")
    for index, width in enumerate(widths):
        level("encoder.down", index, 1, widths[index - 1] if index else 32, width)
        level("decoder.up", index, 2, widths[min(index + 1, len(widths) - 1)], width)
        if index < len(widths) - 1:
            conv(f"encoder.down.{index}.downsample.conv", width, width, 3)
        if index:
            conv(f"decoder.up.{index}.upsample.conv", width, width, 3)
    twice = 2 if kind == "AutoencoderKL" else 1
    norm("encoder.norm_out", widths[-1]), conv("encoder.conv_out", widths[-1], twice * WIDE, 3)
    norm("decoder.norm_out", widths[0]), conv("decoder.conv_out", widths[0], channels, 3)
    conv("quant_conv", twice * WIDE, twice * dim, 1), conv("post_quant_conv", dim, WIDE, 1)
    if kind == "VQModel":
        found["quantize.embedding.weight"] = 0.5 * torch.randn(CODES, dim, generator=generator)
    if kind == "GumbelVQ":
        conv("quantize.proj", WIDE, CODES, 1)
        found["quantize.embed.weight"] = torch.randn(CODES, dim, generator=generator)
    return found


class Reference:
    """The same networks as functions of a state dict."""

    def __init__(self, weights, tanh=False):
        self.weights, self.tanh = weights, tanh

    def conv(self, name, x, **how):
        return functional.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], **how)

    def norm(self, name, x):
        return functional.group_norm(x, 32, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)

    def block(self, name, x):
        h = self.conv(f"{name}.conv1", functional.silu(self.norm(f"{name}.norm1", x)), padding=1)
        h = self.conv(f"{name}.conv2", functional.silu(self.norm(f"{name}.norm2", h)), padding=1)
        return h + (self.conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in self.weights else x)

    def attention(self, name, x):
        if f"{name}.q.weight" not in self.weights:
            return x
        h = self.norm(f"{name}.norm", x)
        q, k, v = (self.conv(f"{name}.{part}", h).flatten(2) for part in "qkv")  # (N, C, H·W)
        share = (q.transpose(1, 2) @ k * q.shape[1] ** -0.5).softmax(2)
        return x + self.conv(f"{name}.proj_out", (v @ share.transpose(1, 2)).view_as(x))

    def middle(self, part, x):
        x = self.attention(f"{part}.mid.attn_1", self.block(f"{part}.mid.block_1", x))
        return self.block(f"{part}.mid.block_2", x)

    def encode(self, images):
        """(N, 2 D or D, H, W) after `quant_conv`."""
        x = self.conv("encoder.conv_in", images * 2 - 1, padding=1)
        for index in range(3):
            x = self.attention(f"encoder.down.{index}.attn.0", self.block(f"encoder.down.{index}.block.0", x))
            if index < 2:  # padded on the right and below only
                x = self.conv(f"encoder.down.{index}.downsample.conv", functional.pad(x, (0, 1, 0, 1)), stride=2)
        x = functional.silu(self.norm("encoder.norm_out", self.middle("encoder", x)))
        return self.conv("quant_conv", self.conv("encoder.conv_out", x, padding=1))

    def decode(self, z):
        """(N, D, H, W) -> images in [0, 1]."""
        x = self.middle("decoder", self.conv("decoder.conv_in", self.conv("post_quant_conv", z), padding=1))
        for index in (2, 1, 0):
            for number in range(2):
                x = self.block(f"decoder.up.{index}.block.{number}", x)
                x = self.attention(f"decoder.up.{index}.attn.{number}", x)
            if index:
                x = self.conv(f"decoder.up.{index}.upsample.conv", functional.interpolate(x, scale_factor=2), padding=1)
        x = self.conv("decoder.conv_out", functional.silu(self.norm("decoder.norm_out", x)), padding=1)
        return ((x.tanh() if self.tanh else x) / 2 + 0.5).clamp(0, 1)

    def codes(self, z):
        """(N, H, W) by the network's own rule."""
        if "quantize.proj.weight" in self.weights:
            return self.conv("quantize.proj", z).argmax(1)
        return (
            torch.cdist(z.movedim(1, 3).flatten(1, 2), self.weights["quantize.embedding.weight"])
            .argmin(2)
            .view_as(z[:, 0])
        )

    def table(self):
        return self.weights.get("quantize.embed.weight", self.weights.get("quantize.embedding.weight"))


@pytest.fixture(scope="module")
def images():
    return torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def write(tmp_path):
    def written(weights, name="model.ckpt", **beside):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"state_dict": weights, **beside}, path)
        return path

    return written


def opened(path, size=SIZE):
    return checkpoints.load(f"{path}@{size}" if size else path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "settings",
    [{}, {"widths": "mult", "levels": (0, 2)}, {"levels": (), "middle": False}],
    ids=["plain", "mult", "none"],
)
@torch.inference_mode()
def test_it_computes_what_the_original_computes(kind, settings, write, images):
    weights = state(kind, **settings)
    model, reference = opened(write(weights)), Reference(weights)
    z = reference.encode(images)
    assert isinstance(model, Autoencoder)
    (layer,), (name,) = model.layers, ["latent" if kind == "AutoencoderKL" else "code"]
    given = model.encode(images)
    assert (layer.name, layer.grid) == (name, (4, 4))
    assert given[name].shape == (3, 4, 4, layer.dim)
    if kind == "AutoencoderKL":
        z = z[:, :DIM]
        expected = reference.decode(z)
        assert isinstance(model, Samples)
        assert not model.codebooks
    else:
        codes = reference.codes(z)
        assert len(codes.unique()) > 3
        assert torch.equal(model.codebooks[name].assign(given[name]), codes)
        expected = reference.decode(reference.table()[codes].movedim(3, 1))
    torch.testing.assert_close(given[name][..., : z.shape[1]], z.movedim(1, 3), atol=1e-4, rtol=0)
    torch.testing.assert_close(model.decode(given), expected, atol=1e-4, rtol=0)
    assert expected.std() > 0.1


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ({"model": {"class_path": "src.IBQ.models.ibqgan.IBQ", "init_args": {"n_embed": CODES}}}, ""),
        ({"ddconfig": {"z_channels": WIDE}, "n_embed": CODES, "embed_dim": DIM}, ""),
        (None, ",compare=product"),
    ],
    ids=["SEED-Voken", "Emu3.5", "asked for"],
)
@torch.inference_mode()
def test_ibq_takes_the_code_of_the_largest_product(config, asked, write, images):
    weights = state()
    path = write(weights, "run/model.ckpt")
    if config:
        (path.parent / "config.yaml").write_text(json.dumps(config))
    reference, model = Reference(weights), opened(path.parent if config else path, f"{SIZE}{asked}")
    z = reference.encode(images)
    codes = torch.einsum("ndhw,kd->nhwk", z, reference.table()).argmax(3)
    found = model.encode(images)["code"]
    assert not torch.equal(codes, reference.codes(z)), "the nearest are others"
    assert torch.equal(model.codebooks["code"].assign(found), codes)
    expected = reference.decode(reference.table()[codes].movedim(3, 1))
    torch.testing.assert_close(model.decode({"code": found}), expected, atol=1e-4, rtol=0)
    nearest = opened(path.parent if config else path, f"{SIZE},compare=distance")
    assert torch.equal(nearest.codebooks["code"].assign(nearest.encode(images)["code"]), reference.codes(z))
    assert foreign.fingerprint(foreign.recognise(f"{path}@{SIZE},compare=distance")) != foreign.fingerprint(
        foreign.recognise(f"{path}@{SIZE},compare=product")
    )


@pytest.mark.parametrize("kind", ["VQModel", "GumbelVQ"])
@torch.inference_mode()
def test_codes_decode_to_their_own_vectors(kind, write):
    weights = state(kind)
    model = opened(write(weights))
    book, codes = model.codebooks["code"], torch.arange(CODES)
    assert torch.equal(book.assign(book.lookup(codes)), codes)
    picked = codes[:16].view(1, 4, 4)
    expected = Reference(weights).decode(Reference(weights).table()[picked].movedim(3, 1))
    torch.testing.assert_close(model.decode({"code": book.lookup(picked)}), expected, atol=1e-4, rtol=0)


@torch.inference_mode()
def test_codes_of_gumbel_are_right_far_from_the_network(write, images):
    weights = state("GumbelVQ", seed=3)
    model = opened(write(weights))
    vectors = model.codebooks["code"].vectors
    assert vectors.shape == (CODES, WIDE + 1)  # all that an encoding on disk keeps
    codes = Reference(weights).codes(Reference(weights).encode(images))
    assert torch.equal(Codebook(vectors.clone()).assign(model.encode(images)["code"]), codes)
    nearest = torch.cdist(model.encode(images)["code"][..., :WIDE].reshape(-1, WIDE), weights["quantize.embed.weight"])
    assert not torch.equal(nearest.argmin(1).view_as(codes), codes)


@pytest.mark.parametrize("kind", ["VQModel", "GumbelVQ"])
@torch.inference_mode()
def test_without_latents_the_decoder_gets_the_mean_code(kind, write):
    weights = state(kind)
    mean = Reference(weights).table().mean(0)[None, :, None, None].expand(1, -1, 4, 4)
    torch.testing.assert_close(opened(write(weights)).decode({}), Reference(weights).decode(mean), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_grey_images(write, images):
    weights = state(channels=1)
    grey = (images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    reference = Reference(weights)
    expected = reference.decode(reference.table()[reference.codes(reference.encode(grey))].movedim(3, 1))
    model = opened(write(weights))
    torch.testing.assert_close(model.decode(model.encode(images)), expected.expand(-1, 3, -1, -1), atol=1e-4, rtol=0)


def test_what_training_leaves_in_the_file_is_left_out(write, monkeypatch):
    name = "pytorch_lightning.callbacks.model_checkpoint"
    for package in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    callback = type("ModelCheckpoint", (), {"__module__": name})
    sys.modules[name].ModelCheckpoint = callback
    more = {
        "loss.discriminator.main.0.weight": torch.zeros(2), "loss.logvar": torch.zeros(()),
        "model_ema.decay": torch.tensor(0.9), "model_ema.encoderconv_inweight": torch.zeros(3),
        "colorize": torch.zeros(3, 5, 1, 1), "quantize.embedding.cluster_size": torch.ones(CODES),
        "quantize.embedding.embed_avg": torch.zeros(CODES, DIM), "quantize.used": torch.arange(3),
    }  # fmt: skip
    path = write({**state(), **more}, epoch=3, callbacks={callback: {"best_model_score": torch.tensor(0.5)}})
    for package in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
        monkeypatch.delitem(sys.modules, package)
    found = checkpoints.describe(f"{path}@{SIZE}")
    assert found.format == "taming-transformers VQModel"
    assert any("model_ema" in note for note in found.notes)
    assert any("remap" in note for note in found.notes)
    assert set(opened(path).network.state_dict()) == set(opened(write(state(), "plain.ckpt")).network.state_dict())


@torch.inference_mode()
def test_the_autoencoder_inside_a_model_of_its_latents(write, images):
    weights = state("AutoencoderKL")
    whole = {f"first_stage_model.{name}": value for name, value in weights.items()}
    path = write({**whole, "model.diffusion_model.out.weight": torch.zeros(2), "betas": torch.zeros(5)})
    latents = opened(path).encode(images)["latent"].movedim(3, 1)
    torch.testing.assert_close(latents, Reference(weights).encode(images)[:, :DIM], atol=1e-4, rtol=0)


def yaml(target="taming.models.vqgan.VQModel", more="", data="size: 48"):
    return (
        f"model:\n  target: {target}\n  params:\n    ddconfig: {{resolution: 64, z_channels: 6{more}}}\n"
        f"data:\n  params:\n    train:\n      params: {{{data}}}\n"
    )


@pytest.fixture
def run(write, tmp_path):
    def made(text, weights=None, file="checkpoints/last.ckpt", config="configs/2021-05-06T10-00-00-project.yaml"):
        write(weights or state(), f"run/{file}")
        path = tmp_path / "run" / config
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return tmp_path / "run"

    return made


@pytest.mark.parametrize(
    ("data", "size"),
    [
        ("size: 48", 48),
        ("size: 96, crop_size: 32", 32),
        ("config: {size: 40}", 40),
        ("size: 50", 64),  # which the network cannot take; it was made for 64
        ("images: some.txt", 64),
    ],
)
def test_the_folder_of_a_run_says_the_size_of_its_images(data, size, run):
    path = run(yaml(data=data))
    assert checkpoints.describe(path).image_size == size
    assert checkpoints.describe(f"{path}@16").image_size == 16
    assert opened(path, None).layers[0].grid == (size // 4, size // 4)


@pytest.mark.parametrize("file", ["last.ckpt", "model.ckpt"])
def test_a_folder_with_a_config_or_without(file, run, write):
    assert checkpoints.describe(run(yaml(), file=file, config="config.yaml")).image_size == 48
    path = write(state("AutoencoderKL"), f"bare/{file}").parent
    found = checkpoints.describe(path)
    assert (found.family, found.format, found.image_size) == ("vae", "latent-diffusion AutoencoderKL", 256)


@torch.inference_mode()
def test_a_bounded_output_is_bounded(run, images):
    weights = state("AutoencoderKL")
    path = run(yaml("ldm.models.autoencoder.AutoencoderKL", ", tanh_out: true"), weights)
    model, reference = opened(path), Reference(weights, tanh=True)
    z = reference.encode(images)[:, :DIM]
    torch.testing.assert_close(model.decode({"latent": z.movedim(1, 3)}), reference.decode(z), atol=1e-4, rtol=0)


def test_a_class_inside_a_model_of_its_latents(run):
    text = (
        "model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    first_stage_config:\n"
        "      target: ldm.models.autoencoder.VQModelInterface\n      params: {ddconfig: {resolution: 32}}\n"
    )
    assert checkpoints.describe(run(text)).image_size == 32


BOMB = "a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nc: {<<: [*b, *b]}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (yaml("my.models.Better"), "names my.models.Better as its class, which is not known; choose from taming"),
        (yaml("[1, 2]"), "names list as its class"),
        (yaml("1" + ":1" * 3000), "names int as its class"),
        (yaml("taming.models.vqgan.GumbelVQ"), "its weights are those of a VQModel"),
        (BOMB, "of run refers to parts of itself"),
        ("a: " + "x" * 70_000, "of run is larger than 64 KiB"),
        ("a: [1", "cannot be read"),
        ("[" * 20_000, "of run goes deeper than 50 levels"),
        ("- " * 20_000, "of run goes deeper than 50 levels"),
        ("a: !!python/object/apply:os.abort []", "cannot be read"),
    ],
)
def test_a_yaml_file_is_not_trusted(text, message, run):
    with pytest.raises(BadInput, match=message) as caught:
        checkpoints.describe(run(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- 1", "model: 3", "model: {params: [1]}\ndata: {params: {train: 5}}"])
def test_a_yaml_file_may_say_nothing(text, run):
    assert checkpoints.describe(run(text)).image_size == 256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder.down.1.block.0.norm1.bias": None}, r"lacks encoder\.down_blocks\.1\.resnets\.0\.norm1\.bias"),
        ({"decoder.up.0.attn.0.extra.weight": torch.zeros(2)}, "extra.weight that it should not have"),
        ({"decoder.conv_out.bias": torch.zeros(9)}, "decoder.conv_out.bias of shape 9 instead of shape 3"),
        ({"quantize.embedding.weight": None}, r"lacks 'quantize\.embedding\.weight'"),
        ({"quant_conv.weight": None}, r"lacks quant_conv\.weight"),
        ({"encoder.down.0.block.0.conv1.weight": None}, r"lacks encoder\.down_blocks\.0\.resnets\.0\.conv1\.weight"),
        ({"encoder.conv_in.weight": torch.zeros(32, 7, 3, 3)}, "takes images of 7 channels"),
        ({"encoder.mid.attn_1.to_qkv.weight": torch.zeros(2)}, "linear attention"),
    ],
)
def test_what_is_not_right_is_named(change, message, write):
    weights = {name: value for name, value in {**state(), **change}.items() if value is not None}
    with pytest.raises(BadInput, match=message) as caught:
        opened(write(weights))
    assert "\n" not in str(caught.value)


def test_codes_that_are_not_all_allowed_are_refused(write):
    with pytest.raises(BadInput, match="remap"):
        opened(write({**state("GumbelVQ"), "quantize.used": torch.arange(3)}))


def test_a_size_that_does_not_divide(write):
    with pytest.raises(BadInput, match="takes sizes that 4 divides, not 30: 28 or 32"):
        opened(write(state()), 30)


def test_other_folders_and_files_are_left_to_others(write, tmp_path):
    assert foreign.recognise(write({"encoder.down.0.block.0.conv1.weight": torch.zeros(2)})) is None
    assert foreign.recognise(write({"weight": torch.zeros(2)}, "other/last.ckpt").parent) is None
    (tmp_path / "empty").mkdir()
    assert foreign.recognise(tmp_path / "empty") is None


# ---------------------------------------------------------------------------- Flux.1, Stable Diffusion 3, Flux.2


def flux(layout):
    """Weights without quantization's convolutions, or with them inside the halves as in Flux.2."""
    weights = state("AutoencoderKL")
    if layout == "Flux.2":
        moved = {"quant_conv.": "encoder.quant_conv.", "post_quant_conv.": "decoder.post_quant_conv."}
        for old, new in moved.items():
            for part in ("weight", "bias"):
                weights[f"{new}{part}"] = weights.pop(f"{old}{part}")
        return weights | {"bn.running_mean": torch.ones(4 * DIM), "bn.running_var": torch.ones(4 * DIM)}
    return {name: value for name, value in weights.items() if "quant_conv" not in name}


@torch.inference_mode()
@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
@pytest.mark.parametrize("layout", ["Flux.1", "Flux.2"])
def test_autoencoders_of_flux_are_those_of_latent_diffusion(layout, prefix, tmp_path, images):
    weights, full = flux(layout), state("AutoencoderKL")
    save_file({f"{prefix}{name}": value for name, value in weights.items()}, tmp_path / "ae.safetensors")
    model = opened(tmp_path / "ae.safetensors")
    reference = Reference(full)
    if layout == "Flux.1":
        wide = full["decoder.conv_in.weight"].shape[1]
        eye = {"quant_conv": 2 * wide, "post_quant_conv": wide}
        for name, count in eye.items():
            full[f"{name}.weight"], full[f"{name}.bias"] = torch.eye(count)[:, :, None, None], torch.zeros(count)
    z = reference.encode(images).chunk(2, 1)[0]
    torch.testing.assert_close(model.encode(images)["latent"].movedim(3, 1), z, atol=1e-4, rtol=0)
    torch.testing.assert_close(model.decode({"latent": z.movedim(1, 3)}), reference.decode(z), atol=1e-4, rtol=0)
    assert checkpoints.describe(tmp_path / "ae.safetensors").format == "latent-diffusion AutoencoderKL"


@torch.inference_mode()
def test_a_decoder_of_other_widths(tmp_path, images):
    weights = {name: value for name, value in state("AutoencoderKL").items() if not name.startswith("decoder.")}
    narrow = state("AutoencoderKL", widths="narrow", seed=1)
    weights |= {name: value for name, value in narrow.items() if name.startswith("decoder.")}
    save_file(weights, tmp_path / "ae.safetensors")
    model, reference = opened(tmp_path / "ae.safetensors"), Reference(weights)
    z = reference.encode(images)[:, :DIM]
    torch.testing.assert_close(model.decode({"latent": z.movedim(1, 3)}), reference.decode(z), atol=1e-4, rtol=0)


# -------------------------------------------------------------------------------------------------- runs of Lightning


@pytest.mark.parametrize(
    "names",
    [
        ["checkpoints/epoch=000012.ckpt"],
        ["checkpoints/epoch=000009.ckpt", "checkpoints/epoch=000020.ckpt", "checkpoints/epoch=000010.ckpt"],
        ["checkpoints/epoch=000012-val/rec_loss=0.1.ckpt"],
        ["checkpoints/last.ckpt"],
    ],
    ids=["epoch", "epochs", "slash", "last"],
)
def test_a_checkpoint_inside_a_run_uses_its_yaml_file(names, run, write, tmp_path):
    for name in names[1:]:
        write(state(), f"run/{name}")
    folder = run(yaml(more=", tanh_out: true"), file=names[0])
    for path in (folder, *(folder / name for name in names)):
        found = checkpoints.describe(path)
        assert (found.format, found.image_size) == ("taming-transformers VQModel with tanh_out", 48), path
    newest = sorted(names)[-1].rpartition("/")[2]
    (said,) = (note for note in checkpoints.describe(folder).notes if ".yaml" in note)
    assert said.startswith(newest) and ("newest of 3" in said) == (len(names) == 3)


def test_a_yaml_file_of_something_else_beside_a_checkpoint_is_left_aside(run):
    folder = run(yaml("os.system"), file="some.ckpt", config="config.yaml")
    found = checkpoints.describe(folder / "some.ckpt")
    assert found.image_size == 256 and any("Its YAML file is not used" in note for note in found.notes)


# ------------------------------------------------------------------------------------------------------------ CVQ-VAE


@torch.inference_mode()
def test_codes_of_cvq_by_angle_unless_its_yaml_file_says_otherwise(run, write, images):
    weights = state() | {"quantize.embed_prob": torch.zeros(CODES)}
    table = weights["quantize.embedding.weight"]
    z = Reference(state()).encode(images).movedim(1, 3)
    by = {
        "angle": (functional.normalize(z, dim=3) @ functional.normalize(table, dim=1).T).argmax(3),
        "distance": torch.cdist(z, table).argmin(3),
    }
    assert not torch.equal(*by.values())
    path = write(weights)
    for suffix, way in {"": "angle", ",compare=distance": "distance", ",compare=angle": "angle"}.items():
        model = checkpoints.load(f"{path}@{SIZE}{suffix}")
        latents = model.encode(images)
        assert torch.equal(model.codebooks["code"].assign(latents["code"]), by[way])
        expected = Reference(state()).decode(table[by[way]].movedim(3, 1))
        torch.testing.assert_close(model.decode(latents), expected, atol=1e-4, rtol=0)
    text = "model:\n  target: taming.models.vqgan.VQModel\n  params: {quantconfig: {params: {distance: l2}}}\n"
    folder = run(text, weights)
    assert checkpoints.describe(folder).format.endswith("codes by distance")
