"""Who may send the demo something, from which pages, and how much of it: asked of a server as visitors meet it."""

from __future__ import annotations

import os
import socket
import time

import anyio
import httpx
import pytest
from starlette.datastructures import Headers

from explorer.demo import gate, keeping, turns

UPLOAD = "/gradio_api/upload"


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.address, timeout=60) as found:
        yield found


def upload(client, count=1, headers=None, size=2000):
    files = [("files", (f"{number}.png", os.urandom(size))) for number in range(count)]
    return client.post(UPLOAD, files=files, headers=headers)


def here(client):
    return str(client.base_url).removeprefix("http://")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:1", "null", "http://127.0.0.1", "file://"]
)
def test_a_page_of_another_origin_sends_nothing(client, origin):
    for path in (UPLOAD, "/gradio_api/queue/join", "/gradio_api/call/usage", "/gradio_api/call/v2/usage"):
        answer = client.post(path, headers={"Origin": origin}, json={"data": ["vqvae-shapes"]})
        assert answer.status_code == 403 and "open its own page" in answer.text, path


def test_the_demos_own_page_and_programs_send(client):
    assert upload(client).status_code == 200
    assert upload(client, headers={"Origin": f"http://{here(client)}"}).status_code == 200
    asked = client.post("/gradio_api/call/v2/checkpoints", json={})
    assert asked.status_code == 200 and asked.json()["event_id"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "[", "", "10.0.0.1"])
def test_another_name_of_this_machine_is_refused(client, host):
    for method in ("GET", "POST"):
        answer = client.request(method, "/config", headers={"Host": host})
        assert answer.status_code in (400, 403) and "components" not in answer.text


def test_local_names_are_served(client):
    port = here(client).rsplit(":", 1)[1]
    for host in (f"localhost:{port}", f"[::1]:{port}", "127.0.0.1", "demo.localhost"):
        assert client.get("/config", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "path", ["component_server", "process_recording", "run/usage", "api/usage", "vibe-edit", "stream/x", "x/../login"]
)
def test_what_the_demo_does_not_use_takes_nothing(client, path):
    assert client.post(f"/gradio_api/{path}", json={}).status_code == 404
    assert client.post("/login", data={"username": "a", "password": "b"}).status_code == 404


@pytest.mark.parametrize("path", ["proxy=http://127.0.0.1/", "file=http://127.0.0.1/", "deep_link?session_hash=x"])
def test_no_address_is_asked_for_somebody(client, path):
    assert client.get(f"/gradio_api/{path}").status_code == 404
    assert client.get(f"/gradio_api//{path}").status_code == 404


def test_no_file_of_the_machine_is_handed_out(client, server):
    for path in ("/etc/passwd", "app.py", f"{server.temporary}/../server.log", "checkpoints/vqvae-shapes/config.json"):
        assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_a_flood_of_uploads_is_bounded_without_an_event(client):
    paths = [path for _ in range(8) for path in upload(client, 30).json()]
    kept = [client.get(f"/gradio_api/file={path}").status_code == 200 for path in paths]
    assert sum(kept) <= keeping.KEPT_EACH and all(kept[-30:]), "the last ones are there"


