"""Writes what TensorFlow, Keras 2 and TensorFlow.js save, byte for byte as they do, without any of them."""

from __future__ import annotations

import json
import struct

import h5py
import numpy as np

from explorer.foreign.checksums import crc32c


def varint(value):
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def message(*fields):
    """Pairs of a field's number and a whole number, text or message."""
    found = b""
    for number, value in fields:
        if isinstance(value, int):
            found += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            found += varint(number << 3 | 2) + varint(len(value)) + value
    return found


def masked(held):
    value = crc32c(held)
    return (value >> 15 | value << 17 & 0xFFFFFFFF) + 0xA282EAD8 & 0xFFFFFFFF


def table(pairs):
    """A sorted string table of one block, whose keys share their beginnings with the one before."""

    def block(pairs):
        found, before = b"", b""
        for key, value in pairs:
            shared = 0
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
            found += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
            before = key
        return found + struct.pack("<II", 0, 1)

    def sealed(held):
        return held + b"\0" + struct.pack("<I", masked(held + b"\0"))

    data, empty = block(sorted(pairs.items())), block([])
    handle = lambda at, size: varint(at) + varint(size)  # noqa: E731
    found = sealed(data) + sealed(empty)
    index = block([(b"\xff", handle(0, len(data)))])
    at = len(found)
    footer = handle(len(data) + 5, len(empty)) + handle(at, len(index))
    return found + sealed(index) + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def bundle(stem, arrays, objects, entry=None):
    """A tensor bundle of arrays by the paths of their objects, as `("layer-1", "kernel")`; `entry` changes fields."""
    nodes, held = [{}], b""
    pairs = {b"": message((1, 1), (3, message((1, 1))))}
    keys = {}
    for path, value in arrays.items():
        key = "/".join(path) + "/.ATTRIBUTES/VARIABLE_VALUE"
        node = 0
        for one in path:
            node = nodes[node].setdefault(one, len(nodes)) if one in nodes[node] else _new(nodes, node, one)
        keys[node] = key
        value = np.asarray(value, np.float32)
        shape = message(*((2, message((1, side))) for side in value.shape))
        fields = {1: 1, 2: shape, 4: len(held), 5: value.nbytes}
        fields |= entry(key, fields) if entry else {}
        checksum = varint(6 << 3 | 5) + struct.pack("<I", masked(value.tobytes()))
        pairs[key.encode()] = message(*((number, one) for number, one in fields.items() if one != 0)) + checksum
        held += value.tobytes()
    if objects:
        graph = message(
            *((1, message(*((1, message((1, child), (2, name))) for name, child in node.items()),
                          *([(2, message((1, "VARIABLE_VALUE"), (3, keys[index])))] if index in keys else [])))
              for index, node in enumerate(nodes))
        )  # fmt: skip
        text = varint(len(graph)) + struct.pack("<I", 0) + graph
        pairs[b"_CHECKPOINTABLE_OBJECT_GRAPH"] = message((1, 7), (2, b""), (4, len(held)), (5, len(text)))
        held += text
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_name(f"{stem.name}.index").write_bytes(table(pairs))
    stem.with_name(f"{stem.name}.data-00000-of-00001").write_bytes(held)


def _new(nodes, node, name):
    nodes[node][name] = len(nodes)
    nodes.append({})
    return len(nodes) - 1


def saved_model(folder, models, arrays, **how):
    """A SavedModel folder: `models` are configs by their path from the root."""
    nodes = [
        (1, message((2, 1), (3, ".".join(["root", *path])), (4, "_tf_keras_network"), (5, json.dumps(config))))
        for path, config in models.items()
    ]
    bundle(folder / "variables/variables", arrays, True, **how)
    (folder / "keras_metadata.pb").write_bytes(message(*nodes))
    (folder / "saved_model.pb").write_bytes(b"\x08\x01")
    return folder


def h5(path, config, arrays):
    with h5py.File(path, "w") as file:
        if config:
            file.attrs["model_config"] = json.dumps(config)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = ["x"]
        for name, value in arrays.items():
            group[name] = value
        file["optimizer_weights/iteration"] = np.array([3])
    return path


def layers_model(folder, config, arrays, quantized=None):
    """A layers model of TensorFlow.js; `quantized` is the type of its numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    held, entries = b"", []
    for name, value in arrays.items():
        entry = {"name": name, "shape": list(value.shape), "dtype": "float32"}
        if quantized in ("uint8", "uint16"):
            top = 255 if quantized == "uint8" else 65_535
            scale, low = float(np.ptp(value)) / top or 1.0, float(value.min())
            entry["quantization"] = {"dtype": quantized, "scale": scale, "min": low, "original_dtype": "float32"}
            value = np.round((value - low) / scale).astype(quantized)
            arrays[name] = value.astype(np.float32) * np.float32(scale) + np.float32(low)
        elif quantized:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            value = value.astype(np.float16)
            arrays[name] = value.astype(np.float32)
        held += value.tobytes()
        entries.append(entry)
    half = len(held) // 2  # an array may lie in two files
    (folder / "group1-shard1of2.bin").write_bytes(held[:half])
    (folder / "group1-shard2of2.bin").write_bytes(held[half:])
    told = {
        "format": "layers-model",
        "modelTopology": {"keras_version": "2.15.0", "model_config": config},
        "weightsManifest": [{"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(told))
    return folder
