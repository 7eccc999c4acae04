"""`.keras` files are written by hand here, in the layout that Keras 2.15 and 3.15 write; what is expected is computed
in NumPy by TensorFlow's rules for padding."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
import torch

from explorer import checkpoints, foreign
from explorer.errors import BadInput

SIZE, DIM, CODES = 12, 4, 6
RNG = np.random.default_rng(5)


def layer(kind, name, source, **config):
    call = {"class_name": "__keras_tensor__", "config": {"keras_history": [source, 0, 0]}}
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": [{"args": [call], "kwargs": {}}],
    }


def entrance(name, shape):
    return {"class_name": "InputLayer", "name": name, "config": {"batch_shape": [None, *shape]}, "inbound_nodes": []}


def model(name, layers, source=None):
    ends = {"input_layers": [layers[0]["name"], 0, 0], "output_layers": [layers[-1]["name"], 0, 0]}
    made = layer("Functional", name, source, layers=layers, **ends)
    return made


def convolution(name, source, filters, kernel, stride=1, kind="Conv2D", activation="linear"):
    return layer(
        kind, name, source, filters=filters, kernel_size=[kernel] * 2, strides=[stride] * 2, padding="same",
        activation=activation, use_bias=True, data_format="channels_last", dilation_rate=[1, 1],
    )  # fmt: skip


def halves(kernel=4, activation="linear", size=SIZE):
    encoder = [
        entrance("in", (size, size, 1)),
        convolution("first", "in", 5, kernel, 2, activation="relu"),
        layer("BatchNormalization", "norm", "first", axis=-1, epsilon=1e-3, scale=True, center=True),
        convolution("last", "norm", DIM, 1),
    ]
    decoder = [
        entrance("in", (size // 2, size // 2, DIM)),
        convolution("wide", "in", 5, kernel, 2, "Conv2DTranspose", "relu"),
        convolution("out", "wide", 1, 3, 1, "Conv2DTranspose", activation),
    ]
    return encoder, decoder


def arrays(kernel=4):
    def some(*shape):
        return RNG.normal(size=shape).astype(np.float32) * 0.4

    return (
        {
            "conv2d/vars/0": some(kernel, kernel, 1, 5), "conv2d/vars/1": some(5),
            "batch_normalization/vars/0": 1 + some(5), "batch_normalization/vars/1": some(5),
            "batch_normalization/vars/2": some(5), "batch_normalization/vars/3": 0.5 + some(5) ** 2,
            "conv2d_1/vars/0": some(1, 1, 5, DIM), "conv2d_1/vars/1": some(DIM),
        },
        {
            "conv2d_transpose/vars/0": some(kernel, kernel, 5, DIM), "conv2d_transpose/vars/1": some(5),
            "conv2d_transpose_1/vars/0": some(3, 3, 1, 5), "conv2d_transpose_1/vars/1": some(1),
        },
        some(DIM, CODES),
    )  # fmt: skip


def write(path, config, sets, change=None, compression=zipfile.ZIP_STORED, more=()):
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        for name, value in sets.items():
            file[name] = value
        if change:
            change(file)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1"}')
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", held.getvalue())
        for name in more:
            archive.writestr(name, "x")
    return path


def whole(path, kernel=4, quantizer="VectorQuantizer", missing="", activation="linear", extra=(), **how):
    encoder, decoder = halves(kernel, activation)
    encoder[len(encoder) - 1 : len(encoder) - 1] = extra
    weights = arrays(kernel)
    layers = [
        entrance("images", (SIZE, SIZE, 1)),
        model("encoder", encoder, "images"),
        layer(quantizer, "vector_quantizer", "encoder", num_embeddings=CODES, embedding_dim=DIM),
        model("decoder", decoder, "vector_quantizer"),
    ]
    sets = {f"layers/functional/layers/{name}": value for name, value in weights[0].items()}
    sets |= {f"layers/functional_1/layers/{name}": value for name, value in weights[1].items()}
    sets |= {"layers/vector_quantizer/vars/0": weights[2], "optimizer/vars/0": np.array(7)}
    sets.pop(missing, None)
    return write(path, model("vq_vae", layers), sets, **how), weights


def folder(path, table="embeddings.npy", kernel=4, turned=False):
    path.mkdir()
    weights = arrays(kernel)
    for name, layers, sets in zip(("encoder", "decoder"), halves(kernel), weights[:2], strict=True):
        write(path / f"{name}.keras", model(name, layers), {f"layers/{key}": value for key, value in sets.items()})
    values = weights[2].T if turned else weights[2]
    if table.endswith(".txt"):
        np.savetxt(path / table, values)
    elif table.endswith(".npy"):
        np.save(path / table, values)
    else:
        write(path / table, {}, {"layers/vector_quantizer/vars/0": values})
    return path, weights


def convolve(x, kernel, bias, stride):
    """(h, w, C), a kernel (k, k, C, out): the odd zero stands at the end."""
    k, out = kernel.shape[0], -(-len(x) // stride)
    total = max((out - 1) * stride + k - len(x), 0)
    x = np.pad(x, ((total // 2, total - total // 2),) * 2 + ((0, 0),))
    cut = [[x[i * stride : i * stride + k, j * stride : j * stride + k] for j in range(out)] for i in range(out)]
    return np.einsum("ijabc,abco->ijo", np.array(cut), kernel) + bias


def spread(x, kernel, bias, stride):
    """(h, w, C), a kernel (k, k, out, C): the gradient of `convolve` with respect to what it takes."""
    k, size = kernel.shape[0], len(x) * stride
    total = max(k - stride, 0)
    made = np.zeros((size + total,) * 2 + (kernel.shape[2],))
    for i in range(len(x)):
        for j in range(len(x)):
            made[i * stride : i * stride + k, j * stride : j * stride + k] += kernel @ x[i, j]
    return made[total // 2 : total // 2 + size, total // 2 : total // 2 + size] + bias


def expected(image, weights):
    """(h, w) grey values in [0, 1] -> latents (H, W, D), codes, reconstruction (h, w)."""
    e, d, table = weights
    x = np.maximum(convolve(image[:, :, None] - 0.5, e["conv2d/vars/0"], e["conv2d/vars/1"], 2), 0)
    gamma, beta, mean, variance = (e[f"batch_normalization/vars/{index}"] for index in range(4))
    x = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    latents = convolve(x, e["conv2d_1/vars/0"], e["conv2d_1/vars/1"], 1)
    codes = ((latents[:, :, :, None] - table) ** 2).sum(2).argmin(2)
    x = np.maximum(spread(table.T[codes], d["conv2d_transpose/vars/0"], d["conv2d_transpose/vars/1"], 2), 0)
    x = spread(x, d["conv2d_transpose_1/vars/0"], d["conv2d_transpose_1/vars/1"], 1)
    return latents, codes, (x[:, :, 0] + 0.5).clip(0, 1)


def check(path, weights):
    network = checkpoints.load(path)
    image = RNG.random((SIZE, SIZE)).astype(np.float32)
    latents, codes, shown = expected(image, weights)
    found = network.encode(torch.from_numpy(image).expand(1, 3, -1, -1))
    assert np.abs(found["code"][0].numpy() - latents).max() < 1e-4
    assert (network.codebooks["code"].assign(found["code"])[0].numpy() == codes).all()
    assert np.abs(network.decode(found)[0].numpy() - shown).max() < 1e-4
    return network


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_a_whole_model_gives_what_tensorflow_does(tmp_path, kernel):
    network = check(*whole(tmp_path / "vq.keras", kernel))
    assert network.layers[0].grid == (SIZE // 2, SIZE // 2) and network.layers[0].dim == DIM
    assert network.codebooks["code"].vectors.shape == (CODES, DIM)


@pytest.mark.parametrize("table", ["embeddings.npy", "embeddings.txt", "quantizer.keras"])
def test_a_folder_of_halves_and_embeddings_opens(tmp_path, table):
    check(*folder(tmp_path / "vq", table))


def test_a_table_with_codes_in_its_rows_is_the_same(tmp_path):
    check(*folder(tmp_path / "vq", turned=True))


def test_what_a_user_is_told(tmp_path):
    path, _ = whole(tmp_path / "vq.keras")
    found = checkpoints.describe(path)
    assert (found.format, found.family, found.image_size) == ("Keras VQ-VAE", "vqvae", SIZE)
    assert found.layers == ({"name": "code", "grid": [SIZE // 2] * 2, "dim": DIM, "codes": CODES},)
    assert "grey values from -0.5 to 0.5" in found.notes[0]
    assert path.resolve() in {one.path.resolve() for one in _found(tmp_path)}


def _found(root):
    import os
    from unittest import mock

    with mock.patch.dict(os.environ, EXPLORER_CHECKPOINTS=str(root)):
        return checkpoints.find()


@pytest.mark.parametrize(("activation", "range_"), [("sigmoid", "from 0 to 1"), ("tanh", "from -1 to 1")])
def test_the_last_activation_says_how_images_come_out(tmp_path, activation, range_):
    path, _ = whole(tmp_path / "vq.keras", activation=activation)
    assert range_ in checkpoints.describe(path).notes[0]


def test_sizes_come_from_the_file_and_others_must_fit(tmp_path):
    path, _ = whole(tmp_path / "vq.keras")
    assert checkpoints.load(f"{path}@16").layers[0].grid == (8, 8)
    with pytest.raises(BadInput, match="makes 14 × 14 pixels of 1 channels out of 13 × 13"):
        checkpoints.load(f"{path}@13")


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        (layer("Lambda", "trick", "norm", function={"class_name": "__lambda__"}), "Lambda layer .*holds code"),
        (layer("Attention", "look", "norm"), "class Attention .*look.* not supported; choose from Conv2D"),
        (layer("Activation", "act", "norm", activation={"class_name": "mine"}), "activation mine is not supported"),
    ],
)
def test_layers_that_are_not_known_are_named(tmp_path, extra, sentence):
    path, _ = whole(tmp_path / "vq.keras", extra=[extra])
    with pytest.raises(BadInput, match=sentence):
        checkpoints.describe(path)


def test_a_layer_used_twice_a_trainer_and_a_plain_autoencoder_are_refused(tmp_path):
    twice = layer("Dropout", "drop", "norm")
    twice["inbound_nodes"] *= 2
    path, _ = whole(tmp_path / "twice.keras", extra=[twice])
    with pytest.raises(BadInput, match="drop is used 2 times"):
        checkpoints.describe(path)
    write(tmp_path / "trainer.keras", {"class_name": "VQVAETrainer", "config": {"latent_dim": 4}}, {})
    with pytest.raises(BadInput, match=r"VQVAETrainer, whose layers lie in code.*trainer\.vqvae"):
        checkpoints.describe(tmp_path / "trainer.keras")
    path, _ = whole(tmp_path / "plain.keras", quantizer="Dropout")
    with pytest.raises(BadInput, match="no layers that quantize"):
        checkpoints.describe(path)


def test_graphs_that_go_past_the_codes_or_have_two_ends_are_refused(tmp_path):
    encoder, decoder = halves()
    quantizer = layer("VectorQuantizer", "vector_quantizer", "last")
    for source, sentence in (("images", "wide takes the image, which lies beyond"), ("norm", "wide takes .*norm")):
        past = convolution("wide", source, 5, 4, 2, "Conv2DTranspose")
        config = model("m", [entrance("images", (SIZE, SIZE, 1)), *encoder[1:], quantizer, past, decoder[2]])
        config["config"]["layers"][1]["inbound_nodes"] = layer("", "", "images")["inbound_nodes"]
        write(tmp_path / "past.keras", config, {"layers/vector_quantizer/vars/0": arrays()[2]})
        foreign._recognise.cache_clear()
        with pytest.raises(BadInput, match=sentence):
            checkpoints.describe(tmp_path / "past.keras")
    config = model("m", halves()[0])
    config["config"]["output_layers"] = [["norm", 0, 0], ["last", 0, 0]]
    write(tmp_path / "two.keras", config, {})
    with pytest.raises(BadInput, match="1 inputs and 2 outputs"):
        checkpoints.describe(tmp_path / "two.keras")


def test_a_lambda_that_is_called_a_quantizer_is_still_code(tmp_path):
    path, _ = whole(tmp_path / "vq.keras", quantizer="Lambda")
    with pytest.raises(BadInput, match="Lambda layer"):
        checkpoints.describe(path)


def test_arrays_that_are_missing_are_named(tmp_path):
    path, _ = whole(tmp_path / "vq.keras", missing="layers/functional/layers/conv2d_1/vars/1")
    with pytest.raises(BadInput, match=r"lacks encoder\.layers\.vq_vae/encoder/last\.bias"):
        checkpoints.load(path)
    path, _ = whole(tmp_path / "none.keras", missing="layers/vector_quantizer/vars/0")
    with pytest.raises(BadInput, match=r"no tables of embeddings.*embeddings\.npy"):
        checkpoints.describe(path)
    path, _ = folder(tmp_path / "vq")
    (path / "embeddings.npy").unlink()
    with pytest.raises(BadInput, match=r"no files that could be the embeddings.*embeddings\.npy"):
        checkpoints.describe(path)


PLACE = "layers/functional/layers/conv2d_1/vars/2"


def _huge(file):
    one = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    one.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
    space = h5py.h5s.create_simple((10**7, 10**6))
    h5py.h5d.create(file["layers"].id, b"huge", h5py.h5t.IEEE_F32LE, space, one)


def _virtual(file):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "data", shape=(4,))
    file.create_virtual_dataset(PLACE, layout)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda file: file.__setitem__(PLACE, h5py.ExternalLink("/etc/passwd", "/x")), "points elsewhere"),
        (lambda file: file.__setitem__(PLACE, h5py.SoftLink("/layers")), "points elsewhere"),
        (lambda file: file.create_dataset(PLACE, (4,), "u1", external=[("/etc/hostname", 0, 4)]), "in another file"),
        (_virtual, "in another file"),
        (_huge, "claims more numbers"),
        (lambda file: file.create_dataset(PLACE, (9**7,), "f4", compression="gzip", chunks=(999,)), "compressed"),
        (lambda file: file.create_dataset(PLACE, data=[b"text"]), "holds no numbers"),
        (lambda file: file["layers"].__setitem__("again", file["layers"]), "lie in each other"),
    ],
)
def test_weights_that_would_do_harm_are_refused(tmp_path, change, sentence):
    path, _ = whole(tmp_path / "vq.keras", change=change)
    with pytest.raises(BadInput, match=sentence):
        checkpoints.load(path)


def test_zips_that_would_do_harm_are_refused(tmp_path):
    path, _ = whole(tmp_path / "out.keras", more=["../../evil.py"])
    with pytest.raises(BadInput, match="outside its folder"):
        checkpoints.load(path)
    path, _ = whole(tmp_path / "bomb.keras", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(BadInput, match="compressed"):
        checkpoints.load(path)
    with pytest.warns(UserWarning, match="Duplicate"):
        path, _ = whole(tmp_path / "double.keras", more=["config.json"])
    with pytest.raises(BadInput, match=r"2 config\.json"):
        checkpoints.load(path)
    (tmp_path / "no.keras").write_bytes(b"\x89HDF old files of Keras are HDF5")
    with pytest.raises(BadInput, match=r"no `\.keras` file"):
        checkpoints.load(tmp_path / "no.keras")


def test_a_layer_cannot_claim_more_than_fits(tmp_path):
    path, _ = whole(tmp_path / "vq.keras", extra=[layer("UpSampling2D", f"up{i}", f"up{i - 1}" if i else "norm",
                                                        size=[64, 64]) for i in range(3)])  # fmt: skip
    with pytest.raises(BadInput, match=r"up1 of vq\.keras would make"):
        checkpoints.describe(path)


def test_a_pickle_in_the_place_of_embeddings_is_not_opened(tmp_path):
    path, _ = folder(tmp_path / "vq")
    np.save(path / "embeddings.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="cannot be read as a table"):
        checkpoints.describe(path)


def test_the_fingerprint_follows_the_weights(tmp_path):
    one, _ = whole(tmp_path / "one.keras")
    two, _ = whole(tmp_path / "two.keras")
    assert foreign.fingerprint(foreign.recognise(one)) != foreign.fingerprint(foreign.recognise(two))
