"""What Keras 2 and TensorFlow.js save, written here by hand; what is expected is computed in NumPy, as of `.keras`."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pytest
import torch

from explorer import checkpoints, foreign
from explorer.errors import BadInput
from tests.foreign import tensorflow_files as files
from tests.foreign.test_keras import CODES, DIM, SIZE, arrays, check, convolve, entrance, halves, layer, model, spread

OWN = {  # in Keras 2, of each array in Keras 3
    "conv2d/vars/0": ("first", "kernel"), "conv2d/vars/1": ("first", "bias"),
    "batch_normalization/vars/0": ("norm", "gamma"), "batch_normalization/vars/1": ("norm", "beta"),
    "batch_normalization/vars/2": ("norm", "moving_mean"), "batch_normalization/vars/3": ("norm", "moving_variance"),
    "conv2d_1/vars/0": ("last", "kernel"), "conv2d_1/vars/1": ("last", "bias"),
    "conv2d_transpose/vars/0": ("wide", "kernel"), "conv2d_transpose/vars/1": ("wide", "bias"),
    "conv2d_transpose_1/vars/0": ("out", "kernel"), "conv2d_transpose_1/vars/1": ("out", "bias"),
}  # fmt: skip
NUMBER = {"first": 1, "norm": 2, "last": 3, "wide": 1, "out": 2}  # among the layers of a half


def vqvae():
    """A whole model's config, and arrays (encoder, decoder, table)."""
    encoder, decoder = halves()
    layers = [
        entrance("images", (SIZE, SIZE, 1)),
        model("encoder", encoder, "images"),
        layer("VectorQuantizer", "vector_quantizer", "encoder", num_embeddings=CODES, embedding_dim=DIM),
        model("decoder", decoder, "vector_quantizer"),
    ]
    return model("vq_vae", layers), arrays()


def objects(weights, root=()):
    """Arrays by the paths of their objects in a checkpoint of TensorFlow."""
    found = {(*root, "layer-2", "embeddings"): weights[2], ("tracker", "total"): np.float32(3)}
    for index, sets in ((1, weights[0]), (3, weights[1])):
        for name, value in sets.items():
            own, kind = OWN[name]
            found[(*root, f"layer-{index}", f"layer-{NUMBER[own]}", kind)] = value
    return found


def paths(weights):
    """Arrays by their places in an `.h5` file."""
    found = {"vector_quantizer/embeddings_vqvae:0": weights[2]}
    for half, sets in (("encoder", weights[0]), ("decoder", weights[1])):
        found |= {f"{half}/{OWN[name][0]}/{OWN[name][1]}:0": value for name, value in sets.items()}
    return found


def saved(folder, **how):
    config, weights = vqvae()
    return files.saved_model(folder, {(): config}, objects(weights), **how), weights


def test_a_saved_model_gives_what_tensorflow_does(tmp_path):
    path, weights = saved(tmp_path / "vq")
    assert check(path, weights).codebooks["code"].vectors.shape == (CODES, DIM)
    found = checkpoints.describe(path)
    assert (found.format, found.image_size) == ("Keras VQ-VAE", SIZE)


def test_of_the_trainer_of_the_example_the_model_inside_is_taken(tmp_path):
    config, weights = vqvae()
    trainer = {"class_name": "VQVAETrainer", "config": {"train_variance": 0.1}}
    tuples = json.loads(json.dumps(config).replace("[4, 4]", '{"class_name": "__tuple__", "items": [4, 4]}'))
    encoder = config["config"]["layers"][1]
    models = {(): trainer, ("vqvae", "layer_with_weights-0"): encoder, ("vqvae",): tuples}
    check(files.saved_model(tmp_path / "vq", models, objects(weights, ("vqvae",))), weights)


def test_an_h5_file_gives_what_tensorflow_does(tmp_path):
    config, weights = vqvae()
    check(files.h5(tmp_path / "vq.h5", config, paths(weights)), weights)


def test_h5_by_its_content_and_halves(tmp_path):
    weights, folder = arrays(), tmp_path / "vq"
    folder.mkdir()
    for name, layers, sets in zip(("encoder", "decoder"), halves(), weights[:2], strict=True):
        own = {f"{OWN[key][0]}/{OWN[key][0]}/{OWN[key][1]}:0": value for key, value in sets.items()}
        files.h5(folder / f"{name}.h5", model(name, layers), own)
    np.save(folder / "embeddings.npy", weights[2])
    check(folder, weights)


def test_a_sequential_does_not_count_where_images_come_in(tmp_path):
    config, weights = vqvae()
    encoder = config["config"]["layers"][1]
    encoder["class_name"] = "Sequential"
    found = {}
    for path, value in objects(weights).items():
        if path[0] == "layer-1":
            path = (path[0], f"layer-{int(path[1][6:]) - 1}", path[2])
        found[path] = value
    check(files.saved_model(tmp_path / "vq", {(): config}, found), weights)


