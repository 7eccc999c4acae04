"""Pages and names of strangers in a browser: pages drive nothing that runs on this machine, names are shown as text."""

import json
import os
import shutil
from pathlib import Path

import httpx
import plotly

from explorer.errors import printable
from explorer.sheets import Chart
from tests.charts.test_wording import DRAWN, NAMES
from tests.conftest import ARGUMENTS

SEND = """async (address) => {
  const form = new FormData()
  form.append("files", new Blob(["x"]), "a.png")
  return await fetch(address, { method: "POST", mode: "no-cors", body: form }).then(() => "sent", () => "refused")
}"""


def test_a_page_elsewhere_does_not_drive_the_demo(page, demo_url):
    statuses = []
    page.on("requestfinished", lambda request: statuses.append((request.method, request.response().status)))
    page.route("http://elsewhere.example/", lambda route: route.fulfill(body="<p>x", content_type="text/html"))
    page.goto("http://elsewhere.example/")
    page.evaluate(SEND, f"{demo_url}/gradio_api/upload")
    assert ("POST", 200) not in statuses


def test_a_page_elsewhere_does_not_drive_the_app(app_url):
    asked = {
        "Origin": "http://elsewhere.example", "Connection": "Upgrade", "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    assert httpx.get(f"{app_url}/_stcore/stream", headers=asked).status_code == 403
    sent = httpx.put(f"{app_url}/_stcore/upload_file/a/b", files={"file": b"x"}, headers={"Origin": asked["Origin"]})
    assert sent.status_code == 403


def test_a_page_whose_name_is_made_to_lead_here_sees_nothing_of_the_app(browser, app_url):
    """DNS rebinding: its origin is that of the address, so that nothing else tells it from the app's own."""
    rule = "--host-resolver-rules=MAP elsewhere.example 127.0.0.1"
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    opened = browser.browser_type.launch(executable_path=executable, args=[*ARGUMENTS, rule])
    page = opened.new_page()
    page.goto(app_url.replace("127.0.0.1", "elsewhere.example"))
    page.get_by_text("was asked for as elsewhere.example").wait_for()
    assert page.locator("[data-testid=stSidebar] [data-baseweb=select]").count() == 0
    opened.close()


def test_charts_show_names_as_they_are(page):
    page.set_content("<div id=chart style='width:900px;height:600px'></div>")
    page.add_script_tag(content=(Path(plotly.__file__).parent / "package_data/plotly.min.js").read_text())
    for drawn in DRAWN[1::3]:
        for name in NAMES:
            figure = json.loads(Chart("c", lambda theme, of=(drawn, name): of[0](of[1]), "").drawn("light").to_json())
            page.evaluate("one => Plotly.newPlot('chart', one.data, one.layout)", figure)
            shown = page.evaluate("[...document.querySelectorAll('#chart text')].map(one => one.textContent)")
            made = page.evaluate("document.querySelectorAll('#chart text a, #chart text [style*=bold]').length")
            start = printable(" ".join(name.split()))[:8].rstrip()
            assert not made and any(start in text for text in shown), (drawn.__name__, name[:20], shown)
