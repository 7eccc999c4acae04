"""Sound files of every kind that is read, and ways to damage them."""

from __future__ import annotations

import functools
import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.hostile.archives import array, images, npz, sound, tar
from tests.hostile.case import INSPECT, RECONSTRUCT, USAGE, WORDS, picture, pixels, sound_pictures, zipped
from tests.hostile.pictures import FORMATS
from tests.hostile.tables import RELATIONS, arrow, parquet, pictures, rows
from tests.hostile.weights import hdf5


@dataclass(frozen=True)
class Sound:
    """A sound file: its name, its bytes, the words that open it; `beside` are files that it lies with."""

    name: str
    body: Callable[[], bytes]
    words: tuple[str, ...]
    beside: Callable[[Path], object] = lambda at: None
    opened: str = ""  # what the words name, where it is not the file itself


def _weights() -> dict:
    from safetensors.torch import load_file

    from explorer.files import SHIPPED

    return load_file(SHIPPED / "vqvae-digits" / "model.safetensors")


def _torch(**how: object) -> bytes:
    import torch

    held = io.BytesIO()
    torch.save({"state_dict": _foreign(), "epoch": 3, "args": {"lr": 1e-3}}, held, **how)
    return held.getvalue()


def _foreign() -> dict:
    """The weights of MishaLaskin's VQ-VAE, as small as they get."""
    import torch

    shapes = {
        "_encoder._conv_1": (16, 3, 4, 4),
        "_encoder._conv_2": (32, 16, 4, 4),
        "_encoder._conv_3": (32, 32, 3, 3),
        "_encoder._residual_stack._layers.0._block.1": (8, 32, 3, 3),
        "_encoder._residual_stack._layers.0._block.3": (32, 8, 1, 1),
        "_pre_vq_conv": (8, 32, 1, 1),
        "_decoder._conv_1": (32, 8, 3, 3),
        "_decoder._residual_stack._layers.0._block.1": (8, 32, 3, 3),
        "_decoder._residual_stack._layers.0._block.3": (32, 8, 1, 1),
        "_decoder._conv_trans_1": (32, 16, 4, 4),
        "_decoder._conv_trans_2": (16, 3, 4, 4),
    }
    found = {f"{name}.weight": torch.zeros(shape) for name, shape in shapes.items()}
    bare = "._block."
    found |= {
        f"{name}.bias": torch.zeros(shape[1 if "trans" in name else 0])
        for name, shape in shapes.items()
        if bare not in name
    }
    return found | {"_vq_vae._embedding.weight": torch.zeros(16, 8)}


def _safetensors() -> bytes:
    from safetensors.torch import save

    return save(_foreign())


def _own(name: str) -> Callable[[], bytes]:
    from explorer.files import SHIPPED

    return lambda: (SHIPPED / "vqvae-digits" / name).read_bytes()


def _own_beside(name: str) -> Callable[[Path], object]:
    def fill(at: Path) -> None:
        from explorer.files import SHIPPED

        for one in {"config.json", "model.safetensors", "metrics.json"} - {name}:
            (at / one).write_bytes((SHIPPED / "vqvae-digits" / one).read_bytes())

    return fill


def _heic() -> bytes:
    import pillow_heif
    from PIL import Image

    held = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(pixels(0, 64))).save(held)
    return held.getvalue()


def _hdf5() -> bytes:
    every = np.stack([pixels(number) for number in range(8)])
    return hdf5(lambda file: file.create_dataset("images", data=every, chunks=(2, 32, 32, 3), compression="gzip"))


def _labels() -> bytes:
    return rows(*[f"{number}.png,{'ab'[number % 2]},{number * 0.37:.3f}" for number in range(8)], head="file_name,a,b")


def _lines() -> bytes:
    return b"\n".join(
        json.dumps({"file_name": f"{number}.png", "a": "xy"[number % 2], "b": number}).encode() for number in range(8)
    )


def _looks() -> bytes:
    return rows(
        *[f"u{number % 7},{number * 13 % 40},{1.6e9 + number}" for number in range(120)], head="user_id,image_id,time"
    )


def _of(words: str, name: str = "{name}") -> tuple[str, ...]:
    return tuple(word.replace("{name}", name) for word in WORDS[words])


