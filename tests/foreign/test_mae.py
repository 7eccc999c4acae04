"""Masked autoencoders of transformers, facebookresearch/mae and timm: against transformers, and from published keys."""

from __future__ import annotations

import argparse
import json

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from explorer import checkpoints, foreign
from explorer.autoencoder import Attends, AttendsWhenDecoding, Masks, no_decoder
from explorer.errors import BadInput

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PATCH, GRID, DIM, NARROW, BLOCKS = 8, 4, 128, 64, 2  # two heads in both parts of facebook's
ORDER = torch.arange(GRID * GRID, dtype=torch.float32)


def normalised(images, mean=MEAN, deviation=DEVIATION):
    return (images - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def shown(pixels):
    return (pixels * torch.tensor(DEVIATION)[:, None, None] + torch.tensor(MEAN)[:, None, None]).clamp(0, 1)


def random_mask(count, hidden=12):
    ranks = torch.rand(count, GRID * GRID, generator=torch.Generator().manual_seed(2)).argsort(1).argsort(1)
    return (ranks < hidden).view(count, GRID, GRID)


def disturbed(network):
    generator = torch.Generator().manual_seed(0)
    for value in [*network.parameters(), *network.buffers()]:
        value.data += 0.2 * torch.randn(value.shape, generator=generator)
    return network.eval()


@pytest.fixture
def images():
    return torch.rand(3, 3, PATCH * GRID, PATCH * GRID, generator=torch.Generator().manual_seed(1))


def transformers_config(**settings):
    from transformers import ViTMAEConfig

    sizes = {
        "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48,
        "image_size": PATCH * GRID, "patch_size": PATCH, "decoder_hidden_size": 24, "decoder_num_hidden_layers": 2,
        "decoder_num_attention_heads": 3, "decoder_intermediate_size": 40, "layer_norm_eps": 1e-3,
    }  # fmt: skip
    return ViTMAEConfig(**{**sizes, **settings})


def of_transformers(path, kind="ViTMAEForPreTraining", shards="5GB", **settings):
    import transformers

    network = disturbed(getattr(transformers, kind)(transformers_config(**settings)))
    network.save_pretrained(path, max_shard_size=shards)
    return network


def states(network, pixels, **options):
    """What every block of transformers' encoder gives with nothing hidden, without class tokens."""
    encoder = getattr(network, "vit", network)
    encoder.embeddings.config.mask_ratio = 0.0
    count = (pixels.shape[2] // PATCH) ** 2
    noise = torch.arange(float(count)).expand(len(pixels), -1)
    return [z[:, 1:] for z in encoder(pixels, noise=noise, output_hidden_states=True, **options).hidden_states[1:]]


def assert_blocks(latents, expected):
    assert list(latents) == [f"block{i + 1}" for i in range(len(expected))]
    for z, state in zip(latents.values(), expected, strict=True):
        torch.testing.assert_close(z.flatten(1, 2), state, atol=1e-4, rtol=0)


# ------------------------------------------------------------------------------------------------------- transformers


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("shards", ["5GB", "20KB"])
def test_transformers_blocks_and_filled_patches_are_the_librarys(tmp_path, images, normalise, shards):
    network = of_transformers(tmp_path, shards=shards, norm_pix_loss=normalise)
    assert (tmp_path / "model.safetensors").exists() == (shards == "5GB")
    model, said = checkpoints.load(tmp_path), checkpoints.describe(tmp_path)
    assert said.family == "mae" and not said.no_decoder and not no_decoder(model) and model.joint is False
    assert [(layer["name"], layer["grid"], layer["dim"]) for layer in said.layers] == [
        (f"block{i}", [GRID, GRID], 32) for i in (1, 2, 3)
    ]
    assert any("norm_pix_loss" in note for note in said.notes) == normalise
    assert model.peeks == normalise
    assert any("mid-grey" in note for note in said.notes)
    with torch.inference_mode():
        pixels = normalised(images)
        assert_blocks(model.encode(images), states(network, pixels))
        mask = random_mask(len(images))
        network.vit.embeddings.config.mask_ratio = 0.75
        logits = network(pixels, noise=mask.flatten(1) + ORDER / 100).logits
        if normalise:
            true = network.patchify(pixels)
            logits = logits * (true.var(2, keepdim=True) + 1e-6).sqrt() + true.mean(2, keepdim=True)
        expected = shown(network.unpatchify(logits))
        torch.testing.assert_close(model.reconstruct_masked(images, mask), expected, atol=1e-4, rtol=0)
    assert isinstance(model, Masks) and model.mask_grid == (GRID, GRID) and model.patch_size == PATCH


def test_attention_is_the_librarys_in_every_block_and_head(tmp_path, images):
    network = of_transformers(tmp_path)
    model, mask = checkpoints.load(tmp_path), random_mask(len(images))
    network.vit.set_attn_implementation("eager")
    network.vit.embeddings.config.mask_ratio = 0.75
    with torch.inference_mode():
        noise = mask.flatten(1) + ORDER / 100  # visible patches first, row by row
        expected = network.vit(normalised(images), noise=noise, output_attentions=True).attentions
        found = list(model.attention(images, mask))
    assert isinstance(model, Attends) and len(found) == len(expected) == model.attention_blocks == 3
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
        torch.testing.assert_close(one.sum(-1), torch.ones(3, 4, 5))


def test_attention_of_the_decoder_is_the_librarys(tmp_path, images):
    network = of_transformers(tmp_path)
    model, mask = checkpoints.load(tmp_path), random_mask(len(images))
    network.decoder.config._attn_implementation = "eager"
    network.vit.embeddings.config.mask_ratio = 0.75
    expected = []
    for layer in network.decoder.decoder_layers:
        layer.attention.register_forward_hook(lambda module, given, found: expected.append(found[1]))
    with torch.inference_mode():
        network(normalised(images), noise=mask.flatten(1) + ORDER / 100)
        found = list(model.decoder_attention(images, mask))
    assert isinstance(model, AttendsWhenDecoding) and len(found) == len(expected) == model.decoder_blocks == 2
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
        torch.testing.assert_close(one.sum(-1), torch.ones(3, 3, 17))


def test_every_layer_of_a_grey_image_decodes_to_what_the_whole_network_gives(tmp_path):
    network = of_transformers(tmp_path)
    model = checkpoints.load(tmp_path)
    grey = torch.full((1, 3, PATCH * GRID, PATCH * GRID), 0.5)
    with torch.inference_mode():
        network.vit.embeddings.config.mask_ratio = 0.0
        expected = shown(network.unpatchify(network(normalised(grey), noise=ORDER[None]).logits))
        for name, z in model.encode(grey).items():
            torch.testing.assert_close(model.decode({name: z}), expected, atol=1e-4, rtol=0)


def test_an_encoder_of_transformers_says_that_it_cannot_decode(tmp_path, images):
    network = of_transformers(tmp_path, "ViTMAEModel")
    model, said = checkpoints.load(tmp_path), checkpoints.describe(tmp_path)
    with torch.inference_mode():
        latents = model.encode(images)
        assert_blocks(latents, states(network, normalised(images)))
    assert said.no_decoder == no_decoder(model) and said.no_decoder in said.notes and "encoder" in said.format
    assert not isinstance(model, Masks) and isinstance(model, Attends) and model.first_tokens == 1
    with torch.inference_mode():
        network.set_attn_implementation("eager")
        network.embeddings.config.mask_ratio = 0.0
        expected = network(normalised(images), noise=ORDER.expand(3, -1), output_attentions=True).attentions
        for one, other in zip(model.attention(images, random_mask(3, hidden=0)), expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    with pytest.raises(BadInput, match="no decoder, so there are no reconstructions"):
        model.decode(latents)


def test_another_size_interpolates_positions_as_the_library_does(tmp_path):
    network = of_transformers(tmp_path)
    larger = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(3))
    model = checkpoints.load(f"{tmp_path}@48")
    with torch.inference_mode():
        latents = model.encode(larger)
        assert_blocks(latents, states(network, normalised(larger), interpolate_pos_encoding=True))
        assert model.decode(latents).shape == larger.shape
    assert "4 × 4 to 6 × 6" in " ".join(checkpoints.describe(f"{tmp_path}@48").notes)
    with pytest.raises(BadInput, match="40 or 48"):
        checkpoints.describe(f"{tmp_path}@44")


def test_the_preprocessor_says_how_pixels_go_in(tmp_path, images):
    network = of_transformers(tmp_path, "ViTMAEModel")
    mean, deviation = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({"do_normalize": True, "image_mean": mean, "image_std": deviation}))
    with torch.inference_mode():
        latents = checkpoints.load(tmp_path).encode(images)
        assert_blocks(latents, states(network, normalised(images, mean, deviation)))
    assert "0.5, 0.4, 0.3" in checkpoints.describe(tmp_path).notes[0]
    file.write_text(json.dumps({"image_mean": mean, "image_std": [0.2, 0, 0.4]}))
    foreign._recognise.cache_clear()
    with pytest.raises(BadInput, match="cannot be used"):
        checkpoints.describe(tmp_path)


@pytest.mark.parametrize("old", [False, True])
def test_files_of_torch_open_with_the_names_of_the_hub_and_those_of_today(tmp_path, images, old):
    from safetensors.torch import load_file

    network, saved = of_transformers(tmp_path), tmp_path / "model.safetensors"
    # this release writes decoder blocks as decoder_encoder.layer; the files on the hub have decoder_layers
    hub = {name.replace("decoder_encoder.layer", "decoder_layers"): value for name, value in load_file(saved).items()}
    assert "vit.encoder.layer.0.attention.attention.query.weight" in hub
    assert "decoder.decoder_layers.0.attention.attention.query.weight" in hub
    saved.unlink()
    torch.save(hub if old else network.state_dict(), tmp_path / "pytorch_model.bin")
    model = checkpoints.load(tmp_path)
    for name, value in network.state_dict().items():
        assert torch.equal(model.network.state_dict()[name], value), name


@pytest.mark.parametrize("field, value, said", [
    ("num_hidden_layers", 10**9, "from 1 to 256"), ("hidden_size", "wide", "whole number"),
    ("image_size", [32, 16], "whole number"), ("hidden_act", "nope", "unknown hidden_act"),
    ("num_channels", 4, "grey and RGB"), ("auto_map", {"AutoModel": "x.Y"}, "auto_map"),
    ("num_hidden_layers", 4, "lacks vit.layers.3"), ("decoder_num_hidden_layers", 1, "should not have"),
    ("intermediate_size", 50, "instead of"),
])  # fmt: skip
def test_a_config_that_cannot_be_is_one_sentence(tmp_path, field, value, said):
    of_transformers(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, field: value}))
    with pytest.raises(BadInput, match=said):
        checkpoints.load(tmp_path)