@pytest.mark.parametrize("quantized", [None, "uint8", "uint16", "float16"])
def test_layers_of_tensorflow_js_quantized_or_not(tmp_path, quantized):
    config, weights = vqvae()
    found = {name.removesuffix(":0"): value for name, value in paths(weights).items()}
    path = files.layers_model(tmp_path / "vq", config, found, quantized)
    own = [{key: found[f"{half}/{'/'.join(OWN[key])}"] for key in sets}
           for half, sets in (("encoder", weights[0]), ("decoder", weights[1]))]  # fmt: skip
    check(path, (*own, found["vector_quantizer/embeddings_vqvae"]))


def test_halves_of_tensorflow_js_and_embeddings_as_text(tmp_path):
    weights = arrays()
    for name, layers, sets in zip(("encoder", "decoder"), halves(), weights[:2], strict=True):
        own = {"/".join(OWN[key]): value for key, value in sets.items()}
        files.layers_model(tmp_path / "vq" / name, model(name, layers), own)
    np.savetxt(tmp_path / "vq/embeddings_dim4_num6.txt", weights[2])
    check(tmp_path / "vq", weights)


def operation(name, op, *inputs, **attr):
    return {"name": name, "op": op, "input": list(inputs), "attr": attr}


def text(value):
    import base64

    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values):
    return {"list": {"s": [text(one)["s"] for one in values]}}


def graph(path, sets, nodes, shape):
    folder = files.layers_model(path, {}, sets)
    told = json.loads((folder / "model.json").read_text())
    sides = {"shape": {"shape": {"dim": [{"size": str(side)} for side in (-1, *shape)]}}}
    constants = [operation(name, "Const") for name in sets]
    told |= {
        "format": "graph-model",
        "modelTopology": {"node": [*constants, operation("in", "Placeholder", **sides), *nodes]},
    }
    (folder / "model.json").write_text(json.dumps(told))