CODES = {"codes": np.arange(128).reshape(8, 4, 4) % 7, "codebook": np.eye(7, 3, dtype=np.float32)}
SOUND: dict[str, Sound] = {
    "PyTorch": Sound("x.pt", _torch, _of(INSPECT)),
    "PyTorch before 1.6": Sound("x.pt", lambda: _torch(_use_new_zipfile_serialization=False), _of(INSPECT)),
    "safetensors": Sound("x.safetensors", _safetensors, _of(INSPECT)),
    "own config": Sound("config.json", _own("config.json"), _of(INSPECT, "."), _own_beside("config.json")),
    "own weights": Sound(
        "model.safetensors", _own("model.safetensors"), _of(INSPECT, "."), _own_beside("model.safetensors")
    ),
    "codes as .npz": Sound("x.npz", lambda: npz({name: array(values) for name, values in CODES.items()}), _of(INSPECT)),
    "codes as Parquet": Sound(
        "x.parquet", lambda: parquet({"codes": [[1, 2, 3, 4]] * 8, "id": list("abcdefgh")}), _of(INSPECT)
    ),
    **{
        kind: Sound(f"x.{ending}", functools.partial(picture, kind, 0, 64), _of(RECONSTRUCT))
        for kind, ending in FORMATS.items()
    },
    "HEIC": Sound("x.heic", _heic, _of(RECONSTRUCT)),
    "zip": Sound("x.zip", lambda: zipped(sound()), _of(USAGE)),
    "tar": Sound("x.tar", lambda: tar(sound()), _of(USAGE)),
    "tar.gz": Sound("x.tar.gz", lambda: gzip.compress(tar(sound())), _of(USAGE)),
    ".npy": Sound("x.npy", images, _of(USAGE)),
    ".npz": Sound("x.npz", lambda: npz({"images": images(), "labels": array(np.arange(8) % 2)}), _of(USAGE)),
    "HDF5": Sound("x.h5", _hdf5, _of(USAGE)),
    "Parquet": Sound("x.parquet", lambda: parquet({"image": pictures(), "label": [0, 1] * 4}), _of(USAGE)),
    "Arrow": Sound("x.arrow", lambda: arrow({"image": pictures(), "label": [0, 1] * 4}), _of(USAGE)),
    "CSV beside pictures": Sound("labels.csv", _labels, _of(USAGE, "."), sound_pictures),
    "JSON lines beside pictures": Sound("metadata.jsonl", _lines, _of(USAGE, "."), sound_pictures),
    "looks of users": Sound("x.csv", _looks, RELATIONS),
}


def flips(body: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 3, 20))):
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)


def noise(body: bytearray, dice: random.Random) -> None:
    for _ in range(dice.choice((1, 4, 30))):
        body[dice.randrange(len(body))] = dice.choice((0, 0xFF, 0x7F, 0x80, dice.randrange(256)))


def ends(body: bytearray, dice: random.Random) -> None:
    """Flips where formats say what they are: at the start and at the end."""
    for _ in range(dice.choice((1, 3, 8))):
        body[dice.choice((1, -1)) * dice.randrange(1, min(200, len(body)))] = dice.randrange(256)


def cuts(body: bytearray, dice: random.Random) -> None:
    del body[dice.randrange(len(body)) :]


def doubles(body: bytearray, dice: random.Random) -> None:
    one, two = sorted(dice.randrange(len(body) + 1) for _ in range(2))
    body[two:two] = body[one:two]


def zeroes(body: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(body))
    count = min(dice.choice((4, 64, 4096)), len(body) - at)
    body[at : at + count] = bytes(count)


def swaps(body: bytearray, dice: random.Random) -> None:
    size = max(1, len(body) // dice.choice((4, 16, 64)))
    one, two = (dice.randrange(max(1, len(body) - size)) for _ in range(2))
    body[one : one + size], body[two : two + size] = body[two : two + size], body[one : one + size]


def largest(body: bytearray, dice: random.Random) -> None:
    """Numbers of four or eight bytes become as large as they get, or negative."""
    count = dice.choice((4, 8))
    at = dice.randrange(max(1, len(body) - count))
    body[at : at + count] = dice.choice(
        (b"\xff" * count, b"\x7f" + b"\xff" * (count - 1), b"\xff" * (count - 1) + b"\x7f")
    )


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flips,
    noise,
    ends,
    cuts,
    doubles,
    zeroes,
    swaps,
    largest,
)


def damaged(body: bytes, seed: str) -> bytes:
    """A file that is damaged in one way or two, which the seed decides; never the same as before."""
    dice = random.Random(seed)
    while True:
        other = bytearray(body)
        for _ in range(dice.choice((1, 1, 2))):
            if other:
                dice.choice(DAMAGES)(other, dice)
        if bytes(other) != body:
            return bytes(other)