def test_a_request_that_is_too_large_is_refused_before_it_is_read(client):
    with socket.create_connection(("127.0.0.1", int(here(client).rsplit(":", 1)[1]))) as line:
        line.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        assert b" 413 " in line.recv(1000)

    def endless():
        while True:
            yield bytes(1024**2)

    try:
        answer = client.post(UPLOAD, content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the connection was closed while more was sent


def test_broken_uploads_leave_nothing(client, server):
    half = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(100_000)
    for body in (half, half + b"\r\n--x\r\nrubbish", b"--x\r\n" * 100_000, b"\0" * 100):
        client.post(UPLOAD, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    port = int(here(client).rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n" + half[:500]
        )
    time.sleep(0.1)
    upload(client)
    assert not [path for path in server.temporary.rglob("tmp*") if path.is_file()]


def test_a_flood_of_events_is_told_to_wait(client):
    event = {"data": ["vqvae-shapes"]}
    answers = [client.post("/gradio_api/call/usage", json=event).status_code for _ in range(turns.WAITING_EACH * 3)]
    assert answers[0] == 200 and set(answers) <= {200, 429}
    assert client.get("/config").status_code == 200


def test_names_of_files_are_names(client):
    for name in ("../../x.png", "a\x1b[31m.png", "‮gnp.exe", "x" * 5000 + ".png", "/etc/passwd", "..", "\\\\host\\x"):
        answer = client.post(UPLOAD, files=[("files", (name, b"1"))])
        assert answer.status_code in (200, 400, 413), f"{name[:50]}: {answer.status_code}"
        for path in answer.json() if answer.status_code == 200 else []:
            assert "/files/" in path and ".." not in path.split("/") and "\x1b" not in path


# ------------------------------------------------------------------------------------------------- the parts of it


def told(run_async, messages, headers=(), app=None, path=UPLOAD, **changed):
    """What a gate answers to a request whose parts come as given: status and text."""
    answers, waiting = [], list(messages)

    async def receive():
        if not waiting:
            await anyio.sleep_forever()
        return waiting.pop(0)

    async def send(message):
        answers.append(message)

    async def ok(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[]"})

    async def asked():
        scope = {"type": "http", "method": "POST", "path": path, "client": ("9.9.9.9", 1)}
        scope["headers"] = [(b"host", b"localhost"), *headers]
        await changed.pop("gate", gate.Gate(app or ok, True))(scope, receive, send)

    run_async(asked)
    return answers[0]["status"], b"".join(one.get("body", b"") for one in answers).decode()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "files"))


def part(content, more=False):
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_slow_upload_is_cut(run_async, monkeypatch):
    monkeypatch.setattr(gate, "SECONDS", 0.05)
    status, text = told(run_async, [part(b"a", more=True)])
    assert status == 408 and "try again" in text
    assert told(run_async, [part(b"a")])[0] == 200


def test_bytes_of_all_requests_are_bounded(run_async, monkeypatch):
    monkeypatch.setattr(gate, "HELD_EACH", 100)
    assert told(run_async, [part(bytes(101))])[0] == 429
    assert told(run_async, [part(bytes(60), more=True), part(bytes(60))])[0] == 429
    assert told(run_async, [part(bytes(100))])[0] == 200


def test_so_many_at_once_of_one_visitor(run_async):
    busy = gate.Gate(None, True)
    busy.asking["9.9.9.9"] = gate.AT_ONCE_EACH
    assert told(run_async, [part(b"")], gate=busy)[0] == 429


def test_on_a_space_its_own_pages_send(run_async, monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "me-codes.hf.space")
    for origin, status in (("https://me-codes.hf.space", 200), ("https://huggingface.co", 200), ("https://x.org", 403)):
        assert told(run_async, [part(b"")], headers=[(b"origin", origin.encode())])[0] == status


@pytest.mark.parametrize(
    ("passed", "space", "who"),
    [
        ("", "", "10.0.0.5"),
        ("8.8.8.8", "", "10.0.0.5"),
        ("8.8.8.8", "me/codes", "8.8.8.8"),
        ("1.1.1.1, 8.8.8.8, 10.2.3.4", "me/codes", "8.8.8.8"),
        ("rubbish", "me/codes", "10.0.0.5"),
        ("2600:1:2:3:4::1", "me/codes", "2600:1:2:3::/64"),
    ],
)
def test_whose_a_request_is(monkeypatch, passed, space, who):
    monkeypatch.setenv("SPACE_ID", space)
    assert gate.visitor(Headers({"x-forwarded-for": passed}), ("10.0.0.5", 1)) == who
