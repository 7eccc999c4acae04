"""The demo's endpoints, called as its users call them: by gradio_client and by plain HTTP."""

from __future__ import annotations

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from explorer import checkpoints
from explorer.study import open_study

NAMES = (checkpoints.FOR_PHOTOGRAPHS, *(one for one in checkpoints.SHIPPED_ORDER if one != checkpoints.FOR_PHOTOGRAPHS))
FILE = {"_type": "gradio.FileData"}


@pytest.fixture(scope="module")
def client(server):
    return Client(server.address, verbose=False)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """Encoding, images and the PNG file of one of the images that each checkpoint opens on."""
    folder, found = tmp_path_factory.mktemp("pictures"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(folder / "cache"))
        for name in NAMES:
            images = open_study(name).images
            path = folder / f"{name}.png"
            Image.fromarray(images.read([7])[0]).save(path)
            found[name] = (open_study(name).encoding, images, path)
            found[name][0].usage(found[name][0].layers[-1].name)
        yield found


def ask(server, endpoint: str, **inputs) -> tuple[str, list]:
    """Calls an endpoint by HTTP with named inputs; `complete` or `error`, and the data."""
    posted = httpx.post(f"{server.address}/gradio_api/call/v2/{endpoint}", json=inputs, timeout=60)
    event = posted.json()["event_id"]
    text = httpx.get(f"{server.address}/gradio_api/call/{endpoint}/{event}", timeout=60).text
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return lines["event"], json.loads(lines["data"])