# ---------------------------------------------------------------------------------------- facebookresearch/mae, timm


def published(decoder=True):
    """Tensors by the names of facebookresearch/mae; without a decoder also those of timm."""
    generator = torch.Generator().manual_seed(0)

    def block(name, dim):
        sizes = {
            "norm1.weight": (dim,), "norm1.bias": (dim,), "norm2.weight": (dim,), "norm2.bias": (dim,),
            "attn.qkv.weight": (3 * dim, dim), "attn.qkv.bias": (3 * dim,),
            "attn.proj.weight": (dim, dim), "attn.proj.bias": (dim,),
            "mlp.fc1.weight": (2 * dim, dim), "mlp.fc1.bias": (2 * dim,),
            "mlp.fc2.weight": (dim, 2 * dim), "mlp.fc2.bias": (dim,),
        }  # fmt: skip
        return {f"{name}.{key}": size for key, size in sizes.items()}

    shapes = {
        "cls_token": (1, 1, DIM), "pos_embed": (1, 1 + GRID**2, DIM), "patch_embed.proj.weight": (DIM, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (DIM,), "norm.weight": (DIM,), "norm.bias": (DIM,),
    }  # fmt: skip
    for index in range(BLOCKS):
        shapes |= block(f"blocks.{index}", DIM)
    if decoder:
        shapes |= {
            "mask_token": (1, 1, NARROW), "decoder_pos_embed": (1, 1 + GRID**2, NARROW),
            "decoder_embed.weight": (NARROW, DIM), "decoder_embed.bias": (NARROW,), "decoder_norm.weight": (NARROW,),
            "decoder_norm.bias": (NARROW,), "decoder_pred.weight": (3 * PATCH**2, NARROW),
            "decoder_pred.bias": (3 * PATCH**2,), **block("decoder_blocks.0", NARROW),
        }  # fmt: skip
    return {name: 0.1 * torch.randn(size, generator=generator) for name, size in shapes.items()}


def norm(state, name, x):
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)