def test_the_graph_of_a_convolutional_autoencoder_is_read_as_its_layers(tmp_path):
    weights = arrays()
    e, d = weights[0], weights[1]
    for name in list(e):
        if name.startswith("batch"):
            e[name] = np.ones(5, np.float32) if name[-1] in "03" else np.zeros(5, np.float32)
    e["batch_normalization/vars/3"] -= 1e-3  # no norm at all
    how = {"data_format": text("NHWC"), "padding": text("SAME")}
    stride = lambda n: {"strides": {"list": {"i": ["1", str(n), str(n), "1"]}}}  # noqa: E731
    graph(
        tmp_path / "vq/encoder",
        {"k1": e["conv2d/vars/0"], "b1": e["conv2d/vars/1"].reshape(1, 1, 1, 5), "k2": e["conv2d_1/vars/0"],
         "b2": e["conv2d_1/vars/1"]},
        [operation("a/Relu", "_FusedConv2D", "in", "k1", "b1", fused_ops=texts("BiasAdd", "Relu"), **how, **stride(2)),
         operation("b/conv", "Conv2D", "a/Relu", "k2", **how, **stride(1)),
         operation("b/add", "BiasAdd", "b/conv", "b2"), operation("Identity", "Identity", "b/add")],
        (SIZE, SIZE, 1),
    )  # fmt: skip
    graph(
        tmp_path / "vq/decoder",
        {"k1": d["conv2d_transpose/vars/0"], "b1": d["conv2d_transpose/vars/1"], "k2": d["conv2d_transpose_1/vars/0"],
         "b2": d["conv2d_transpose_1/vars/1"]},
        [operation("s", "Shape", "in"), operation("p", "Pack", "s"),
         operation("a", "Conv2DBackpropInput", "p", "k1", "in", **how, **stride(2)),
         operation("a/add", "AddV2", "a", "b1"), operation("a/Relu", "Relu", "a/add"),
         operation("s2", "Shape", "a/Relu"),
         operation("b", "Conv2DBackpropInput", "s2", "k2", "a/Relu", **how, **stride(1)),
         operation("b/add", "AddV2", "b", "b2")],
        (SIZE // 2, SIZE // 2, DIM),
    )  # fmt: skip
    np.savetxt(tmp_path / "vq/embeddings.txt", weights[2])
    check(tmp_path / "vq", weights)
    shutil.copytree(tmp_path / "vq", tmp_path / "other")
    file = tmp_path / "other/encoder/model.json"
    file.write_text(file.read_text().replace('"BiasAdd"', '"MatMul"', 1))
    with pytest.raises(BadInput, match="operation MatMul, which is not supported"):
        checkpoints.load(tmp_path / "other")


# -- weights without their layers


def example(kernel=3):
    """Arrays of Keras' example: (encoder, decoder) as pairs of kernel and bias, and the table."""
    random = np.random.default_rng(8)
    some = lambda *shape: random.normal(size=shape).astype(np.float32) * 0.4  # noqa: E731
    encoder = [(some(3, 3, 1, 5), some(5)), (some(kernel, kernel, 5, 6), some(6)), (some(1, 1, 6, DIM), some(DIM))]
    decoder = [(some(3, 3, 6, DIM), some(6)), (some(3, 3, 5, 6), some(5)), (some(3, 3, 1, 5), some(1))]
    return encoder, decoder, some(DIM, CODES)


def as_objects(folder, weights, root=()):
    held = {(*root, "layer-2", "embeddings"): weights[2]}
    for index, half in ((1, weights[0]), (3, weights[1])):
        for i, pair in enumerate(half, 1):
            held |= {
                (*root, f"layer-{index}", f"layer-{i}", kind): one
                for kind, one in zip(("kernel", "bias"), pair, strict=True)
            }
    files.bundle(folder / "weights", held, True)
    return folder


def as_h5(
    folder,
    weights,
    root="layers/functional{}/layers/{}/vars/{}",
    bias=("0", "1"),
    table="layers/vector_quantizer/vars/0",
):
    folder.mkdir()
    with h5py.File(folder / "vq.weights.h5", "w") as file:
        file.create_group("vars")
        file[table] = weights[2]
        for half, end, kind in ((weights[0], "", "conv2d"), (weights[1], "_1", "conv2d_transpose")):
            for i, pair in enumerate(half):
                for own, one in zip(bias, pair, strict=True):
                    file[root.format(end, f"{kind}_{i}" if i else kind, own)] = one
    return folder / "vq.weights.h5"


@pytest.mark.parametrize(
    "write",
    [
        as_objects,
        lambda folder, weights: as_objects(folder, weights, ("vqvae",)),
        as_h5,
        lambda folder, weights: as_h5(folder, weights, "vqvae/layers/functional{}/layers/{}/vars/{}"),
        lambda folder, weights: as_h5(folder, weights, "half{}/{}/{}", ("kernel:0", "bias:0"), "vq/embeddings:0"),
    ],
)
def test_weights_alone_are_taken_for_the_example_and_that_is_told(tmp_path, write):
    weights = example()
    path = f"{write(tmp_path / 'vq', weights)}@{SIZE}"
    assert "without layers; they are taken for those of Keras' example" in checkpoints.describe(path).notes[0]
    network, image = checkpoints.load(path), np.random.default_rng(1).random((SIZE, SIZE)).astype(np.float32)
    (first, second, last), decoder, table = weights
    x = np.maximum(convolve(image[:, :, None] - 0.5, *first, 2), 0)
    latents = convolve(np.maximum(convolve(x, *second, 2), 0), *last, 1)
    codes = ((latents[:, :, :, None] - table) ** 2).sum(2).argmin(2)
    x = np.maximum(spread(np.maximum(spread(table.T[codes], *decoder[0], 2), 0), *decoder[1], 2), 0)
    z = network.encode(torch.from_numpy(image).expand(1, 3, -1, -1))
    assert np.abs(z["code"][0].numpy() - latents).max() < 1e-4
    assert (network.codebooks["code"].assign(z["code"])[0].numpy() == codes).all()
    shown = (spread(x, *decoder[2], 1)[:, :, 0] + 0.5).clip(0, 1)
    assert np.abs(network.decode(z)[0].numpy() - shown).max() < 1e-4


@pytest.mark.parametrize("write", [as_objects, as_h5])
def test_weights_of_other_shapes_are_not_taken_for_the_example(tmp_path, write):
    with pytest.raises(BadInput, match=r"model\.save\('model\.keras'\)"):
        checkpoints.load(write(tmp_path / "vq", example(kernel=4)))


def test_a_quantizer_that_was_saved_without_its_config(tmp_path):
    config, weights = vqvae()
    config["config"]["layers"][2]["config"] = {"layer was saved without config": True}
    check(files.saved_model(tmp_path / "vq", {(): config}, objects(weights)), weights)


# -- what does not open


def test_weights_without_their_layers_and_programs_say_what_to_do(tmp_path):
    files.h5(tmp_path / "a.weights.h5", None, {"x/kernel:0": np.zeros(3)})
    with h5py.File(tmp_path / "a.weights.h5", "r+") as file:
        file.attrs["layer_names"] = ["x"]
    with pytest.raises(BadInput, match=r"without the layers.*model\.save\('model\.keras'\)"):
        checkpoints.load(tmp_path / "a.weights.h5")
    path, _ = saved(tmp_path / "vq")
    (path / "keras_metadata.pb").unlink()
    with pytest.raises(BadInput, match=r"program and not the layers.*model\.save\('model\.keras'\)"):
        checkpoints.load(path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f["data"].write_bytes(f["data"].read_bytes()[:-900]), "more numbers than the data hold"),
        (lambda f: f["data"].write_bytes(b"\1" + f["data"].read_bytes()[1:]), "checksum"),
        (lambda f: f["index"].write_bytes(b"\1" + f["index"].read_bytes()[1:]), "checksum of a block"),
        (lambda f: f["index"].write_bytes(f["index"].read_bytes()[:-9]), "does not end like"),
        (lambda f: f["index"].write_bytes(bytes(8)), "does not end like"),
        (lambda f: f["data"].unlink(), "variables.data-00000-of-00001"),
        (lambda f: f["index"].unlink(), "has no variables/variables.index"),
        (lambda f: f["told"].write_bytes(f["told"].read_bytes()[:90]), "keras_metadata.pb of vq is damaged"),
        (lambda f: f["told"].write_bytes(b"\x0a\x00"), "no model whose layers are known"),
    ],
)
def test_files_that_are_damaged_say_so(tmp_path, change, sentence):
    path, _ = saved(tmp_path / "vq")
    stem = path / "variables/variables"
    change({"data": stem.with_name("variables.data-00000-of-00001"), "index": stem.with_suffix(".index"),
            "told": path / "keras_metadata.pb"})  # fmt: skip
    with pytest.raises(BadInput, match=sentence):
        checkpoints.load(path)


