"""Visitors of the app without a browser: Streamlit's websocket, spoken directly, so that two cores carry many."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

PICTURES = 4  # of a page, that are fetched as a browser would fetch all


@dataclass
class Seen:
    """What came of one page.

    Attributes:
        seconds: until its script had ended. texts: words of headings, captions, metrics and the like, in order.
        errors: exceptions, and parts that could not be drawn; alerts: sentences that say what is wrong.
        pictures: addresses of pictures.
    """

    seconds: float = 0.0
    texts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


class Visitor:
    """One tab: opens a connection, and asks for pages one after another."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: dict[str, str] = {}  # names in addresses and Streamlit's hashes
        self._messages: dict[str, ForwardMsg] = {}

    async def __aenter__(self) -> Visitor:
        address = f"ws://127.0.0.1:{self.port}/_stcore/stream"
        self._socket = await connect(
            address, subprotocols=["streamlit"], max_size=None, open_timeout=60, ping_interval=None
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def visit(self, page: str = "", *, fetch: bool = True, timeout: float = 180.0, **query: object) -> Seen:
        """Asks for a page and reads until its script has ended; TimeoutError where it does not."""
        asked = BackMsg()
        asked.rerun_script.query_string = urlencode(query)
        asked.rerun_script.page_name = page
        if page in self.pages:
            asked.rerun_script.page_script_hash = self.pages[page]
        seen, began = Seen(), time.perf_counter()
        await self._socket.send(asked.SerializeToString())
        async with asyncio.timeout(timeout):
            await self._read(seen)
        seen.seconds = time.perf_counter() - began
        if fetch:
            for address in seen.pictures[:PICTURES]:
                await asyncio.to_thread(self._fetch, address, seen)
        return seen

    async def _read(self, seen: Seen) -> None:
        while True:
            message = ForwardMsg()
            message.ParseFromString(await self._socket.recv())
            if message.WhichOneof("type") == "ref_hash":
                message = self._messages.get(message.ref_hash, message)
            elif message.hash:
                self._messages[message.hash] = message
            kind = message.WhichOneof("type")
            if kind == "new_session":
                seen.texts, seen.pictures = [], []  # the run before was given up for this one
            elif kind == "navigation":
                self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                note(message.delta.new_element, seen)
            elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
                seen.errors.append(message.session_event.script_compilation_exception.message)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return

    def _fetch(self, address: str, seen: Seen) -> None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{address}", timeout=60) as answer:
                answer.read()
        except (OSError, urllib.error.URLError) as error:
            seen.errors.append(f"a picture of the page is not there: {error}")


def note(element, seen: Seen) -> None:
    """What a test reads of an element."""
    kind = element.WhichOneof("type")
    if kind == "exception":
        seen.errors.append(f"{element.exception.type}: {element.exception.message[:300]}")
    elif kind == "alert":
        wrong = element.alert.format == Alert.ERROR
        broken = "could not be drawn" in element.alert.body
        (seen.errors if broken else seen.alerts if wrong else seen.texts).append(element.alert.body[:300])
    elif kind == "imgs":
        seen.pictures += [image.url for image in element.imgs.imgs if image.url.startswith("/")]
    elif kind == "metric":
        seen.texts.append(f"{element.metric.label}: {element.metric.body}")
    elif kind in ("markdown", "heading"):
        body = getattr(element, kind).body
        seen.texts.append(re.sub(r"\\([^\w\s])", r"\1", body))