def linear(state, name, x):
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def block(state, name, x, heads=2):
    y = linear(state, f"{name}.attn.qkv", norm(state, f"{name}.norm1", x))
    q, k, v = y.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # (3, N, heads, tokens, D / heads)
    weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
    x = x + linear(state, f"{name}.attn.proj", (weights @ v).transpose(1, 2).flatten(2))
    y = linear(state, f"{name}.mlp.fc1", norm(state, f"{name}.norm2", x))
    return x + linear(state, f"{name}.mlp.fc2", F.gelu(y))


def encoded(state, pixels, visible):
    """States after each block of the patches `visible` (N, kept), in that order."""
    x = F.conv2d(pixels, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], PATCH)
    x = x.flatten(2).transpose(1, 2) + state["pos_embed"][:, 1:]
    x = torch.stack([tokens[rows] for tokens, rows in zip(x, visible, strict=True)])
    first = (state["cls_token"] + state["pos_embed"][:, :1]).expand(len(x), -1, -1)
    found, x = [], torch.cat([first, x], 1)
    for index in range(BLOCKS):
        x = block(state, f"blocks.{index}", x)
        found.append(x)
    return found


def filled(state, pixels, mask, normalise):
    """Each patch predicted from those that are not hidden, as pixels in [0, 1]."""
    visible = torch.stack([(~one).flatten().nonzero()[:, 0] for one in mask])
    x = linear(state, "decoder_embed", norm(state, "norm", encoded(state, pixels, visible)[-1]))
    whole = state["mask_token"].expand(len(x), GRID**2, -1).clone()
    for tokens, rows, given in zip(whole, visible, x[:, 1:], strict=True):
        tokens[rows] = given
    x = torch.cat([x[:, :1], whole], 1) + state["decoder_pos_embed"]
    x = linear(state, "decoder_pred", norm(state, "decoder_norm", block(state, "decoder_blocks.0", x)))[:, 1:]
    grid = pixels.unflatten(3, (GRID, PATCH)).unflatten(2, (GRID, PATCH))  # (N, 3, H, p, W, p)
    true = grid.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # (N, H·W, p·p·3)
    if normalise:
        x = x * (true.var(2, keepdim=True) + 1e-6).sqrt() + true.mean(2, keepdim=True)
    x = x.unflatten(2, (PATCH, PATCH, 3)).unflatten(1, (GRID, GRID)).permute(0, 5, 1, 3, 2, 4)
    return shown(x.flatten(4).flatten(2, 3))


