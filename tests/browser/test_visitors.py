"""A few visitors at once, and a cache deleted under them; tests/benchmarks/sessions.py and faults.py do more."""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

pytest.importorskip("websockets")
from tests.benchmarks.visitors import Visitor

ROOT = Path(__file__).resolve().parents[2]
STUDIES = {"vqvae-shapes": "shapes", "vae-shapes": "shapes", "vqvae-digits": "digits"}


def test_visitors_at_once_see_their_own_and_go_on_without_a_cache(serve, tmp_path):
    cache = tmp_path / "cache"

    async def look(visitor: Visitor, checkpoint: str, page: str) -> list[str]:
        seen = await visitor.visit(page, checkpoint=checkpoint, dataset=STUDIES[checkpoint], timeout=600)
        whose = [text for text in seen.texts if text.startswith("**")]
        other = [] if any(f"**{checkpoint}**" in text for text in whose) else [f"{whose} in place of {checkpoint}"]
        return [f"{page}: {fault}" for fault in [*seen.errors, *seen.alerts, *other]]

    async def all_of_them(port: int) -> list[str]:
        faults = []
        async with AsyncExitStack() as there:
            visitors = {name: await there.enter_async_context(Visitor(port)) for name in STUDIES}
            for page in ("", "codebook", ""):
                found = await asyncio.gather(*(look(one, name, page) for name, one in visitors.items()))
                faults += [fault for of_one in found for fault in of_one]
                shutil.rmtree(
                    cache, ignore_errors=True
                )  # while nobody's page is being made; faults.py does both at once
        return faults

    with serve(ROOT / "app.py", tmp_path, EXPLORER_CACHE=str(cache)) as address:
        port = int(address.rsplit(":", 1)[1])
        with ThreadPoolExecutor(1) as apart:  # Playwright's loop runs in this thread, if a test before had a browser
            found = apart.submit(asyncio.run, all_of_them(port)).result()
    assert found == []
    assert "Traceback" not in (tmp_path / "server.log").read_text()
