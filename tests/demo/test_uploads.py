"""What visitors may send, where it stays, and what is said of everything else."""

import base64
import gzip
import io
import os
import struct
import zlib
from pathlib import Path
from typing import ClassVar

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image

from explorer.demo import uploads
from explorer.errors import BadInput


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where visitors' files lie."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))
    return tmp_path / "files"


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def png(image):
    data = io.BytesIO()
    Image.fromarray(image).save(data, "PNG")
    return data.getvalue()


def header(side):
    """The start of a PNG that states `side` × `side` pixels."""
    facts = b"IHDR" + struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + facts + struct.pack(">I", zlib.crc32(facts))
    return start + struct.pack(">I", 0) + b"IDAT"


def refused(value, says):
    with pytest.raises(BadInput, match=says) as told:
        uploads.admit(value)
    assert "\n" not in str(told.value) and len(str(told.value)) < 200


# ------------------------------------------------------------------------------------------------------- what comes in


def test_a_picture_that_was_sent_is_admitted_under_its_name(image):
    path = uploads.store(png(image), "cat.png")
    sent = {"path": path, "url": "http://here/file=cat.png", "orig_name": "../../x", "size": 7, "meta": uploads.FILE}
    assert uploads.admit(sent) == {"path": path, "orig_name": "cat.png", "meta": uploads.FILE}


def test_what_is_no_file_passes_as_it_is():
    values = ["vqvae-shapes", 3, 0.5, None, True, ["a", {"key": [1, "b"]}], {}]
    assert uploads.admit(values) == values
    assert uploads.admit([{"path": None, "url": None}, {"path": ""}]) == [None, None]


def test_files_inside_of_lists_and_dicts_are_checked_too(image, folder):
    file = {"path": uploads.store(png(image)), "meta": uploads.FILE}
    painting = {"background": file, "layers": [file, file], "composite": None}
    found = uploads.admit([painting, [{"deep": [file]}]])
    assert [layer["path"] for layer in found[0]["layers"]] == [file["path"]] * 2 and found[0]["composite"] is None
    bad = {"path": "/etc/passwd", "meta": uploads.FILE}
    for value in ({**painting, "layers": [file, bad]}, [[{"deep": [file, bad]}]]):
        refused(value, "not a picture that was sent here")


@pytest.mark.parametrize("mark", [{}, {"meta": None}, {"meta": {"_type": "something else"}}, {"path": "x", "url": "y"}])
def test_a_file_without_the_mark_of_one_is_checked_as_well(mark, image):
    refused(mark | {"path": "/etc/passwd"}, "not a picture that was sent here")
    path = uploads.store(png(image))
    assert uploads.admit(mark | {"path": path})["meta"] == uploads.FILE


def test_no_other_file_is_opened(tmp_path, folder, image):
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(png(image))
    (tmp_path / "files-of-others").mkdir()
    (tmp_path / "files-of-others" / "a.png").write_bytes(png(image))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "way").symlink_to(tmp_path)
    paths = [
        tmp_path / "secret.png", folder / ".." / "secret.png", folder / "link.png", folder / "way" / "secret.png",
        tmp_path / "files-of-others" / "a.png", "checkpoints/vqvae-shapes/config.json", "/etc/passwd", "/dev/zero",
        f"file://{tmp_path}/secret.png", "~/secret.png",
    ]  # fmt: skip
    for path in paths:
        refused({"path": str(path)}, "not a picture that was sent here")
        with pytest.raises(BadInput, match="not a picture that was sent here"):
            uploads.pixels(str(path), 8)


def test_what_cannot_be_a_path_is_one_sentence(folder):
    folder.mkdir()
    for path in (f"{folder}/a\0b", f"{folder}/\ud800", ["x"], {"path": "x"}, 5):
        refused({"path": path}, "not a picture that was sent here")
    refused({"path": f"{folder}/{'a' * 300}"}, "not a picture that was sent here|is gone")