@pytest.mark.parametrize("normalise", [False, True])
def test_facebooks_own_runs_open_with_what_their_arguments_say(tmp_path, images, normalise):
    state, path = published(), tmp_path / "checkpoint-3.pth"
    args = argparse.Namespace(norm_pix_loss=normalise, model="mae_vit_base_patch16", lr=0.1)
    torch.save({"model": state, "optimizer": {"state": {}}, "epoch": 3, "args": args}, path)
    model, said = checkpoints.load(path), checkpoints.describe(path)
    mask, everything = random_mask(len(images)), torch.arange(GRID**2).expand(len(images), -1)
    with torch.inference_mode():
        pixels = normalised(images)
        assert_blocks(model.encode(images), [z[:, 1:] for z in encoded(state, pixels, everything)])
        expected = filled(state, pixels, mask, normalise)
        torch.testing.assert_close(model.reconstruct_masked(images, mask), expected, atol=1e-4, rtol=0)
        assert float(expected.std()) > 0.02  # nothing is hidden by the clamp
    assert said.format == "facebookresearch/mae" and said.image_size == PATCH * GRID
    assert any("put back" in note for note in said.notes) == normalise
    assert any("2 of the encoder and 2 of the decoder" in note for note in said.notes)


def test_a_file_that_does_not_say_how_it_was_trained_is_noted(tmp_path):
    torch.save({"model": published()}, tmp_path / "mae_visualize_vit.pth")
    assert any(
        "does not say whether" in note for note in checkpoints.describe(tmp_path / "mae_visualize_vit.pth").notes
    )
    torch.save({"model": published()}, tmp_path / "mae_pretrain_vit_full.pth")
    assert any("put back" in note for note in checkpoints.describe(tmp_path / "mae_pretrain_vit_full.pth").notes)