@pytest.mark.parametrize(
    "fields",
    [
        {5: 1 << 40},
        {4: 1 << 60},
        {2: files.message(*((2, files.message((1, 1 << 20))) for _ in range(3)))},
        {3: 9},
        {1: 2},
    ],
)
def test_an_index_cannot_claim_what_its_data_do_not_hold(tmp_path, fields):
    path, _ = saved(
        tmp_path / "vq",
        entry=lambda key, _: fields if key.endswith("layer-1/kernel/.ATTRIBUTES/VARIABLE_VALUE") else {},
    )
    with pytest.raises(BadInput, match=r"more numbers than the data hold|holds no numbers"):
        checkpoints.load(path)


def test_a_block_that_is_compressed_or_lies_outside_is_refused(tmp_path):
    path, _ = saved(tmp_path / "vq")
    index = path / "variables/variables.index"
    held = index.read_bytes()
    index.write_bytes(
        held[:-48]
        + (files.varint(0) + files.varint(1) + files.varint(1 << 50) + files.varint(9)).ljust(40, b"\0")
        + held[-8:]
    )
    with pytest.raises(BadInput, match="outside the file"):
        checkpoints.load(path)


def test_numbers_that_are_missing_are_named(tmp_path):
    config, weights = vqvae()
    found = objects(weights)
    del found["layer-1", "layer-2", "moving_mean"]
    with pytest.raises(BadInput, match=r"lacks encoder.layers.*norm.*mean"):
        checkpoints.load(files.saved_model(tmp_path / "vq", {(): config}, found))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told["weightsManifest"][0]["paths"].__setitem__(0, "../x.bin"), "outside its folder"),
        (lambda told: told["weightsManifest"][0]["paths"].__setitem__(0, "none.bin"), "lacks none.bin"),
        (lambda told: told["weightsManifest"][0]["weights"][0].update(shape=[1 << 30, 9]), "bytes of weights"),
        (lambda told: told["weightsManifest"][0]["weights"][0].update(dtype="string"), "holds string"),
        (lambda told: told["weightsManifest"][0]["weights"][0].update(shape="x"), "cannot be understood"),
    ],
)
def test_a_manifest_is_checked_against_its_files(tmp_path, change, sentence):
    config, weights = vqvae()
    folder = files.layers_model(tmp_path / "vq", config, {name[:-2]: value for name, value in paths(weights).items()})
    told = json.loads((folder / "model.json").read_text())
    change(told)
    (folder / "model.json").write_text(json.dumps(told))
    with pytest.raises(BadInput, match=sentence):
        checkpoints.load(folder)


def test_the_fingerprint_follows_the_numbers(tmp_path):
    one, _ = saved(tmp_path / "a")
    two, _ = saved(tmp_path / "b")
    assert foreign.fingerprint(foreign.recognise(one)) != foreign.fingerprint(foreign.recognise(two))


def test_checksums_are_those_of_the_standard():
    from explorer.foreign.checksums import crc32c

    assert (crc32c(b"123456789"), crc32c(bytes(32)), crc32c(b"\xff" * 32)) == (0xE3069283, 0x8A9136AA, 0x62A8AB43)
    held = np.random.default_rng(0).bytes(5000)  # more than one chunk: bit by bit, as it is defined
    state = 0xFFFFFFFF
    for byte in held:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    assert crc32c(held) == state ^ 0xFFFFFFFF
