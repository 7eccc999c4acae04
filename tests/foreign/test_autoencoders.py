"""Autoencoders of diffusers: what opens here is what the library itself computes."""

from __future__ import annotations

import json

import pytest
import torch

from explorer import checkpoints, foreign
from explorer.autoencoder import Autoencoder, Posteriors, Samples
from explorer.errors import BadInput
from explorer.foreign.autoencoders import CLASSES, FRAMES

diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")

TWO = {"block_out_channels": (32, 64), "down_block_types": ("DownEncoderBlock2D",) * 2}
UP = {"up_block_types": ("UpDecoderBlock2D",) * 2}
TINY = {
    "VQModel": {**TWO, **UP, "latent_channels": 3, "vq_embed_dim": 4, "num_vq_embeddings": 32, "sample_size": 64},
    "AutoencoderKL": {**TWO, **UP, "latent_channels": 4, "sample_size": 64},
    "AutoencoderTiny": {"encoder_block_out_channels": (16,) * 4, "decoder_block_out_channels": (16,) * 4},
    "AutoencoderDC": {
        "latent_channels": 8, "attention_head_dim": 8, "encoder_block_out_channels": (16, 32),
        "decoder_block_out_channels": (16, 32), "encoder_layers_per_block": (1, 1), "decoder_layers_per_block": (1, 1),
        "encoder_block_types": ("ResBlock", "ResBlock"), "decoder_block_types": ("ResBlock", "ResBlock"),
        "encoder_qkv_multiscales": ((), ()), "decoder_qkv_multiscales": ((), ()),
        "decoder_norm_types": ("rms_norm", "rms_norm"), "decoder_act_fns": ("silu", "silu"),
    },
    "AutoencoderKLFlux2": {
        **TWO, **UP, "decoder_block_out_channels": (32, 32), "latent_channels": 8, "sample_size": 64,
    },
    "AutoencoderKLHunyuanImage": {
        "in_channels": 3, "out_channels": 3, "latent_channels": 8, "block_out_channels": (32, 64),
        "layers_per_block": 1, "spatial_compression_ratio": 2, "sample_size": 64,
    },
    "AutoencoderKLHunyuanImageRefiner": {
        "latent_channels": 4, "block_out_channels": (32, 64), "layers_per_block": 1, "spatial_compression_ratio": 2,
        "temporal_compression_ratio": 1,
    },
    "AutoencoderKLKVAE": {
        "channels": 32, "num_enc_blocks": 1, "num_dec_blocks": 1, "z_channels": 4, "ch_mult": (1, 2), "sample_size": 64,
    },
    "AutoencoderKLQwenImage": {
        "base_dim": 8, "z_dim": 4, "dim_mult": [1, 2], "num_res_blocks": 1, "temperal_downsample": [False],
        "latents_mean": [0.0] * 4, "latents_std": [1.0] * 4,
    },
    "AutoencoderRAE": {
        "encoder_type": "mae", "encoder_hidden_size": 64, "encoder_patch_size": 8, "encoder_num_hidden_layers": 1,
        "decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 32, "patch_size": 16, "encoder_input_size": 32,
    },
    "AsymmetricAutoencoderKL": {
        "down_block_out_channels": (32, 64), "up_block_out_channels": (32, 64), "latent_channels": 4,
        "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
    },
}  # fmt: skip


def make(kind, **settings):
    """A tiny network with no weight left at zero or one."""
    torch.manual_seed(0)
    network = getattr(diffusers, kind)(**{**TINY[kind], **settings}).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        if kind == "VQModel":
            network.quantize.embedding.weight.normal_()
    return network


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def reference(network, images):
    """Reconstruction in [0, 1] by the library's own encode and decode."""
    kind = type(network).__name__
    if kind == "AutoencoderRAE":
        return network.decode(network.encode(images).latent).sample.clamp(0, 1)
    if kind in FRAMES:
        z = network.encode(images[:, :, None] * 2 - 1).latent_dist.mode()
        return (network.decode(z).sample[:, :, 0] / 2 + 0.5).clamp(0, 1)
    found = network.encode(images * 2 - 1)
    if hasattr(found, "latent_dist"):
        z = found.latent_dist.mode()
    else:
        z = found.latents if hasattr(found, "latents") else found.latent
    output = network.decode(z).sample
    return (output / 2 + 0.5).clamp(0, 1)