def photograph(width: int = 640, height: int = 400) -> bytes:
    """A JPEG that is not square."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([rows * 255 / height, columns * 255 / width, (rows + columns) % 256], 2).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG")
    return data.getvalue()


def data_url(content: bytes) -> dict:
    return {"path": "data:image/jpeg;base64," + base64.b64encode(content).decode(), "meta": FILE}


def test_every_endpoint_is_named_described_and_typed(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    names = ("checkpoints", "reconstruct", "codes", "usage", "nearest", "paint", "similar", "prior_sample")
    assert set(endpoints) == {f"/{name}" for name in names}
    for name, about in endpoints.items():
        assert len(about["description"]) > 20, name
        assert all(parameter["type"] for parameter in about["parameters"])
        assert "dict(" in about["returns"][0]["python_type"]["type"], name


def test_checkpoints_tells_what_ships_with_the_scores_of_its_card(client):
    found = client.predict(api_name="/checkpoints")
    assert [one["name"] for one in found] == list(NAMES)
    for one in found:
        metrics = checkpoints.describe(checkpoints.resolve(one["name"])).metrics
        assert one["psnr"] == {key: metrics["psnr"][key] for key in ("mean", "low", "high", "n")}
        assert one["baseline_psnr"]["mean"] < one["psnr"]["low"]


@pytest.mark.parametrize("name", NAMES)
def test_reconstruct_scores_a_held_out_image_as_its_encoding_does(client, held_out, name):
    encoding, _, path = held_out[name]
    scores, reconstruction, error = client.predict(handle_file(path), name, api_name="/reconstruct")
    assert scores["psnr"] == pytest.approx(encoding.errors()["psnr"][7], abs=0.02)
    assert scores["ssim"] == pytest.approx(encoding.errors()["ssim"][7], abs=1e-3)
    original, back = (np.asarray(Image.open(file), float) / 255 for file in (path, reconstruction))
    mse = np.square(original - back).mean()  # the file is rounded to 8 bits
    assert mse == pytest.approx(scores["mse"], rel=0.05, abs=1e-5)
    assert [one["layer"] for one in scores["layers"]] == [layer.name for layer in encoding.layers]
    assert Image.open(error).size == Image.open(path).size


def test_reconstruct_fills_in_what_is_hidden(client, held_out):
    path = held_out["mae-shapes"][2]
    few = client.predict(handle_file(path), "mae-shapes", hidden=0.25, api_name="/reconstruct")
    many = client.predict(handle_file(path), "mae-shapes", hidden=0.75, seed=1, api_name="/reconstruct")
    other = client.predict(handle_file(path), "mae-shapes", hidden=0.75, seed=2, api_name="/reconstruct")
    assert (few[0]["hidden"], many[0]["hidden"]) == (0.25, 0.75)
    assert many[0]["held_out_hidden"] == 0.75
    assert many[0]["mse"] != other[0]["mse"]
    same = [(np.asarray(Image.open(path)) == np.asarray(Image.open(found[1]))).all(2).mean() for found in (few, many)]
    assert same[0] > 0.7 > 0.5 > same[1] > 0.2  # what is visible comes back as it was


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_those_of_the_encoding(client, held_out, name):
    encoding, _, path = held_out[name]
    for layer in encoding.layers:
        found, code_map = client.predict(handle_file(path), name, layer.name, api_name="/codes")
        expected = encoding.codes(layer.name, [7])[0]
        assert found["grid"] == list(expected.shape)
        assert (np.array(found["codes"]) == expected).mean() > 0.98  # two codes may be equally near
        assert np.asarray(found["distances"]).shape == expected.shape
        picture = np.asarray(Image.open(code_map))
        cell = len(picture) // expected.shape[0]
        blocks = picture.reshape(expected.shape[0], cell, expected.shape[1], cell, 3)
        assert (blocks == blocks[:, :1, :, :1]).all()  # sharp: a cell is one colour


def test_usage_counts_every_token_of_every_layer(client, held_out):
    found = client.predict("mae-shapes", api_name="/usage")
    encoding = held_out["mae-shapes"][0]
    assert [one["layer"] for one in found["layers"]] == [layer.name for layer in encoding.layers]
    for one in found["layers"]:
        counts = np.array(one["tokens_per_code"])
        np.testing.assert_array_equal(counts, encoding.usage(one["layer"]))
        shares = counts[counts > 0] / counts.sum()
        assert one["perplexity"] == pytest.approx(2 ** -(shares * np.log2(shares)).sum())
        assert one["used"] + one["dead"] == one["codes"] == 64
        assert one["bits_per_pixel"] is None  # the model does not decode from k-means codes
    alone = client.predict("vqvae-shapes", "code", api_name="/usage")["layers"]
    assert len(alone) == 1
    assert alone[0]["perplexity_low"] < alone[0]["perplexity_high"] < alone[0]["uniform_perplexity"]


@pytest.mark.parametrize(("name", "by"), [("vqvae-shapes", "bag"), ("vqvae2-shapes", "zq"), ("vae-shapes", "ze")])
def test_a_held_out_image_finds_itself_first_and_says_why(client, held_out, name, by):
    encoding, images, path = held_out[name]
    found, shown = client.predict(handle_file(path), name, by, count=3, api_name="/similar")
    first, *others = found["neighbours"]
    assert first["id"] == 7 and first["name"] == images.names[7] and first["score"] == pytest.approx(1, abs=1e-4)
    assert len(others) == 2 and found["n"] == len(images) and found["exact"] == (by == "bag")
    codes = encoding.codes(found["layer"], [7])[0].reshape(-1)
    for code, cells in zip(first["because"], first["cells"], strict=True):
        assert cells == np.flatnonzero(codes == code).tolist()
    assert Image.open(shown).size == (3 * images.size, images.size)


def test_images_with_some_codes_are_found_without_the_picture(client, held_out):
    encoding, _, path = held_out["vqvae-shapes"]
    codes = encoding.codes("code")
    first, second = (int(code) for code in np.unique(codes[7])[:2])
    asked = f"{first}, -{second}"
    found, _ = client.predict(handle_file(path), "vqvae-shapes", codes=asked, count=5, api_name="/similar")
    rows = [one["id"] for one in found["neighbours"]]
    assert rows and all((codes[row] == first).any() and not (codes[row] == second).any() for row in rows)
    with pytest.raises(AppError, match="asked for and ruled out at once"):
        client.predict(handle_file(path), "vqvae-shapes", codes=f"{first},-{first}", api_name="/similar")


@pytest.mark.parametrize("name", NAMES)
def test_painted_codes_change_the_picture_where_they_stand(client, held_out, name):
    encoding, images, path = held_out[name]
    layer = encoding.layers[-1]
    own = encoding.codes(layer.name, [7])[0].reshape(-1)
    code = next(int(one) for one in encoding.usage(layer.name).argsort()[::-1] if one != own[0])
    told, picture, change = client.predict(handle_file(path), name, f"{layer.name}:0={code}", api_name="/paint")
    assert told["cells"] == 1 and told["edit"] == f"{layer.name}:0={code}" and told["inside"] > 0
    assert told["read_back"] + sum(map(len, told["lost"].values())) == 1
    assert layer.grid == (1, 1) or told["inside"] > told["outside"]
    size = images.size
    assert Image.open(picture).size == Image.open(change).size == (size, size)
    same, unpainted, _ = client.predict(handle_file(path), name, "", api_name="/paint")
    assert same["cells"] == 0 and same["inside"] is None
    moved = np.abs(np.asarray(Image.open(picture), float) - np.asarray(Image.open(unpainted), float))
    assert moved.max() > 0
    with pytest.raises(AppError, match=f"cell 999999 of {layer.name}"):
        client.predict(handle_file(path), name, f"{layer.name}:999999=0", api_name="/paint")


@pytest.mark.parametrize("name", NAMES)
def test_nearest_to_a_held_out_image_is_itself_then_others_by_distance(client, held_out, name):
    encoding, images, path = held_out[name]
    found, sheet = client.predict(handle_file(path), name, count=5, api_name="/nearest")
    layer = encoding.layers[0].name
    assert found["layer"] == layer and found["searched"] == len(images)
    assert found["images"][0]["row"] == 7
    distances = [one["distance"] for one in found["images"]]
    assert distances == sorted(distances) and distances[0] < 1e-2 * distances[-1]
    vectors = encoding.pooled(layer)
    away = np.linalg.norm(vectors - vectors[7], axis=1)
    assert [one["row"] for one in found["images"]] == np.argsort(away, kind="stable")[:5].tolist()
    for one in found["images"]:
        concepts = images.concepts.iloc[one["row"]]
        assert {key: concepts[key] for key in one["concepts"]} == pytest.approx(one["concepts"])
    side = images.size
    assert Image.open(sheet).size == (5 * side, side)


def test_a_photograph_is_called_unusual(client, server):
    _, (found, _) = ask(server, "nearest", image=data_url(photograph()), checkpoint="vqvae-shapes")
    assert found["unusual"] > 0.99


def test_padding_keeps_what_cropping_cuts_off(server):
    answers = [
        ask(server, "codes", image=data_url(photograph()), checkpoint="vqvae-shapes", fit=fit)[1]
        for fit in ("crop", "pad")
    ]
    assert answers[0][0]["codes"] != answers[1][0]["codes"]
    assert len(set(answers[1][0]["codes"][0])) < len(set(answers[0][0]["codes"][0]))  # a white border


@pytest.mark.parametrize(
    ("endpoint", "inputs", "says"),
    [
        ("codes", {"image": {"path": "/etc/passwd", "meta": FILE}}, "not a picture that was sent here"),
        ("codes", {"image": {"path": "/etc/passwd"}}, "not a picture that was sent here"),
        ("codes", {"image": {"path": "checkpoints/vqvae-shapes/config.json", "meta": FILE}}, "not a picture that was"),
        ("codes", {"image": {"path": "http://127.0.0.1:1/x.png", "meta": FILE}}, "address of the picture cannot"),
        ("codes", {"image": {"path": "http://[::1", "meta": FILE}}, "address of the picture cannot"),
        ("codes", {"image": {"path": "data:image/png;base64,AAAA", "meta": FILE}}, "is not an image"),
        ("codes", {"image": {"path": "data:image/png;base64,%%", "meta": FILE}}, "not base64"),
        ("codes", {"image": "/etc/passwd"}, "not of the kind"),
        ("codes", {"image": None}, "no picture yet"),
        ("codes", {"image": data_url(photograph()), "checkpoint": "../../etc"}, "not in the list of choices"),
        ("codes", {"image": data_url(photograph()), "layer": "top"}, "choose from code"),
        ("reconstruct", {"image": data_url(photograph()), "hidden": 0.5}, "cannot fill in hidden patches"),
        ("reconstruct", {"image": data_url(photograph()), "checkpoint": "mae-shapes", "hidden": 2}, "from 0 to 0.95"),
        (
            "reconstruct",
            {"image": data_url(photograph()), "checkpoint": "mae-shapes", "seed": -1},
            "from 0 to 4294967295",
        ),
        ("reconstruct", {"image": data_url(photograph()), "fit": "squash"}, "not in the list of choices"),
        ("nearest", {"image": data_url(photograph()), "count": 0}, "from 1 to 100"),
        ("nearest", {"image": data_url(photograph()), "count": "many"}, "not of the kind"),
        ("usage", {"checkpoint": "nope"}, "not in the list of choices"),
    ],
    ids=lambda value: str(value)[:48],
)
def test_wrong_input_gets_one_sentence(server, endpoint, inputs, says):
    event, data = ask(server, endpoint, **{"checkpoint": "vqvae-shapes", **inputs})
    assert event == "error"
    assert says in data["error"]
    assert "\n" not in data["error"] and "Traceback" not in data["error"] and str(server.temporary) not in data["error"]


def test_files_that_are_no_pictures_or_too_large_get_one_sentence(client, tmp_path):
    (tmp_path / "letter.png").write_bytes(b"%PDF-1.7\n" + b"1 0 obj\n" * 100)
    with pytest.raises(AppError, match=r"'letter\.png' is not an image that can be read"):
        client.predict(handle_file(tmp_path / "letter.png"), api_name="/reconstruct")
    Image.new("L", (10_000, 5_000)).save(tmp_path / "large.png")  # 50 megapixels in a few kilobytes
    with pytest.raises(AppError, match="10,000 × 5,000; an image may have 40 million pixels"):
        client.predict(handle_file(tmp_path / "large.png"), api_name="/reconstruct")
    damaged = photograph()[:4_000]
    (tmp_path / "half.jpg").write_bytes(damaged)
    with pytest.raises(AppError, match="is a damaged image"):
        client.predict(handle_file(tmp_path / "half.jpg"), api_name="/reconstruct")


def test_an_upload_of_more_than_20_megabytes_is_refused(server):
    file = {"files": ("large.png", b"\0" * (20 * 1024**2 + 1))}
    assert httpx.post(f"{server.address}/gradio_api/upload", files=file, timeout=60).status_code == 413


def test_a_call_by_position_may_leave_out_what_has_a_default(server):
    posted = httpx.post(f"{server.address}/gradio_api/call/codes", json={"data": [data_url(photograph())]}, timeout=60)
    text = httpx.get(f"{server.address}/gradio_api/call/codes/{posted.json()['event_id']}", timeout=60).text
    assert text.startswith("event: complete") and '"layer": "code"' in text
    posted = httpx.post(f"{server.address}/gradio_api/call/codes", json={"data": []}, timeout=60)
    text = httpx.get(f"{server.address}/gradio_api/call/codes/{posted.json()['event_id']}", timeout=60).text
    assert "it takes image, checkpoint, layer, fit" in text


def test_visitors_at_once_get_their_own_answers(server, held_out):
    """Eight clients, each with a picture and checkpoint of its own, interleaved."""

    def visit(number: int) -> bool:
        name = NAMES[number % 2]
        encoding, images, _ = held_out[name]
        data = io.BytesIO()
        Image.fromarray(images.read([number])[0]).save(data, "PNG")
        picture = {"path": "data:image/png;base64," + base64.b64encode(data.getvalue()).decode(), "meta": FILE}
        layer = encoding.layers[0].name
        answers = [ask(server, "codes", image=picture, checkpoint=name, layer=layer)[1][0] for _ in range(3)]
        expected = encoding.codes(layer, [number])[0]
        return all((np.array(answer["codes"]) == expected).mean() > 0.95 for answer in answers)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(visit, range(8)))


def test_the_functions_are_tools_of_an_mcp_server(server, run_async):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    picture = data_url(photograph())["path"]

    async def visit() -> tuple:
        address = f"{server.address}/gradio_api/mcp/"
        async with streamable_http_client(address) as (receive, send, _), ClientSession(receive, send) as session:
            await session.initialize()
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            good = await session.call_tool("codes", {"image": picture, "checkpoint": "vqvae-shapes"})
            bad = await session.call_tool("nearest", {"image": picture, "checkpoint": "vqvae-shapes", "count": 0})
            return tools, good, bad

    tools, good, bad = run_async(visit)
    names = {"list_checkpoints", "reconstruct", "codes", "usage", "nearest", "paint", "similar", "prior_sample"}
    assert set(tools) == names
    about = tools["reconstruct"].inputSchema["properties"]
    assert set(about) == {"image", "checkpoint", "fit", "hidden", "seed"}
    assert all(parameter["description"] for parameter in about.values())
    assert not good.isError and "'grid': [8, 8]" in good.content[0].text
    assert bad.isError and "from 1 to 100" in bad.content[0].text