def test_addresses_are_not_opened():
    for address in ("http://127.0.0.1/a.png", "https://example.org/a.png"):
        refused({"path": address}, "addresses of pictures are not opened")
        refused({"path": None, "url": address}, "not a picture")
    refused({"path": "HTTP://example.org/a.png"}, "not a picture that was sent here")


def test_a_data_url_becomes_a_file_among_those_of_visitors(image, folder):
    url = "data:image/png;base64," + base64.b64encode(png(image)).decode()
    for sent in ({"path": url}, {"path": None, "url": url}, {"url": url, "meta": uploads.FILE}):
        path = Path(uploads.admit(sent)["path"])
        assert path.is_relative_to(folder) and np.array_equal(uploads.pixels(str(path), 16), image)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("data:image/png;base64,AAA", "damaged; it is not base64"),
        ("data:image/png;base64,A*==", "damaged; it is not base64"),
        ("data:image/png;base64,é", "damaged; it is not base64"),
        ("data:image/png;base64", "not an image"),
        ("data:text/plain,hello", "a data URL in base64"),
        ("data:image/png;base64," + base64.b64encode(b"%PDF-1.7 hello").decode(), "not an image"),
    ],
)
def test_damaged_data_urls(url, says):
    refused({"path": url}, says)


def test_a_data_url_that_is_too_large_is_not_decoded(folder, monkeypatch):
    monkeypatch.setattr(uploads.base64, "b64decode", None)
    refused({"path": "data:image/png;base64," + "A" * (28 * 1024**2)}, "more than 20 MB")
    assert not folder.exists()


def test_a_file_that_is_too_large_is_refused_by_its_size(image):
    path = uploads.store(header(100), "large.png")
    os.truncate(path, 20 * 1024**2)
    assert uploads.admit({"path": path})["path"] == path
    os.truncate(path, 20 * 1024**2 + 1)
    refused({"path": path}, r"'large\.png' has more than 20 MB")


def test_too_many_pixels_are_refused_by_the_header():
    refused({"path": uploads.store(header(6_325), "wide.png")}, r"'wide\.png' is 6,325 × 6,325; .* 40 million pixels")
    assert uploads.admit({"path": uploads.store(header(6_324))})  # 39,992,976: nothing but the header was read


def test_a_name_does_not_make_an_image():
    for content in (
        b"%PDF-1.7\n1 0 obj\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
    ):
        refused({"path": uploads.store(content, "paper.png")}, r"'paper\.png' is not an image")


def test_a_file_that_is_gone(image):
    path = Path(uploads.store(png(image)))
    assert uploads.pixels(str(path), 16).shape == (16, 16, 3)
    path.unlink()
    refused({"path": str(path)}, "kept for 60 minutes, and this one is gone; send it again")
    refused({"path": str(path.parent)}, "this one is gone")
    with pytest.raises(BadInput, match="this one is gone"):
        uploads.pixels(str(path), 16)


# ------------------------------------------------------------------------------------------------------- addresses


@pytest.fixture
def web(monkeypatch):
    """A web of answers by address, in place of the real one; `asked` are the hosts that were checked."""

    class Web:
        answers: ClassVar = {}
        asked: ClassVar = []

        def __new__(cls, verified):
            return httpx.MockTransport(lambda request: cls.answers[str(request.url)])

    async def public(host):
        Web.asked.append(host)
        if host.startswith("10."):
            raise ValueError("not a public address")
        return host

    monkeypatch.setattr(uploads.safehttpx, "async_validate_url", public)
    monkeypatch.setattr(uploads.safehttpx, "AsyncSecureTransport", Web)
    return Web


@pytest.fixture
def collected(run_async):
    return lambda value: run_async(uploads.collect, value)


def answer(content, headers=None):
    """An answer that is not read yet, as it comes from a network."""
    return httpx.Response(200, stream=httpx.ByteStream(content), headers=headers)


