"""Maps of 10,000 to 1,000,000 points in a real browser, beside plotly's scattergl and beside a page without a map.

    python tests/benchmarks/million_points.py [--points 10000,100000,1000000] [--draw canvas|webgl] [--json]
    python tests/benchmarks/million_points.py --page "checkpoint=…&dataset=…&limit=1000000&method=pca&points=1000000"

For each: seconds from the address to the points (server and browser are warm), processor seconds of server and browser
meanwhile, megabytes that come, milliseconds between frames while the map is dragged, seconds from the end of a lasso
until Python has said what is selected, and megabytes of the page's JavaScript. Where there is no graphics card a
processor computes WebGL, which says nothing about one with a card; `drawn by` tells which it was. Needs Chromium and
playwright, and about 2 minutes; a busy machine stretches seconds, not processor seconds. With `--page` it is the Latent
map of the app at that address (encoded before, its map made before), and the lasso ends with the gallery of pictures.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from timing import machine, report

ROOT = Path(__file__).resolve().parents[2]
FRAMES = """() => { window.frames_ = []; window.goes = true; let last = performance.now()
const tick = (now) => { window.frames_.push(now - last); last = now; if (window.goes) requestAnimationFrame(tick) }
requestAnimationFrame(tick) }"""


def spent() -> float:
    """Processor seconds of all processes that this one started, which are the server's and the browser's."""
    parents, seconds = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        seconds[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    ours = {os.getpid()}
    for _ in range(6):
        ours |= {child for child, parent in parents.items() if parent in ours}
    return sum(seconds[process] for process in ours if process in seconds)


def measured(browser: Any, address: str, drawn: str, script: str) -> dict[str, Any]:
    """One page: opened twice, of which the second counts, dragged, and lassoed."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(180_000)
    context.add_init_script(script)
    for _ in range(2):
        page, bytes_in = context.new_page(), [0]
        page.on("websocket", lambda wire, count=bytes_in: wire.on("framereceived", lambda data: _add(count, data)))
        page.on("response", lambda answer, count=bytes_in: _sized(count, answer))
        before = spent()
        page.goto(address)
        page.wait_for_selector(drawn)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        first = page.evaluate("performance.now() / 1000")
        cpu = spent() - before
        page.wait_for_timeout(1_000)
        if "plotly" not in address and "points=0" not in address:
            way = page.locator(".stage").get_attribute("data-draws")
        else:
            way = "plotly" if "plotly" in address else ""
    found = {"first": first, "cpu": cpu, "bytes": bytes_in[0], "drawn by": way}
    if "points=0" not in address:
        found |= _touched(page, "plotly" in address)
    found["heap_mb"] = page.evaluate("performance.memory.usedJSHeapSize / 1e6")
    context.close()
    return found


def _add(count: list[int], data: Any) -> None:
    count[0] += len(data if isinstance(data, (bytes, str)) else data.body)


def _sized(count: list[int], answer: Any) -> None:
    if "/media/" in answer.url:
        count[0] += int(answer.headers.get("content-length", 0))


def _touched(page: Any, plotly: bool) -> dict[str, float]:
    stage = page.locator(".nsewdrag" if plotly else ".stage").first
    box = stage.bounding_box()
    x, y, reach = box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5, box["height"] * 0.22
    page.mouse.move(x + reach, y)
    page.mouse.down()
    for step in range(1, 26):
        page.mouse.move(x + reach * math.cos(step / 4), y + reach * math.sin(step / 4))
    start, before = page.evaluate("performance.now()"), spent()
    page.mouse.up()
    if "latent_map" in page.url:
        page.locator(".st-key-pictures-selected img").nth(23).wait_for()
    else:
        page.wait_for_function("document.body.innerText.match(/selected: [1-9]/)")
    lasso, cpu = (page.evaluate("performance.now()") - start) / 1000, spent() - before
    page.wait_for_timeout(500)
    page.locator("[data-val=pan]").first.click() if plotly else page.get_by_role("button", name="Move the map").click()
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(FRAMES)
    for step in range(40):
        page.mouse.move(x + 4 * step, y + 2 * step)
        page.wait_for_timeout(16)
    frames = sorted(page.evaluate("() => { window.goes = false; return window.frames_ }")[2:])
    page.mouse.up()
    page.wait_for_timeout(500)
    middle, late = statistics.median(frames), frames[int(0.95 * (len(frames) - 1))]
    return {"lasso": lasso, "lasso_cpu": cpu, "frame_ms": middle, "frame_ms_95": late}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", default="10000,100000,1000000")
    parser.add_argument("--draw", choices=("canvas", "webgl"), help="else what is faster here")
    parser.add_argument("--page", help="what the address of a Latent map says, in place of made-up points")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]
    from conftest import serving
    from playwright.sync_api import sync_playwright

    sizes, here = [int(size) for size in arguments.points.split(",")], machine()
    script = f"window.explorerScatter = '{arguments.draw}'" if arguments.draw else ""
    flags = ["--no-sandbox", "--disable-quic", "--enable-precise-memory-info"]
    rows: dict[str, dict[str, Any]] = {}
    app = ROOT / ("app.py" if arguments.page else "tests/browser/scatter_app.py")
    with tempfile.TemporaryDirectory() as folder, serving(app, Path(folder)) as url, sync_playwright() as driver:
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        if arguments.page:
            rows["the page"] = measured(browser, f"{url}/latent_map?{arguments.page}", ".stage[data-drawn]", script)
            sizes = []
        else:
            rows["no map"] = measured(browser, f"{url}/?points=0", "text=selected: 0", script)
        for size in sizes:
            rows[f"{size:,}"] = measured(browser, f"{url}/?points={size}", ".stage[data-drawn]", script)
            if size <= 100_000:
                address = f"{url}/?points={size}&plotly=yes"
                rows[f"{size:,} by plotly"] = measured(browser, address, "[data-bridged=true]", script)
        browser.close()
    lines = [
        "| points | drawn by | first draw s (cpu s) | MB | frame ms, 95 % | lasso s (cpu s) | heap MB |",
        "|---|" + "---|" * 6,
    ]
    for name, one in rows.items():
        frame = f"{one['frame_ms']:.0f}, {one['frame_ms_95']:.0f}" if "frame_ms" in one else "–"
        lasso = f"{one['lasso']:.2f} ({one['lasso_cpu']:.2f})" if "lasso" in one else "–"
        lines.append(
            f"| {name} | {one['drawn by'] or '–'} | {one['first']:.2f} ({one['cpu']:.2f}) | {one['bytes'] / 1e6:.2f} "
            f"| {frame} | {lasso} | {one['heap_mb']:.0f} |"
        )
    report({"machine": here, "rows": rows}, lines, arguments.json)


if __name__ == "__main__":
    main()
