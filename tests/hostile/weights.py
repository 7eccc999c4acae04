"""Files of weights that are no pickles: safetensors, HDF5, Keras, TensorFlow, TensorFlow.js."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.hostile.case import TENSOR, Case, bomb, one_file, one_folder, tensors, zipped

CODE = "_encoder._conv_1.weight"


def entry(shape: list, offsets: list, dtype: str = "F32") -> bytes:
    return tensors({CODE: {"dtype": dtype, "shape": shape, "data_offsets": offsets}})


HEADERS: dict[str, Callable[[], bytes] | bytes] = {
    "a header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
    "a header of 100 MB that is not there": struct.pack("<Q", 10**8) + b'{"a":1}',
    "a header of 0 bytes": struct.pack("<Q", 0),
    "a header that is no JSON": lambda: tensors(b"{" * 1000),
    "a header 10^6 deep": lambda: tensors(b'{"a":' * 10**6 + b"1" + b"}" * 10**6),
    "lists 10^5 deep": lambda: tensors(b'{"a":' + b"[" * 10**5 + b"]" * 10**5 + b"}"),
    "a header that is a list": lambda: tensors([1, 2]),
    "infinity as a size": lambda: tensors(b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}'),
    "NaN as an offset": lambda: tensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[NaN,4]}}'),
    "1e400 as a size": lambda: tensors(b'{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}'),
    "a size of 10^5 digits": lambda: tensors(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 10**5 + b'],"data_offsets":[0,4]}}'
    ),
    "a negative size": lambda: entry([-1], [0, 4]),
    "a size of true": lambda: entry([True], [0, 4]),
    "a size as text": lambda: entry(["1"], [0, 4]),
    "sizes that overflow": lambda: entry([2**33, 2**33], [0, 4]),
    "a size of 10^12": lambda: entry([10**12], [0, 4 * 10**12]),
    "offsets beyond the end": lambda: entry([1], [10**9, 10**9 + 4]),
    "offsets the wrong way": lambda: entry([1], [4, 0]),
    "negative offsets": lambda: entry([1], [-4, 0]),
    "three offsets": lambda: entry([1], [0, 4, 8]),
    "an unknown type": lambda: entry([1], [0, 4], "F7"),
    "a type of a list": lambda: tensors({"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}),
    "100,000 axes": lambda: entry([1] * 100_000, [0, 4]),
    "200,000 tensors of nothing": lambda: tensors(
        {f"a{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(200_000)}, b""
    ),
    "the same name twice": lambda: tensors(b'{"a":%b,"a":%b}' % ((json.dumps(TENSOR).encode(),) * 2)),
    "overlapping tensors": lambda: tensors({"a": TENSOR, "b": TENSOR}),
    "terminal codes in names": lambda: tensors({CODE: TENSOR, "\x1b[2J\x1b]0;title\x07": TENSOR}),
    "a name of 1 MB": lambda: tensors({"x" * 10**6: TENSOR}),
    "a name of 1 MB of prefixes": lambda: tensors({"module." * 140_000 + CODE: TENSOR}),
    "metadata of numbers": lambda: tensors({"__metadata__": {"a": 1}, "a": TENSOR}),
    "metadata that is a list": lambda: tensors({"__metadata__": [1], "a": TENSOR}),
    "right to left marks": lambda: tensors({"\u202egnp.exe": TENSOR}),
    "no text at all": lambda: tensors(b"{\xff\xfe}"),
    "a file that is cut": lambda: entry([100], [0, 400]),
    "weights of NaN": lambda: tensors({"a": TENSOR}, struct.pack("<f", float("nan"))),
}


def hdf5(fill: Callable) -> bytes:
    import h5py

    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        fill(file)
    return held.getvalue()


def _huge(file) -> None:
    file.create_dataset("images", (10**6, 1000, 1000, 3), "u1", chunks=(1, 1000, 1000, 3), fillvalue=7)


def _packed(file) -> None:
    file.create_dataset(
        "images", (20_000, 256, 256, 3), "u1", chunks=(500, 256, 256, 3), compression="gzip", fillvalue=3
    )


def _chunk(file) -> None:
    file.create_dataset("images", (4, 20_000, 20_000), "u1", chunks=(4, 16_000, 16_000), compression="gzip")


def _outside(file) -> None:
    import h5py

    file["images"] = h5py.ExternalLink("/etc/passwd", "/images")
    file["labels"] = h5py.SoftLink("/labels")


def _external(file) -> None:
    file.create_dataset("images", (8, 32, 32, 3), "u1", external=[("/etc/passwd", 0, 8 * 32 * 32 * 3)])


def _virtual(file) -> None:
    import h5py

    layout = h5py.VirtualLayout((8, 32, 32, 3), "u1")
    layout[:] = h5py.VirtualSource("/dev/zero", "images", (8, 32, 32, 3))
    file.create_virtual_dataset("images", layout)


def _loop(file) -> None:
    group = file.create_group("a")
    group["a"] = file["/"]
    group["b"] = group


def _groups(file) -> None:
    for number in range(20_000):
        file.create_group(f"g{number}")


def _deep(file) -> None:
    at = file
    for _ in range(2000):
        at = at.create_group("d")


def _text(file) -> None:
    import h5py

    file.create_dataset("images", data=np.array(["x" * 1000] * 100, object), dtype=h5py.string_dtype())


def _types(file) -> None:
    file.create_dataset("images", (8,), [("a", "f8"), ("b", "S100", (1000,))])


def _attributes(file) -> None:
    file.attrs["model_config"] = json.dumps(
        {"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda", "config": {"function": "x"}}]}}
    )
    file.attrs["keras_version"] = "\x1b[2J" * 100
    file.create_group("model_weights")


def _config(config: str) -> Callable:
    def fill(file) -> None:
        file.attrs["model_config"] = config
        file.create_group("model_weights")

    return fill


H5: dict[str, Callable] = {
    "images of 3 TB that were never written": _huge,
    "images of 4 GB in 400 KB": _packed,
    "a chunk of 1 GB": _chunk,
    "links out of the file": _outside,
    "numbers from another file": _external,
    "a virtual array of a device": _virtual,
    "groups in a circle": _loop,
    "20,000 groups": _groups,
    "groups 2,000 deep": _deep,
    "text in place of numbers": _text,
    "records in place of numbers": _types,
}
MODELS: dict[str, Callable] = {
    "a Lambda": _attributes,
    "a config that is no JSON": _config("{" * 1000),
    "a config 10^5 deep": _config("[" * 30_000 + "]" * 30_000),
    "a config of null": _config("null"),
    "layers of 10^9 filters": _config(
        json.dumps(
            {
                "class_name": "Sequential",
                "config": {
                    "layers": [
                        {"class_name": "Conv2D", "config": {"filters": 10**9, "kernel_size": [3, 3], "name": "a"}}
                    ]
                    * 50
                },
            }
        )
    ),
    "an input of negative size": _config(
        json.dumps(
            {
                "class_name": "Sequential",
                "config": {"layers": [{"class_name": "InputLayer", "config": {"batch_shape": [None, -1, 10**9, 3]}}]},
            }
        )
    ),
    "no layers": _config(json.dumps({"class_name": "Functional", "config": {"layers": []}})),
    "layers that are text": _config(json.dumps({"class_name": "Functional", "config": {"layers": "abc"}})),
}


def _damaged_h5(seed: int) -> Callable[[], bytes]:
    def made() -> bytes:
        dice = random.Random(seed)
        body = bytearray(
            hdf5(
                lambda file: file.create_dataset(
                    "images", data=np.zeros((8, 32, 32, 3), np.uint8), chunks=(2, 32, 32, 3), compression="gzip"
                )
            )
        )
        for _ in range(12):
            body[dice.randrange(8, min(len(body), 2500))] = dice.randrange(256)
        return bytes(body)

    return made


def keras(config: object, weights: bytes = b"", **files: bytes) -> bytes:
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    return zipped({"metadata.json": b"{}", "config.json": text, "model.weights.h5": weights, **files})


KERAS: dict[str, Callable[[], bytes] | bytes] = {
    "a config that unpacks to 4 GB": lambda: bomb("config.json", {"model.weights.h5": b""}, b"{", b" "),
    "a config that is a list": lambda: keras([]),
    "a config 10^5 deep": lambda: keras(b"[" * 10**5 + b"]" * 10**5),
    "weights that are no HDF5": lambda: keras({"class_name": "Functional", "config": {"layers": []}}, b"x"),
    "a Lambda of code": lambda: keras(
        {
            "class_name": "Sequential",
            "config": {
                "layers": [
                    {
                        "class_name": "Lambda",
                        "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
                    }
                ]
            },
        }
    ),
    "a class of a module": lambda: keras({"module": "os", "class_name": "system", "config": {"command": "true"}}),
    "weights that link out": lambda: keras({"class_name": "Functional", "config": {"layers": []}}, hdf5(_outside)),
    "no weights": lambda: zipped({"config.json": b"{}", "model.weights.h5": b""}),
    "config that is no text": lambda: keras(b"\xff\xfe\x00"),
    "infinite numbers": lambda: keras(
        b'{"class_name":"Sequential","config":{"layers":[{"class_name":"Conv2D","config":{"filters":Infinity}}]}}'
    ),
}


def _bundle(index: bytes, data: bytes = b"") -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / "checkpoint").write_text('model_checkpoint_path: "ckpt"\n')
        (folder / "ckpt.index").write_bytes(index)
        (folder / "ckpt.data-00000-of-00001").write_bytes(data)

    return fill


def _outward(folder: Path) -> None:
    (folder / "checkpoint").write_text('model_checkpoint_path: "../../../../etc/passwd"\n')


FOOTER = struct.pack("<Q", 0xDB4775248B80FB57)
BUNDLES: dict[str, Callable[[Path], None]] = {
    "an index of nothing": _bundle(b""),
    "an index of zeros": _bundle(bytes(1000)),
    "a footer alone": _bundle(bytes(40) + FOOTER),
    "handles beyond the end": _bundle(bytes(100) + b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f" * 4 + bytes(4) + FOOTER),
    "varints without end": _bundle(bytes(100) + b"\xff" * 40 + FOOTER),
    "a checkpoint outside": _outward,
    "noise": _bundle(random.Random(0).randbytes(4000) + FOOTER, random.Random(1).randbytes(100)),
}


def _tfjs(model: object, **files: bytes) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        (folder / "model.json").write_bytes(model if isinstance(model, bytes) else json.dumps(model).encode())
        for name, body in files.items():
            (folder / name).write_bytes(body)

    return fill


def _manifest(shape: object, paths: list[str], **more: object) -> dict:
    weights = [{"name": "encoder/conv/kernel", "shape": shape, "dtype": "float32", **more}]
    topology = {
        "model_config": {
            "class_name": "Sequential",
            "config": {
                "layers": [{"class_name": "Conv2D", "config": {"name": "conv", "filters": 4, "kernel_size": [3, 3]}}]
            },
        }
    }
    return {
        "format": "layers-model",
        "modelTopology": topology,
        "weightsManifest": [{"paths": paths, "weights": weights}],
    }


TFJS: dict[str, Callable[[Path], None]] = {
    "a size of 10^12": _tfjs(_manifest([10**6, 10**6], ["a.bin"]), **{"a.bin": bytes(16)}),
    "a negative size": _tfjs(_manifest([-4, 4], ["a.bin"]), **{"a.bin": bytes(16)}),
    "sizes as text": _tfjs(_manifest(["4", {}], ["a.bin"]), **{"a.bin": bytes(16)}),
    "a part outside the folder": _tfjs(_manifest([4], ["../../../etc/passwd"])),
    "a part of an absolute path": _tfjs(_manifest([4], ["/dev/zero"])),
    "a part of an address": _tfjs(_manifest([4], ["https://evil.example/a.bin"])),
    "the same part 10^5 times": _tfjs(_manifest([4], ["a.bin"] * 10**5), **{"a.bin": bytes(10**5)}),
    "a quantization of infinity": _tfjs(
        _manifest([4], ["a.bin"], quantization={"dtype": "uint8", "scale": 1e999, "min": "x"}), **{"a.bin": bytes(16)}
    ),
    "JSON 10^5 deep": _tfjs(b"[" * 10**5 + b"]" * 10**5),
    "no JSON": _tfjs(b"\xff{"),
    "a manifest of numbers": _tfjs({"format": "layers-model", "modelTopology": 5, "weightsManifest": 7}),
    "a graph in a circle": _tfjs(
        {
            "format": "graph-model",
            "modelTopology": {
                "node": [{"name": "a", "op": "Conv2D", "input": ["b"]}, {"name": "b", "op": "Relu", "input": ["a"]}]
            },
            "weightsManifest": [],
        }
    ),
    "a graph of no inputs": _tfjs(
        {"format": "graph-model", "modelTopology": {"node": [{}] * 1000}, "weightsManifest": []}
    ),
}


def _saved_model(folder: Path) -> None:
    (folder / "saved_model.pb").write_bytes(b"\x08\x01\x12\xff\xff\xff\xff\x7f" + bytes(100))
    (folder / "keras_metadata.pb").write_bytes(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(100))
    (folder / "variables").mkdir()
    (folder / "variables" / "variables.index").write_bytes(bytes(60) + FOOTER)


CASES: list[Case] = [
    *one_file("safetensors", "x.safetensors", HEADERS),
    *one_file(
        "HDF5 of images", "x.h5", {title: (lambda fill=fill: hdf5(fill)) for title, fill in H5.items()}, opened="usage"
    ),
    *one_file(
        "HDF5 of images",
        "x.hdf5",
        {f"damaged, {seed}": _damaged_h5(seed) for seed in range(6)},
        opened="usage",
        ends=(0, 2),
    ),
    *one_file(
        "HDF5 of weights", "x.h5", {title: (lambda fill=fill: hdf5(fill)) for title, fill in (MODELS | H5).items()}
    ),
    *one_file("Keras", "x.keras", KERAS),
    *one_folder("TensorFlow", BUNDLES),
    *one_folder("TensorFlow", {"a SavedModel of lengths that are not there": _saved_model}),
    *one_folder("TensorFlow.js", TFJS),
]