def test_every_class_is_compared_with_the_library():
    assert TINY.keys() == CLASSES.keys()


@pytest.mark.parametrize(
    ("kind", "how"), [*((kind, "one file") for kind in TINY), ("VQModel", "parts"), ("AutoencoderKL", "bin")]
)
def test_reconstructions_are_those_of_the_library(kind, how, images, tmp_path):
    network = make(kind)
    options = {"parts": {"max_shard_size": "100KB"}, "bin": {"safe_serialization": False}}.get(how, {})
    network.save_pretrained(tmp_path / "net", **options)
    facts = checkpoints.describe(tmp_path / "net@64")
    assert facts.format == f"diffusers {kind}" and facts.image_size == 64
    assert any(f"from {0 if kind == 'AutoencoderRAE' else -1} to 1" in note for note in facts.notes)
    model = checkpoints.load(tmp_path / "net@64")
    assert isinstance(model, Autoencoder) and not any(p.requires_grad for p in model.parameters())
    with torch.inference_mode():
        latents = model.encode(images)
        torch.testing.assert_close(model.decode(latents), reference(network, images), atol=1e-4, rtol=0)
    for layer in model.layers:
        assert latents[layer.name].shape == (2, *layer.grid, layer.dim)
    assert isinstance(model, Posteriors) == isinstance(model, Samples)
    if isinstance(model, Posteriors):
        with torch.inference_mode():
            ((name, (mean, variance)),) = model.posterior(images).items()
        torch.testing.assert_close(mean, latents[name], atol=1e-5, rtol=0)
        assert variance.shape == mean.shape and (variance > 0).all()


def test_codes_are_those_of_the_library(images, tmp_path):
    network = make("VQModel")
    network.save_pretrained(tmp_path / "net")
    model = checkpoints.load(tmp_path / "net")
    with torch.inference_mode():
        z = network.encode(images * 2 - 1).latents
        expected = network.quantize(z)[2][2].view(2, 32, 32)
        codes = model.codebooks["code"].assign(model.encode(images)["code"])
    assert torch.equal(codes, expected) and len(codes.unique()) > 3
    torch.testing.assert_close(model.codebooks["code"].vectors, network.quantize.embedding.weight.detach())


def test_a_decoder_with_spatial_norm_sees_the_codes(images, tmp_path):
    network = make("VQModel", norm_type="spatial", vq_embed_dim=3)
    network.save_pretrained(tmp_path / "movq")
    model = checkpoints.load(tmp_path / "movq")
    with torch.inference_mode():
        output = model.decode(model.encode(images))
    torch.testing.assert_close(output, reference(network, images), atol=1e-4, rtol=0)


def test_samples_of_a_posterior(images, tmp_path):
    network = make("AutoencoderKL")
    network.save_pretrained(tmp_path / "net")
    model = checkpoints.load(tmp_path / "net")
    assert isinstance(model, Samples)
    one, other = (model.sample(images, torch.Generator().manual_seed(seed))["latent"] for seed in (0, 1))
    mean = model.encode(images)["latent"]
    assert not torch.equal(one, other) and (one - mean).abs().mean() > 1e-3
    assert isinstance(model, Posteriors)
    told, variance = model.posterior(images)["latent"]
    draws = model.sample(images[:1].repeat(40, 1, 1, 1), torch.Generator().manual_seed(0))["latent"]
    torch.testing.assert_close(told, mean)
    assert float((draws.var(0) / variance[0]).mean()) == pytest.approx(1, abs=0.05)  # of thousands of numbers
    assert any("not multiplied by the scaling factor" in note for note in checkpoints.describe(tmp_path / "net").notes)


def test_attention_by_its_names_of_before(images, tmp_path):
    """Checkpoints such as stabilityai/sd-vae-ft-mse have `query`, `key`, `value`, `proj_attn`, some as convolutions."""
    network = make("AutoencoderKL")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    network.save_pretrained(tmp_path / "net")
    renamed = {}
    for name, value in network.state_dict().items():
        for new, before in old.items():
            if f".attentions.0.{new}." in name:
                name = name.replace(f".{new}.", f".{before}.")
                value = value[:, :, None, None] if value.ndim == 2 else value
        renamed[name] = value.contiguous()
    assert any("proj_attn" in name for name in renamed)
    from safetensors.torch import save_file

    save_file(renamed, tmp_path / "net" / "diffusion_pytorch_model.safetensors")
    model = checkpoints.load(tmp_path / "net")
    with torch.inference_mode():
        output = model.decode(model.encode(images))
    torch.testing.assert_close(output, reference(network, images), atol=1e-4, rtol=0)


