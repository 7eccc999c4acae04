"""Pages of an encoding in object storage, whose server stops while they are open and comes back."""

import time

import pytest
import streamlit

from explorer import checkpoints, results
from explorer.results.subject import Subject
from tests import object_store

SAID = "it does not answer; check AWS_ENDPOINT_URL and the network"


@pytest.fixture
def server(tmp_path_factory, tmp_path, studio, monkeypatch):
    if object_store.PROGRAM is None:
        pytest.skip(object_store.ABSENT)
    with object_store.served(tmp_path_factory.mktemp("server")) as started:
        for name, value in started.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EXPLORER_ENCODINGS", f"s3://{object_store.BUCKET}/kept")
        monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "empty"))
        yield started
    streamlit.cache_resource.clear()  # a study that knows of this server is no other test's


def errors(app) -> str:
    return " ".join(str(element.value) for element in [*app.error, *app.warning]).replace("\\", "")


def test_pages_open_from_storage_and_say_when_it_stops_answering(server, studio, open_app, visit):
    subject = Subject(checkpoints.resolve("tiny-vqvae"), str(studio.photos), kmeans=4)
    assert results.obtain("encoding", subject)[0].parent.parent.name == "stores"
    app = open_app("codebook")
    assert not errors(app) and app.get("bidi_component")
    assert not errors(open_app("code_maps"))
    server.stop()
    started = time.time()
    shown = errors(visit(app, "codebook"))  # what was read before may still be there
    assert not shown or SAID in shown
    streamlit.cache_resource.clear()
    refused = open_app("code_maps")
    assert SAID in errors(refused) and "delete" not in errors(refused)
    assert not [one for one in refused.button if "encode" in one.label.lower()]  # nothing is made anew for it
    assert time.time() - started < 60
    server.start()
    assert not errors(visit(app, "codebook")) and not errors(open_app("code_maps"))
