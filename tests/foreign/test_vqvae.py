"""State dicts of PyTorch VQ-VAEs by their published keys, against a computation of their own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from explorer import checkpoints
from explorer.errors import BadInput

HIDDEN, INNER, DIM, CODES = 16, 4, 8, 24


def random(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, shape in shapes.items():
        scale = (2 / torch.Size(shape[1:]).numel()) ** 0.5 if len(shape) > 1 else 0.1
        found[name] = scale * torch.randn(shape, generator=generator)
        if "running_var" in name:
            found[name] = found[name].abs() + 0.5
        if "embedding" in name:
            found[name] = 0.3 * torch.randn(shape, generator=generator)
        if "num_batches" in name:
            found[name] = torch.tensor(7)
    return found


def conv(state, name, x, stride=1, padding=1):
    return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), stride, padding)


def up(state, name, x, stride=2):
    return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, 1)


def norm(state, name, x):
    values = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *values, eps=1e-5)


def nearest(z, vectors):
    """(N, D, H, W) -> codes (N, H, W) and their vectors (N, D, H, W)."""
    codes = torch.cdist(z.movedim(1, 3).flatten(0, 2), vectors).argmin(1).view(len(z), *z.shape[2:])
    return codes, vectors[codes].movedim(3, 1)


def residual(state, x, first, second):
    x = torch.relu(x)  # in place in the published code, so that the skip connection sees it as well
    return x + conv(state, second, torch.relu(conv(state, first, x)), padding=0)


# -- zalandoresearch/pytorch-vq-vae


def zalando():
    shapes = {
        "_encoder._conv_1.weight": (HIDDEN // 2, 3, 4, 4), "_encoder._conv_1.bias": (HIDDEN // 2,),
        "_encoder._conv_2.weight": (HIDDEN, HIDDEN // 2, 4, 4), "_encoder._conv_2.bias": (HIDDEN,),
        "_encoder._conv_3.weight": (HIDDEN, HIDDEN, 3, 3), "_encoder._conv_3.bias": (HIDDEN,),
        "_pre_vq_conv.weight": (DIM, HIDDEN, 1, 1), "_pre_vq_conv.bias": (DIM,),
        "_vq_vae._ema_cluster_size": (CODES,), "_vq_vae._ema_w": (CODES, DIM),
        "_vq_vae._embedding.weight": (CODES, DIM),
        "_decoder._conv_1.weight": (HIDDEN, DIM, 3, 3), "_decoder._conv_1.bias": (HIDDEN,),
        "_decoder._conv_trans_1.weight": (HIDDEN, HIDDEN // 2, 4, 4), "_decoder._conv_trans_1.bias": (HIDDEN // 2,),
        "_decoder._conv_trans_2.weight": (HIDDEN // 2, 3, 4, 4), "_decoder._conv_trans_2.bias": (3,),
    }  # fmt: skip
    for side in ("_encoder", "_decoder"):
        for index in range(2):
            block = f"{side}._residual_stack._layers.{index}._block"
            shapes |= {f"{block}.1.weight": (INNER, HIDDEN, 3, 3), f"{block}.3.weight": (HIDDEN, INNER, 1, 1)}
    return random(shapes)


def run_zalando(state, images):
    def stack(x, side):
        for index in range(2):
            block = f"{side}._residual_stack._layers.{index}._block"
            x = residual(state, x, f"{block}.1", f"{block}.3")
        return torch.relu(x)

    x = torch.relu(conv(state, "_encoder._conv_1", images - 0.5, 2))
    x = conv(state, "_encoder._conv_3", torch.relu(conv(state, "_encoder._conv_2", x, 2)))
    z = conv(state, "_pre_vq_conv", stack(x, "_encoder"), padding=0)
    codes, e = nearest(z, state["_vq_vae._embedding.weight"])
    x = stack(conv(state, "_decoder._conv_1", e), "_decoder")
    return codes, up(state, "_decoder._conv_trans_2", torch.relu(up(state, "_decoder._conv_trans_1", x))) + 0.5


# -- MishaLaskin/vqvae


def misha():
    shapes = {
        "encoder.conv_stack.0.weight": (HIDDEN // 2, 3, 4, 4), "encoder.conv_stack.0.bias": (HIDDEN // 2,),
        "encoder.conv_stack.2.weight": (HIDDEN, HIDDEN // 2, 4, 4), "encoder.conv_stack.2.bias": (HIDDEN,),
        "encoder.conv_stack.4.weight": (HIDDEN, HIDDEN, 3, 3), "encoder.conv_stack.4.bias": (HIDDEN,),
        "pre_quantization_conv.weight": (DIM, HIDDEN, 1, 1), "pre_quantization_conv.bias": (DIM,),
        "vector_quantization.embedding.weight": (CODES, DIM),
        "decoder.inverse_conv_stack.0.weight": (DIM, HIDDEN, 3, 3), "decoder.inverse_conv_stack.0.bias": (HIDDEN,),
        "decoder.inverse_conv_stack.2.weight": (HIDDEN, HIDDEN // 2, 4, 4),
        "decoder.inverse_conv_stack.2.bias": (HIDDEN // 2,),
        "decoder.inverse_conv_stack.4.weight": (HIDDEN // 2, 3, 4, 4), "decoder.inverse_conv_stack.4.bias": (3,),
    }  # fmt: skip
    for stack in ("encoder.conv_stack.5", "decoder.inverse_conv_stack.1"):
        block = f"{stack}.stack.0.res_block"
        shapes |= {f"{block}.1.weight": (INNER, HIDDEN, 3, 3), f"{block}.3.weight": (HIDDEN, INNER, 1, 1)}
    state = random(shapes)
    for name in list(state):  # one block used twice stands there twice
        if ".stack.0." in name:
            state[name.replace(".stack.0.", ".stack.1.")] = state[name]
    return state


def run_misha(state, images):
    def stack(x, name):
        for index in range(2):
            x = residual(state, x, f"{name}.stack.{index}.res_block.1", f"{name}.stack.{index}.res_block.3")
        return torch.relu(x)

    x = torch.relu(conv(state, "encoder.conv_stack.0", images * 2 - 1, 2))
    x = conv(state, "encoder.conv_stack.4", torch.relu(conv(state, "encoder.conv_stack.2", x, 2)))
    z = conv(state, "pre_quantization_conv", stack(x, "encoder.conv_stack.5"), padding=0)
    codes, e = nearest(z, state["vector_quantization.embedding.weight"])
    x = stack(up(state, "decoder.inverse_conv_stack.0", e, 1), "decoder.inverse_conv_stack.1")
    x = torch.relu(up(state, "decoder.inverse_conv_stack.2", x))
    return codes, up(state, "decoder.inverse_conv_stack.4", x) / 2 + 0.5


# -- ritheshkumar95/pytorch-vqvae


def rithesh(channels=3):
    shapes = {"codebook.embedding.weight": (CODES, HIDDEN)}

    def add(name, *shape, bias=None):
        shapes.update({f"{name}.weight": shape, f"{name}.bias": (bias or shape[0],)})

    def add_norm(name):
        shapes.update({f"{name}.{part}": (HIDDEN,) for part in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{name}.num_batches_tracked"] = ()

    add("encoder.0", HIDDEN, channels, 4, 4)
    add_norm("encoder.1")
    add("encoder.3", HIDDEN, HIDDEN, 4, 4)
    for block in ("encoder.4", "encoder.5", "decoder.0", "decoder.1"):
        add(f"{block}.block.1", HIDDEN, HIDDEN, 3, 3)
        add_norm(f"{block}.block.2")
        add(f"{block}.block.4", HIDDEN, HIDDEN, 1, 1)
        add_norm(f"{block}.block.5")
    add("decoder.3", HIDDEN, HIDDEN, 4, 4)
    add_norm("decoder.4")
    add("decoder.6", HIDDEN, channels, 4, 4, bias=channels)
    return random(shapes)


def run_rithesh(state, images):
    def block(x, name):
        x = torch.relu(x)
        h = torch.relu(norm(state, f"{name}.block.2", conv(state, f"{name}.block.1", x)))
        return x + norm(state, f"{name}.block.5", conv(state, f"{name}.block.4", h, padding=0))

    x = torch.relu(norm(state, "encoder.1", conv(state, "encoder.0", images * 2 - 1, 2)))
    z = block(block(conv(state, "encoder.3", x, 2), "encoder.4"), "encoder.5")
    codes, e = nearest(z, state["codebook.embedding.weight"])
    x = torch.relu(block(block(e, "decoder.0"), "decoder.1"))
    x = torch.relu(norm(state, "decoder.4", up(state, "decoder.3", x)))
    return codes, torch.tanh(up(state, "decoder.6", x)) / 2 + 0.5


KINDS = {
    "zalandoresearch/pytorch-vq-vae": (zalando, run_zalando),
    "MishaLaskin/vqvae": (misha, run_misha),
    "ritheshkumar95/pytorch-vqvae": (rithesh, run_rithesh),
}


@pytest.fixture(scope="module")
def images():
    return F.interpolate(torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)), 32)


@pytest.mark.parametrize("nested", [False, True], ids=["state dict", "inside a dict"])
@pytest.mark.parametrize("kind", KINDS)
def test_codes_and_reconstructions(kind, nested, images, tmp_path):
    make, run = KINDS[kind]
    state = make()
    torch.save({"model": state, "hyperparameters": {"n_embeddings": CODES}} if nested else state, tmp_path / "net.pt")
    facts = checkpoints.describe(tmp_path / "net.pt")
    assert (facts.format, facts.image_size, facts.layers[0]["grid"]) == (kind, 32, [8, 8])
    model = checkpoints.load(tmp_path / "net.pt")
    with torch.inference_mode():
        latents = model.encode(images)
        codes, expected = run(state, images)
        assert torch.equal(model.codebooks["code"].assign(latents["code"]), codes) and len(codes.unique()) > 2
        torch.testing.assert_close(model.decode(latents), expected.clamp(0, 1), atol=1e-4, rtol=0)
    sizes = checkpoints.describe(tmp_path / "net.pt@64").layers
    assert sizes[0]["grid"] == [16, 16], "it takes other sizes"


def test_grey_images(images, tmp_path):
    state = rithesh(channels=1)
    torch.save(state, tmp_path / "net.pth")
    model = checkpoints.load(tmp_path / "net.pth")
    grey = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    with torch.inference_mode():
        output = model.decode(model.encode(grey))
        expected = run_rithesh(state, grey[:, :1])[1].clamp(0, 1)
    torch.testing.assert_close(output, expected.expand(-1, 3, -1, -1), atol=1e-4, rtol=0)


def test_names_of_a_model_on_several_devices(images, tmp_path):
    state = zalando()
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "net.pt")
    with torch.inference_mode():
        model = checkpoints.load(tmp_path / "net.pt")
        torch.testing.assert_close(
            model.decode(model.encode(images)), run_zalando(state, images)[1].clamp(0, 1), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_needed(kind, tmp_path):
    state = KINDS[kind][0]()
    for name in state:
        if "_ema_" in name:
            continue  # of training alone
        torch.save({key: value for key, value in state.items() if key != name}, tmp_path / "net.pt")
        with pytest.raises(BadInput) as caught:
            checkpoints.load(tmp_path / "net.pt")
        assert "\n" not in str(caught.value)
        if "embedding" not in name:
            assert kind in str(caught.value) and ("lacks" in str(caught.value) or "should not" in str(caught.value))


# -- lyndonzheng/CVQ-VAE


def cvq():
    """Its network is that of zalandoresearch with biases in its blocks, and counts beside the codes."""
    state = {name: value for name, value in zalando().items() if "_vq_vae" not in name}
    blocks = {name: value for name, value in zalando().items() if "_block" in name}
    state |= {name.replace("weight", "bias"): 0.1 * value[:, 0, 0, 0] for name, value in blocks.items()}
    generator = torch.Generator().manual_seed(3)
    table = torch.randn(CODES, DIM, generator=generator) * torch.rand(CODES, 1, generator=generator) ** 2
    return state | {"_vq_vae.embedding.weight": table, "_vq_vae.embed_prob": torch.zeros(CODES)}


@pytest.mark.parametrize("compared", ["angle", "distance"])
@torch.inference_mode()
def test_codes_of_cvq_are_compared_as_is_said(compared, images, tmp_path):
    state = cvq()
    torch.save(state, tmp_path / "best.pt")
    table = state["_vq_vae.embedding.weight"]
    model = checkpoints.load(f"{tmp_path / 'best.pt'}@,compare={compared}")
    seen = {**state, "_vq_vae._embedding.weight": table}
    x = torch.relu(conv(seen, "_encoder._conv_1", images * 2 - 1, 2))
    x = conv(seen, "_encoder._conv_3", torch.relu(conv(seen, "_encoder._conv_2", x, 2)))
    for index in range(2):
        block = f"_encoder._residual_stack._layers.{index}._block"
        x = residual(seen, x, f"{block}.1", f"{block}.3")
    z = conv(seen, "_pre_vq_conv", torch.relu(x), padding=0)
    flat = z.movedim(1, 3)
    scores = (
        F.normalize(flat, dim=3) @ F.normalize(table, dim=1).T if compared == "angle" else -torch.cdist(flat, table)
    )
    codes = scores.argmax(3)
    latents = model.encode(images)
    assert torch.equal(model.codebooks["code"].assign(latents["code"]), codes)
    x = conv(seen, "_decoder._conv_1", table[codes].movedim(3, 1))
    for index in range(2):
        block = f"_decoder._residual_stack._layers.{index}._block"
        x = residual(seen, x, f"{block}.1", f"{block}.3")
    x = up(seen, "_decoder._conv_trans_2", torch.relu(up(seen, "_decoder._conv_trans_1", torch.relu(x))))
    torch.testing.assert_close(model.decode(latents), (x / 2 + 0.5).clamp(0, 1), atol=1e-4, rtol=0)


def test_how_codes_of_cvq_are_compared_is_said_and_part_of_the_result(tmp_path):
    path = tmp_path / "best.pt"
    torch.save(cvq(), path)
    (said,) = (note for note in checkpoints.describe(path).notes if "compared" in note)
    assert "compared by angle" in said and "`@,compare=distance`" in said
    assert checkpoints.fingerprint(path) != checkpoints.fingerprint(f"{path}@,compare=distance")
    with pytest.raises(BadInput, match=r"compare=cosine cannot be had of best\.pt; choose from angle, distance"):
        checkpoints.describe(f"{path}@,compare=cosine")
    with pytest.raises(BadInput, match="leaves no choice of nothing"):
        checkpoints.describe(f"{path}@,nothing=1")