def test_the_autoencoder_of_a_pipeline_is_found(images, tmp_path):
    make("VQModel").save_pretrained(tmp_path / "pipe" / "vqvae")
    (tmp_path / "pipe" / "model_index.json").write_text('{"_class_name": "LDMPipeline"}')
    assert checkpoints.describe(tmp_path / "pipe").format == "diffusers VQModel"


def test_what_is_missing_or_too_much_is_named(tmp_path):
    from safetensors.torch import load_file, save_file

    make("VQModel").save_pretrained(tmp_path / "net")
    file = tmp_path / "net" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    kept = {name: value for name, value in tensors.items() if name != "quant_conv.bias"}
    save_file(kept | {"quant_conv.scale": torch.ones(1)}, file)
    with pytest.raises(BadInput, match=r"lacks quant_conv\.bias; has quant_conv\.scale that it should not have"):
        checkpoints.load(tmp_path / "net")
    save_file(tensors | {"quant_conv.bias": torch.full((4,), torch.nan)}, file)
    with pytest.raises(BadInput, match=r"quant_conv\.bias holds values that are not finite"):
        checkpoints.load(tmp_path / "net")
    save_file(tensors | {"quant_conv.bias": torch.ones(5)}, file)
    with pytest.raises(BadInput, match=r"has quant_conv\.bias of shape 5 instead of shape 4"):
        checkpoints.load(tmp_path / "net")


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"_class_name": "UNet2DModel"}, "is a UNet2DModel of diffusers, not an autoencoder"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "wants to run code of its own"),
        ({"block_out_channels": [10**9, 10**9]}, "has block_out_channels 1000000000; it is a whole number to"),
        ({"layers_per_block": 10**8}, "has layers_per_block 100000000; it is a whole number to 128"),
        ({"block_out_channels": [8] * 3000}, "has 3,000 block_out_channels; up to 16 can be opened"),
        ({"in_channels": 7}, "images of 7 channels"),
        ({"down_block_types": ["__import__('os')"] * 2}, "cannot be used"),
    ],
)
def test_a_config_that_cannot_be_is_one_sentence(changes, said, tmp_path):
    make("VQModel").save_pretrained(tmp_path / "net")
    edit(tmp_path / "net", **changes)
    with pytest.raises(BadInput, match=said) as caught:
        checkpoints.load(tmp_path / "net")
    assert "\n" not in str(caught.value)


def test_an_index_stays_in_its_folder(tmp_path):
    make("VQModel").save_pretrained(tmp_path / "net", max_shard_size="100KB")
    index = tmp_path / "net" / "diffusion_pytorch_model.safetensors.index.json"
    found = json.loads(index.read_text())
    found["weight_map"]["quant_conv.bias"] = "../../secret.safetensors"
    index.write_text(json.dumps(found))
    with pytest.raises(BadInput, match="names files outside its folder"):
        checkpoints.describe(tmp_path / "net")


def test_sizes_that_do_not_fit_name_those_that_do(tmp_path):
    make("VQModel").save_pretrained(tmp_path / "net")
    with pytest.raises(BadInput, match="takes sizes that 2 divides, not 65: 64 or 66"):
        checkpoints.describe(tmp_path / "net@65")
    with pytest.raises(BadInput, match="image size 99999 is out of range"):
        checkpoints.describe(tmp_path / "net@99999")


def test_content_makes_the_fingerprint(tmp_path):
    make("VQModel").save_pretrained(tmp_path / "net")
    first = checkpoints.fingerprint(tmp_path / "net")
    (tmp_path / "net").rename(tmp_path / "moved")
    assert checkpoints.fingerprint(tmp_path / "moved") == first != checkpoints.fingerprint(tmp_path / "moved@128")
    network = make("VQModel")
    with torch.no_grad():
        network.quant_conv.bias.add_(1)
    network.save_pretrained(tmp_path / "other")
    assert checkpoints.fingerprint(tmp_path / "other") != first