@pytest.mark.parametrize("folder", [False, True])
def test_encoders_of_facebook_and_timm_have_layers_and_no_decoder(tmp_path, images, folder):
    from safetensors.torch import save_file

    state, mean, deviation = published(decoder=False), MEAN, DEVIATION
    path = tmp_path / "mae_pretrain_vit.pth"
    if folder:
        path, mean, deviation = tmp_path, (0.5, 0.5, 0.4), (0.5, 0.5, 0.3)
        save_file(state, tmp_path / "model.safetensors")
        given = {"tag": "mae", "mean": mean, "std": deviation}
        facts = {"architecture": "vit_base_patch16_224", "pretrained_cfg": given}
        (tmp_path / "config.json").write_text(json.dumps(facts))
    else:
        torch.save({"model": state}, path)
    model = checkpoints.load(path)
    everything = torch.arange(GRID**2).expand(len(images), -1)
    with torch.inference_mode():
        expected = encoded(state, normalised(images, mean, deviation), everything)
        assert_blocks(model.encode(images), [z[:, 1:] for z in expected])
    assert checkpoints.describe(path).no_decoder == no_decoder(model) != ""


def test_the_heads_of_the_published_sizes_are_known():
    from explorer.foreign.mae import _stack

    for dim, heads in {192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16}.items():
        assert _stack({"blocks.0.mlp.fc1.weight": (4 * dim, dim)}, "", "blocks", dim)["num_attention_heads"] == heads
    found = _stack({"decoder_blocks.0.mlp.fc1.weight": (2048, 512)}, "decoder_", "decoder_blocks", 512)
    assert found["decoder_num_attention_heads"] == 16


@pytest.mark.parametrize("change, said", [
    (lambda state: state.pop("cls_token"), "lacks vit.embeddings.cls_token"),
    (lambda state: state.pop("pos_embed"), "lacks pos_embed"),
    (lambda state: state.pop("decoder_pred.bias"), "lacks decoder.decoder_pred.bias"),
    (lambda state: state.update({"blocks.0.ls1.gamma": torch.ones(DIM)}), "has vit.layers.0.ls1.gamma that it should"),
    (lambda state: state.update({"blocks.99999999.norm1.bias": torch.ones(DIM)}), "lacks vit.layers.2"),
    (lambda state: state.update({"norm.weight": torch.ones(3)}), "layernorm.weight of shape 3 instead of shape 128"),
    (lambda state: state.update({"norm.weight": torch.full((DIM,), torch.nan)}), "not finite"),
])  # fmt: skip
def test_a_key_that_is_wrong_is_named(tmp_path, change, said):
    state = published()
    change(state)
    torch.save({"model": state}, tmp_path / "checkpoint-1.pth")
    with pytest.raises(BadInput, match=said):
        checkpoints.load(tmp_path / "checkpoint-1.pth")


# ------------------------------------------------------------------------------------------------------- classifiers


def blockwise(state, pixels, places, first):
    """States after each block, of an encoder whose class token is `first` or that has none."""
    x = F.conv2d(pixels, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], PATCH)
    x = x.flatten(2).transpose(1, 2) + places
    if first is not None:
        x = torch.cat([first.expand(len(x), -1, -1), x], 1)
    found = []
    for index in range(BLOCKS):
        x = block(state, f"blocks.{index}", x)
        found.append(x if first is None else x[:, 1:])
    return found


