"""Names on the Hugging Face Hub: what is fetched, and what is said, against a server that answers as the Hub does."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest

from explorer import checkpoints
from explorer.commands import run
from explorer.errors import BadInput
from explorer.foreign import hub

COMMIT = "a" * 40
ROOT = Path(__file__).resolve().parents[2]


class Handler(http.server.BaseHTTPRequestHandler):
    """`/api/models/NAME[/revision/R]` and `/NAME/resolve/R/FILE`."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = unquote(self.path.partition("?")[0])
        repos = self.server.repos
        for name, files in repos.items():
            if path.startswith(f"/api/models/{name}"):
                facts = [{"rfilename": file, "size": len(data)} for file, data in files.items()]
                return self.send(200, json.dumps({"id": name, "sha": COMMIT, "siblings": facts}).encode(), body)
            if path.startswith(f"/{name}/resolve/"):
                file = path.split("/resolve/")[1].partition("/")[2]
                if file in files:
                    self.server.fetched.add(file)
                    return self.send(200, files[file], body)
                return self.send(404, b"", body, error="EntryNotFound")
        gated = path.startswith("/api/models/gated/")
        return self.send(403 if gated else 404, b"{}", body, error="GatedRepo" if gated else "RepoNotFound")

    def send(self, code: int, data: bytes, body: bool, error: str | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A Hub of its own; `server.repos` {name: {file: bytes}}, `server.fetched` names of files that were asked for."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.repos, made.fetched = {}, set()
        threading.Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setattr("explorer.hub.ENDPOINT", f"http://127.0.0.1:{made.server_port}")
        yield made
        made.shutdown()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    folder = tmp_path_factory.mktemp("net")
    network = diffusers.VQModel(
        block_out_channels=(32,), down_block_types=("DownEncoderBlock2D",), up_block_types=("UpDecoderBlock2D",)
    )
    network.save_pretrained(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_only_what_is_needed_is_fetched_and_found_again(server, files, capfd):
    extra = {"README.md": b"x", "pytorch_model.bin": b"x", "run.py": b"import os", "big.ckpt": b"x"}
    server.repos["org/net"] = files | extra
    with pytest.raises(BadInput, match="`explorer fetch org/net` downloads it"):
        checkpoints.resolve("org/net")
    assert run(["fetch", "org/net", "--json"]) == 0
    assert server.fetched == set(files)
    said = json.loads(capfd.readouterr().out)
    assert said["bytes"] == sum(map(len, files.values()))
    place = checkpoints.resolve("org/net@64")
    server.shutdown()  # from here on without a network
    assert checkpoints.describe(place).format == "diffusers VQModel" and checkpoints.load(place) is not None


def test_a_pipeline_a_subfolder_and_a_revision(server, files):
    inside = {f"vqvae/{name}": data for name, data in files.items()} | {"unet/config.json": b"{}"}
    server.repos["org/pipe"] = inside | {"model_index.json": b'{"_class_name": "LDMPipeline"}'}
    whole, _ = hub.download("org/pipe@main")
    assert checkpoints.describe(whole).format == "diffusers VQModel"
    assert server.fetched == {"model_index.json", *(f"vqvae/{name}" for name in files)}
    part, _ = hub.download("org/pipe/vqvae")
    assert part.name == "vqvae" and checkpoints.describe(part).format == "diffusers VQModel"
    assert checkpoints.resolve("org/pipe@main@64") == Path(f"{whole}@64")
    assert hub.locate("org/pipe/vqvae") == part and hub.locate("org/pipe@other") is None


def test_one_file_of_several_is_chosen_by_its_name(server):
    server.repos["org/files"] = {"a.ckpt": b"a", "b.pt": b"bb"}
    with pytest.raises(BadInput, match=r"several files with weights; choose one of org/files/a\.ckpt, org/files/b\.pt"):
        hub.download("org/files")
    path, size = hub.download("org/files/b.pt")
    assert path.read_bytes() == b"bb" and size == 2


def test_weights_of_half_precision_are_fetched_where_there_are_no_others():
    names = ["config.json", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.fp16.bin", "a.png"]
    assert hub.needed(dict.fromkeys(names, 1), hub.parse("org/net")) == names[:2]
    names.append("diffusion_pytorch_model.safetensors")
    assert hub.needed(dict.fromkeys(names, 1), hub.parse("org/net")) == ["config.json", names[-1]]


def test_one_file_comes_with_the_config_beside_it(server, files):
    server.repos["org/net"] = {f"vae/{name}": data for name, data in files.items()}
    weights = next(name for name in files if name.endswith(".safetensors"))
    path, _ = hub.download(f"org/net/vae/{weights}")
    assert path.name == weights and checkpoints.describe(path).format == "diffusers VQModel"


@pytest.mark.parametrize(
    "name, said",
    [
        ("org/nothing", "there is no such name on the Hub, or it is private"),
        ("gated/net", "give access on request"),
        ("org/texts", "has nothing that can be opened here"),
        ("not a name", "is no name on the Hub; write org/name"),
        ("../../etc/passwd", "is no name on the Hub"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(name, said, server):
    server.repos["org/texts"] = {"README.md": b"x"}
    with pytest.raises(BadInput, match=said) as caught:
        hub.download(name)
    assert "\n" not in str(caught.value)


def test_without_a_network(server, monkeypatch):
    server.shutdown()
    server.server_close()
    with pytest.raises(BadInput, match="the Hub cannot be reached"):
        hub.download("org/net")


def test_a_hub_name_is_offered_for_download_on_the_page(server, studio_app):
    app = studio_app("org/some-net")
    assert any("Download org/some" in element.value for element in app.sidebar.markdown) and not app.exception
    assert any(button.label == "Download" for button in app.sidebar.button)


@pytest.fixture
def studio_app():
    from streamlit.testing.v1 import AppTest

    def opened(checkpoint: str):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        app.query_params["checkpoint"] = checkpoint
        return app.run()

    return opened


def test_of_a_saved_model_its_layers_and_numbers_are_fetched():
    sizes = dict.fromkeys(
        ("README.md", "keras_metadata.pb", "saved_model.pb", "assets/x", "variables/variables.index",
         "variables/variables.data-00000-of-00001"), 1
    )  # fmt: skip
    wanted = hub.needed(sizes, hub.parse("keras-io/vq-vae"))
    assert set(wanted) == set(sizes) - {"README.md", "assets/x"}
    assert wanted[-1] == "saved_model.pb"  # its folder is the place
