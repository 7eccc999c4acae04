"""Emu3's tokenizer: the names of its authors, of transformers, and inside a larger model, give the same numbers."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import save_file

from explorer import checkpoints
from explorer.autoencoder import Autoencoder

pytest.importorskip("transformers", reason="transformers is not installed")

SIZE, CODES = 16, 40
AUTHORS = (  # patterns of names of transformers, and what the authors call the same
    (r"\.down_block\.down\.", ".down."),
    (r"\.up_block\.up\.", ".up."),
    (r"\.middle_block\.", ".mid."),
    (r"\.attn_norms\.(\d+)\.", r".attn.\1.norm."),
    (r"\.attn_norm\.", ".attn_1.norm."),
    (r"\.([qkv])_proj\.", r".\1."),
    (r"\.out_proj\.", ".proj_out."),
)


@pytest.fixture(scope="module")
def reference():
    from transformers import Emu3VQVAEConfig
    from transformers.models.emu3.modeling_emu3 import Emu3VQVAE

    torch.manual_seed(0)
    network = Emu3VQVAE(
        Emu3VQVAEConfig(
            codebook_size=CODES,
            base_channels=32,
            channel_multiplier=[1, 2],
            num_res_blocks=1,
            attn_resolutions=[1],
            hidden_size=64,
            num_attention_heads=1,
        )
    ).eval()
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.add_(0.2 * torch.rand_like(value) if "running_var" in name else 0.1 * torch.randn_like(value))
    return network


def authors(weights):
    """By the names of the authors, with attention as 1 × 1 convolutions."""
    found = {}
    for name, value in weights.items():
        value = value[:, :, None, None] if "_proj.weight" in name else value
        for pattern, into in AUTHORS:
            name = re.sub(pattern, into, name)
        found[name] = value.contiguous()
    return found


@pytest.mark.parametrize("layout", ["authors", "transformers", "inside"])
@torch.inference_mode()
def test_it_computes_what_the_original_computes(layout, reference, tmp_path):
    weights = reference.state_dict()
    weights = authors(weights) if layout == "authors" else {name: one.contiguous() for name, one in weights.items()}
    kind = {"authors": "Emu3VisionVQ", "transformers": "emu3_vqgan", "inside": "emu3"}[layout]
    if layout == "inside":
        weights = {f"model.vqmodel.{name}": one for name, one in weights.items()}
        weights["model.text_model.norm.weight"] = torch.ones(3)
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, "auto_map": {"AutoModel": "x.Y"}}))

    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    model = checkpoints.load(f"{tmp_path}@{SIZE}")
    codes = torch.stack(reference.encode(images * 2 - 1, torch.tensor([[SIZE, SIZE]] * 2)).image_tokens)
    found = model.encode(images)["code"]
    assert isinstance(model, Autoencoder)
    assert len(codes.unique()) > 3
    assert torch.equal(model.codebooks["code"].assign(found), codes)
    expected = (reference.decode(codes) / 2 + 0.5).clamp(0, 1)  # the first of four frames
    torch.testing.assert_close(model.decode({"code": found}), expected, atol=1e-5, rtol=0)
    assert expected.std() > 0.05
    said = checkpoints.describe(tmp_path)
    assert (said.family, said.format, said.image_size) == ("vqvae", "Emu3 VisionTokenizer", 512)