def moved(address):
    return httpx.Response(302, headers={"location": address})


def test_a_picture_at_an_address_becomes_a_file(web, image, collected):
    web.answers = {
        "https://a.org/cat.png": moved("/b.png"),
        "https://a.org/b.png": answer(png(image)),
    }
    found = collected(["crop", {"deep": [{"path": "https://a.org/cat.png"}]}])
    assert found[0] == "crop"
    admitted = uploads.admit(found)[1]["deep"][0]
    assert np.array_equal(uploads.pixels(admitted["path"], 16), image)
    sent = {"path": "/somewhere", "url": "https://a.org/b.png"}
    assert collected(sent) == sent, "a path that was sent comes first; nothing is fetched for it"


def test_every_host_on_the_way_must_be_public(web, image, collected):
    web.answers = {
        "https://a.org/": moved("http://10.0.0.1/secret"),
        "http://10.0.0.1/secret": answer(png(image)),
    }
    with pytest.raises(BadInput, match="cannot be opened; send the picture itself"):
        collected({"path": "https://a.org/"})
    assert web.asked == ["a.org", "10.0.0.1"]


def test_what_an_address_may_not_do(web, monkeypatch, collected):
    web.answers = {
        "https://a.org/loop": moved("/loop"),
        "https://a.org/gone": httpx.Response(404),
        "https://a.org/large": answer(bytes(1024**2 + 1)),
    }
    monkeypatch.setattr(uploads, "MEGABYTES", 1)
    for name, says in (("loop", "cannot be opened"), ("gone", "cannot be opened"), ("large", "more than 1 MB")):
        with pytest.raises(BadInput, match=says):
            collected({"path": f"https://a.org/{name}"})
    with pytest.raises(BadInput, match="cannot be opened"):
        collected({"url": "http://a.org:port/"})


def test_a_packed_answer_is_not_unpacked(web, monkeypatch, collected):
    bomb = gzip.compress(bytes(8 * 1024**2))
    web.answers = {"https://a.org/bomb": answer(bomb, {"Content-Encoding": "gzip"})}
    monkeypatch.setattr(uploads, "MEGABYTES", 1)
    found = collected({"path": "https://a.org/bomb"})
    with pytest.raises(BadInput, match="not an image"):
        uploads.admit([found])


def test_an_address_that_does_not_answer_is_given_up(monkeypatch, collected):
    async def never(address):
        await anyio.sleep_forever()

    monkeypatch.setattr(uploads, "_fetch", never)
    monkeypatch.setattr(uploads, "SECONDS", 0.01)
    with pytest.raises(BadInput, match="cannot be opened"):
        collected({"path": "https://a.org/slow"})


# ------------------------------------------------------------------------------------------------------- pixels


def test_pixels_are_those_of_the_picture_and_may_be_changed(image):
    path = uploads.store(png(image))
    found = uploads.pixels(path, 16)
    assert np.array_equal(found, image) and found.dtype == np.uint8
    found[:] = 0
    assert np.array_equal(uploads.pixels(path, 16), image), "what one visitor does to them no other one sees"


def test_pixels_are_cropped_or_padded():
    wide = np.zeros((20, 60, 3), np.uint8)
    path = uploads.store(png(wide))
    assert uploads.pixels(path, 20).max() == 0
    padded = uploads.pixels(path, 60, "pad")
    assert (padded[:20] == 255).all() and (padded[20:40] == 0).all()


def test_a_file_that_changed_is_read_again(image):
    path = uploads.store(png(image))
    assert np.array_equal(uploads.pixels(path, 16), image)
    Path(path).write_bytes(png(255 - image))
    os.utime(path, ns=(1, 1))
    assert np.array_equal(uploads.pixels(path, 16), 255 - image)


def test_no_picture_yet():
    with pytest.raises(BadInput, match="there is no picture yet; drop one"):
        uploads.pixels(None, 16)