HEAD = {"head.weight": torch.ones(5, DIM), "head.bias": torch.ones(5)}


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("folder", [False, True])
@torch.inference_mode()
def test_classifiers_of_facebook_and_timm_open_without_their_heads(pooled, folder, tmp_path, images):
    state = published(decoder=False)
    held = {**state, **HEAD}
    if pooled:
        held = {name: value for name, value in held.items() if not name.startswith("norm.")}
        held |= {"fc_norm.weight": torch.ones(DIM), "fc_norm.bias": torch.zeros(DIM)}
    path = tmp_path / "ft.pth"
    if folder:
        path = tmp_path
        save_file(held, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_text(json.dumps({"architecture": "vit_base_patch16_224", "num_classes": 5}))
    else:
        torch.save({"model": held}, path)
    expected = blockwise(
        state, normalised(images), state["pos_embed"][:, 1:], state["cls_token"] + state["pos_embed"][:, :1]
    )
    assert_blocks(checkpoints.load(path).encode(images), expected)
    notes = checkpoints.describe(path).notes
    assert any("trained to tell classes" in note and "head" in note for note in notes)
    assert any("does not say how its images were normalised" in note for note in notes) == (not folder)


@pytest.mark.parametrize("placed", [False, True])
@torch.inference_mode()
def test_encoders_without_a_class_token_and_with_biases_apart(placed, tmp_path, images):
    """MAE-pytorch has neither class token nor positions in its files, and no biases for keys."""
    state = {name: value for name, value in published(decoder=False).items() if name not in ("cls_token", "pos_embed")}
    held = dict(state)
    for index in range(BLOCKS):
        whole = f"blocks.{index}.attn.qkv.bias"
        q, _, v = held.pop(whole).chunk(3)
        state[whole] = torch.cat([q, torch.zeros(DIM), v])
        held |= {f"blocks.{index}.attn.q_bias": q, f"blocks.{index}.attn.v_bias": v}
    angles = torch.arange(GRID**2, dtype=torch.float64)[:, None] / 10000.0 ** (2 * (torch.arange(DIM) // 2) / DIM)
    places = torch.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], 2).flatten(1).float()[None]
    if placed:
        places = held["pos_embed"] = torch.rand(1, GRID**2, DIM, generator=torch.Generator().manual_seed(2))
    torch.save({"model": {f"encoder.{name}": value for name, value in held.items()} | HEAD}, tmp_path / "a.pth")
    path = f"{tmp_path / 'a.pth'}@{PATCH * GRID}"
    model = checkpoints.load(path)
    assert_blocks(model.encode(images), blockwise(state, normalised(images), places, None))
    weights = list(model.attention(images, random_mask(3)))
    assert isinstance(model, Attends) and not model.first_tokens and len(weights) == BLOCKS
    assert all(one.shape == (3, 2, 4, 4) for one in weights), "the four visible patches, and no class token"
    found = checkpoints.describe(path)
    assert found.format == "pengzhiliang/MAE-pytorch, encoder"
    assert any("positions are computed" in note for note in found.notes) == (not placed)


@torch.inference_mode()
def test_classifiers_of_transformers(tmp_path, images):
    import transformers

    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, image_size=PATCH * GRID,
        patch_size=PATCH,
    )  # fmt: skip
    network = disturbed(transformers.ViTForImageClassification(config))
    network.save_pretrained(tmp_path)
    given = (images - 0.5) / 0.5
    expected = network(given, output_hidden_states=True).hidden_states[1:]
    for path in (tmp_path, tmp_path / "model.safetensors"):
        assert_blocks(checkpoints.load(path).encode(images), [state[:, 1:] for state in expected])
    found = checkpoints.describe(tmp_path)
    assert found.format == "transformers ViT, encoder" and "no decoder" in found.no_decoder
    assert any("(classifier) is left out" in note for note in found.notes)
