"""A few visitors at once, and a cache deleted under them; tests/benchmarks/sessions.py and faults.py do more."""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("websockets")
from tests.benchmarks.visitors import Visitor

ROOT = Path(__file__).resolve().parents[2]
STUDIES = {"vqvae-shapes": "shapes", "vae-shapes": "shapes", "vqvae-digits": "digits"}


def test_visitors_at_once_see_their_own_and_go_on_without_a_cache(serve, tmp_path):
    cache = tmp_path / "cache"

    async def visit(port: int, checkpoint: str) -> list[str]:
        faults = []
        async with Visitor(port) as visitor:
            for page in ("", "codebook", ""):
                seen = await visitor.visit(page, checkpoint=checkpoint, dataset=STUDIES[checkpoint], timeout=600)
                faults += seen.errors + seen.alerts
                whose = [text for text in seen.texts if text.startswith("**")]
                if not any(f"**{checkpoint}**" in text for text in whose):
                    faults.append(f"{page}: {whose} in place of {checkpoint}")
                shutil.rmtree(cache, ignore_errors=True)
        return faults

    async def all_of_them(port: int) -> list[list[str]]:
        return await asyncio.gather(*(visit(port, checkpoint) for checkpoint in STUDIES))

    with serve(ROOT / "app.py", tmp_path, EXPLORER_CACHE=str(cache)) as address:
        port = int(address.rsplit(":", 1)[1])
        with ThreadPoolExecutor(1) as apart:  # Playwright's loop runs in this thread, if a test before had a browser
            found = apart.submit(asyncio.run, all_of_them(port)).result()
    assert found == [[], [], []]
    assert "Traceback" not in (tmp_path / "server.log").read_text()
