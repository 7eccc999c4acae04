"""Visitors' pictures: what may come in, and how it becomes pixels."""

from __future__ import annotations

import base64
import binascii
import functools
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import anyio
import httpx
import numpy as np
import safehttpx
from gradio.utils import get_upload_folder

from explorer.datasets.images import check, decode_image
from explorer.demo.keeping import MINUTES, store
from explorer.errors import BadInput

MEGABYTES, MEGAPIXELS = 20, 40  # of one picture
REDIRECTS, SECONDS = 3, 10  # of an address that is fetched
FILE = {"_type": "gradio.FileData"}  # how Gradio marks a file among the inputs


def admit(value: Any) -> Any:
    """The inputs of an event with every file in them checked, before anything else has opened or fetched it.

    A file must have been sent here, be an image, and be within the limits; a data URL becomes such a file.

    Raises:
        BadInput: an address, a path to anything else, too large, not an image.
    """
    if isinstance(value, list):
        return [admit(one) for one in value]
    if not isinstance(value, dict):
        return value
    if not {"path", "url"} & value.keys():
        return {key: admit(one) for key, one in value.items()}
    path, url = value.get("path"), value.get("url")
    if not path and not url:
        return None
    if not path or str(path).startswith("data:"):
        path = _keep(str(path or url))
    elif str(path).startswith(("http:", "https:")):
        raise BadInput("addresses of pictures are not opened; send the picture itself")
    file = _sent(str(path))
    if file.stat().st_size > MEGABYTES * 1024**2:
        raise BadInput(f"'{file.name}' has more than {MEGABYTES} MB; make it smaller first")
    check(file, MEGAPIXELS * 1_000_000)
    return {"path": str(file), "orig_name": file.name, "meta": FILE}


async def collect(value: Any) -> Any:
    """The inputs of an event with every address of a picture replaced by the picture, fetched within the limits.

    Only public addresses are asked, at most `REDIRECTS` others that they name, and no more is read than a picture may
    have, for `SECONDS` at most.
    """
    if isinstance(value, list):
        return [await collect(one) for one in value]
    if not isinstance(value, dict):
        return value
    address = str(value.get("path") or value.get("url") or "")
    if not {"path", "url"} & value.keys():
        return {key: await collect(one) for key, one in value.items()}
    if not address.startswith(("http:", "https:")):
        return value
    try:
        with anyio.fail_after(SECONDS):
            return {"path": store(await _fetch(address), "picture"), "meta": FILE}
    except BadInput:
        raise
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError):
        raise BadInput("the address of the picture cannot be opened; send the picture itself") from None


async def _fetch(address: str) -> bytes:
    for _ in range(1 + REDIRECTS):
        verified = await safehttpx.async_validate_url(httpx.URL(address).host)
        transport = safehttpx.AsyncSecureTransport(verified)
        async with (
            httpx.AsyncClient(transport=transport, timeout=SECONDS) as client,
            client.stream("GET", address, headers={"Accept-Encoding": "identity"}) as got,
        ):
            if got.has_redirect_location:
                address = urljoin(address, got.headers["location"])
                continue
            got.raise_for_status()
            content = bytearray()
            async for part in got.aiter_raw(65_536):  # not unpacked: a packed answer is no picture, and may be a bomb
                content += part
                if len(content) > MEGABYTES * 1024**2:
                    raise BadInput(f"the picture at that address has more than {MEGABYTES} MB; make it smaller first")
            return bytes(content)
    raise ValueError("too many redirects")


def pixels(path: str | None, size: int, fit: str = "crop") -> np.ndarray:
    """A visitor's picture as (size, size, 3) uint8; BadInput in one sentence for whatever is none."""
    if path is None:
        raise BadInput("there is no picture yet; drop one, or choose an example")
    file = _sent(path)
    return _decoded(file, file.stat().st_mtime_ns, size, fit).copy()


@functools.lru_cache(maxsize=128)
def _decoded(file: Path, changed: int, size: int, fit: str) -> np.ndarray:
    return decode_image(file, size, fit)


def _sent(path: str) -> Path:
    """The file at `path` if a visitor sent it or this program made it for one; no other file is ever opened."""
    try:
        folder, file = Path(get_upload_folder()).resolve(), Path(path).resolve()
        there = file.is_file() if file.is_relative_to(folder) else None
    except (OSError, ValueError):  # no path at all: too long, or with characters that none has
        there = None
    if there is None:
        raise BadInput("that is not a picture that was sent here; send the picture itself, not where it lies")
    if not there:
        raise BadInput(f"pictures are kept for {MINUTES} minutes, and this one is gone; send it again")
    return file


def _keep(url: str) -> str:
    """Stores a picture that came as a data URL."""
    head, _, data = url.partition(",")
    if not head.startswith("data:") or not head.endswith(";base64"):
        raise BadInput("that is not a picture; send a file, or a data URL in base64")
    if len(data) > MEGABYTES * 1024**2 * 4 // 3:
        raise BadInput(f"the picture has more than {MEGABYTES} MB; make it smaller first")
    try:
        return store(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise BadInput("the data URL of the picture is damaged; it is not base64") from None
