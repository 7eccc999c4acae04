"""Folders whose config asks for a network that nobody has, of each library; and our own folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.case import LIST, TENSOR, Case, one_folder, tensors

DIFFUSERS = {"block_out_channels": [8], "norm_num_groups": 4, "sample_size": 16}
BLOCKS = {"down_block_types": ["DownEncoderBlock2D"] * 3000, "up_block_types": ["UpDecoderBlock2D"] * 3000}
LARGE, DEEP = 10**8, b'{"a":' * 50_000 + b"1" + b"}" * 50_000


def folder(config: Any, weights: str = "model.safetensors", name: str = "config.json") -> Callable[[Path], None]:
    """A folder of a config and one tensor; the config is written as JSON, or as the bytes that it is."""

    def fill(at: Path) -> None:
        (at / name).write_bytes(config if isinstance(config, bytes) else json.dumps(config).encode())
        (at / weights).write_bytes(tensors({"a": TENSOR}))

    return fill


def diffusers(**config: Any) -> Callable[[Path], None]:
    return folder({"_class_name": "VQModel", **DIFFUSERS, **config}, "diffusion_pytorch_model.safetensors")


def vit(**config: Any) -> Callable[[Path], None]:
    known = {"model_type": "vit_mae", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    return folder({**known, "intermediate_size": 32, "image_size": 32, "patch_size": 8, **config})


def own(**config: Any) -> Callable[[Path], None]:
    known = {"format": 1, "family": "vqvae", "settings": {}, "image_size": 32, "layers": [], "parameters": 1}
    return folder({**known, **config})


ABSURD: dict[str, Any] = {
    "10^8": LARGE,
    "-1": -1,
    "0": 0,
    "infinity": float("inf"),
    "NaN": float("nan"),
    "text": "8",
    "null": None,
    "a list": [1, 2],
    "10^400": 10**400,
    "true": True,
    "an object": {"a": 1},
    "1.5": 1.5,
}
SETTINGS: dict[str, Callable[[Path], None]] = {
    "diffusers, layers of 10^8": diffusers(layers_per_block=LARGE),
    "diffusers, 3,000 blocks": diffusers(**BLOCKS, block_out_channels=[8] * 3000),
    "diffusers, channels of 10^8": diffusers(block_out_channels=[LARGE]),
    "diffusers, groups of 0": diffusers(norm_num_groups=0),
    "diffusers, codes of 10^12": diffusers(num_vq_embeddings=10**12),
    "diffusers, images of 10^8": diffusers(sample_size=LARGE),
    "diffusers, images of -1": diffusers(sample_size=-1),
    "diffusers, an unknown block": diffusers(down_block_types=["os.system"]),
    "diffusers, blocks that are numbers": diffusers(down_block_types=5),
    "diffusers, an unknown class": folder({"_class_name": "__import__('os').system"}),
    "diffusers, a class of a list": folder({"_class_name": ["VQModel"]}),
    "diffusers, JSON 50,000 deep": folder(DEEP, "diffusion_pytorch_model.safetensors"),
    **{f"diffusers, layers of {title}": diffusers(layers_per_block=value) for title, value in ABSURD.items()},
    **{
        f"diffusers, a KL of channels {title}": diffusers(_class_name="AutoencoderKL", latent_channels=value)
        for title, value in ABSURD.items()
    },
    "diffusers, DC of 10^6 layers": diffusers(
        _class_name="AutoencoderDC", encoder_layers_per_block=[10**6], encoder_block_out_channels=[8]
    ),
    "diffusers, Tiny of 10^6 blocks": diffusers(
        _class_name="AutoencoderTiny", num_encoder_blocks=[10**6] * 4, num_decoder_blocks=[10**6] * 4
    ),
    **{f"ViT, layers of {title}": vit(num_hidden_layers=value) for title, value in ABSURD.items()},
    "ViT, images of 10^8": vit(image_size=LARGE),
    "ViT, patches of 0": vit(patch_size=0),
    "ViT, width of 10^9": vit(hidden_size=10**9),
    "ViT, heads of 0": vit(num_attention_heads=0),
    "ViT, decoder of 10^8 layers": vit(decoder_num_hidden_layers=LARGE),
    "Emu3, channels of 10^8": folder(
        {
            "model_type": "Emu3VisionVQ",
            "ch": LARGE,
            "ch_mult": [1],
            "num_res_blocks": 1,
            "embed_dim": 4,
            "codebook_size": 8,
            "z_channels": 4,
        }
    ),
    "Emu3, blocks of 10^8": folder(
        {
            "model_type": "Emu3VisionVQ",
            "ch": 8,
            "ch_mult": [1],
            "num_res_blocks": LARGE,
            "embed_dim": 4,
            "codebook_size": 8,
            "z_channels": 4,
        }
    ),
    "MaskGIT, blocks of 10^8": folder(
        {
            "_class_name": "MaskGitVQGAN",
            "hidden_channels": 8,
            "channel_mult": [1],
            "num_res_blocks": LARGE,
            "num_embeddings": 8,
        }
    ),
    "MaskGIT, 10^6 resolutions": folder(
        {"_class_name": "MaskGitVQGAN", "hidden_channels": 8, "channel_mult": [1] * 10**6, "num_res_blocks": 1}
    ),
    "pythae, a depth of 10^8": folder(
        {"name": "VQVAEConfig", "input_dim": [3, 32, 32], "latent_dim": LARGE, "num_embeddings": LARGE},
        "model.pt",
        "model_config.json",
    ),
    "pythae, an input of 10^9": folder(
        {"name": "VAEConfig", "input_dim": [3, 10**9, 10**9], "latent_dim": 8}, "model.pt", "model_config.json"
    ),
    "pythae, a negative input": folder(
        {"name": "VAEConfig", "input_dim": [-3, 0], "latent_dim": "x"}, "model.pt", "model_config.json"
    ),
    "pythae, an environment of 1 MB": folder({"name": "x" * 10**6}, "model.pt", "model_config.json"),
    "a config of a list": folder([1, 2, 3]),
    "a config of null": folder(None),
    "a config of a number of 10^6 digits": folder(
        b'{"model_type":"vit_mae","num_hidden_layers":' + b"9" * 10**6 + b"}"
    ),
    "a config that is no text": folder(b"\xff\xfe\x00{"),
    "a config of 70 MB": folder(b'{"model_type": "vit_mae", "a": "' + b"x" * 70_000_000 + b'"}'),
    "an empty config": folder(b""),
    "an auto_map": folder({"auto_map": {"AutoModel": "evil.Model"}, "model_type": "evil"}),
    "TiTok, a width of 10^9": folder(
        {
            "model": {
                "vq_model": {
                    "codebook_size": 10**9,
                    "token_size": 10**9,
                    "num_latent_tokens": 10**9,
                    "vit_enc_model_size": "x",
                }
            }
        }
    ),
}
OWN: dict[str, Callable[[Path], None]] = {
    "a family of a million letters": own(family="x" * 10**6),
    "an unknown family": own(family="../../etc"),
    "a family of a list": own(family=["vqvae"]),
    "settings of a list": own(settings=[1]),
    "an unknown setting": own(settings={"\x1b[2J": 1}),
    "a format of 10^9": own(format=10**9),
    "images of 10^9": own(image_size=10**9),
    "images of -32": own(image_size=-32),
    "images as text": own(image_size="32"),
    "layers of numbers": own(layers=[1, 2]),
    "layers of nothing": own(layers=[{}]),
    "a million layers": own(layers=[{"name": "a", "grid": [1, 1], "dim": 1, "codes": 1}] * 300_000),
    "a dataset of a list": own(dataset=[1]),
    "training of text": own(training="x"),
    "JSON 50,000 deep": folder(DEEP),
    **{f"codes of {title}": own(settings={"codes": value}) for title, value in ABSURD.items()},
    **{f"residual blocks of {title}": own(settings={"residual_blocks": value}) for title, value in ABSURD.items()},
    "a width of 10^9": own(settings={"hidden": 10**9}),
    "a MAE of 10^8 layers": own(family="mae", settings={"depth": LARGE}),
    "a VAE of 10^9 units": own(family="vae", settings={"latent": 10**9}),
}


def _listed(**files: Any) -> Callable[[Path], None]:
    """A checkpoint folder for `list`, with other files in place of sound ones."""

    def fill(at: Path) -> None:
        one = at / "bad"
        one.mkdir()
        own()(one)
        for name, body in files.items():
            target = one / name.replace("__", ".")
            target.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())

    return fill


LISTED: dict[str, Callable[[Path], None]] = {
    "metrics of text": _listed(metrics__json="x"),
    "metrics of lists": _listed(metrics__json={"psnr": [1, 2]}),
    "metrics of infinity": _listed(metrics__json=b'{"psnr": Infinity}'),
    "metrics that are cut": _listed(metrics__json=b'{"psnr": 1'),
    "metrics 50,000 deep": _listed(metrics__json=DEEP),
    "a config that is cut": _listed(config__json=b'{"format": 1, "fam'),
    "a config of a list": _listed(config__json=[1]),
    "a config of null": _listed(config__json=None),
    "a config 50,000 deep": _listed(config__json=DEEP),
    "a config with parameters of text": _listed(
        config__json={"format": 1, "family": "vqvae", "layers": "x", "parameters": "many", "settings": 3}
    ),
    "a config of terminal codes": _listed(
        config__json={
            "format": 1,
            "family": "vq\x1b[2Jvae",
            "settings": {},
            "image_size": 32,
            "layers": [],
            "dataset": "\x1b]0;t\x07",
            "parameters": 1,
        }
    ),
    "weights that are cut": _listed(model__safetensors=b"\x08\0\0\0"),
    "a README of 50 MB": _listed(README__md=b"x" * 50_000_000),
}
CASES: list[Case] = [
    *one_folder("config", SETTINGS),
    *one_folder("own folder", OWN),
    *one_folder(
        "listed", LISTED, opened=LIST, ends=(0,), says="vqvae-digits", environment={"EXPLORER_CHECKPOINTS": "{at}/it"}
    ),
]