def test_it_is_offered_where_checkpoints_are(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path))
    make("VQModel").save_pretrained(tmp_path / "celebahq")
    assert "celebahq" in [checkpoint.name for checkpoint in checkpoints.find()]
    assert checkpoints.resolve("celebahq@128") == tmp_path / "celebahq@128"
    assert foreign.recognise(checkpoints.resolve("celebahq@128")).image_size == 128


def test_a_folder_of_several_lists_them_and_of_one_opens_it(tmp_path):
    make("VQModel").save_pretrained(tmp_path / "run" / "first")
    assert checkpoints.describe(tmp_path / "run").format == "diffusers VQModel"
    make("AutoencoderKL").save_pretrained(tmp_path / "run" / "second")
    with pytest.raises(BadInput, match=r"run holds several checkpoints; choose one of .*first, .*second"):
        checkpoints.describe(tmp_path / "run")


@pytest.mark.parametrize("shards", ["5GB", "100KB"])
def test_weights_of_half_precision_open_where_there_are_no_others(shards, images, tmp_path):
    network = make("AutoencoderKL").half()
    network.save_pretrained(tmp_path / "half", variant="fp16", max_shard_size=shards)
    model, facts = checkpoints.load(tmp_path / "half"), checkpoints.describe(tmp_path / "half")
    assert any("variant fp16" in note for note in facts.notes)
    with torch.inference_mode():
        torch.testing.assert_close(
            model.decode(model.encode(images)), reference(network.float(), images), atol=1e-4, rtol=0
        )
    make("AutoencoderKL").save_pretrained(tmp_path / "half")
    assert not any("variant" in note for note in checkpoints.describe(tmp_path / "half").notes), (
        "the full ones are taken"
    )


def test_a_choice_that_there_is_not_is_told(tmp_path):
    make("VQModel").save_pretrained(tmp_path / "net")
    for path in (tmp_path / "net", tmp_path / "net/diffusion_pytorch_model.safetensors"):
        with pytest.raises(BadInput, match="leaves no choice of weights"):
            checkpoints.describe(f"{path}@,weights=ema")


def test_one_file_of_a_folder_opens_as_the_folder(images, tmp_path):
    network = make("AutoencoderKL")
    network.save_pretrained(tmp_path / "net")
    file = tmp_path / "net/diffusion_pytorch_model.safetensors"
    assert checkpoints.fingerprint(file) == checkpoints.fingerprint(tmp_path / "net")
    assert checkpoints.describe(file).image_size == 64
    network.half().save_pretrained(tmp_path / "net", variant="fp16")
    half = checkpoints.load(tmp_path / "net/diffusion_pytorch_model.fp16.safetensors")
    with torch.inference_mode():
        expected = reference(network.float(), images)
        torch.testing.assert_close(half.decode(half.encode(images)), expected, atol=1e-4, rtol=0)
    file.rename(tmp_path / file.name)
    with pytest.raises(BadInput, match=r"belong with their config\.json; put that beside it"):
        checkpoints.describe(tmp_path / file.name)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("AutoencoderKLWan", "an autoencoder of videos"),
        ("AutoencoderKLTemporalDecoder", "an autoencoder of videos"),
        ("AutoencoderOobleck", "an autoencoder of sound"),
        ("FlaxAutoencoderKL", "from_flax=True"),
        ("ConsistencyDecoderVAE", "draws images from noise"),
        ("AutoencoderKLQwenImage21", "fourth channel"),
        ("AutoencoderOfTomorrow", "an autoencoder that is not known here"),
    ],
)
def test_other_autoencoders_are_called_what_they_are(kind, said, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": kind, "_diffusers_version": "0.40.0"}))
    with pytest.raises(BadInput, match=said):
        checkpoints.describe(tmp_path)


def test_every_autoencoder_of_diffusers_is_known():
    """One that is new in the library says what it is, or opens."""
    from diffusers.models import autoencoders

    from explorer.foreign.autoencoders import SOUND, VIDEO

    kinds = {name for name in dir(autoencoders) if name[0].isupper()} - CLASSES.keys()
    kinds -= {"ConsistencyDecoderVAE", "AutoencoderKLQwenImage21", "RFD4ProteinaAutoencoder", "LongCatAudioDiTVae"}
    assert not [kind for kind in kinds if not VIDEO.fullmatch(kind) and not SOUND.fullmatch(kind)]
